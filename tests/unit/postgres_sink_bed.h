/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_sink_bed.h - the postgres sink on a database of its own, and another program that looks on. */
#ifndef TESTS_POSTGRES_SINK_BED_H
#define TESTS_POSTGRES_SINK_BED_H

#include "sink_bed.h"

#include "postgres_bed.h"

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

static inline void set_number(struct fixture *f, const char *name, int64_t number)
{
	set_option(f, name, &number, sizeof(number));
}

static inline void set_text(struct fixture *f, const char *name, const char *text)
{
	set_option(f, name, &text, sizeof(text));
}

static inline void set_url(struct fixture *f, const char *url)
{
	const char **list = arena_alloc(f->arena, 2 * sizeof(*list));
	list[0] = arena_string(f->arena, url);
	set_option(f, "url", &list, sizeof(list));
}

/* One more sink on the same database. */
static inline struct fixture *bed_postgres_too(void)
{
	struct fixture *f = bed_sink("postgres");
	set_url(f, other.conninfo);
	set_text(f, "namespace", "public");
	set_number(f, "connect_timeout", 5000);
	set_number(f, "statement_timeout", 10000);
	set_number(f, "answer_timeout", 15000);
	set_number(f, "lock_timeout", 200);
	set_number(f, "idle_timeout", 60000);
	return f;
}

/* Loaded, with a database, and not opened yet. */
static inline struct fixture *bed_postgres(void)
{
	other.db = bed_database(other.conninfo, sizeof(other.conninfo));
	bed_does(other.db, "SET TimeZone = 'UTC'");
	return bed_postgres_too();
}

static inline int bed_postgres_end(void **state)
{
	PQfinish(other.db);
	bed_free(*state);
	return 0;
}

/* Opens the sink with this schema, and these views. */
static inline void opens(struct fixture *f, const char *yaml, const char *views)
{
	bed_load(f, yaml, views, "postgres");
	if (bed_open(f) != SL_DONE)
		fail_msg("%s", f->why);
}

/* It does not open, and says why. */
static inline void does_not_open(struct fixture *f, const char *yaml, const char *views, const char *sentence)
{
	bed_load(f, yaml, views, "postgres");
	if (bed_open(f) == SL_DONE)
		fail_msg("it opened, but should have said \"%s\"", sentence);
	says(f, sentence);
}

/* The differences, a line each: what the step schema tells. */
static inline const char *differs(struct fixture *f, const char *verb)
{
	f->call.verb = verb;
	if (run(f, f->plugin->schema) != SL_DONE)
		fail_msg("%s", f->why);
	f->call.verb = NULL;
	return f->emitted.at ? f->emitted.at : "";
}

static inline const char *upkeep(struct fixture *f)
{
	if (run(f, f->plugin->upkeep) != SL_DONE)
		fail_msg("%s", f->why);
	return f->emitted.at ? f->emitted.at : "";
}

static inline void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static inline void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

#endif
