/* SPDX-License-Identifier: Apache-2.0 */
/* base.c - the database file: opened, watched, closed; what its errors mean. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "inside.h"

/* ------------------------------------------------------------ how it ended */

static bool job_ends(struct job *job, enum end end, const char *form, va_list values)
{
	if (job->end != END_DONE)
		return false; /* the first reason is the one that counts */
	job->end = end;
	vsnprintf(job->why, sizeof(job->why), form, values);
	return false;
}

bool job_retry(struct job *job, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	job_ends(job, END_RETRY, form, values);
	va_end(values);
	return false;
}

bool job_fail(struct job *job, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	job_ends(job, END_FAIL, form, values);
	va_end(values);
	return false;
}

void job_settle(struct job *job, size_t row, enum sl_outcome outcome, const char *why)
{
	struct failure *failure = sl_pile_take(&job->brief->pile, sizeof(*failure));
	*failure = (struct failure){ row, outcome, why, NULL };
	job->refused = job->refused || outcome == SL_FAIL;
	*job->last_failure = failure;
	job->last_failure = &failure->next;
}

/* -------------------------------------------------------------------- texts */

static const char *kept_text(struct job *job, char *text)
{
	const char *kept = sl_pile_string(&job->brief->pile, text);
	sqlite3_free(text);
	if (!kept)
		sl_no_memory();
	return kept;
}

const char *job_text(struct job *job, sqlite3_str *text)
{
	bool empty = sqlite3_str_errcode(text) == SQLITE_OK && sqlite3_str_length(text) == 0;
	char *sql = sqlite3_str_finish(text);
	return empty ? "" : kept_text(job, sql);
}

const char *job_format(struct job *job, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	char *text = sqlite3_vmprintf(form, values);
	va_end(values);
	return kept_text(job, text);
}

/* ------------------------------------------------------------------- errors */

/* What SQLite's codes mean to the person who runs the daemon. */
static const struct {
	int code;
	const char *words;
} meanings[] = {
	{ SQLITE_BUSY, "another program holds the database locked" },
	{ SQLITE_LOCKED, "another program holds the database locked" },
	{ SQLITE_FULL, "the disk is full" },
	{ SQLITE_READONLY, "the file may not be written; look at its owner and mode, and its folder's" },
	{ SQLITE_IOERR, "the disk cannot be read or written" },
	{ SQLITE_CANTOPEN, "the file cannot be opened or made; look at its folder, owner and mode" },
	{ SQLITE_PERM, "the file may not be used; look at its owner and mode" },
	{ SQLITE_CORRUPT, "the database is damaged; try `sqlite3 FILE .recover`, or move it away" },
	{ SQLITE_NOTADB, "the file is no SQLite database; move it away, or name another path" },
	{ SQLITE_NOMEM, "there is no memory left" },
};

static const char *meaning(int code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].code == (code & 0xff))
			return meanings[i].words;
	return "the database does not do what it is asked";
}

bool base_error(struct job *job, const char *doing)
{
	struct sink *sink = job->sink;
	int code = sink->db ? sqlite3_extended_errcode(sink->db) : SQLITE_NOMEM;
	return job_retry(job, "%s: %s: %s (%s)", sink->options->path, doing, meaning(code),
		sink->db ? sqlite3_errmsg(sink->db) : "not opened");
}

/* -------------------------------------------------------------- statements */

bool base_run(struct job *job, const char *sql)
{
	return sqlite3_exec(job->sink->db, sql, NULL, NULL, NULL) == SQLITE_OK || base_error(job, sql);
}

