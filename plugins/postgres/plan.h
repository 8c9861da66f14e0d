/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - what is there, what is wanted, and how to come from one to the other.
 *
 *     catalog.c     what is there: tables, columns, indexes, who reads from whom
 *     plan.c        differences: in order, told, and done
 *     tables.c      the differences of tables
 *     columns.c     the differences of columns; types
 *     indexes.c     the differences of keys and indexes
 *     parts.c       tables in parts, by time
 *     views.c       the differences of views
 *     grants.c      who may do what with a table or view that is made anew
 *
 * A plan is made within a transaction; it changes nothing.  Then those of its differences are
 * done that are safe, or, if somebody insists, all that have a statement.  What belongs to others (columns, tables,
 * views) is never dropped, nor is anything dropped with CASCADE.
 */
#ifndef POSTGRES_PLAN_H
#define POSTGRES_PLAN_H

#include "inside.h"

#define NAME_MOST 63 /* bytes that Postgres keeps of a name */
#define LONG_PATIENCE (INT64_C(24) * 3600 * 1000) /* ms: an index over much takes its time */

struct plan;

/* ------------------------------------------------------------------ there */

struct there_column {
	const char *name;
	const char *type;      /* as it is declared: "numeric(10,2)" */
	const char *base;      /* its name in pg_type, or its domain's base: "numeric" */
	bool is_enum;
	bool not_null;
	bool filled;           /* has a default, or fills itself */
	bool generated;
	const char *comment;   /* NULL: none */
};

struct there_index {
	const char *name;
	bool unique, primary;
	bool whole;            /* all rows, just columns, checked at once, and in use */
	bool ordered;          /* a btree */
	const char **columns;  /* NULL stands for an expression */
	size_t count;
	struct there_index *next;
};

struct there_table {
	const char *name;
	char kind;             /* pg_class.relkind */
	const char *comment;
	const char *part_by;   /* the first column it is partitioned by; NULL: none */
	bool made;             /* by a sink of ours */
	const char *leaves, *comes; /* a column of the key that seems to have another name now; NULL: none */
	struct there_column *columns;
	size_t column_count;
	struct there_index *indexes;
	struct there_table *next;
};

/* A view reads from a column. */
struct there_edge {
	const char *from;      /* the view: "namespace.name" if it lies elsewhere */
	const char *to, *column;
	struct there_edge *next;
};

struct catalog {
	bool namespace;            /* it exists */
	struct there_table *tables; /* those that are wanted by name, and views of ours */
	struct there_edge *edges;
	struct there_note *notes;
};

/* What we wrote down about a table: `_sluice_upkeep`. */
struct there_note {
	const char *name, *task, *note;
	struct there_note *next;
};

bool catalog_read(struct job *job, struct plan *plan);
struct there_table *catalog_table(const struct catalog *catalog, const char *name);
const struct there_column *there_column(const struct there_table *table, const char *name);
const char *catalog_note(const struct catalog *catalog, const char *name, const char *task); /* NULL: none */

/* ------------------------------------------------------------------- the plan */

/* In the order in which they are done. */
enum phase { PHASE_DROP, PHASE_TABLES, PHASE_VIEWS, PHASES };

/* Statements, one after the other. */
struct line {
	const char *sql;
	bool quiet;                /* of no interest to people */
	struct line *next;
};

struct difference;
typedef bool around(struct plan *plan, const struct difference *difference);

struct difference {
	const char *type, *table, *column; /* column NULL: of the table as a whole */
	const char *why;
	struct line *lines, **last_line;   /* none: no statement helps */
	bool safe;
	bool blocks;                       /* without it rows cannot be written */
	bool waits;                        /* rows can do without: if Postgres refuses it, that is told, and no more */
	bool done;
	around *before, *after;            /* what is done beside the statements; NULL: nothing */
	struct difference *next;
};

/* A table that there should be. */
struct wanted {
	const struct sl_table *face;
	struct table *table;               /* whose casts are learned; NULL: nobody's */
	bool stage;                        /* of a load: altered if it is there, not made */
};

