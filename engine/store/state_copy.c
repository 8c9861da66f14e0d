/* SPDX-License-Identifier: Apache-2.0 */
/* state_copy.c - a state file as it is at one moment, while its owner writes it. */
#include <string.h>
#include <unistd.h>

#include "store/state.h"

#define BUSY_WAIT 10000 /* milliseconds; only files that are not WAL have anybody to wait for */
#define PAGES 1024      /* a step */

static sqlite3 *open_it(const char *path, int flags)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY_WAIT);
		return db;
	}
	sqlite3_close(db);
	return NULL;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int got = backup ? SQLITE_OK : sqlite3_errcode(to);
	while (got == SQLITE_OK)
		got = sqlite3_backup_step(backup, PAGES);
	int end = sqlite3_backup_finish(backup);
	return got == SQLITE_DONE ? end : got;
}

static bool is_damage(int got)
{
	return (got & 0xff) == SQLITE_CORRUPT || (got & 0xff) == SQLITE_NOTADB;
}

/* Its pages are copied as they are: what is wrong with them is found by reading them. */
static int read_all(sqlite3 *db)
{
	sqlite3_stmt *check = NULL;
	int got = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &check, NULL);
	if (got == SQLITE_OK && (got = sqlite3_step(check)) == SQLITE_ROW)
		got = strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	sqlite3_finalize(check);
	return got;
}

static enum state_copied copied(sqlite3 *from, sqlite3 *to, const char *path, const char *copy, struct why *why)
{
	/* A transaction of our own: else each commit of the owner would have the copy begin anew. */
	int got = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (got == SQLITE_OK)
		got = copy_pages(from, to);
	if (got == SQLITE_OK)
		got = read_all(to);
	if (got == SQLITE_OK)
		return STATE_COPIED;
	why_say(why, "%s: cannot be copied to %s: %s", path, copy, sqlite3_errstr(got));
	return is_damage(got) ? STATE_DAMAGED : STATE_NOT_COPIED;
}

enum state_copied state_copy(const char *path, const char *copy, struct why *why)
{
	sqlite3 *from = open_it(path, SQLITE_OPEN_READONLY);
	sqlite3 *to = from ? open_it(copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) : NULL;
	enum state_copied end = STATE_NOT_COPIED;
	if (to)
		end = copied(from, to, path, copy, why);
	else
		why_say(why, "%s: cannot be opened", from ? copy : path);
	sqlite3_close(to);
	sqlite3_close(from);
	return end;
}
