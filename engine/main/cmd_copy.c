/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_copy.c - sluice copy: a sink's tables, and where routes stand, go into another sink. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/yaml.h"
#include "main/copy.h"
#include "main/lock.h"
#include "main/sinks.h"
#include "sdk/fold.h"

struct copying {
	const struct command_line *line;
	struct config *config;
	const struct config_sink *from, *to;
	struct copy copy;
	struct buf out;
};

/* Tables of the sinks' own. */
static const struct sl_table *const own_tables[] = { &sl_sets, &sl_gone, NULL };

/* --------------------------------------------------------------------------- beginning */

static bool can(const struct destination *there, const char *name, struct why *why)
{
	const struct sl_plugin *face = destination_face(there);
	if (!face->recall || (face->abi & 0xffff) < 2)
		return why_say(why, "sink %s: the plugin %s cannot be copied: it keeps no rows that could be read page by page",
			name, face->name);
	return true;
}

static bool begin(struct copying *it, const struct config_sink *sink, struct destination **there, struct why *why)
{
	*there = sinks_begin(it->config, sink, why);
	if (!*there || !can(*there, sink->name, why))
		return false;
	destination_with(*there, own_tables);
	return true;
}

/* The same file may have grown by what came through `from`: `to` grows first. */
static bool grow(struct copying *it, struct why *why)
{
	struct copy *copy = &it->copy;
	const char *added = config_evolved(it->config, it->to, copy->arena);
	bool grew;
	if (!copy_grow(copy, added, &grew, why))
		return false;
	if (grew)
		destination_free(&copy->to);
	return !grew || begin(it, it->to, &copy->to, why);
}

/* Both ends, and which column goes where. */
static bool begin_both(struct copying *it, struct why *why)
{
	struct copy *copy = &it->copy;
	bool same = strcmp(it->from->schema_file, it->to->schema_file) == 0, dry = command_flag(it->line, "dry-run");
	if (!begin(it, it->from, &copy->from, why) || !begin(it, it->to, &copy->to, why))
		return false;
	if (same && dry)
		return copy_plan(copy, destination_schema(copy->from), why);
	return (!same || grow(it, why)) && copy_plan(copy, destination_schema(copy->to), why);
}

static bool choose(struct copying *it, struct why *why)
{
	it->from = sinks_choose(it->config, it->line->arguments[0], why);
	it->to = it->from ? sinks_choose(it->config, it->line->arguments[1], why) : NULL;
	if (it->to && it->to == it->from)
		return why_say(why, "%s cannot be copied into itself", it->to->name);
	return it->to != NULL;
}

/* --------------------------------------------------------------------------- telling */