bool base_prepare(struct job *job, const char *sql, sqlite3_stmt **statement)
{
	if (!sql)
		return job_retry(job, "%s: there is no memory left", job->sink->options->path);
	return sqlite3_prepare_v3(job->sink->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK ||
		base_error(job, "preparing a statement");
}

static sqlite3_stmt *find_prepared(struct sink *sink, const char *sql)
{
	for (size_t i = 0; i < PREPARED_MOST; i++)
		if (sink->prepared[i].sql && strcmp(sink->prepared[i].sql, sql) == 0)
			return sink->prepared[i].statement;
	return NULL;
}

static void forget(struct prepared *prepared)
{
	sqlite3_finalize(prepared->statement);
	sqlite3_free(prepared->sql);
	*prepared = (struct prepared){ 0 };
}

sqlite3_stmt *base_prepared(struct job *job, sqlite3_str *text)
{
	struct sink *sink = job->sink;
	char *sql = sqlite3_str_finish(text);
	sqlite3_stmt *statement = sql ? find_prepared(sink, sql) : NULL;
	if (statement || !base_prepare(job, sql, &statement)) {
		sqlite3_free(sql);
		return statement;
	}
	struct prepared *prepared = &sink->prepared[sink->next_prepared++ % PREPARED_MOST];
	forget(prepared);
	*prepared = (struct prepared){ sql, statement };
	return statement;
}

bool base_count(struct job *job, const char *sql, const char *first, const char *second, int64_t *count)
{
	sqlite3_stmt *statement;
	if (!base_prepare(job, sql, &statement))
		return false;
	if (first)
		sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	if (second)
		sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	*count = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || base_error(job, "counting");
}

static const char *const own_texts[OWNS] = {
	[OWN_SET] = ("INSERT INTO _sluice_sets (name, parent, event_time, event_id) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (name, parent) DO UPDATE SET event_time = excluded.event_time, event_id = excluded.event_id"
		" WHERE (excluded.event_time, excluded.event_id) >= (_sluice_sets.event_time, _sluice_sets.event_id)"),
	[OWN_GONE_LOOK] = "SELECT event_time FROM _sluice_gone WHERE name = ?1 AND \"row\" = ?2",
	[OWN_GONE_PUT] = "INSERT OR REPLACE INTO _sluice_gone (name, \"row\", event_time) VALUES (?1, ?2, ?3)",
	[OWN_GONE_DROP] = "DELETE FROM _sluice_gone WHERE name = ?1 AND \"row\" = ?2",
	[OWN_LOAD_LOOK] = "SELECT run, state, begun, event_id, rows FROM _sluice_loads WHERE name = ?1",
	[OWN_LOAD_PUT] = ("INSERT OR REPLACE INTO _sluice_loads (name, run, state, begun, event_id, rows)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
};

sqlite3_stmt *base_own(struct job *job, enum own own)
{
	sqlite3_stmt **statement = &job->sink->own[own];
	if (!*statement)
		base_prepare(job, own_texts[own], statement);
	return *statement;
}

/* ------------------------------------------------------------------- places */

static const char *const suffixes[PLACES] = { "-wal", "-shm" };

static bool place_of(const struct sink *sink, const char *suffix, struct place *place)
{
	char path[4096];
	struct stat found;
	if (snprintf(path, sizeof(path), "%s%s", sink->options->path, suffix) >= (int)sizeof(path))
		return false;
	if (stat(path, &found) != 0)
		return false;
	*place = (struct place){ found.st_dev, found.st_ino };
	return true;
}

static void note_places(struct sink *sink)
{
	for (size_t i = 0; i < PLACES; i++)
		if (!place_of(sink, suffixes[i], &sink->places[i]))
			sink->places[i] = (struct place){ 0 };
}

/* SQLite goes on writing into a file that no longer has a name. */
bool base_moved(struct sink *sink)
{
	int moved = 0;
	sqlite3_file_control(sink->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return true;
	for (size_t i = 0; i < PLACES; i++) {
		const struct place *was = &sink->places[i];
		struct place is;
		if (was->inode == 0)
			continue;
		if (!place_of(sink, suffixes[i], &is) || is.device != was->device || is.inode != was->inode)
			return true;
	}
	return false;
}

/* A full disk is told before the next rows need it.  The last blocks may be root's alone. */
static bool has_room(struct job *job, const char *folder)
{
	struct statvfs disk;
	if (statvfs(folder, &disk) != 0 || disk.f_blocks == 0) /* not every file system knows */
		return true;
	return (geteuid() == 0 ? disk.f_bfree : disk.f_bavail) > 0 ||
		job_retry(job, "%s: the disk is full; make room on it", job->sink->options->path);
}

/* A file made read-only while it is open could still be written; but whoever did
 * that wants to see the route wait, and a restart would not open it. */
static bool writable(struct job *job)
{
	const char *path = job->sink->options->path, *slash = strrchr(path, '/');
	char folder[4096] = ".";
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
		return job_retry(job, "%s: its folder cannot be written: %s", path, strerror(errno));
	if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0 && errno != ENOENT)
		return job_retry(job, "%s: cannot be written: %s", path, strerror(errno));
	return has_room(job, folder);
}

/* ------------------------------------------------------------ open and shut */

static void end_statements(sqlite3_stmt **statements, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sqlite3_finalize(statements[i]);
		statements[i] = NULL;
	}
}

void base_close(struct sink *sink)
{
	for (size_t i = 0; i < sink->table_count; i++)
		end_statements(sink->tables[i].statements, STATEMENTS);
	for (size_t i = 0; i < PREPARED_MOST; i++)
		forget(&sink->prepared[i]);
	end_statements(sink->own, OWNS);
	sqlite3_close(sink->db);
	sink->db = NULL;
}

/* WAL lets people read while rows come in; where the file system cannot do it
 * (network folders), SQLite stays with its rollback journal. */
static bool set_journal(struct job *job)
{
	sqlite3_stmt *statement;
	if (!base_prepare(job, "PRAGMA journal_mode = wal", &statement))
		return false;
	bool answered = sqlite3_step(statement) == SQLITE_ROW;
	const char *mode = answered ? (const char *)sqlite3_column_text(statement, 0) : "";
	if (answered && strcmp(mode, "wal") != 0)
		snprintf(job->note, sizeof(job->note), "%s: this file system has no WAL; readers and the sink will wait for "
			"each other", job->sink->options->path);
	sqlite3_finalize(statement);
	return answered || base_error(job, "setting the journal mode");
}

/* The same bytes once more, so that the system asks the disk for them again.  False: errno. */
static bool write_again(int fd)
{
	char bytes[65536];
	off_t at = 0;
	for (ssize_t got; (got = pread(fd, bytes, sizeof(bytes), at)) != 0;) {
		ssize_t put = got > 0 ? pwrite(fd, bytes, (size_t)got, at) : got;
		if (put < 0 && errno != EINTR)
			return false;
		at += put > 0 ? put : 0;
	}
	return fdatasync(fd) == 0;
}

static const char *wal_of(const struct sink *sink)
{
	return sqlite3_filename_wal(sqlite3_db_filename(sink->db, "main"));
}

/* No close carries over what may not be on the disk. */
static void spare_wal(struct sink *sink)
{
	struct stat found;
	bool holds = stat(wal_of(sink), &found) == 0 && found.st_size > 0;
	sqlite3_db_config(sink->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, holds, NULL);
}

static bool renew_wal(struct job *job)
{
	const char *path = wal_of(job->sink);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool done = fd >= 0 ? write_again(fd) : errno == ENOENT;
	int error = errno;
	if (fd >= 0)
		close(fd);
	return done || job_retry(job, "%s: cannot be written once more: %s", path, strerror(error));
}

/* What a sync failed for the system takes for written, and asks the disk for no more.  In the WAL it would tear off all
 * that comes behind it when the power goes, and tear the file while it is carried over there.  So the WAL is written
 * once more, while nobody else writes, then carried over and begun anew.  A reader or another writer may keep us from
 * that; nobody waits for them but a COMMIT in doubt. */
static bool empty_wal(struct job *job)
{
	struct sink *sink = job->sink;
	int timeout = (int)sink->options->busy_timeout;
	sqlite3_busy_timeout(sink->db, sink->doubted ? timeout : 0);
	int code = sqlite3_exec(sink->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		bool renewed = renew_wal(job);
		sqlite3_exec(sink->db, "ROLLBACK", NULL, NULL, NULL);
		if (!renewed)
			return false;
		code = sqlite3_wal_checkpoint_v2(sink->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	sqlite3_busy_timeout(sink->db, timeout);
	if (code != SQLITE_OK && (sink->doubted || (code & 0xff) != SQLITE_BUSY))
		return base_error(job, "emptying its WAL");
	sqlite3_db_config(sink->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return true;
}

bool base_open(struct job *job, bool look)
{
	struct sink *sink = job->sink;
	const char *path = look && access(sink->options->path, F_OK) != 0 ? ":memory:" : sink->options->path;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (sqlite3_open_v2(path, &sink->db, flags, NULL) != SQLITE_OK)
		return base_error(job, "opening it");
	sqlite3_busy_timeout(sink->db, (int)sink->options->busy_timeout);
	if (path == sink->options->path)
		spare_wal(sink);
	/* A table that is made anew takes the old one's name without a look at the views. */
	return (look || set_journal(job)) && base_run(job, "PRAGMA synchronous = full") && (look || empty_wal(job)) &&
		base_run(job, "PRAGMA foreign_keys = off") && base_run(job, "PRAGMA legacy_alter_table = on") &&
		base_run(job, "PRAGMA journal_size_limit = 67108864");
}

static bool learn_tables(struct job *job)
{
	for (size_t i = 0; i < job->sink->table_count; i++)
		if (!look_strict(job, job->sink->tables[i].face->name, &job->sink->tables[i].strict))
			return false;
	return true;
}

static bool make_all(struct job *job)
{
	if (!base_run(job, "BEGIN IMMEDIATE"))
		return false;
	if (plan_make(job) && !plan_blocked(job) && plan_do(job, PLAN_SAFE) && views_try(job, PLAN_SAFE) &&
		loads_settle(job) && learn_tables(job) && base_run(job, "COMMIT"))
		return true;
	sqlite3_exec(job->sink->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

bool base_ready(struct job *job)
{
	struct sink *sink = job->sink;
	if (!writable(job))
		return false;
	if (sink->db && !base_moved(sink))
		return true;
	base_close(sink);
	if (base_open(job, false) && make_all(job)) {
		note_places(sink);
		return true;
	}
	base_close(sink);
	return false;
}