/* A view that is dropped on the way, to be made again. */
struct remade {
	const char *name;
	struct line *grants;
	struct remade *next;
};

struct plan {
	struct job *job;
	struct sl_pile *pile;
	struct catalog catalog;
	struct wanted *wanted;
	size_t wanted_count;
	struct difference *first[PHASES], **last[PHASES];
	struct there_edge *widened;        /* columns whose type changes: to, column */
	struct remade *remade;
};

/* A difference with a sentence; statements are added to it. */
struct difference *plan_add(struct plan *plan, enum phase phase, const char *type, const char *table,
	const char *column, const char *form, ...) __attribute__((format(printf, 6, 7)));
struct line *plan_line(struct plan *plan, struct difference *difference, const char *sql);
void plan_quiet(struct plan *plan, struct difference *difference, const char *sql);
/* A statement that writes down what was done, in _sluice_upkeep. */
void plan_note(struct plan *plan, struct difference *difference, const char *name, const char *task, const char *note);

/* Makes it, within the transaction that is open. */
bool plan_make(struct job *job, struct plan *plan);
/* Does what is safe, or all that has a statement. */
bool plan_do(struct plan *plan, enum phase from, enum phase to, bool force);

/* A plan's parts. */
void plan_table(struct plan *plan, const struct wanted *wanted);
void plan_comments(struct plan *plan, const struct sl_table *face, struct difference *made);
void plan_columns(struct plan *plan, const struct wanted *wanted, const struct there_table *there);
/* `there` NULL: the table is being made, and the statements join it. */
void plan_indexes(struct plan *plan, const struct sl_table *face, const struct there_table *there,
	struct difference *made);
void plan_key(struct plan *plan, const struct sl_table *face, const struct there_table *there);
void plan_renamed_key(struct plan *plan, const struct sl_table *face, struct there_table *there);
void plan_parts(struct plan *plan, const struct sl_table *face, const struct there_table *there,
	struct difference *made);
void plan_views(struct plan *plan);

/* ---------------------------------------------------------------- statements */

/* "name" type, and what else belongs to a column's declaration; `fresh`: the table is made with it. */
void words_column(struct words *words, const struct sl_table *table, const struct sl_column *column, bool fresh);
const char *column_type(enum sl_column_type type); /* "bigint" */

/* The column that a table is to be partitioned by; NULL: it is one piece. */
const struct sl_column *part_column(const struct sl_table *table);
/* A part of such a table: the `ahead`th from the one that is now. */
struct part {
	const char *name, *from, *to;
};
struct part part_of(struct sl_pile *pile, const struct sl_table *table, int ahead);
#define PARTS_AHEAD 3
const char *part_sql(struct job *job, const struct sl_table *table, const struct part *part);
const char *part_task(struct sl_pile *pile, const struct sl_table *table);

/* What has to be said to give a table or view of this name, made anew, the rights and the owner that it has now. */
bool grants_read(struct job *job, const char *name, struct line **grants);
bool grants_give(struct job *job, const struct line *grants);

/* The unique index over all columns of a materialized view. */
const char *rows_index(struct sl_pile *pile, const char *view);

/* Within a transaction: nobody else changes tables meanwhile. */
bool plan_lock(struct job *job);

/* The upkeep's own table, that of loads, and the one in which a load of a table is staged. */
extern const struct sl_table upkeep_table, loads_table;
#define UPKEEP_NAME "_sluice_upkeep"
const struct sl_table *load_face(struct sl_pile *pile, const struct sl_table *table);

/* --------------------------------------------------------------------- names */

bool is_system_column(const char *name);
/* prefix and name, cut to what Postgres keeps, and still one of a kind. */
const char *name_of(struct sl_pile *pile, const char *prefix, const char *name);
bool text_names(const char *sql, const char *name); /* it stands there as a word */
uint64_t hash_text(uint64_t hash, const char *text);
#define HASH_FIRST UINT64_C(14695981039346656037)

#endif
