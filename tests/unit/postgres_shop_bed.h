/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_shop_bed.h - a postgres sink with the tables of a shop, a server behind it, and a pooler between them. */
#ifndef TESTS_POSTGRES_SHOP_BED_H
#define TESTS_POSTGRES_SHOP_BED_H

#include "sink_bed.h"

#include "postgres_bed.h"

static const char shop[] =
	"options:\n"
	"  late: { type: duration, initial: 1h }\n"
	"tables:\n"
	"  events:\n"
	"    mode: append\n"
	"    key: [id]\n"
	"    indexes: [[about, at]]\n"
	"    columns: { id: text, about: text, at: timestamp, paid: bool, size: int, day: date, price: decimal,"
	" raw: json }\n"
	"  states:\n"
	"    mode: upsert\n"
	"    key: [shop, \"odd \\\"name\"]\n"
	"    columns: { shop: text, \"odd \\\"name\": int, state: text, note: text }\n"
	"  cards:\n"
	"    mode: patch\n"
	"    deletes: mark\n"
	"    key: [id]\n"
	"    columns: { id: text, name: text, list: text }\n"
	"  goods:\n"
	"    mode: upsert\n"
	"    deletes: remove\n"
	"    key: [id, size]\n"
	"    columns: { id: text, size: int, name: text }\n"
	"  lines:\n"
	"    mode: replace\n"
	"    parent: [order, part]\n"
	"    key: [order, part, line]\n"
	"    columns: { order: text, part: int, line: int, title: text }\n";

/* What another program sees, and does. */
static struct {
	PGconn *db;
	char conninfo[256];
} other;

static inline void sees(struct fixture *f, const char *sql, const char *wanted)
{
	bed_shows(other.db, sql, wanted);
}

static inline void does(struct fixture *f, const char *sql)
{
	bed_does(other.db, sql);
}

/* ------------------------------------------------------------------- set up */

static inline void set_number(struct fixture *f, const char *name, int64_t number)
{
	set_option(f, name, &number, sizeof(number));
}

static inline void set_url(struct fixture *f, const char *url)
{
	const char **list = arena_alloc(f->arena, 2 * sizeof(*list));
	list[0] = arena_string(f->arena, url);
	set_option(f, "url", &list, sizeof(list));
}

static inline int begin(void **state)
{
	struct fixture *f = bed_sink("postgres");
	const char *namespace = "public";
	other.db = bed_database(other.conninfo, sizeof(other.conninfo));
	set_url(f, other.conninfo);
	set_option(f, "namespace", &namespace, sizeof(namespace));
	set_number(f, "connect_timeout", 5000);
	set_number(f, "statement_timeout", 10000);
	set_number(f, "answer_timeout", 15000);
	set_number(f, "lock_timeout", 200);
	set_number(f, "idle_timeout", 60000);
	bed_load(f, shop, "", "postgres");
	*state = f;
	return 0;
}

static inline int begin_open(void **state)
{
	begin(state);
	if (bed_open(*state) != SL_DONE)
		fail_msg("%s", ((struct fixture *)*state)->why);
	return 0;
}

static inline int begin_pooler(void **state)
{
	bool pooler = true;
	begin(state);
	set_option(*state, "pooler", &pooler, sizeof(pooler));
	if (bed_open(*state) != SL_DONE)
		fail_msg("%s", ((struct fixture *)*state)->why);
	return 0;
}

static inline int end(void **state)
{
	PQfinish(other.db);
	bed_free(*state);
	return 0;
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin_open, end)
#define BEFORE_OPEN(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define POOLED(name) { #name " (pooler)", name, begin_pooler, end, NULL }

#endif
