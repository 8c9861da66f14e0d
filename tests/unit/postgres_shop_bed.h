/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_shop_bed.h - a postgres sink with the tables of a shop, a server behind it, and a pooler between them. */
#ifndef TESTS_POSTGRES_SHOP_BED_H
#define TESTS_POSTGRES_SHOP_BED_H

#include "postgres_sink_bed.h"

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

/* ------------------------------------------------------------------- set up */

static inline int begin(void **state)
{
	struct fixture *f = bed_postgres();
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

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin_open, bed_postgres_end)
#define BEFORE_OPEN(name) cmocka_unit_test_setup_teardown(name, begin, bed_postgres_end)
#define POOLED(name) { #name " (pooler)", name, begin_pooler, bed_postgres_end, NULL }

#endif
