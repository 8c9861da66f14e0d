/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_init.c - sluice init: a configuration for a vendor, and what is to be done there. */
#include <stdio.h>
#include <string.h>

#include "main/command.h"
#include "main/describe.h"
#include "main/init.h"
#include "main/share.h"
#include "main/shown.h"
#include "sdk/text.h"

/* ------------------------------------------------------------------------- listing */

static void list_json(const struct example *example, struct arena *arena, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", example->name);
	json_member_string(out, "title", example->title);
	json_key(out, "plugins"), json_open(out, '[');
	for (const char *const *plugin = example_plugins(example, arena); *plugin; plugin++)
		json_string(out, *plugin);
	json_close(out, ']');
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void list_words(const struct example *example, struct buf *out)
{
	shown_cell(out, 16, example->name);
	shown_string(out, example->title);
	buf_char(out, '\n');
}

static int list(const struct command_line *line, struct arena *arena)
{
	size_t count;
	const struct example *all = examples_all(arena, &count);
	struct buf out = { 0 };
	if (!count)
		return command_no(line, "no examples are installed beside this program");
	for (size_t i = 0; i < count; i++) {
		if (line->json)
			list_json(&all[i], arena, &out);
		else
			list_words(&all[i], &out);
	}
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* ---------------------------------------------------------------------------- next */

/* A command that is to follow, and what it is good for. */
struct next {
	const char *command, *why;
};

#define NEXT_MOST 40

struct nexts {
	struct next at[NEXT_MOST];
	size_t count;
};

static void add(struct nexts *nexts, const char *command, const char *why)
{
	if (nexts->count < NEXT_MOST)
		nexts->at[nexts->count++] = (struct next){ command, why };
}

/* What the plugin of a source can do, as it says itself; NULL: it cannot be found here. */
static const struct description *plugin_of(const struct init *init, const char *use)
{
	const struct share share = { .folder = init->folder, .arena = init->arena };
	struct why why;
	const char *path = share_plugin(&share, use, &why);
	const struct description *d = path ? describe(&path, 1, NULL, init->arena) : NULL;
	return d && !d->error ? d : NULL;
}

static void add_registers(const struct init *init, const char *use, struct nexts *nexts)
{
	const char *const *sources = example_sources(init->example, use, init->arena);
	for (; *sources; sources++)
		add(nexts, arena_format(init->arena, "sluice hooks register %s", *sources),
			"makes the webhooks at the vendor; the daemon has to run");
}

static void plan_next(const struct init *init, struct nexts *nexts)
{
	bool discovers = false;
	if (strcmp(init->folder, ".") != 0)
		add(nexts, arena_format(init->arena, "cd %s", init->folder), "");
	add(nexts, "sluice check", "says what is missing, with line and column");
	for (const char *const *use = example_plugins(init->example, init->arena); *use; use++) {
		const struct description *d = plugin_of(init, *use);
		discovers |= d && d->discover;
	}
	if (discovers)
		add(nexts, "sluice check --connect", "what the credentials may see, with the ids that options want");
	add(nexts, "sluice run", "the daemon");
	for (const char *const *use = example_plugins(init->example, init->arena); *use; use++) {
		const struct description *d = plugin_of(init, *use);
		if (d && d->hooks)
			add_registers(init, *use, nexts);
	}
}

/* -------------------------------------------------------------------------- telling */

static void tell_json(const struct init *init, const char *const *empty, const struct nexts *nexts, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "example", init->example->name);
	json_member_string(out, "folder", init->folder);
	json_key(out, "files"), json_open(out, '[');
	for (size_t i = 0; i < init->count; i++)
		json_string(out, init->files[i]);
	json_close(out, ']');
	json_key(out, "fill_in"), json_open(out, '[');
	for (; *empty; empty++)
		json_string(out, *empty);
	json_close(out, ']');
	json_key(out, "steps"), json_open(out, '{');
	for (const char *const *use = example_plugins(init->example, init->arena); *use; use++)
		json_member_string(out, *use, example_steps(*use, init->arena));
	json_close(out, '}');
	json_key(out, "next"), json_open(out, '[');
	for (size_t i = 0; i < nexts->count; i++)
		json_string(out, nexts->at[i].command);
	json_close(out, ']');
	json_close(out, '}');
	buf_char(out, '\n');
}

static void tell_steps(const struct init *init, struct buf *out)
{
	for (const char *const *use = example_plugins(init->example, init->arena); *use; use++) {
		const char *steps = example_steps(*use, init->arena);
		if (*steps)
			buf_char(out, '\n'), buf_string(out, steps);
	}
}

static void tell_words(const struct init *init, const char *const *empty, const struct nexts *nexts, struct buf *out)
{
	for (size_t i = 0; i < init->count; i++)
		buf_format(out, "%s\n", init->files[i]);
	if (init->ignored)
		buf_string(out, "(.gitignore was there and stays; it should name sluice.env and data/)\n");
	tell_steps(init, out);
	buf_string(out, "\nNext\n");
	if (*empty)
		buf_format(out, "  fill in sluice.env:");
	for (size_t i = 0; empty[i]; i++)
		buf_format(out, "%s %s%s", i ? "," : "", empty[i], empty[i + 1] ? "" : "\n");
	for (size_t i = 0; i < nexts->count; i++)
		buf_format(out, nexts->at[i].why[0] ? "  %-36s %s\n" : "  %s%s\n", nexts->at[i].command, nexts->at[i].why);
}

static int tell(const struct command_line *line, const struct init *init)
{
	struct nexts nexts = { .count = 0 };
	struct buf out = { 0 };
	const char *const *empty = init_empty(init, NULL);
	plan_next(init, &nexts);
	(line->json ? tell_json : tell_words)(init, empty, &nexts, &out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* -------------------------------------------------------------------------- command */

static int make(const struct command_line *line, struct arena *arena)
{
	struct why why = { "" };
	struct init init = { .arena = arena, .folder = ".", .sink = command_value(line, "sink") };
	if (line->count > 1)
		init.folder = line->arguments[1];
	init.example = example_find(line->arguments[0], arena, &why);
	if (!init.example || !init_write(&init, &why))
		return command_no(line, "%s", why.text);
	return tell(line, &init);
}

static int run_init(const struct command_line *line)
{
	const char *sink = command_value(line, "sink");
	struct arena *arena = arena_new();
	int code;
	if (sink && strcmp(sink, "postgres") != 0 && strcmp(sink, "sqlite") != 0)
		code = command_wrong(line, "--sink is postgres or sqlite");
	else
		code = line->count ? make(line, arena) : list(line, arena);
	arena_free(&arena);
	return code;
}

static const struct command_option options[] = {
	{ "sink", 0, "KIND", "write to postgres, or to sqlite (default: as the example does)" },
	{ 0 },
};

const struct command cmd_init[] = {
	{ "init", "[VENDOR [FOLDER]]", 0, 2, "write a configuration for a vendor, say what is to be done there",
		options, run_init },
	{ 0 },
};
