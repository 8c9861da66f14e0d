/* SPDX-License-Identifier: Apache-2.0 */
/* upsert.c - what `./dev bench route` measures a route against: orders, written into Postgres by hand.
 *
 *     upsert log FOLDER COUNT flat|nested        a log of so many orders, as webhooks brought them
 *     upsert load CONNINFO COUNT unnest|pipeline|single
 *
 * `load` writes the same orders into the table that the route has made, as somebody would who has
 * them in memory already: `unnest` 500 rows a statement, each of them a transaction, out of binary
 * arrays; `pipeline` a statement a row, 500 on their way at once; `single` one after the other.  It
 * prints rows a second, the first tenth left aside.  Every second order changes one of 10 001 orders before.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "sdk/time.h"
#include "store/log.h"

#define BATCH 500
#define BACK 10001                        /* orders; odd, so that what is changed is never a change itself */
#define BEGAN INT64_C(1793491200000)      /* ms: 2026-11-01 */
#define POSTGRES_EPOCH INT64_C(946684800) /* seconds: 2000-01-01 */

static _Noreturn void stop(const char *what, const char *why)
{
	fprintf(stderr, "upsert: %s: %s\n", what, why);
	exit(1);
}

/* ---------------------------------------------------------------- the table */

enum type { TEXT,
	INT,
	DECIMAL,
	BOOL,
	TIMESTAMP,
	DATE,
	JSON };

