/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_schema.c - sluice schema: what a sink's tables should be, how they differ, and what events suggest. */
#include <stdlib.h>
#include <string.h>

#include "main/infer.h"
#include "main/schemas.h"
#include "main/shown.h"
#include "main/sinks.h"

/* What a command needs of the configuration; with it, its end. */
typedef int working(const struct command_line *line, const struct config *config, const struct config_sink *sink);

static int with_sink(const struct command_line *line, working *work)
{
	struct why why = { "" };
	struct config *config = config_or_say(line->config, CONFIG_BUILD, false);
	if (!config)
		return EXIT_WRONG;
	const struct config_sink *sink = sinks_choose(config, line->arguments[0], &why);
	int code = sink ? work(line, config, sink) : command_wrong(line, "%s", why.text);
	config_free(&config);
	return code;
}

/* ------------------------------------------------------------------------ show */

static int show_schema(const struct command_line *line, const struct config *config, const struct config_sink *sink)
{
	struct why why = { "" };
	struct buf out = { 0 };
	struct schema *schema = sinks_schema(config, sink, &why);
	if (!schema)
		return command_no(line, "%s", why.text);
	if (line->json)
		schemas_json(schema, &out);
	else
		schema_show(schema, &out);
	schema_free(&schema);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int run_show(const struct command_line *line)
{
	return with_sink(line, show_schema);
}

/* --------------------------------------------------------------- diff and apply */

/* Begins the sink, for as long as `work` takes. */
static int with_destination(const struct command_line *line, const struct config *config,
	const struct config_sink *sink, int (*work)(const struct command_line *line, struct destination *there))
{
	struct why why = { "" };
	struct destination *there = sinks_begin(config, sink, &why);
	if (!there)
		return command_no(line, "%s", why.text);
	int code = destination_face(there)->schema ? work(line, there)
						   : command_no(line, "sink %s: the plugin %s cannot say how its tables differ",
							     sink->name, destination_face(there)->name);
	destination_free(&there);
	return code;
}

static int diff(const struct command_line *line, struct destination *there)
{
	struct why why = { "" };
	struct buf out = { 0 };
	struct differs differs = { 0 };
	if (!differs_find(&differs, there, "diff", &why))
		return command_no(line, "%s", why.text);
	for (size_t i = 0; i < differs.count; i++)
		differs_tell(&differs.at[i], line->json, differs_hint(&differs.at[i]), &out);
	if (!line->json)
		differs_total(&differs, destination_name(there), &out);
	int code = differs.against ? EXIT_NO : EXIT_FINE;
	differs_free(&differs);
	return command_print(&out) ? code : EXIT_NO;
}

static int diff_sink(const struct command_line *line, const struct config *config, const struct config_sink *sink)
{
	return with_destination(line, config, sink, diff);
}

static int run_diff(const struct command_line *line)
{
	return with_sink(line, diff_sink);
}

/* Does what there is to do, and tells it; then looks what is left. */
static bool change(const struct command_line *line, struct destination *there, struct differs *left, struct buf *out,
	struct why *why)
{
	struct differs done = { 0 };
	bool force = command_flag(line, "force");
	bool fine = differs_find(&done, there, force ? "force" : "apply", why);
	for (size_t i = 0; fine && i < done.count; i++)
		if (differs_done(&done.at[i], force))
			differs_tell(&done.at[i], line->json, "done", out);
	differs_free(&done);
	return fine && differs_find(left, there, "diff", why);
}

static int apply_really(const struct command_line *line, struct destination *there)
{
	struct why why = { "" };
	struct buf out = { 0 };
	struct differs left = { 0 };
	bool fine = change(line, there, &left, &out, &why);
	for (size_t i = 0; i < left.count; i++)
		differs_tell(&left.at[i], line->json, differs_hint(&left.at[i]), &out);
	if (fine && !line->json)
		differs_total(&left, destination_name(there), &out);
	int code = fine && !left.against ? EXIT_FINE : EXIT_NO;
	differs_free(&left);
	if (!command_print(&out))
		code = EXIT_NO;
	return fine ? code : command_no(line, "%s", why.text);
}

static int apply_dry(const struct command_line *line, struct destination *there)
{
	struct why why = { "" };
	struct buf out = { 0 };
	struct differs differs = { 0 };
	size_t would = 0;
	if (!differs_find(&differs, there, "diff", &why))
		return command_no(line, "%s", why.text);
	for (size_t i = 0; i < differs.count; i++) {
		bool does = differs_done(&differs.at[i], command_flag(line, "force"));
		differs_tell(&differs.at[i], line->json, does ? "would be done" : differs_hint(&differs.at[i]), &out);
		would += does;
	}
	if (!line->json)
		buf_format(&out, "%snothing was changed%s\n", differs.count ? "\n" : "",
			would ? "; --yes does it" : differs.count ? "" : ": there is no difference");
	differs_free(&differs);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int apply_sink(const struct command_line *line, const struct config *config, const struct config_sink *sink)
{
	return with_destination(line, config, sink, command_flag(line, "yes") ? apply_really : apply_dry);
}

static int run_apply(const struct command_line *line)
{
	return with_sink(line, apply_sink);
}

/* ----------------------------------------------------------------------- infer */

static int run_infer(const struct command_line *line)
{
	struct arena *arena = arena_new();
	struct infer *infer = infer_new(arena);
	struct buf out = { 0 };
	int code = infer_gather(line, infer);
	if (code == EXIT_FINE && !infer_tables(infer))
		code = command_no(line, "no events are there to infer a table from");
	else if (code == EXIT_FINE && line->json)
		infer_json(infer, &out);
	else if (code == EXIT_FINE)
		infer_yaml(infer, &out);
	if (!command_print(&out))
		code = EXIT_NO;
	arena_free(&arena);
	return code;
}

/* ----------------------------------------------------------------------- table */

static const struct command_option apply_options[] = {
	{ "yes", 'y', NULL, "do it; without it only what would be done is told" },
	{ "force", 0, NULL, "also what may lose something, or takes long" },
	{ 0 },
};

static const struct command_option infer_options[] = {
	{ "table", 't', "NAME", "of a route only this table; of a source what the table is to be called" },
	{ "last", 'n', "N", "look at so many events; 1000 unless given" },
	{ 0 },
};

const struct command cmd_schema[] = {
	{ "schema show", "[SINK]", 0, 1, "print a sink's schema, with what events have added to it", NULL, run_show },
	{ "schema diff", "[SINK]", 0, 1, "say how a sink's tables differ from its schema, as statements; 1 if they do", NULL, run_diff },
	{ "schema apply", "[SINK]", 0, 1, "make a sink's tables what its schema says, once --yes is given", apply_options, run_apply },
	{ "schema infer", "[ROUTE|SOURCE]", 0, 1, "propose tables that logged events would fit into", infer_options, run_infer },
	{ 0 },
};
