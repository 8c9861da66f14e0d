/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - the lines of an order that its page left out, fetched before the order is told.
 *
 *     ask_lines        those after the ones we have
 *     lines_arrived    and once more, until there are no more
 */
#include "inside.h"
#include "text.h"

#define PAGES_MOST 40 /* of 250 */
#define QUERY \
	"query ($id: ID!, $after: String) { order(id: $id) { lineItems(first: 250, after: $after) { " LINES_SELECTION \
	" } } }"

static sl_step lines_arrived;

static enum sl_outcome ask_after(struct sl_call *call, const struct sl_json *connection)
{
	const struct sl_host *host = call->host;
	struct question question = { .dear = 500, .paid = 50, .seat = seat_of(call), .next = lines_arrived };
	struct sl_text id = host->quote(call, host->string(host->at(walk_of(call)->node, "/id")));
	struct sl_text after = host->quote(call, host->string(page_after(call, connection)));
	return ask(call, &question, QUERY, host->format(call, "{\"id\":%s,\"after\":%s}", id.at, after.at));
}

enum sl_outcome ask_lines(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	walk->more = call->host->alloc(call, PAGES_MOST * sizeof(*walk->more));
	walk->more_count = 0;
	return ask_after(call, call->host->at(walk->node, "/lineItems"));
}

static enum sl_outcome lines_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome), *order = host->at(data, "/order");
	if (outcome != SL_DONE)
		return outcome;
	if (errors)
		return errors_fail(call, errors, "the further lines of an order");
	const struct sl_json *lines = host->at(order, "/lineItems");
	if (!lines) { /* it was deleted between the two: the log of deletions has it */
		walk->more = NULL;
		walk->node = host->next(walk->node);
		return emit_nodes(call);
	}
	walk->more[walk->more_count++] = host->at(lines, "/nodes");
	if (page_after(call, lines) && walk->more_count < PAGES_MOST)
		return ask_after(call, lines);
	return emit_nodes(call);
}
