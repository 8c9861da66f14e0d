/* SPDX-License-Identifier: Apache-2.0 */
/* upsert.c - what `./dev bench route` measures a route against: orders, written by hand.
 *
 *     upsert log FOLDER COUNT flat|nested [repeats]   a log of so many orders, as webhooks brought them
 *     upsert load CONNINFO COUNT unnest|lists|pipeline|single
 *     upsert load FILE COUNT sqlite
 *
 * `load` writes the same orders into the table that the route has made, as somebody would who has
 * them in memory already: `unnest` 500 rows a statement, each of them a transaction, out of binary
 * arrays; `lists` the same, with the arrays in a SELECT's list, as the sink has them; `pipeline` a
 * statement a row, 500 on their way at once; `single` one after the other; `sqlite` a statement a
 * row, 500 a transaction.  It prints rows a second, the first tenth left aside.  With `repeats`
 * every 100th order of a log was sent before; how many they are is printed.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "orders.h"

#define POSTGRES_EPOCH INT64_C(946684800) /* seconds: 2000-01-01 */

/* How a type is handed over: as elements of an array of `oid`, then cast. */
static const struct {
	unsigned oid;
	const char *array, *cast;
} types[] = {
	[TEXT] = { 25, "text[]", "" },
	[INT] = { 20, "int8[]", "" },
	[DECIMAL] = { 25, "text[]", "::numeric" },
	[BOOL] = { 16, "bool[]", "" },
	[DATE] = { 1082, "date[]", "" },
	[JSON] = { 25, "text[]", "::jsonb" },
	[TIMESTAMP] = { 1184, "timestamptz[]", "" },
};

/* ------------------------------------------------------------ the statements */

static void write_names(struct buf *out, const char *before)
{
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "%s%s%s", i ? ", " : "", before, columns[i].name);
}

static void write_conflict(struct buf *out)
{
	buf_string(out, " ON CONFLICT (order_id) DO UPDATE SET ");
	for (size_t i = 1; i < COLUMNS; i++)
		buf_format(out, "%s = excluded.%s, ", columns[i].name, columns[i].name);
	buf_string(out, "_synced_at = excluded._synced_at WHERE (orders._event_time, orders._event_id) <="
			" (excluded._event_time, excluded._event_id)");
}

static void write_insert(struct buf *out)
{
	buf_string(out, "INSERT INTO orders (");
	write_names(out, "");
	buf_string(out, ", _synced_at) ");
}

static void write_casts(struct buf *out)
{
	buf_string(out, "SELECT ");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "r.%s%s, ", columns[i].name, types[columns[i].type].cast);
	buf_string(out, "now() FROM ");
}

static void write_unnest(struct buf *out)
{
	write_insert(out);
	write_casts(out);
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "%s$%zu::%s", i ? ", " : "unnest(", i + 1, types[columns[i].type].array);
	buf_string(out, ") AS r (");
	write_names(out, "");
	buf_string(out, ")");
	write_conflict(out);
}

static void write_lists(struct buf *out)
{
	write_insert(out);
	write_casts(out);
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "%sunnest($%zu::%s) AS %s", i ? ", " : "(SELECT ", i + 1, types[columns[i].type].array,
			columns[i].name);
	buf_string(out, ") AS r");
	write_conflict(out);
}

static void write_values(struct buf *out)
{
	write_insert(out);
	buf_string(out, "VALUES (");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "$%zu, ", i + 1);
	buf_string(out, "now())");
	write_conflict(out);
}

static void done(PGconn *to, PGresult *result, ExecStatusType expected)
{
	if (PQresultStatus(result) != expected)
		stop("Postgres", PQerrorMessage(to));
	PQclear(result);
}

static void prepare(PGconn *to, void (*write)(struct buf *))
{
	struct buf sql = { 0 };
	write(&sql);
	done(to, PQprepare(to, "load", sql.at, 0, NULL), PGRES_COMMAND_OK);
	buf_free(&sql);
}

/* ------------------------------------------------------------------- unnest */

static void put32(struct buf *out, uint32_t value)
{
	value = htonl(value);
	buf_add(out, &value, 4);
}

static void put64(struct buf *out, int64_t value)
{
	uint64_t turned = htobe64((uint64_t)value);
	put32(out, 8);
	buf_add(out, &turned, 8);
}

static void put_text(struct buf *out, const char *value)
{
	size_t len = strlen(value);
	put32(out, (uint32_t)len);
	buf_add(out, value, len);
}

static void put_value(struct buf *out, enum type type, const struct value *value)
{
	if (type == INT) {
		put64(out, value->number);
	} else if (type == TIMESTAMP) {
		put64(out, value->number - POSTGRES_EPOCH * 1000000);
	} else if (type == DATE) {
		put32(out, 4);
		put32(out, (uint32_t)(value->number - POSTGRES_EPOCH / 86400));
	} else if (type == BOOL) {
		put32(out, 1);
		buf_add(out, &(char){ value->number != 0 }, 1);
	} else {
		put_text(out, value->text);
	}
}

