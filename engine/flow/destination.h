/* SPDX-License-Identifier: Apache-2.0 */
/* destination.h - a sink and the tables it keeps: what a route and the commands share.
 *
 * A command that works on a destination runs the sink in its own process, one
 * call after the other:
 *
 *     struct destination *there = destination_new(part, why);
 *     struct call *call = destination_call(there, STEP_SCHEMA);
 *     call->pub.verb = "diff";
 *     if (destination_run(there, &call, why))
 *             ... call->emitted ... ; call_free(&call)
 *     destination_free(&there);
 */
#ifndef FLOW_DESTINATION_H
#define FLOW_DESTINATION_H

#include "flow/schema.h"
#include "host/host.h"

/* A table may ask for more than a sink that was built for an earlier interface has ever
 * heard of, or than one without transactions can do.  The sentence names both. */
bool destination_takes(const struct sl_plugin *face, const struct schema *schema, struct why *why);

/* The same for who knows only what the sink's plugin said of itself. */
struct destination_can {
	const char *name;
	int64_t minor; /* of the interface that it was built for */
	bool transactions;
};
bool destination_fits(const struct destination_can *can, const struct schema *schema, struct why *why);

/* Hands the call all tables and views: the schema's (which may be NULL), and those that say
 * where a route stands, if the sink is one that keeps them. */
void destination_offer(struct call *call, const struct schema *schema);
void destination_offer_more(struct call *call, const struct sl_table *const *tables); /* NULL behind the last */

/* Counts what an upkeep emitted, by a sentence: "pruned rows of cards", "refreshed sales". */
void destination_upkept(struct call *call, struct emitted *emitted, struct tally **tally);

/* ----------------------------------------------------------------- commands */

struct destination;

/* `part` is {"net":{..},"sink":{..}} as routes have it (main/config.h).  The sink's `open`
 * has not run yet. */
struct destination *destination_new(const struct sl_json *part, struct why *why);
void destination_free(struct destination **there);
const char *destination_name(const struct destination *there);
const struct sl_plugin *destination_face(const struct destination *there);
const struct schema *destination_schema(const struct destination *there); /* NULL: it has none */

/* More tables than the schema's, that calls are handed too; NULL behind the last. */
void destination_with(struct destination *there, const struct sl_table *const *tables);

/* Runs the sink's `open`: it makes what is missing. */
bool destination_open(struct destination *there, struct why *why);

/* A call, its tables and views filled in, and its run.  False: it ended otherwise than well
 * and is gone; an outage is waited for, as long as it is likely to be a short one. */
struct call *destination_call(struct destination *there, enum step step);
bool destination_run(struct destination *there, struct call **call, struct why *why);

/* All rows of a table that lie behind the cursor (NULL: all), in the key's order, a page of at most
 * `most` at a time: call->emitted are the rows, call->advanced is where the next page begins,
 * or NULL.  For sinks with transactions.  False from `page` ends it. */
typedef bool destination_page(const struct call *call, void *data, struct why *why);
bool destination_rows(struct destination *there, const struct sl_table *table, const char *cursor, size_t most,
	destination_page *page, void *data, struct why *why);
bool destination_count(struct destination *there, const struct sl_table *table, uint64_t *rows, struct why *why);

#endif
