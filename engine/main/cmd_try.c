/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_try.c - sluice try: what a route makes of events that came, and what another mapping would. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/describe.h"
#include "main/names.h"
#include "main/try.h"
#include "main/view.h"

#define LAST 20

/* The transform that the file stands in for: the one there is, or the one that was named. */
static bool choose(struct try_wish *wish, const char *name, struct why *why)
{
	const struct config_transform *const *via = wish->route->via;
	if (!via[0])
		return why_say(why, "the route %s has no transform that a file could stand in for", wish->route->name);
	if (!name && via[1])
		return why_say(why, "the route %s has several transforms: say which one with --transform, %s for example",
			wish->route->name, via[0]->name);
	for (size_t i = 0; via[i]; i++)
		if (!name || strcmp(via[i]->name, name) == 0) {
			wish->transform = via[i]->name;
			return true;
		}
	return why_say(why, "the route %s has no transform %s", wish->route->name, name);
}

/* Loaded once by a process of its own: what is wrong with it is told before anything is tried. */
static bool load(struct try_wish *wish, const char *file, struct arena *arena, struct why *why)
{
	char *path = realpath(file, NULL);
	if (!path)
		return why_errno(why, "%s", file);
	wish->with = arena_string(arena, path);
	free(path);
	const struct description *found = describe(&wish->with, 1, NULL, arena);
	if (found->error)
		return why_say(why, "%s", found->error);
	return found->transform || why_say(why, "%s has no transform step", file);
}

static bool read_place(const struct command_line *line, struct try_wish *wish, struct why *why)
{
	const char *from = command_value(line, "from");
	int64_t last;
	if (!command_number(line, "last", 1, LAST, &last, why))
		return false;
	wish->last = (uint64_t)last;
	if (!from)
		return true;
	struct log_reader *log = view_log(wish->config, why);
	bool fine = log && view_place(log, from, &wish->from, why);
	log_reader_close(&log);
	return fine;
}

static bool read_wish(const struct command_line *line, struct try_wish *wish, struct arena *arena, struct why *why)
{
	const char *with = command_value(line, "with"), *transform = command_value(line, "transform");
	wish->fresh = command_flag(line, "fresh");
	if (transform && !with)
		return why_say(why, "--transform says what --with FILE stands in for: there is no --with");
	if (with && (!choose(wish, transform, why) || !load(wish, with, arena, why)))
		return false;
	return read_place(line, wish, why);
}

static int show_one(const struct command_line *line, const struct try_wish *wish)
{
	struct try_run run = { 0 };
	struct why why = { "" };
	uint64_t bad = 0;
	bool whole = try_run(wish, &run, &why);
	bool shown = try_show(&run, line->json, &bad);
	try_run_free(&run);
	if (!whole)
		return command_no(line, "%s", why.text);
	return shown && !bad ? EXIT_FINE : EXIT_NO;
}

/* The events of the second run are those of the first, whatever came in between. */
static int show_two(const struct command_line *line, const struct try_wish *wish)
{
	struct try_run before = { 0 }, after = { 0 };
	struct try_wish old = *wish, new = *wish;
	struct why why = { "" };
	uint64_t bad = 0;
	old.with = NULL;
	bool whole = try_run(&old, &before, &why);
	if (whole && before.count) {
		new.from = before.at[0].seq;
		new.last = before.records;
		whole = try_run(&new, &after, &why);
	}
	bool shown = whole && try_diff(&before, &after, line->json, &bad);
	try_run_free(&before);
	try_run_free(&after);
	if (!whole)
		return command_no(line, "%s", why.text);
	return shown && !bad ? EXIT_FINE : EXIT_NO;
}

static bool something_came(const struct config *config, struct why *why)
{
	struct log_reader *log = view_log(config, why);
	bool there = log != NULL;
	log_reader_close(&log);
	return there;
}

static int try_on(const struct command_line *line, const struct config *config, struct arena *arena)
{
	struct try_wish wish = { .config = config, .route = config_route(config, line->arguments[0]) };
	struct why why = { "" };
	if (!wish.route) {
		names_no_route(config, line->arguments[0], &why);
		return command_no(line, "%s", why.text);
	}
	if (!read_wish(line, &wish, arena, &why))
		return command_wrong(line, "%s", why.text);
	if (!something_came(config, &why))
		return command_no(line, "%s", why.text);
	return wish.with ? show_two(line, &wish) : show_one(line, &wish);
}

static int try_route(const struct command_line *line)
{
	struct config *config = config_or_say(line->config, CONFIG_BUILD, false);
	struct arena *arena = arena_new();
	int code = config ? try_on(line, config, arena) : EXIT_WRONG;
	arena_free(&arena);
	config_free(&config);
	return code;
}

static const struct command_option options[] = {
	{ "last", 'n', "N", "so many events of the route's sources; 20 unless given" },
	{ "from", 0, "WHERE", "the first N from here on: a SEQ, a time, 2h (ago)" },
	{ "with", 'w', "FILE", "a script or plugin in place of the transform: show where its rows differ" },
	{ "transform", 't', "NAME", "which transform that is, if the route has several" },
	{ "fresh", 0, NULL, "ask far sides again, and do not use kept answers" },
	{ 0 },
};

const struct command cmd_try[] = {
	{ "try", "ROUTE", 1, 1, "show what a route makes of logged events, or would with another mapping; nothing is sent",
		options, try_route },
	{ 0 },
};
