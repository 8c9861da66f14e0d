/* SPDX-License-Identifier: Apache-2.0 */
/* sink_bench.c - how fast the sqlite sink writes, beside bare inserts of the same rows.
 *
 * usage: sink_bench [--json] PLUGIN SCHEMA [FOLDER]
 *
 * PLUGIN is sqlite.so, SCHEMA is trello.yaml.  `insert` is the least there is: the
 * same table, one prepared INSERT, the same transactions of 500 rows.  `deliver` is
 * the sink; `events` begins with the JSON text of each row, as a route does.  They
 * run in rotated rounds.
 */
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "flow/schema.h"

#define BATCH 500
#define BATCHES 20
#define ROUNDS 5
#define NOW INT64_C(1795300000000)

enum kind { INSERT, DELIVER, EVENTS, KINDS };
static const char *const names[KINDS] = { "insert", "deliver", "events" };

struct bench {
	struct sl_call call; /* first: the host's functions find the rest by it */
	const struct sl_plugin *plugin;
	struct schema *schema;
	struct arena *arena;
	const char *folder;
	char path[300];
	char texts[BATCH][2048]; /* of the rows, as JSON */
	struct sl_row made[BATCH];
	const struct sl_row *rows[BATCH];
	unsigned next; /* event */
	double rates[KINDS][ROUNDS];
};

static void stop(const char *what, const char *why)
{
	fprintf(stderr, "sink_bench: %s: %s\n", what, why ? why : "");
	exit(1);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------ the host */

static enum sl_outcome host_work(struct sl_call *call, void (*blocking)(void *), void *data, sl_step *next)
{
	blocking(data);
	return next(call);
}

static enum sl_outcome host_retry(struct sl_call *call, int64_t after, const char *form, ...)
{
	stop("the sink holds", form);
	return SL_RETRY;
}

static enum sl_outcome host_fail(struct sl_call *call, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	stop("the sink fails", va_arg(values, const char *));
	va_end(values);
	return SL_FAIL;
}

static void host_settle(struct sl_call *call, size_t row, enum sl_outcome outcome, const char *form, ...)
{
	stop("a row is refused", form);
}

static const struct sl_host host = { .abi = SL_ABI, .work = host_work, .retry = host_retry, .fail = host_fail,
	.settle = host_settle };

static void run_step(struct bench *b, sl_step *step)
{
	void *local = calloc(1, b->plugin->local_size);
	b->call.local = local;
	if (step(&b->call) != SL_DONE)
		stop("the sink", "did not end well");
	free(local);
}

/* ------------------------------------------------------------------- the rows */

static const char row_form[] = "{\"event_id\":\"57f07588c6deac3d%08x\",\"action_type\":\"updateCard\","
	"\"action_date\":\"2016-10-02T02:48:40.836Z\",\"card_id\":\"57f0752fe7074732b1%06x\",\"board_id\":"
	"\"57f039fbc0f98772398d289d\",\"board_name\":\"Orders\",\"list_before_id\":\"57f03a10947d01faa6f5d8e5\","
	"\"list_before_name\":\"QA\",\"list_after_id\":\"57f03a11ab00f21e8197bef5\",\"list_after_name\":\"Done\","
	"\"is_list_transition\":true,\"member_creator_id\":\"4f0b777fd1e39cca3f217850\","
	"\"member_creator_username\":\"ann\",\"raw_payload\":{\"action\":\"%0*d\"},\"created_at\":%lld}";

static void write_texts(struct bench *b)
{
	for (size_t i = 0; i < BATCH; i++) {
		unsigned n = b->next++;
		snprintf(b->texts[i], sizeof(b->texts[i]), row_form, n * 2654435761u, n % 5000, 1200, 0, (long long)NOW);
	}
}

static void make_row(struct bench *b, size_t at)
{
	struct why why = { "no JSON" };
	struct sl_event event = { .source = "boards", .id = "57f07588c6deac3d0198e2eb", .time = NOW };
	event.type = "trello_events";
	struct sl_text text = { b->texts[at], strlen(b->texts[at]) };
	struct sl_document *document = sl_json_read(text, NULL, 0);
	if (!schema_row(b->schema, &event, sl_json_root(document), NULL, 0, NOW, b->arena, &b->made[at], &why))
		stop("a row", why.text);
	b->rows[at] = &b->made[at];
	sl_json_free(&document);
}

static void make_rows(struct bench *b)
{
	arena_reset(b->arena);
	for (size_t i = 0; i < BATCH; i++)
		make_row(b, i);
}

/* ---------------------------------------------------------------- bare inserts */

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		stop(text, sqlite3_errmsg(db));
}

static void bind(sqlite3_stmt *statement, int at, const struct sl_column *column, const struct sl_cell *cell)
{
	if (cell->kind == SL_CELL_TEXT)
		sqlite3_bind_text(statement, at, cell->text.at, (int)cell->text.len, SQLITE_STATIC);
	else if (cell->kind == SL_CELL_INT && column->type == SL_COLUMN_TIMESTAMP)
		sqlite3_bind_text(statement, at, "2016-10-02T02:48:40.836Z", 24, SQLITE_STATIC);
	else if (cell->kind == SL_CELL_INT)
		sqlite3_bind_int64(statement, at, cell->number);
	else
		sqlite3_bind_null(statement, at);
}

