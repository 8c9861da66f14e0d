/* SPDX-License-Identifier: Apache-2.0 */
/* state_inside.h - a state file, shared by the files that make it. */
#ifndef STORE_STATE_INSIDE_H
#define STORE_STATE_INSIDE_H

#include "store/state.h"

#define STATEMENTS 64

struct state {
	char *path;
	int lock;
	sqlite3 *db;
	bool damaged, made_anew;
	int64_t size; /* of the file, when a transaction last began */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} cache[STATEMENTS];
	size_t cached;
};

/* Says what SQLite says, notes damage; always false. */
bool state_failed(struct state *state, struct why *why);
bool state_execute(struct state *state, const char *sql, struct why *why);
/* False if the file is known to be damaged, or shorter than it was: SQLite may not see that
 * before it has filled the hole with zeros. */
bool state_whole(struct state *state, struct why *why);

#endif