static void tell_table(struct copying *it, const struct copy_table *table, bool both)
{
	struct buf *out = &it->out;
	if (!it->line->json) {
		buf_format(out, both ? "%-30s %10" PRIu64 " %10" PRIu64 "%s\n" : "%-30s %10" PRIu64 "\n", table->from->name,
			table->here, table->there, table->here == table->there ? "" : "  differ");
		return;
	}
	json_open(out, '{');
	json_member_string(out, "table", table->from->name);
	json_member_uint(out, "from", table->here);
	if (both)
		json_member_uint(out, "to", table->there);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static uint64_t tell_tables(struct copying *it, bool both)
{
	uint64_t differ = 0;
	if (!it->line->json)
		buf_format(&it->out, both ? "%-30s %10s %10s\n" : "%-30s %10s\n", "TABLE", it->from->name, it->to->name);
	for (size_t i = 0; i < it->copy.count; i++) {
		tell_table(it, &it->copy.tables[i], both);
		differ += both && it->copy.tables[i].here != it->copy.tables[i].there;
	}
	return differ;
}

/* The line of the route's `to:`, in the file as it is now. */
static const struct yaml_node *line_of(const struct yaml_node *root, const char *route)
{
	const struct yaml_node *routes = yaml_get(root, "routes");
	for (const struct yaml_node *at = routes ? routes->first : NULL; at; at = at->next)
		if (yaml_is(yaml_get(at, "name"), route))
			return yaml_get(at, "to");
	return NULL;
}

static void tell_change(struct copying *it, const struct config_route *route, const struct yaml_node *at)
{
	struct buf *out = &it->out;
	if (!it->line->json) {
		buf_format(out, "    %s:%" PRIu32 ": route %s: to: %s\n", it->config->file, at ? at->line : 0, route->name,
			it->to->name);
		return;
	}
	json_open(out, '{');
	json_member_string(out, "route", route->name);
	json_member_string(out, "file", it->config->file);
	json_member_uint(out, "line", at ? at->line : 0);
	json_member_string(out, "to", it->to->name);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void tell_next(struct copying *it)
{
	const struct config *config = it->config;
	struct why why;
	const struct yaml_node *root = yaml_read_file(config->file, it->copy.arena, &why);
	if (!it->line->json)
		buf_format(&it->out, "\n%" PRIu64 " rows were copied.  To go on with %s, change before the daemon begins:\n",
			it->copy.rows, it->to->name);
	for (size_t i = 0; i < config->route_count; i++)
		if (config->routes[i].to == it->from)
			tell_change(it, &config->routes[i], line_of(root, config->routes[i].name));
}

/* --------------------------------------------------------------------------- copying */

static bool may_write(struct copying *it, struct why *why)
{
	const struct sl_table *full;
	if (!copy_is_empty(&it->copy, &full, why))
		return false;
	if (!full || command_flag(it->line, "again"))
		return true;
	return why_say(why, "sink %s: the table %s has rows already; --again goes on with a copy that was cut off, "
			    "and writes over what is there",
		it->to->name, full->name);
}

/* The note of an earlier run counts only for whoever goes on with it. */
static bool take_note(struct copying *it, struct why *why)
{
	struct copy_note *note = &it->copy.note;
	note->path = arena_format(it->copy.arena, "%s/copies/%s-%s.json", it->config->data, it->from->name, it->to->name);
	if (!copy_note_read(&it->copy, why))
		return false;
	if (!command_flag(it->line, "again"))
		note->table = note->cursor = NULL;
	return true;
}

static bool really(struct copying *it, struct why *why)
{
	struct copy *copy = &it->copy;
	return destination_open(copy->from, why) && destination_open(copy->to, why) && may_write(it, why) &&
		take_note(it, why) && copy_rows(copy, why) && copy_count(copy, false, why) && copy_count(copy, true, why);
}

static int finish(struct copying *it)
{
	uint64_t differ = tell_tables(it, true);
	if (differ) {
		command_print(&it->out);
		return command_no(it->line, "%" PRIu64 " table%s not as many rows there as here: empty sink %s and copy again",
			differ, differ == 1 ? " has" : "s have", it->to->name);
	}
	copy_note_remove(&it->copy);
	tell_next(it);
	return command_print(&it->out) ? EXIT_FINE : EXIT_NO;
}

/* What would be copied; nothing there is touched. */
static int look_only(struct copying *it)
{
	struct why why = { "" };
	if (!destination_open(it->copy.from, &why) || !copy_count(&it->copy, false, &why))
		return command_no(it->line, "%s", why.text);
	tell_tables(it, false);
	if (!it->line->json)
		buf_string(&it->out, "\nnothing was copied\n");
	return command_print(&it->out) ? EXIT_FINE : EXIT_NO;
}

/* While nobody else moves where the routes stand. */
static int copy_locked(struct copying *it)
{
	struct why why = { "" };
	struct lock lock;
	if (!lock_take(it->config->data, &lock, &why))
		return command_no(it->line, "%s", why.text);
	bool fine = begin_both(it, &why);
	int code = EXIT_NO;
	if (fine && command_flag(it->line, "dry-run"))
		code = look_only(it);
	else if (fine && (fine = really(it, &why)))
		code = finish(it);
	destination_free(&it->copy.from);
	destination_free(&it->copy.to);
	lock_drop(&lock);
	return fine ? code : command_no(it->line, "%s", why.text);
}

static int run_copy(const struct command_line *line)
{
	struct copying it = { .line = line, .config = config_or_say(line->config, CONFIG_BUILD, false) };
	struct why why = { "" };
	if (!it.config)
		return EXIT_WRONG;
	it.copy.arena = arena_new();
	int code = choose(&it, &why) ? copy_locked(&it) : command_wrong(line, "%s", why.text);
	buf_free(&it.out);
	arena_free(&it.copy.arena);
	config_free(&it.config);
	return code;
}

static const struct command_option options[] = {
	{ "dry-run", 0, NULL, "only count what would be copied" },
	{ "again", 0, NULL, "go on with a copy that was cut off; rows that are there are written over" },
	{ 0 },
};

const struct command cmd_copy[] = {
	{ "copy", "FROM TO", 2, 2, "copy a sink's tables, and where routes stand, into another sink", options, run_copy },
	{ 0 },
};