static sqlite3_stmt *bare_insert(struct bench *b, sqlite3 *db)
{
	const struct sl_table *table = schema_table(b->schema, "trello_events");
	sqlite3_str *text = sqlite3_str_new(db);
	sqlite3_stmt *statement;
	sqlite3_str_appendf(text, "INSERT INTO trello_events VALUES (?");
	for (size_t i = 1; i < table->column_count; i++)
		sqlite3_str_appendall(text, ", ?");
	sqlite3_str_appendall(text, ")");
	char *insert = sqlite3_str_finish(text);
	if (sqlite3_prepare_v2(db, insert, -1, &statement, NULL) != SQLITE_OK)
		stop(insert, sqlite3_errmsg(db));
	sqlite3_free(insert);
	return statement;
}

static void insert_batch(struct bench *b, sqlite3 *db, sqlite3_stmt *statement)
{
	sql(db, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < BATCH; i++) {
		for (size_t c = 0; c < b->made[i].table->column_count; c++)
			bind(statement, (int)c + 1, b->made[i].table->columns[c], &b->made[i].cells[c]);
		if (sqlite3_step(statement) != SQLITE_DONE)
			stop("inserting", sqlite3_errmsg(db));
		sqlite3_reset(statement);
	}
	sql(db, "COMMIT");
}

static double bare_round(struct bench *b)
{
	sqlite3 *db;
	double spent = 0;
	if (sqlite3_open(b->path, &db) != SQLITE_OK)
		stop(b->path, sqlite3_errmsg(db));
	sql(db, "PRAGMA synchronous = full");
	sqlite3_stmt *statement = bare_insert(b, db);
	for (int batch = 0; batch < BATCHES; batch++) {
		write_texts(b);
		make_rows(b);
		double begin = seconds();
		insert_batch(b, db, statement);
		spent += seconds() - begin;
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return spent;
}

/* ------------------------------------------------------------------- the sink */

static double sink_round(struct bench *b, bool from_text)
{
	double spent = 0;
	for (int batch = 0; batch < BATCHES; batch++) {
		write_texts(b);
		double begin = seconds();
		make_rows(b);
		if (!from_text)
			begin = seconds();
		run_step(b, b->plugin->deliver);
		spent += seconds() - begin;
	}
	return spent;
}

static void open_sink(struct bench *b)
{
	char *options = calloc(1, b->plugin->options_size);
	const char *path = b->path;
	snprintf(b->path, sizeof(b->path), "%s/sink_bench.db", b->folder);
	for (const struct sl_option *option = b->plugin->options; option->name; option++)
		if (strcmp(option->name, "path") == 0)
			memcpy(options + option->at, &path, sizeof(path));
	b->call = (struct sl_call){ .host = &host, .options = options, .state = calloc(1, b->plugin->state_size) };
	b->call.tables = schema_tables(b->schema, &b->call.table_count);
	b->call.rows = b->rows;
	run_step(b, b->plugin->open);
	b->call.row_count = BATCH;
}

static void close_sink(struct bench *b)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	b->plugin->close(b->call.state);
	free(b->call.state);
	free((void *)(uintptr_t)b->call.options);
	for (size_t i = 0; i < 3; i++) {
		char path[310];
		snprintf(path, sizeof(path), "%s%s", b->path, suffixes[i]);
		unlink(path);
	}
}

/* Each round has a fresh file, made by the sink, so that all write the same table. */
static void measure(struct bench *b, enum kind kind, int round)
{
	open_sink(b);
	double spent = kind == INSERT ? bare_round(b) : sink_round(b, kind == EVENTS);
	close_sink(b);
	b->rates[kind][round] = BATCH * BATCHES / spent;
}

/* ------------------------------------------------------------------ telling it */

static int by_rate(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void tell(struct bench *b, bool json)
{
	for (int kind = 0; kind < KINDS; kind++)
		qsort(b->rates[kind], ROUNDS, sizeof(double), by_rate);
	for (int kind = 0; kind < KINDS; kind++) {
		double rate = b->rates[kind][ROUNDS / 2], of_bare = rate / b->rates[INSERT][ROUNDS / 2];
		if (json)
			printf("{\"name\":\"%s\",\"rows_per_second\":%.0f,\"of_insert\":%.2f}\n", names[kind], rate, of_bare);
		else
			printf("%-8s %8.0f rows/s  %.2f of bare inserts\n", names[kind], rate, of_bare);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct why why;
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	argv += json, argc -= json;
	if (argc < 3)
		stop("usage", "sink_bench [--json] PLUGIN SCHEMA [FOLDER]");
	void *handle = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		stop(argv[1], dlerror());
	bench.plugin = dlsym(handle, "sl_plugin");
	if (!(bench.schema = schema_load(argv[2], NULL, NULL, &why)))
		stop(argv[2], why.text);
	bench.folder = argc > 3 ? argv[3] : ".";
	bench.arena = arena_new();
	for (int round = 0; round < ROUNDS; round++)
		for (int turn = 0; turn < KINDS; turn++)
			measure(&bench, (enum kind)((turn + round) % KINDS), round);
	tell(&bench, json);
	schema_free(&bench.schema);
	arena_free(&bench.arena);
	return 0;
}
