/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - the walk through what was changed and deleted, a page a call.
 *
 *     poll_changes    where are we?
 *     counted         a backfill knows how much there is
 *     ask_page        the next page of this part
 *     page_arrived    can it be used?
 *     emit_nodes      each object on it is an event
 *     page_over       on to the next page, part or round
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "far.h"
#include "inside.h"
#include "sign.h"
#include "text.h"

#define PAGE_MOST 250
#define REACH 20000      /* objects: a connection ends at 25000, so before that it is asked anew from there */
#define DAY 86400000
#define CURSOR_MOST 4000 /* bytes */

#define PAGE_INFO "pageInfo { hasNextPage endCursor }"
#define ARGUMENTS "query ($first: Int!, $after: String, $query: String) "

static sl_step ask_page;

static struct state *state_of(const struct sl_call *call)
{
	return call->state;
}

/* ------------------------------------------------------------------------- emitting */

/* "2026-07-04T09:25:25Z"; what a wrong clock says of the future counts as now. */
static int64_t moment_of(struct sl_text text)
{
	int64_t microseconds, latest = (int64_t)time(NULL) * 1000 + DAY;
	if (!sl_time_read(text, &microseconds))
		return 0;
	return microseconds / 1000 < latest ? microseconds / 1000 : latest;
}

static void meet(struct walk *walk, int64_t moment)
{
	if (moment > walk->newest)
		walk->newest = moment;
	walk->seen++;
	walk->done++;
}

static void close_body(struct sl_call *call, struct text *body)
{
	const struct shopify *shopify = call->options;
	struct sl_text shop = call->host->quote(call, sl_text_of(shopify->shop));
	text_string(body, ",\"shop_domain\":");
	text_add(body, shop.at, shop.len);
	text_string(body, "}");
}

/* An object that may change and keep its time is known by what it is, too. */
static const char *open_mark(struct sl_call *call, int64_t moment, const struct text *body)
{
	const struct sl_text whole = { body->at, body->len };
	unsigned char digest[SL_DIGEST_MOST];
	char hex[2 * SL_DIGEST_MOST + 1];
	if (!moment || moment % 1000)
		return "";
	sl_hash(SL_SHA256, &whole, 1, digest);
	sl_hex(digest, 4, hex);
	return call->host->format(call, "+%s", hex).at;
}

void emit_object(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct object *object = &objects[walk->part];
	const struct sl_host *host = call->host;
	struct sl_text id = node_id(call, walk->node), version = host->string(host->at(walk->node, "/updatedAt"));
	int64_t moment = moment_of(version), settled = sl_far_settled(moment * 1000, walk->read) / 1000;
	struct text body = { .call = call };
	version.len = version.len < 40 ? version.len : 40;
	write_object(&body, object, walk->node, walk->more, walk->more_count);
	close_body(call, &body);
	host->emit(call, &(struct sl_event){
		.id = host->format(call, "%s:%.*s@%.*s%s", object->name, (int)id.len, id.at, (int)version.len, version.at,
			settled == moment ? open_mark(call, moment, &body) : "").at,
		.type = object->changed,
		.subject = host->format(call, "%s:%.*s", object->name, (int)id.len, id.at).at,
		.time = settled,
		.data = { body.at, body.len },
	});
	meet(walk, moment);
}

static const struct object *deleted_kind(const struct sl_call *call, const struct sl_json *node)
{
	struct sl_text subject = call->host->string(call->host->at(node, "/subjectType"));
	for (int kind = 0; kind < KINDS; kind++)
		if (sl_text_is_nocase(subject, objects[kind].subject) && wanted(call, (enum kind)kind))
			return &objects[kind];
	return NULL;
}

static void emit_deleted(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct sl_host *host = call->host;
	const struct object *object = deleted_kind(call, walk->node);
	struct sl_text id = gid_number(host->string(host->at(walk->node, "/subjectId")));
	struct sl_text when = host->string(host->at(walk->node, "/createdAt"));
	int64_t moment = moment_of(when);
	struct text body = { .call = call };
	meet(walk, moment);
	if (!object || !id.len || !sl_text_is(host->string(host->at(walk->node, "/action")), "destroy"))
		return;
	struct sl_text start = host->format(call, "{\"id\":%.*s,\"deleted_at\":%s", (int)id.len, id.at,
		host->quote(call, when).at);
	text_add(&body, start.at, start.len);
	close_body(call, &body);
	host->emit(call, &(struct sl_event){
		.id = host->format(call, "%s:%.*s@destroyed", object->name, (int)id.len, id.at).at,
		.type = object->gone,
		.subject = host->format(call, "%s:%.*s", object->name, (int)id.len, id.at).at,
		.time = moment,
		.data = { body.at, body.len },
	});
}

/* ------------------------------------------------------------------------ going on */

