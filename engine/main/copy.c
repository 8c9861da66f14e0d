/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - rows of one sink go into another, page by page. */
#include "main/copy.h"

#include <inttypes.h>
#include <string.h>

#include "main/sinks.h"

struct passing {
	struct copy *copy;
	const struct copy_table *table;
};

/* ------------------------------------------------------------------------ a page */

/* What the destination fills by itself is not written. */
static const struct sl_cell *cells_there(struct arena *arena, const struct copy_table *table,
	const struct sl_cell *here)
{
	struct sl_cell *cells = arena_alloc(arena, (table->to->column_count + 1) * sizeof(*cells));
	for (size_t i = 0; i < table->to->column_count; i++)
		if (table->places[i] < table->from->column_count && !table->to->columns[i]->generated)
			cells[i] = here[table->places[i]];
	return cells;
}

static void hand_rows(const struct copy_table *table, const struct call *read, struct call *write)
{
	const struct sl_row **rows = arena_alloc(write->arena, read->emitted_count * sizeof(*rows));
	struct sl_row *all = arena_alloc(write->arena, read->emitted_count * sizeof(*all));
	for (size_t i = 0; i < read->emitted_count; i++) {
		all[i] = (struct sl_row){
			.table = table->to,
			.mode = SL_PUT,
			.cells = cells_there(write->arena, table, read->emitted[i].cells),
			.version_id = "",
			.idempotency = "",
		};
		rows[i] = &all[i];
	}
	write->pub.rows = rows;
	write->pub.row_count = read->emitted_count;
}

static bool all_taken(const struct copy_table *table, const struct call *call, struct why *why)
{
	for (size_t i = 0; call->settled && i < call->pub.row_count; i++)
		if (call->settled[i].outcome == SL_FAIL || call->settled[i].outcome == SL_RETRY)
			return why_say(why, "a row of %s was not taken: %s", table->to->name,
				call->settled[i].why ? call->settled[i].why : "no reason was given");
	return true;
}

static bool write_page(const struct call *read, void *data, struct why *why)
{
	const struct passing *passing = data;
	struct copy *copy = passing->copy;
	if (read->emitted_count) {
		struct call *write = destination_call(copy->to, STEP_DELIVER);
		hand_rows(passing->table, read, write);
		if (!destination_run(copy->to, &write, why))
			return false;
		bool taken = all_taken(passing->table, write, why);
		call_free(&write);
		if (!taken)
			return false;
	}
	copy->rows += read->emitted_count;
	sinks_progress("%s: %" PRIu64 " rows copied ", passing->table->from->name, copy->rows);
	return !read->advanced || copy_note_write(copy, passing->table->from->name, read->advanced, why);
}

/* ------------------------------------------------------------------------ all of them */

static size_t begin_with(const struct copy *copy)
{
	for (size_t i = 0; copy->note.table && i < copy->count; i++)
		if (strcmp(copy->tables[i].from->name, copy->note.table) == 0)
			return i;
	return 0;
}

/* At most so many rows as the sink takes at a time. */
static size_t page_size(const struct copy *copy)
{
	size_t most = destination_face(copy->to)->batch_rows;
	return most && most < COPY_PAGE ? most : COPY_PAGE;
}

bool copy_rows(struct copy *copy, struct why *why)
{
	bool fine = true;
	size_t first = begin_with(copy);
	for (size_t i = first; fine && i < copy->count; i++) {
		struct passing passing = { copy, &copy->tables[i] };
		const char *name = copy->tables[i].from->name;
		bool goes_on = copy->note.table && strcmp(copy->note.table, name) == 0;
		const char *cursor = goes_on ? copy->note.cursor : NULL;
		fine = copy_note_write(copy, name, cursor, why) &&
			destination_rows(copy->from, copy->tables[i].from, cursor, page_size(copy), write_page, &passing, why);
	}
	sinks_progress("%s", "");
	return fine;
}

bool copy_count(struct copy *copy, bool there, struct why *why)
{
	for (size_t i = 0; i < copy->count; i++) {
		struct copy_table *table = &copy->tables[i];
		sinks_progress("%s: rows are counted ", table->from->name);
		if (!destination_count(there ? copy->to : copy->from, there ? table->to : table->from,
			    there ? &table->there : &table->here, why))
			return false;
	}
	sinks_progress("%s", "");
	return true;
}

/* ------------------------------------------------------------------------ is it empty */

/* One row is enough. */
static bool see_row(const struct call *call, void *data, struct why *why)
{
	*(bool *)data = call->emitted_count > 0;
	return !call->emitted_count;
}

bool copy_is_empty(struct copy *copy, const struct sl_table **full, struct why *why)
{
	*full = NULL;
	for (size_t i = 0; i < copy->count && !*full; i++) {
		bool any = false;
		bool read = destination_rows(copy->to, copy->tables[i].to, NULL, 1, see_row, &any, why);
		if (!read && !any)
			return false;
		if (any)
			*full = copy->tables[i].to;
	}
	return true;
}
