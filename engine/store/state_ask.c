/* SPDX-License-Identifier: Apache-2.0 */
/* state_ask.c - transactions and statements of a state file. */
#include <stdarg.h>

#include "store/state_inside.h"

/* SQLite goes on writing into a file that has no name any more. */
static bool in_place(struct state *state, struct why *why)
{
	return !state_moved(state) || why_say(why, "%s was deleted or replaced while it was in use", state->path);
}

bool state_begin(struct state *state, struct why *why)
{
	return state_whole(state, why) && in_place(state, why) && state_execute(state, "BEGIN IMMEDIATE", why);
}

bool state_commit(struct state *state, struct why *why)
{
	return state_execute(state, "COMMIT", why);
}

void state_rollback(struct state *state)
{
	if (!sqlite3_get_autocommit(state->db))
		sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
}

void state_misfit(struct state *state)
{
	state->damaged |= (sqlite3_errcode(state->db) & 0xff) == SQLITE_ERROR;
}

static sqlite3_stmt *prepared(struct state *state, const char *sql, struct why *why)
{
	sqlite3_stmt *statement;
	for (size_t i = 0; i < state->cached; i++)
		if (state->cache[i].sql == sql)
			return state->cache[i].statement;
	if (state->cached == STATEMENTS) {
		why_say(why, "%s: more than %d different statements", state->path, STATEMENTS);
		return NULL;
	}
	if (sqlite3_prepare_v3(state->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
		state_failed(state, why);
		state_misfit(state);
		return NULL;
	}
	state->cache[state->cached].sql = sql;
	state->cache[state->cached++].statement = statement;
	return statement;
}

static void bind_text(sqlite3_stmt *statement, int place, struct sl_text text, bool blob)
{
	if (!text.at)
		sqlite3_bind_null(statement, place);
	else if (blob)
		sqlite3_bind_blob64(statement, place, text.at, text.len, SQLITE_STATIC);
	else
		sqlite3_bind_text64(statement, place, text.at, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_values(sqlite3_stmt *statement, const char *types, va_list values)
{
	for (int place = 1; *types; types++, place++) {
		if (*types == 'i')
			sqlite3_bind_int64(statement, place, va_arg(values, int64_t));
		else if (*types == 't')
			sqlite3_bind_text(statement, place, va_arg(values, const char *), -1, SQLITE_STATIC);
		else
			bind_text(statement, place, va_arg(values, struct sl_text), *types == 'b');
	}
}

static sqlite3_stmt *ask(struct state *state, struct why *why, const char *sql, const char *types,
	va_list values)
{
	sqlite3_stmt *statement = prepared(state, sql, why);
	if (!statement)
		return NULL;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	bind_values(statement, types, values);
	return statement;
}

sqlite3_stmt *state_ask(struct state *state, struct why *why, const char *sql, const char *types, ...)
{
	va_list values;
	va_start(values, types);
	sqlite3_stmt *statement = ask(state, why, sql, types, values);
	va_end(values);
	return statement;
}

enum state_got state_row(struct state *state, sqlite3_stmt *rows, struct why *why)
{
	int got = sqlite3_step(rows);
	if (got == SQLITE_ROW)
		return STATE_ROW;
	if (got != SQLITE_DONE)
		state_failed(state, why);
	sqlite3_reset(rows);
	return got == SQLITE_DONE ? STATE_END : STATE_FAILED;
}

bool state_run(struct state *state, struct why *why, const char *sql, const char *types, ...)
{
	va_list values;
	enum state_got got = STATE_ROW;
	va_start(values, types);
	sqlite3_stmt *statement = ask(state, why, sql, types, values);
	va_end(values);
	if (!statement)
		return false;
	while (got == STATE_ROW)
		got = state_row(state, statement, why);
	return got == STATE_END;
}

struct sl_text state_text(sqlite3_stmt *rows, int column)
{
	const char *at = sqlite3_column_blob(rows, column);
	if (!at && sqlite3_column_type(rows, column) == SQLITE_NULL)
		return (struct sl_text){ NULL, 0 };
	return (struct sl_text){ at ? at : "", (size_t)sqlite3_column_bytes(rows, column) };
}