static void put_array(struct buf *out, size_t column, const struct order *orders, size_t count)
{
	out->len = 0;
	put32(out, 1);
	put32(out, 0);
	put32(out, types[columns[column].type].oid);
	put32(out, (uint32_t)count);
	put32(out, 1);
	for (size_t i = 0; i < count; i++)
		put_value(out, columns[column].type, &orders[i].values[column]);
}

static void load_unnest(PGconn *to, const struct order *orders, size_t count)
{
	static struct buf arrays[COLUMNS];
	const char *values[COLUMNS];
	int lengths[COLUMNS], formats[COLUMNS];
	for (size_t i = 0; i < COLUMNS; i++) {
		put_array(&arrays[i], i, orders, count);
		values[i] = arrays[i].at;
		lengths[i] = (int)arrays[i].len;
		formats[i] = 1;
	}
	done(to, PQexecPrepared(to, "load", COLUMNS, values, lengths, formats, 0), PGRES_COMMAND_OK);
}

/* ------------------------------------------------------------- row after row */

static void values_of(const struct order *order, const char *values[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++)
		values[i] = order->values[i].text;
}

static void load_single(PGconn *to, const struct order *orders, size_t count)
{
	const char *values[COLUMNS];
	done(to, PQexec(to, "BEGIN"), PGRES_COMMAND_OK);
	for (size_t i = 0; i < count; i++) {
		values_of(&orders[i], values);
		done(to, PQexecPrepared(to, "load", COLUMNS, values, NULL, NULL, 0), PGRES_COMMAND_OK);
	}
	done(to, PQexec(to, "COMMIT"), PGRES_COMMAND_OK);
}

/* One transaction: there is no BEGIN before the sync.  500 rows fit into what the two sides buffer. */
static void load_pipeline(PGconn *to, const struct order *orders, size_t count)
{
	const char *values[COLUMNS];
	PQenterPipelineMode(to);
	for (size_t i = 0; i < count; i++) {
		values_of(&orders[i], values);
		if (!PQsendQueryPrepared(to, "load", COLUMNS, values, NULL, NULL, 0))
			stop("Postgres", PQerrorMessage(to));
	}
	PQpipelineSync(to);
	for (size_t i = 0; i < count; i++) {
		done(to, PQgetResult(to), PGRES_COMMAND_OK);
		PQgetResult(to); /* the end of this one */
	}
	done(to, PQgetResult(to), PGRES_PIPELINE_SYNC);
	PQexitPipelineMode(to);
}

static const struct way {
	const char *name;
	void (*write)(struct buf *);
	void (*load)(PGconn *, const struct order *, size_t);
} ways[] = {
	{ "unnest", write_unnest, load_unnest },
	{ "lists", write_lists, load_unnest },
	{ "pipeline", write_values, load_pipeline },
	{ "single", write_values, load_single },
};

static const struct way *way_named(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	stop("there is no such way to load", name);
}

static double postgres_load(const char *conninfo, const struct way *way, const struct order *orders, size_t count,
	size_t aside)
{
	PGconn *to = PQconnectdb(conninfo);
	int64_t began = 0;
	if (PQstatus(to) != CONNECTION_OK)
		stop("Postgres", PQerrorMessage(to));
	prepare(to, way->write);
	for (size_t n = 0; n < count; n += BATCH) {
		if (n == aside)
			began = clock_ticks();
		way->load(to, orders + n, count - n < BATCH ? count - n : BATCH);
	}
	double rate = (double)(count - aside) * 1000 / (double)(clock_ticks() - began);
	PQfinish(to);
	return rate;
}

static void load(const char *where, size_t count, const char *name)
{
	struct arena *arena = arena_new();
	struct order *orders = calloc(count, sizeof(*orders));
	size_t aside = count / 10 / BATCH * BATCH;
	if (!orders)
		stop("orders", "no memory");
	for (size_t n = 0; n < count; n++)
		order_make(&orders[n], n + 1, arena);
	printf("%.0f\n", strcmp(name, "sqlite") == 0 ? sqlite_load(where, orders, count, aside)
						      : postgres_load(where, way_named(name), orders, count, aside));
	free(orders);
	arena_free(&arena);
}

static void write_log(char **words, bool repeats)
{
	bool nested = strcmp(words[4], "nested") == 0;
	printf("%" PRIu64 "\n", orders_log(words[2], strtoull(words[3], NULL, 10), nested, repeats));
}

int main(int count, char **words)
{
	bool repeats = count == 6 && strcmp(words[5], "repeats") == 0;
	if ((count == 5 || repeats) && strcmp(words[1], "log") == 0)
		write_log(words, repeats);
	else if (count == 5 && strcmp(words[1], "load") == 0)
		load(words[2], strtoul(words[3], NULL, 10), words[4]);
	else
		stop("usage", "upsert log FOLDER COUNT flat|nested [repeats], or"
			      " upsert load WHERE COUNT unnest|lists|pipeline|single|sqlite");
	return 0;
}
