/* SPDX-License-Identifier: Apache-2.0 */
/* upsert_sqlite.c - orders into SQLite by hand: one prepared statement, WAL, each transaction on the disk. */
#include <sqlite3.h>

#include "base/clock.h"
#include "orders.h"

static void run(sqlite3 *to, const char *sql)
{
	if (sqlite3_exec(to, sql, NULL, NULL, NULL) != SQLITE_OK)
		stop(sql, sqlite3_errmsg(to));
}

static sqlite3 *opened(const char *path)
{
	sqlite3 *to;
	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		stop(path, sqlite3_errmsg(to));
	run(to, "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA journal_size_limit = 67108864");
	return to;
}

/* The newest by time and id stays, as in the other program's statement. */
static sqlite3_stmt *prepared(sqlite3 *to)
{
	struct buf sql = { 0 };
	sqlite3_stmt *statement;
	buf_string(&sql, "INSERT INTO orders (");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(&sql, "%s, ", columns[i].name);
	buf_string(&sql, "_synced_at) VALUES (");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_format(&sql, "?%zu, ", i + 1);
	buf_format(&sql, "?%d) ON CONFLICT (order_id) DO UPDATE SET ", COLUMNS + 1);
	for (size_t i = 1; i < COLUMNS; i++)
		buf_format(&sql, "%s = excluded.%s, ", columns[i].name, columns[i].name);
	buf_string(&sql, "_synced_at = excluded._synced_at WHERE (orders._event_time, orders._event_id) <="
			 " (excluded._event_time, excluded._event_id)");
	if (sqlite3_prepare_v2(to, sql.at, -1, &statement, NULL) != SQLITE_OK)
		stop(sql.at, sqlite3_errmsg(to));
	buf_free(&sql);
	return statement;
}

static void write_order(sqlite3 *to, sqlite3_stmt *statement, const struct order *order, const char *now)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		const struct value *value = &order->values[i];
		if (columns[i].type == INT || columns[i].type == BOOL)
			sqlite3_bind_int64(statement, (int)i + 1, value->number);
		else
			sqlite3_bind_text(statement, (int)i + 1, value->text, -1, SQLITE_STATIC);
	}
	sqlite3_bind_text(statement, COLUMNS + 1, now, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) != SQLITE_DONE)
		stop("SQLite", sqlite3_errmsg(to));
	sqlite3_reset(statement);
}

double sqlite_load(const char *path, const struct order *orders, size_t count, size_t aside)
{
	sqlite3 *to = opened(path);
	sqlite3_stmt *statement = prepared(to);
	int64_t began = clock_ticks();
	for (size_t n = 0; n < count; n++) {
		if (n == aside)
			began = clock_ticks();
		if (n % BATCH == 0)
			run(to, "BEGIN IMMEDIATE");
		write_order(to, statement, &orders[n], "2026-11-22T00:00:00.000Z");
		if (n % BATCH == BATCH - 1 || n == count - 1)
			run(to, "COMMIT");
	}
	double rate = (double)(count - aside) * 1000 / (double)(clock_ticks() - began);
	sqlite3_finalize(statement);
	sqlite3_close(to);
	return rate;
}
