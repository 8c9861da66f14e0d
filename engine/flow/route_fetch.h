/* SPDX-License-Identifier: Apache-2.0 */
/* route_fetch.h - the records of a batch's next piece, read and parsed before they are needed. */
#ifndef FLOW_ROUTE_FETCH_H
#define FLOW_ROUTE_FETCH_H

#include "flow/route.h"

/* One of a source that the route reads; of any other all is empty. */
struct fetched {
	struct arena *arena;         /* all of it but the document */
	struct log_record record;
	struct sl_document *document; /* NULL: its body could not be read */
	struct sl_text data;
	struct sl_request *request;  /* of what came as a webhook; else NULL */
	struct webhook_found *found; /* likewise */
	bool pooled;                 /* the document's memory is of a thread of the pool */
};

struct sl_request *fetch_request(struct arena *arena, const struct log_record *record);

/* If a whole batch lies behind what was read: a part of the work on the next piece.  True: the loop did it, and may
 * have more of it to do, or a piece to take. */
bool fetch_next(struct route *route);
/* The pool is at what comes next: when it is done the route is turned. */
bool fetch_awaited(const struct route *route);
/* More of the batch that is gathered is or will be fetched. */
bool fetch_follows(const struct route *route);
/* What comes next, if it is there: a slice of records and for each what was made of it, in `records`, to be
 * taken over, or nothing yet (no arena); all holds until fetch_used(), which frees what is left.  NULL: nothing
 * fits. */
const struct log_slice *fetch_taken(struct route *route, struct fetched **records);
void fetch_used(struct route *route);
void fetch_forget(struct route *route);
/* Frees a document of the pool's, or leaves that to the pool: there its memory is used for the next ones. */
void fetch_litter(struct route *route, struct sl_document **document);

#endif
