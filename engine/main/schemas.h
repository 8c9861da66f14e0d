/* SPDX-License-Identifier: Apache-2.0 */
/* schemas.h - a schema as JSON, and how a destination differs from it.
 *
 * A sink says each difference in the form of sdk/plugin.h (step `schema`).  What is there
 * in addition ("extra column", "extra table") is told, but is nothing against it: it is other
 * people's, and stays. */
#ifndef MAIN_SCHEMAS_H
#define MAIN_SCHEMAS_H

#include "flow/destination.h"

/* One object a line for each table: {"table","mode","key":[..],"columns":[{"name","type"}], ...},
 * then one for each view: {"view"}. */
void schemas_json(const struct schema *schema, struct buf *out);

struct differ {
	const char *what, *table, *column, *sql, *why; /* what: "add column"; the others may be NULL */
	bool safe;  /* the sink does it by itself */
	bool extra; /* in addition: nothing against it */
};

struct differs {
	struct arena *arena;
	struct differ *at;
	size_t count;
	size_t against; /* those that are not only in addition */
};

/* Runs the sink's step: "diff" changes nothing, "apply" and "force" do.  False: why. */
bool differs_find(struct differs *differs, struct destination *there, const char *verb, struct why *why);
void differs_free(struct differs *differs);

bool differs_done(const struct differ *differ, bool force); /* it is among what apply does, or force */
const char *differs_hint(const struct differ *differ);      /* who does it: "safe", "with --force", ... */
void differs_tell(const struct differ *differ, bool json, const char *state, struct buf *out);
void differs_total(const struct differs *differs, const char *sink, struct buf *out);

#endif