const struct sl_json *page_after(const struct sl_call *call, const struct sl_json *connection)
{
	const struct sl_host *host = call->host;
	const struct sl_json *cursor = host->at(connection, "/pageInfo/endCursor");
	struct sl_text text = host->string(cursor);
	bool more = sl_text_is(host->raw(host->at(connection, "/pageInfo/hasNextPage")), "true");
	return more && text.len && text.len <= CURSOR_MOST && !memchr(text.at, '\0', text.len) ? cursor : NULL;
}

static void part_over(struct sl_call *call, struct walk *walk)
{
	int64_t *reached = &walk->reached[walk->part];
	*reached = walk->newest > *reached ? walk->newest : *reached;
	walk->part++;
	walk_next_part(call, walk);
}

static enum sl_outcome save(struct sl_call *call, const struct walk *walk)
{
	const char *cursor = walk_write(call, walk);
	bool moves = !call->cursor || strcmp(cursor, call->cursor) != 0;
	if (call->backfill)
		call->host->progress(call, (uint64_t)walk->done, walk->total > 0 ? (uint64_t)walk->total : 0);
	if (moves)
		call->host->advance(call, cursor);
	state_of(call)->over[seat_of(call)] = moves && walk->part == PARTS;
	return SL_DONE;
}

static enum sl_outcome page_over(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct sl_json *after = page_after(call, walk->page);
	if (!after) {
		part_over(call, walk);
	} else if (walk->seen >= REACH && walk->newest > walk->from) {
		walk->from = walk->newest;
		walk->after = NULL;
		walk->seen = 0;
	} else {
		walk->after = call->host->string(after).at;
	}
	return save(call, walk);
}

enum sl_outcome emit_nodes(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct sl_host *host = call->host;
	for (; walk->node; walk->node = host->next(walk->node)) {
		if (walk->part == DELETED) {
			emit_deleted(call);
			continue;
		}
		if (!node_id(call, walk->node).len) {
			struct sl_text said = first_bytes(host->raw(walk->node));
			return host->fail(call, "the shop lists one of its %s without an id: %.*s", objects[walk->part].name,
				(int)said.len, said.at);
		}
		if (walk->part == ORDERS && !walk->more && page_after(call, host->at(walk->node, "/lineItems")))
			return ask_lines(call);
		emit_object(call);
		walk->more = NULL;
		walk->more_count = 0;
	}
	return page_over(call);
}

/* ---------------------------------------------------------------------------- pages */

static int64_t page_size(const struct sl_call *call, const struct walk *walk)
{
	int64_t page = walk->part < KINDS ? state_of(call)->page[walk->part] : 0;
	return page ? page : PAGE_MOST;
}

/* The shop says by how much it was too dear; many objects are cheaper than as many single ones, so at least half go. */
static enum sl_outcome ask_for_less(struct sl_call *call, const struct sl_json *errors)
{
	struct walk *walk = walk_of(call);
	const struct sl_json *error = call->host->first(errors);
	int64_t page = page_size(call, walk), less = page / 2, cost, most;
	if (call->host->integer(call->host->at(error, "/extensions/cost"), &cost) &&
		call->host->integer(call->host->at(error, "/extensions/maxCost"), &most) && most > 0 && cost > most &&
		cost < INT64_MAX / PAGE_MOST)
		less = page * most / cost < less ? page * most / cost : less;
	if (page <= 1 || walk->part >= KINDS)
		return errors_fail(call, errors, "one object alone is too dear");
	state_of(call)->page[walk->part] = less > 0 ? less : 1;
	return ask_page(call);
}

static enum sl_outcome without_deletions(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	if (!state_of(call)->told_gone)
		call->host->log(call, SL_WARNING,
			"the token may not read the shop's log of events: what was deleted is only known from webhooks");
	state_of(call)->told_gone = true;
	part_over(call, walk);
	return save(call, walk);
}

static enum sl_outcome page_refused(struct sl_call *call, const struct sl_json *errors)
{
	struct walk *walk = walk_of(call);
	struct sl_text code = error_code(call, errors);
	const char *what = walk->part < KINDS ? objects[walk->part].name : "events";
	if (sl_text_is(code, "MAX_COST_EXCEEDED"))
		return ask_for_less(call, errors);
	if (sl_text_is(code, "ACCESS_DENIED") && walk->part == DELETED)
		return without_deletions(call);
	if (sl_text_is(code, "ACCESS_DENIED"))
		what = call->host->format(call, "the token may not read %s: give the app the scope %s, or leave them out of "
			"`objects`", what, objects[walk->part].scope).at;
	else if (walk->after) {
		call->host->log(call, SL_INFO, "the shop does not know its cursor any more: %s are asked for from where they "
			"had come to", what);
		walk->after = NULL;
		walk->from = walk->newest > walk->from ? walk->newest : walk->from;
		return ask_page(call);
	}
	return errors_fail(call, errors, what);
}

