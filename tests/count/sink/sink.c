/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - a wire that takes parameters as libpq does, into memory, and has no other end. */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"

static const struct options options = { .namespace = "public" };
static struct sink sink = { .options = &options };
static struct table table;
static char *sent;
static size_t sent_bytes, sent_room;

/* ---------------------------------------------------------------------- wire */

static void send_bytes(const char *at, size_t len)
{
	while (sent_room - sent_bytes < len) {
		sent_room = sent_room * 2 + 4096;
		sent = realloc(sent, sent_room);
		if (!sent)
			sl_no_memory();
	}
	memcpy(sent + sent_bytes, at, len);
	sent_bytes += len;
}

bool wire_send_made(struct job *job, struct statement *statement, const struct values *values, struct sending sending)
{
	for (size_t i = 0; i < values->count; i++)
		send_bytes(values->at[i], (size_t)values->lens[i]);
	return statement->count == values->count;
}

bool wire_send(struct job *job, const char *sql, const struct values *values, bool binary, struct sending sending)
{
	return false;
}

bool wire_collect(struct job *job)
{
	return true;
}

bool wire_wait(PGconn *db, bool write, int64_t until)
{
	return false;
}

void wire_forget(struct sink *of)
{
}

void wire_free(struct sink *of)
{
}

int64_t ticks(void)
{
	return 0;
}

/* ---------------------------------------------------------------------- rows */

void sink_begin(const struct sl_table *face)
{
	table_init(&sink.kept, &table, face);
}

size_t sink_write(const struct sl_row *const *rows, size_t count)
{
	struct brief brief = { 0 };
	struct states *states = NULL;
	struct job job = { .sink = &sink, .brief = &brief };
	sent_bytes = 0;
	bool written = write_rows(&job, &table, rows, count, &states) && !states;
	sl_pile_free(&brief.pile);
	return written ? sent_bytes : 0;
}

void sink_end(void)
{
	bind_free(&sink);
	sl_pile_free(&sink.kept);
	free(sent);
	sent = NULL;
}
