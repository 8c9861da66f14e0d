/* SPDX-License-Identifier: Apache-2.0 */
/* infer.h - tables that would hold what events bring: a proposal, for people to look at.
 *
 *     infer.c          values are looked at, one after the other
 *     infer_write.c    what they come to, as the text of a schema file or as JSON
 *     infer_gather.c   the events: of a source as they came, or as a route's transforms make them
 */
#ifndef MAIN_INFER_H
#define MAIN_INFER_H

#include "base/arena.h"
#include "base/buf.h"
#include "main/command.h"
#include "sdk/json.h"

#define INFER_COLUMNS 200 /* of a table; more are only counted */
#define INFER_TABLES 100

/* What a column's values were, as bits. */
enum { SAW_BOOL = 1,
	SAW_INT = 2,
	SAW_DECIMAL = 4,
	SAW_DATE = 8,
	SAW_TIMESTAMP = 16,
	SAW_TEXT = 32,
	SAW_JSON = 64 };

struct infer_column {
	struct sl_text name;
	unsigned saw;        /* nothing: only null */
	uint64_t rows;       /* that have it, with a value */
	bool parent;         /* of a set of rows */
	bool repeats;        /* a value came twice; only looked at if its name is that of an id */
	uint64_t *hashes;    /* of its values, then; NULL: not looked at */
	size_t hash_count, hash_room;
};

struct infer_table {
	const char *name;
	const char *mode;      /* that events named; NULL: none did */
	bool deletes;
	uint64_t rows;
	size_t count, left_out; /* columns */
	struct infer_column columns[INFER_COLUMNS];
};

struct infer {
	struct arena *arena;
	const char *of;      /* "the route cards" */
	uint64_t events, failed;
	struct infer_table *tables[INFER_TABLES];
	size_t count, left_out;
};

struct infer *infer_new(struct arena *arena);
size_t infer_tables(const struct infer *infer);

/* Looks at a row of a table, as a transform would emit it: an object of column values, or for the
 * mode replace the parent's key and `rows`.  What is no object is passed over.  `mode` may be NULL. */
void infer_row(struct infer *infer, struct sl_text table, struct sl_text mode, const struct sl_json *data);

/* Looks at the events that the command line asks for; the exit code, and what is wrong has been printed. */
int infer_gather(const struct command_line *line, struct infer *infer);

void infer_yaml(const struct infer *infer, struct buf *out);
void infer_json(const struct infer *infer, struct buf *out);

const char *infer_type(const struct infer_column *column); /* "int" */
bool infer_set(const struct infer_table *table);           /* its rows are replaced together */
/* The column that names a row of the table, of a set within its parent; NULL: none does. */
const struct infer_column *infer_key(const struct infer_table *table);

#endif