static enum sl_outcome page_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome);
	if (outcome != SL_DONE)
		return outcome;
	walk->page = host->at(data, "/page");
	walk->read = sl_far_now(call);
	const struct sl_json *nodes = host->at(walk->page, "/nodes");
	if (host->kind(nodes) != SL_KIND_ARRAY && errors)
		return page_refused(call, errors);
	if (host->kind(nodes) != SL_KIND_ARRAY) {
		struct sl_text said = first_bytes(call->response->body);
		return host->retry(call, 0, "the shop answered without a page: %.*s", (int)said.len, said.at);
	}
	state_of(call)->dear[walk->part] = cost_of(call, "requestedQueryCost");
	state_of(call)->paid[walk->part] = cost_of(call, "actualQueryCost");
	walk->node = host->first(nodes);
	return emit_nodes(call);
}

/* What `updated_at:>=` takes; "null" if there is no such moment. */
static struct sl_text search_from(struct sl_call *call, const struct walk *walk)
{
	char when[SL_TIME_SIZE];
	const char *name = walk->part == DELETED ? "action:destroy AND created_at" : "updated_at";
	if (walk->from <= 0)
		return sl_text_of(walk->part == DELETED ? "\"action:destroy\"" : "null");
	sl_time_write(walk->from / 1000 * 1000000, when);
	when[19] = '\0'; /* no fraction */
	return call->host->format(call, "\"%s:>='%sZ'\"", name, when);
}

static const char *page_query(struct sl_call *call, int part)
{
	if (part == DELETED)
		return ARGUMENTS "{ page: events(first: $first, after: $after, sortKey: CREATED_AT, query: $query) "
				 "{ nodes { id action createdAt ... on BasicEvent { subjectId subjectType } } " PAGE_INFO " } }";
	return call->host->format(call, ARGUMENTS "{ page: %s(first: $first, after: $after, sortKey: UPDATED_AT, "
		"query: $query) { nodes { %s } " PAGE_INFO " } }", objects[part].name, objects[part].selection).at;
}

static enum sl_outcome ask_page(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct state *state = state_of(call);
	int64_t guess = walk->part < KINDS ? objects[walk->part].guess : 100;
	struct question question = {
		.dear = state->dear[walk->part] ? state->dear[walk->part] : guess,
		.paid = state->paid[walk->part] ? state->paid[walk->part] : guess / 4,
		.seat = seat_of(call),
		.next = page_arrived,
	};
	struct sl_text after = walk->after ? call->host->quote(call, sl_text_of(walk->after)) : sl_text_of("null");
	struct sl_text from = search_from(call, walk);
	struct sl_text variables = call->host->format(call, "{\"first\":%lld,\"after\":%s,\"query\":%s}",
		(long long)page_size(call, walk), after.at, from.at);
	return ask(call, &question, page_query(call, walk->part), variables);
}

/* --------------------------------------------------------------------------- begin */

/* How much there is: only for those who wait, so that no answer is fine too. */
static enum sl_outcome counted(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome);
	int64_t count;
	if (outcome != SL_DONE)
		return outcome;
	walk->total = 0;
	for (const struct sl_json *one = host->first(data); one; one = host->next(one))
		if (host->integer(host->at(one, "/count"), &count) && count > 0 && count < 1000000000)
			walk->total += count;
	return ask_page(call);
}

static enum sl_outcome ask_counts(struct sl_call *call)
{
	struct question question = { .dear = 30, .paid = 10, .seat = seat_of(call), .next = counted };
	struct text query = { .call = call };
	text_string(&query, "query ($query: String) {");
	for (int kind = 0; kind < KINDS; kind++)
		if (wanted(call, (enum kind)kind))
			text_string(&query, call->host->format(call, " %s: %s(query: $query, limit: null) { count }",
				objects[kind].name, objects[kind].count).at);
	text_string(&query, " }");
	struct sl_text variables = call->host->format(call, "{\"query\":%s}", search_from(call, walk_of(call)).at);
	return ask(call, &question, query.at, variables);
}

static bool names_known(struct sl_call *call, enum sl_outcome *outcome)
{
	const struct shopify *shopify = call->options;
	for (const char *const *name = shopify->objects; *name; name++) {
		int kind = 0;
		while (kind < KINDS && strcmp(*name, objects[kind].name) != 0)
			kind++;
		if (kind == KINDS)
			*outcome = call->host->fail(call, "`objects` holds orders, customers and products, not %s", *name);
	}
	if (!*shopify->shop)
		*outcome = call->host->fail(call, "what is polled has to be told from other shops': `shop` has to be given");
	return *outcome == SL_DONE;
}

enum sl_outcome poll_changes(struct sl_call *call)
{
	struct state *state = state_of(call);
	enum sl_outcome outcome = SL_DONE;
	if (!names_known(call, &outcome))
		return outcome;
	struct walk *walk = walk_read(call);
	bool over = state->over[seat_of(call)];
	state->over[seat_of(call)] = false;
	if (walk->part == PARTS && call->cursor && (over || call->backfill))
		return SL_DONE;
	if (walk->part == PARTS) {
		walk->part = 0;
		walk_next_part(call, walk);
	}
	return call->backfill && walk->total < 0 && walk->part < KINDS ? ask_counts(call) : ask_page(call);
}
