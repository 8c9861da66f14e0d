/* SPDX-License-Identifier: Apache-2.0 */
/* walk.c - how far a walk has come, as a cursor.
 *
 *     {"orders":1795262400000,"customers":...,"products":...,"deleted":...,
 *      "part":0,"after":"eyJsYXN0X2lkIjo...","from":...,"newest":...,"seen":250,"done":250,"total":9000}
 */
#include "inside.h"
#include "text.h"

static const char *const names[PARTS] = { "/orders", "/customers", "/products", "/deleted" };

struct walk *walk_of(const struct sl_call *call)
{
	return ((struct local *)call->local)->walk;
}

enum seat seat_of(const struct sl_call *call)
{
	return call->backfill ? SEAT_BACKFILL : SEAT_POLL;
}

static int64_t number(const struct sl_call *call, const struct sl_json *cursor, const char *pointer, int64_t otherwise)
{
	int64_t value;
	return call->host->integer(call->host->at(cursor, pointer), &value) ? value : otherwise;
}

static void read_cursor(struct sl_call *call, struct walk *walk)
{
	const struct sl_json *cursor = call->host->json(call, sl_text_of(call->cursor));
	const struct sl_json *after = call->host->at(cursor, "/after");
	for (int i = 0; i < PARTS; i++)
		walk->reached[i] = number(call, cursor, names[i], 0);
	walk->part = (int)number(call, cursor, "/part", PARTS);
	if (walk->part < 0 || walk->part > PARTS)
		walk->part = PARTS;
	walk->after = call->host->kind(after) == SL_KIND_STRING ? call->host->string(after).at : NULL;
	walk->from = number(call, cursor, "/from", 0);
	walk->newest = number(call, cursor, "/newest", 0);
	walk->seen = number(call, cursor, "/seen", 0);
	walk->done = number(call, cursor, "/done", 0);
	walk->total = number(call, cursor, "/total", 0);
}

struct walk *walk_read(struct sl_call *call)
{
	struct walk *walk = call->host->alloc(call, sizeof(*walk));
	((struct local *)call->local)->walk = walk;
	if (call->cursor) {
		read_cursor(call, walk);
		return walk;
	}
	for (int i = 0; i < PARTS; i++)
		walk->reached[i] = call->since;
	walk->part = PARTS;
	walk->total = -1;
	return walk;
}

const char *walk_write(struct sl_call *call, const struct walk *walk)
{
	const struct sl_host *host = call->host;
	const int64_t *reached = walk->reached;
	struct sl_text after = walk->after ? host->quote(call, sl_text_of(walk->after)) : sl_text_of("null");
	return host->format(call,
		"{\"orders\":%lld,\"customers\":%lld,\"products\":%lld,\"deleted\":%lld,\"part\":%d,\"after\":%s,"
		"\"from\":%lld,\"newest\":%lld,\"seen\":%lld,\"done\":%lld,\"total\":%lld}",
		(long long)reached[ORDERS], (long long)reached[CUSTOMERS], (long long)reached[PRODUCTS],
		(long long)reached[DELETED], walk->part, after.at, (long long)walk->from, (long long)walk->newest,
		(long long)walk->seen, (long long)walk->done, (long long)walk->total).at;
}

void walk_next_part(const struct sl_call *call, struct walk *walk)
{
	const struct shopify *shopify = call->options;
	while (walk->part < DELETED && !wanted(call, (enum kind)walk->part))
		walk->part++;
	walk->after = NULL;
	walk->from = walk->newest = walk->seen = 0;
	if (walk->part >= PARTS)
		return;
	const int64_t reached = walk->reached[walk->part];
	walk->from = walk->newest = reached > shopify->overlap ? reached - shopify->overlap : 0;
}
