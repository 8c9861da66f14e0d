/* SPDX-License-Identifier: Apache-2.0 */
/* orders.h - what the benches of routes are fed with: orders of a shop, the nth the same in each of them.
 *
 *     orders.c         the nth order, and its body
 *     orders_log.c     a log of them
 *     orders_post.c    a program that posts them
 *     orders_map.c     a plugin: a nested body becomes a row
 *     upsert.c         a program that writes them into Postgres by hand, or into a log
 *     upsert_sqlite.c  likewise into SQLite
 *
 * Every second order changes one of 10 001 orders before.
 */
#ifndef BENCH_ORDERS_H
#define BENCH_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define BATCH 500 /* orders written at once */

enum type { TEXT,
	INT,
	DECIMAL,
	BOOL,
	TIMESTAMP,
	DATE,
	JSON };

struct column {
	const char *name;
	enum type type;
};
#define COLUMNS 22
extern const struct column columns[COLUMNS];

/* As text, and as a number where the type is one: microseconds for a time, days for a date. */
struct value {
	const char *text;
	int64_t number;
};

struct order {
	struct value values[COLUMNS];
};

void order_make(struct order *order, uint64_t n, struct arena *arena);
/* Its body: an object of its columns, or as a vendor would nest it. */
void order_write_flat(struct buf *out, const struct order *order);
void order_write_nested(struct buf *out, const struct order *order);

/* Every 100th order of a log that `repeats` is an earlier one, sent again, among the last million ids. */
uint64_t order_repeated(uint64_t n);
uint64_t orders_log(const char *folder, uint64_t count, bool nested, bool repeats); /* how many were repeated */

/* Into the table that a route has made, BATCH rows a transaction; rows a second. */
double sqlite_load(const char *path, const struct order *orders, size_t count, size_t aside);

_Noreturn void stop(const char *what, const char *why);

#endif
