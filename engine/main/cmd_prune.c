/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_prune.c - sluice prune: a sink's upkeep at once, until nothing is left to do. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "main/sinks.h"

#define PAGE 1000
#define DAY INT64_C(86400000)
#define DRY "would prune rows of "

/* ------------------------------------------------------------------- what was done */

static void tell_json(const char *sink, const struct tally *tally, struct buf *out)
{
	uint64_t times;
	const char *what;
	for (size_t i = 0; (what = tally_row(tally, i, &times)); i++) {
		json_open(out, '{');
		json_member_string(out, "sink", sink);
		json_member_string(out, "what", what);
		json_member_uint(out, "times", times);
		json_close(out, '}');
		buf_char(out, '\n');
		out->comma = false;
	}
}

static void tell_words(const char *sink, const struct tally *tally, struct buf *out)
{
	uint64_t times;
	const char *what;
	for (size_t i = 0; (what = tally_row(tally, i, &times)); i++)
		buf_format(out, "%s: %s, %" PRIu64 "\n", sink, what, times);
	if (!tally)
		buf_format(out, "%s: nothing is due\n", sink);
}

/* --------------------------------------------------------------------- really do it */

/* One piece; *more: there is another. */
static bool piece(struct destination *there, struct tally **done, bool *more, struct why *why)
{
	struct call *call = destination_call(there, STEP_UPKEEP);
	if (!destination_run(there, &call, why))
		return false;
	for (size_t i = 0; i < call->emitted_count; i++)
		destination_upkept(call, &call->emitted[i], done);
	*more = call->advanced != NULL;
	call_free(&call);
	return true;
}

static bool prune(struct destination *there, struct tally **done, struct why *why)
{
	bool more = true, fine = true;
	for (uint64_t pieces = 1; fine && more; pieces++) {
		fine = piece(there, done, &more, why);
		sinks_progress("%s: %" PRIu64 " piece%s done ", destination_name(there), pieces, pieces == 1 ? "" : "s");
	}
	sinks_progress("%s", "");
	return fine;
}

/* ----------------------------------------------------------------------- look only */

struct looking {
	size_t column;
	int64_t before; /* in the column's own unit */
	uint64_t due;
};

static bool look_at_page(const struct call *call, void *data, struct why *why)
{
	struct looking *looking = data;
	for (size_t i = 0; i < call->emitted_count; i++) {
		const struct sl_cell *cell = &call->emitted[i].cells[looking->column];
		looking->due += cell->kind == SL_CELL_INT && cell->number < looking->before;
	}
	return true;
}

/* All rows are looked at: there is nothing that a sink could be asked instead. */
static bool look_at(struct destination *there, const struct sl_table *table, struct tally **due, struct why *why)
{
	struct looking looking = { 0 };
	int64_t oldest = clock_wall() - table->retention_ms;
	char what[300];
	while (looking.column < table->column_count &&
		strcmp(table->columns[looking.column]->name, table->retention) != 0)
		looking.column++;
	if (looking.column == table->column_count)
		return true;
	bool days = table->columns[looking.column]->type == SL_COLUMN_DATE;
	looking.before = days ? oldest / DAY : oldest * 1000;
	if (!destination_rows(there, table, NULL, PAGE, look_at_page, &looking, why))
		return false;
	snprintf(what, sizeof(what), DRY "%.250s", table->name);
	if (looking.due)
		tally_add(due, what, looking.due);
	return true;
}

static bool look(struct destination *there, struct tally **due, struct why *why)
{
	const struct sl_plugin *face = destination_face(there);
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(destination_schema(there), &count);
	if (!face->recall)
		return why_say(why, "the plugin %s cannot say what it holds; there is no --dry-run for it", face->name);
	for (size_t i = 0; i < count; i++)
		if (tables[i]->retention && !look_at(there, tables[i], due, why))
			return false;
	return true;
}

/* ----------------------------------------------------------------------- a sink */

/* What it refreshes or prunes needs its tables to be there: they are made. */
static bool look_after(const struct command_line *line, struct destination *there, struct buf *out, struct why *why)
{
	struct tally *tally = NULL;
	bool fine = destination_open(there, why) &&
		(command_flag(line, "dry-run") ? look(there, &tally, why) : prune(there, &tally, why));
	if (fine || tally)
		(line->json ? tell_json : tell_words)(destination_name(there), tally, out);
	tally_free(&tally);
	return fine;
}

static int prune_sink(const struct command_line *line, const struct config *config, const struct config_sink *sink)
{
	struct why why = { "" };
	struct buf out = { 0 };
	if (!sink->description->upkeep)
		return command_no(line, "sink %s: the plugin %s does no upkeep", sink->name, sink->use);
	struct destination *there = sinks_begin(config, sink, &why);
	bool fine = there && look_after(line, there, &out, &why);
	destination_free(&there);
	if (!command_print(&out))
		return EXIT_NO;
	return fine ? EXIT_FINE : command_no(line, "%s", why.text);
}

/* Without a name: all that do any. */
static int prune_all(const struct command_line *line, const struct config *config)
{
	int code = EXIT_FINE;
	size_t done = 0;
	for (size_t i = 0; i < config->sink_count; i++) {
		const struct config_sink *sink = &config->sinks[i];
		if (!sink->schema_file || !sink->description->upkeep)
			continue;
		done++;
		if (prune_sink(line, config, sink) != EXIT_FINE)
			code = EXIT_NO;
	}
	return done ? code : command_no(line, "no sink does any upkeep");
}

static int run_prune(const struct command_line *line)
{
	struct why why = { "" };
	struct config *config = config_or_say(line->config, CONFIG_BUILD, false);
	int code = EXIT_WRONG;
	if (!config)
		return code;
	const struct config_sink *sink = line->count ? sinks_choose(config, line->arguments[0], &why) : NULL;
	if (!line->count)
		code = prune_all(line, config);
	else
		code = sink ? prune_sink(line, config, sink) : command_wrong(line, "%s", why.text);
	config_free(&config);
	return code;
}

static const struct command_option options[] = {
	{ "dry-run", 0, NULL, "only say how many rows are past their time" },
	{ 0 },
};

const struct command cmd_prune[] = {
	{ "prune", "[SINK]", 0, 1, "let rows past their retention go now, and refresh views that are due", options, run_prune },
	{ 0 },
};
