/* SPDX-License-Identifier: Apache-2.0 */
/* infer_gather.c - the events a table is inferred from: of a source as they came, or as a route makes them. */
#include <stdlib.h>
#include <string.h>

#include "flow/polled.h"
#include "main/infer.h"
#include "main/try.h"
#include "main/view.h"
#include "sdk/text.h"
#include "store/log.h"

#define LAST 1000

/* ---------------------------------------------------------------------- a route */

static void take_rows(struct infer *infer, const struct sl_json *tried, const char *only)
{
	for (const struct sl_json *row = sl_json_first(sl_json_get(tried, "rows")); row; row = sl_json_next(row)) {
		struct sl_text table = sl_json_string(sl_json_get(row, "table"));
		if (!only || sl_text_is(table, only))
			infer_row(infer, table, sl_json_string(sl_json_get(row, "mode")), sl_json_get(row, "row"));
	}
}

static void take_tried(struct infer *infer, const struct try_run *run, const char *only)
{
	for (size_t i = 0; i < run->count; i++) {
		if (polled_own(sl_text_of(sl_json_string(sl_json_get(run->at[i].json, "type")).at).at))
			continue;
		infer->events++;
		infer->failed += tried_failed(run->at[i].json);
		take_rows(infer, run->at[i].json, only);
	}
	infer->events -= infer->failed;
}

/* Its transforms' events as they are: nothing is checked against the schema it has. */
static int gather_route(const struct command_line *line, const struct config *config, const struct config_route *route,
	int64_t last, struct infer *infer)
{
	struct config_sink bare = *route->to;
	struct config_route tried = *route;
	struct try_run run = { 0 };
	struct why why = { "" };
	bare.schema = bare.schema_file = bare.schema_options = NULL;
	tried.to = &bare;
	const struct try_wish wish = { .config = config, .route = &tried, .last = (uint64_t)last };
	bool whole = try_run(&wish, &run, &why);
	infer->of = arena_format(infer->arena, "the route %s", route->name);
	take_tried(infer, &run, command_value(line, "table"));
	try_run_free(&run);
	return whole ? EXIT_FINE : command_no(line, "%s", why.text);
}

/* --------------------------------------------------------------------- a source */

struct gathering {
	struct infer *infer;
	const char *source, *table;
	uint64_t found, left;
	bool takes; /* else it only counts */
};

/* An event that was polled brings its data in a member; a list of objects is several rows. */
static void take_event(struct gathering *gathering, const struct viewed *viewed)
{
	const struct sl_json *data = viewed->json;
	if (viewed->record->flags & LOG_EVENT)
		data = sl_json_get(data, "data");
	gathering->infer->events++;
	if (sl_json_kind(data) != SL_KIND_ARRAY) {
		infer_row(gathering->infer, sl_text_of(gathering->table), sl_text_of(""), data);
		return;
	}
	for (const struct sl_json *at = sl_json_first(data); at; at = sl_json_next(at))
		infer_row(gathering->infer, sl_text_of(gathering->table), sl_text_of(""), at);
}

static bool each_record(const struct viewed *viewed, void *data)
{
	struct gathering *gathering = data;
	if (strcmp(viewed->event.source, gathering->source) != 0 || (viewed->event.type && polled_own(viewed->event.type)))
		return true;
	gathering->found++;
	if (gathering->takes)
		take_event(gathering, viewed);
	return true;
}

/* Where the source's last ones begin: the stretch that is looked at becomes twice as long until it has enough. */
static uint64_t find_begin(struct view *view, struct gathering *gathering, uint64_t last, struct why *why)
{
	uint64_t begin = view->stat.end + 1;
	for (uint64_t stretch = last; begin > view->stat.begin && gathering->found < last; stretch *= 2) {
		uint64_t behind = begin;
		begin = behind - view->stat.begin > stretch ? behind - stretch : view->stat.begin;
		if (!view_walk(view, begin, behind - 1, each_record, gathering, why))
			return 0;
	}
	return begin;
}

static int gather_source(const struct command_line *line, const char *source, int64_t last, struct infer *infer)
{
	const char *table = command_value(line, "table");
	struct gathering gathering = { .infer = infer, .source = source, .table = table ? table : source };
	struct why why = { "" };
	int code;
	struct view *view = view_open(line, &code);
	if (!view)
		return code;
	infer->of = arena_format(infer->arena, "the source %s", source);
	uint64_t begin = find_begin(view, &gathering, (uint64_t)last, &why);
	gathering.takes = true;
	bool fine = begin && view_walk(view, begin, view->stat.end, each_record, &gathering, &why);
	view_close(&view);
	return fine ? EXIT_FINE : command_no(line, "%s", why.text);
}

/* ------------------------------------------------------------------------ which */

static int gather(const struct command_line *line, const struct config *config, struct infer *infer)
{
	const char *name = line->arguments[0];
	const struct config_route *route = name ? config_route(config, name) : NULL;
	struct why why = { "" };
	int64_t last;
	if (!command_number(line, "last", 1, LAST, &last, &why))
		return command_wrong(line, "%s", why.text);
	if (!name && config->route_count != 1)
		return command_wrong(line, "say of which route or source");
	if (!name)
		route = &config->routes[0];
	if (route)
		return gather_route(line, config, route, last, infer);
	if (config_source(config, name))
		return gather_source(line, name, last, infer);
	return command_wrong(line, "there is no route and no source %s", name);
}

int infer_gather(const struct command_line *line, struct infer *infer)
{
	struct config *config = config_or_say(line->config, CONFIG_BUILD, false);
	int code = config ? gather(line, config, infer) : EXIT_WRONG;
	config_free(&config);
	return code;
}
