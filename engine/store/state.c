/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - a small SQLite file of one process: opened, checked, asked. */
#include "store/state_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/line.h"

#define BUSY_WAIT 2000                          /* milliseconds; others only read */
#define LOCK_PAUSE 20000                        /* microseconds */
#define WAL_MOST "16777216"                     /* bytes it may keep, once a long reader of it is gone */
#define CHECKED_SIZE ((off_t)64 * 1024 * 1024)  /* a larger file is not read as a whole at start */
/* ------------------------------------------------------------------- failing */

bool state_failed(struct state *state, struct why *why)
{
	int code = state->db ? sqlite3_errcode(state->db) & 0xff : SQLITE_NOMEM;
	state->damaged |= code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	return why_say(why, "%s: %s", state->path, state->db ? sqlite3_errmsg(state->db) : "out of memory");
}

bool state_execute(struct state *state, const char *sql, struct why *why)
{
	return sqlite3_exec(state->db, sql, NULL, NULL, NULL) == SQLITE_OK || state_failed(state, why);
}

/* The main file goes last: while it is there, a WAL beside it belongs to it. */
static void move_aside(struct state *state)
{
	static const char *const parts[] = { "-shm", "-wal", "" };
	int64_t now = clock_wall();
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char from[4096], to[4096];
		snprintf(from, sizeof(from), "%s%s", state->path, parts[i]);
		snprintf(to, sizeof(to), "%s.damaged-%" PRId64 "%s", state->path, now, parts[i]);
		rename(from, to);
	}
	line(SL_ERROR, "%s: the file is damaged; it is kept as %s.damaged-%" PRId64 " and made anew",
		state->path, state->path, now);
}

/* ------------------------------------------------------------------- opening */

static bool take_lock(struct state *state, int64_t wait_ms, struct why *why)
{
	char path[4096];
	int64_t until = clock_ticks() + wait_ms;
	snprintf(path, sizeof(path), "%s.lock", state->path);
	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->lock < 0)
		return why_errno(why, "%s", path);
	while (flock(state->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return why_errno(why, "%s", path);
		if (clock_ticks() >= until)
			return why_say(why, "%s: another process is using this file", path);
		usleep(LOCK_PAUSE);
	}
	return true;
}

static int64_t ask_number(struct state *state, const char *sql) /* -1: failed */
{
	sqlite3_stmt *statement;
	int64_t number = -1;
	if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) == SQLITE_OK
		&& sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* Reading it as a whole finds what a damaged page would hide until it is needed. */
static bool check(struct state *state, struct why *why)
{
	struct stat file;
	sqlite3_stmt *statement = NULL;
	if (stat(state->path, &file) < 0 || file.st_size == 0 || file.st_size > CHECKED_SIZE)
		return true;
	bool good = sqlite3_prepare_v2(state->db, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK
		&& sqlite3_step(statement) == SQLITE_ROW;
	if (!good)
		state_failed(state, why);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		good = !(state->damaged = true);
	sqlite3_finalize(statement);
	return good;
}

static bool take_step(struct state *state, const char *sql, int version, struct why *why)
{
	char number[48];
	snprintf(number, sizeof(number), "PRAGMA user_version = %d", version);
	if (state_begin(state, why) && state_execute(state, sql, why) && state_execute(state, number, why)
		&& state_commit(state, why))
		return true;
	state_rollback(state);
	return false;
}

static bool migrate(struct state *state, const char *const *steps, struct why *why)
{
	int64_t version = ask_number(state, "PRAGMA user_version"), known = 0;
	while (steps[known])
		known++;
	if (version < 0)
		return state_failed(state, why);
	if (version > known)
		return why_say(why, "%s: written by a later version of sluice (file version %" PRId64
			", this one knows %" PRId64 "); use that version, or move the file away", state->path, version, known);
	for (; version < known; version++)
		if (!take_step(state, steps[version], (int)version + 1, why))
			return false;
	return true;
}

static bool open_file(struct state *state, const char *const *steps, struct why *why)
{
	state->damaged = false;
	state->size = 0;
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(state->path, &state->db, flags, NULL) != SQLITE_OK)
		return state_failed(state, why);
	sqlite3_busy_timeout(state->db, BUSY_WAIT);
	return state_execute(state,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = " WAL_MOST, why)
		&& check(state, why) && migrate(state, steps, why) && state_whole(state, why);
}

/* A file found damaged while it was used is moved aside for the next start. */
static void close_file(struct state *state)
{
	for (size_t i = 0; i < state->cached; i++)
		sqlite3_finalize(state->cache[i].statement);
	state->cached = 0;
	sqlite3_close(state->db);
	state->db = NULL;
	if (state->damaged && state->lock >= 0) /* who only looks leaves that to its owner */
		move_aside(state);
}

struct state *state_open(const char *path, const char *const *steps, int64_t wait_ms, struct why *why)
{
	struct state *state = must_alloc(sizeof(*state));
	state->path = must_string(path);
	state->lock = -1;
	bool done = take_lock(state, wait_ms, why);
	bool opened = done && open_file(state, steps, why);
	if (done && !opened && state->damaged) {
		close_file(state); /* moves it aside */
		state->made_anew = true;
		opened = open_file(state, steps, why);
	}
	if (!opened)
		state_close(&state);
	return state;
}

struct state *state_look(const char *path, struct why *why)
{
	struct state *state = must_alloc(sizeof(*state));
	state->path = must_string(path);
	state->lock = -1;
	if (sqlite3_open_v2(path, &state->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(state->db, BUSY_WAIT);
		return state;
	}
	state_failed(state, why);
	state_close(&state);
	return NULL;
}

void state_close(struct state **at)
{
	struct state *state = *at;
	if (!state)
		return;
	close_file(state);
	if (state->lock >= 0)
		close(state->lock);
	free(state->path);
	free(state);
	*at = NULL;
}

bool state_made_anew(const struct state *state)
{
	return state->made_anew;
}

/* Nothing ever makes a file of ours smaller. */
bool state_whole(struct state *state, struct why *why)
{
	struct stat file;
	if (stat(state->path, &file) < 0)
		return true; /* one that is gone is another matter */
	state->damaged |= file.st_size < state->size;
	state->size = file.st_size;
	return !state->damaged || why_say(why, "%s was cut or damaged while it was in use", state->path);
}

bool state_moved(struct state *state)
{
	int moved = 0;
	sqlite3_file_control(state->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved || state->damaged;
}

sqlite3 *state_sqlite(struct state *state)
{
	return state->db;
}
