/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_bed.h - the sqlite sink on a file of the test's own, and what another program sees in it. */
#ifndef TESTS_SQLITE_BED_H
#define TESTS_SQLITE_BED_H

#include "sink_bed.h"

#include <sqlite3.h>

static char file[128];

static inline int collect(void *data, int count, char **values, char **names)
{
	struct buf *out = data;
	for (int i = 0; i < count; i++)
		buf_format(out, "%s%s", i ? "|" : "", values[i] ? values[i] : "~");
	buf_char(out, '\n');
	return 0;
}

/* What another program reads there; the caller frees it. */
static inline char *reads(const char *sql)
{
	sqlite3 *db;
	char *error = NULL;
	struct buf out = { 0 };
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	sqlite3_exec(db, sql, collect, &out, &error);
	if (error)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
	buf_string(&out, "");
	return out.at ? out.at : strdup("");
}

static inline void sees(struct fixture *f, const char *sql, const char *wanted)
{
	char *got = reads(sql);
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: wanted\n%sgot\n%s", sql, wanted, got);
	free(got);
}

static inline void does(struct fixture *f, const char *sql)
{
	sees(f, sql, "");
}

static inline void load(struct fixture *f, const char *yaml, const char *views)
{
	bed_load(f, yaml, views, "sqlite");
}

static inline void opens(struct fixture *f)
{
	if (bed_open(f) != SL_DONE)
		fail_msg("%s", f->why);
}

static inline struct fixture *sqlite_begin(const char *yaml)
{
	struct fixture *f = bed_sink("sqlite");
	static const char *path = file;
	int64_t wait = 50;
	snprintf(file, sizeof(file), "%s/w.db", f->folder);
	set_option(f, "path", &path, sizeof(path));
	set_option(f, "busy_timeout", &wait, sizeof(wait));
	load(f, yaml, "");
	return f;
}

static inline int sqlite_end(void **state)
{
	bed_free(*state);
	return 0;
}

#endif