static const struct column {
	const char *name;
	enum type type;
} columns[] = {
	{ "order_id", INT },
	{ "shop", TEXT },
	{ "status", TEXT },
	{ "customer_id", INT },
	{ "customer", TEXT },
	{ "email", TEXT },
	{ "city", TEXT },
	{ "country", TEXT },
	{ "currency", TEXT },
	{ "total", DECIMAL },
	{ "tax", DECIMAL },
	{ "discount", DECIMAL },
	{ "items", INT },
	{ "paid", BOOL },
	{ "placed_at", TIMESTAMP },
	{ "updated_at", TIMESTAMP },
	{ "ship_by", DATE },
	{ "note", TEXT },
	{ "tags", JSON },
	{ "event", TEXT },
	{ "_event_id", TEXT },
	{ "_event_time", TIMESTAMP },
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

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

/* --------------------------------------------------------------- the orders */

/* As text, and as a number where the type is one: microseconds for a time, days for a date. */
struct value {
	const char *text;
	int64_t number;
};

struct order {
	struct value values[COLUMNS];
};

static void say(struct value *value, struct arena *arena, const char *form, uint64_t n)
{
	value->number = (int64_t)n;
	value->text = arena_format(arena, form, n);
}

static void say_time(struct value *value, struct arena *arena, int64_t ms)
{
	char text[SL_TIME_SIZE];
	value->number = ms * 1000;
	sl_time_write(value->number, text);
	value->text = arena_string(arena, text);
}

static void say_date(struct value *value, struct arena *arena, int64_t ms)
{
	say_time(value, arena, ms);
	value->text = arena_copy(arena, value->text, 10);
	value->number = ms / 86400000;
}

static void say_money(struct value *value, struct arena *arena, uint64_t cents)
{
	value->text = arena_format(arena, "%" PRIu64 ".%02" PRIu64, cents / 100, cents % 100);
}

static void make_order(struct order *order, uint64_t n, struct arena *arena)
{
	static const char *const words[] = { "open", "packed", "shipped", "closed" };
	static const char *const cities[] = { "Lisbon", "Oslo", "Graz", "Lyon", "Cork" };
	struct value *at = order->values;
	int64_t updated = BEGAN + (int64_t)n;
	uint64_t id = n % 2 && n > BACK ? n - BACK : n;
	*order = (struct order){ 0 };
	say(at++, arena, "%" PRIu64, id);
	say(at++, arena, "shop-%02" PRIu64, id % 40);
	at++->text = words[n % 4];
	say(at++, arena, "%" PRIu64, id * 7919 % 100000);
	say(at++, arena, "Customer Number %" PRIu64, id * 7919 % 100000);
	say(at++, arena, "customer.%" PRIu64 "@example.com", id * 7919 % 100000);
	at++->text = cities[id % 5];
	at++->text = "PT";
	at++->text = "EUR";
	say_money(at++, arena, n * 31 % 100000);
	say_money(at++, arena, n * 7 % 10000);
	say_money(at++, arena, n % 500);
	say(at++, arena, "%" PRIu64, 1 + n % 9);
	*at++ = (struct value){ n % 3 ? "true" : "false", n % 3 != 0 };
	say_time(at++, arena, BEGAN + (int64_t)id);
	say_time(at++, arena, updated);
	say_date(at++, arena, updated + 3 * 86400000);
	say(at++, arena, "Leave it at the back door, number %" PRIu64 ", please.", n % 1000);
	say(at++, arena, "[\"new\", \"batch-%" PRIu64 "\"]", n % 100);
	say(at++, arena, "event-%012" PRIu64, n);
	*at++ = order->values[COLUMNS - 3];
	say_time(at, arena, updated);
}

/* ------------------------------------------------------------------ the log */

static bool is_bare(enum type type)
{
	return type == INT || type == DECIMAL || type == BOOL || type == JSON;
}

static void write_flat(struct buf *out, const struct order *order)
{
	json_open(out, '{');
	for (size_t i = 0; i < COLUMNS - 2; i++) {
		json_key(out, columns[i].name);
		if (is_bare(columns[i].type))
			json_raw(out, order->values[i].text, strlen(order->values[i].text));
		else
			json_string(out, order->values[i].text);
	}
	json_close(out, '}');
}

/* As a vendor would: some of it of no use to us. */
static void write_nested(struct buf *out, const struct order *order)
{
	const struct value *v = order->values;
	buf_format(out, "{\"event\":{\"id\":\"%s\",\"type\":\"order.changed\",\"at\":\"%s\",\"attempt\":1},", v[19].text,
		v[15].text);
	buf_format(out, "\"shop\":{\"name\":\"%s\",\"url\":\"https://shop.example.com/\",\"plan\":\"basic\"},", v[1].text);
	buf_format(out, "\"order\":{\"id\":%s,\"status\":\"%s\",", v[0].text, v[2].text);
	buf_format(out, "\"totals\":{\"currency\":\"%s\",\"gross\":%s,\"tax\":%s,\"discount\":%s},", v[8].text, v[9].text,
		v[10].text, v[11].text);
	buf_format(out, "\"items\":%s,\"paid\":%s,\"placed_at\":\"%s\",", v[12].text, v[13].text, v[14].text);
	buf_format(out, "\"ship_by\":\"%s\",\"note\":\"%s\",\"tags\":%s,", v[16].text, v[17].text, v[18].text);
	buf_format(out, "\"lines\":[{\"sku\":\"A-%s\",\"count\":2,\"price\":9.90}]},", v[0].text);
	buf_format(out, "\"customer\":{\"id\":%s,\"name\":\"%s\",\"email\":\"%s\",\"phone\":null,", v[3].text, v[4].text,
		v[5].text);
	buf_format(out, "\"address\":{\"line1\":\"1 Long Street\",\"city\":\"%s\",\"country\":\"%s\"}}}", v[6].text,
		v[7].text);
}

static struct sl_text text(const char *words)
{
	return (struct sl_text){ words, strlen(words) };
}

static void append(struct log *log, uint64_t n, bool nested, struct arena *arena)
{
	struct log_record record = { .received = clock_wall(), .source = text("orders"), .method = text("POST"),
		.path = text("/in/orders"), .query = text(""), .headers = text("x-table: orders\n") };
	struct order order;
	struct buf body = { 0 };
	make_order(&order, n, arena);
	(nested ? write_nested : write_flat)(&body, &order);
	record.body = (struct sl_text){ body.at, body.len };
	log_append(log, &record);
	buf_free(&body);
}

static void flush(struct log *log)
{
	struct why why = { "" };
	struct log_batch *batch = log_take(log);
	if (!log_write(log, batch, &why))
		stop("the log", why.text);
	log_done(log, &batch);
	if (log_wants_segment(log) && !log_prepare(log, &why))
		stop("the log", why.text);
}

static void fill_log(const char *folder, uint64_t count, bool nested)
{
	const struct log_options options = { .size = INT64_C(4) << 30, .keep = INT64_C(86400000) * 3650 };
	struct why why = { "" };
	struct arena *arena = arena_new();
	struct log *log = log_open(folder, &options, 0, &why);
	if (!log)
		stop(folder, why.text);
	for (uint64_t n = 1; n <= count; n++) {
		append(log, n, nested, arena);
		if (n % BATCH == 0 || n == count) {
			flush(log);
			arena_reset(arena);
		}
	}
	log_close(&log);
	arena_free(&arena);
}

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

static void write_unnest(struct buf *out)
{
	write_insert(out);
	buf_string(out, "SELECT ");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "r.%s%s, ", columns[i].name, types[columns[i].type].cast);
	buf_string(out, "now() FROM unnest(");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(out, "%s$%zu::%s", i ? ", " : "", i + 1, types[columns[i].type].array);
	buf_string(out, ") AS r (");
	write_names(out, "");
	buf_string(out, ")");
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

static void load(const char *conninfo, size_t count, const struct way *way)
{
	struct arena *arena = arena_new();
	struct order *orders = calloc(count, sizeof(*orders));
	PGconn *to = PQconnectdb(conninfo);
	size_t aside = count / 10 / BATCH * BATCH;
	int64_t began = 0;
	if (!orders || PQstatus(to) != CONNECTION_OK)
		stop("Postgres", PQerrorMessage(to));
	prepare(to, way->write);
	for (size_t n = 0; n < count; n++)
		make_order(&orders[n], n + 1, arena);
	for (size_t n = 0; n < count; n += BATCH) {
		if (n == aside)
			began = clock_ticks();
		way->load(to, orders + n, count - n < BATCH ? count - n : BATCH);
	}
	printf("%.0f\n", (double)(count - aside) * 1000 / (double)(clock_ticks() - began));
	PQfinish(to);
	free(orders);
	arena_free(&arena);
}

int main(int count, char **words)
{
	if (count == 5 && strcmp(words[1], "log") == 0)
		fill_log(words[2], strtoull(words[3], NULL, 10), strcmp(words[4], "nested") == 0);
	else if (count == 5 && strcmp(words[1], "load") == 0)
		load(words[2], strtoul(words[3], NULL, 10), way_named(words[4]));
	else
		stop("usage", "upsert log FOLDER COUNT flat|nested, or upsert load CONNINFO COUNT unnest|pipeline|single");
	return 0;
}
