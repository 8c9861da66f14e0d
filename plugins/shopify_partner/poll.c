/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - the walk through events and transactions, a page a call.
 *
 * They are listed newest first, and several have one moment: a round begins with the newest and pages back,
 * by the cursor of the last edge, to a day before where the last round began.  Only when it got there does
 * the walk count as having come so far.
 *
 *     {"reached":1795262400000,"part":0,"newest":1795348800000,"after":"eyJsYXN0X2lkIjo0fQ=="}
 *
 * Its parts are the apps, one after the other, and then the transactions.
 */
#include <string.h>
#include <time.h>

#include "inside.h"
#include "text.h"

#define DAY 86400000
#define CURSOR_MOST 4000 /* bytes */
#define BETWEEN 1000000  /* a part that is none: the next call begins a round */

#define CHARGE "id amount { amount currencyCode } name test"
#define SALE \
	"chargeId app { id name } shop { id name myshopifyDomain } grossAmount { amount currencyCode } " \
	"shopifyFee { amount currencyCode } netAmount { amount currencyCode }"

/* What a type has that others have not. */
struct fragment {
	const char *type, *fields;
};

static const struct fragment of_event[] = {
	{ "RelationshipUninstalled", "reason description" },
	{ "SubscriptionApproachingCappedAmount", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionCappedAmountUpdated", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeAccepted", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeActivated", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeCanceled", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeDeclined", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeExpired", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeFrozen", "charge { " CHARGE " billingOn }" },
	{ "SubscriptionChargeUnfrozen", "charge { " CHARGE " billingOn }" },
	{ "OneTimeChargeAccepted", "charge { " CHARGE " }" },
	{ "OneTimeChargeActivated", "charge { " CHARGE " }" },
	{ "OneTimeChargeDeclined", "charge { " CHARGE " }" },
	{ "OneTimeChargeExpired", "charge { " CHARGE " }" },
	{ "UsageChargeApplied", "charge { " CHARGE " }" },
	{ "CreditApplied", "appCredit { " CHARGE " }" },
	{ "CreditFailed", "appCredit { " CHARGE " }" },
	{ "CreditPending", "appCredit { " CHARGE " }" },
	{ 0 },
};

static const struct fragment of_transaction[] = {
	{ "AppSubscriptionSale", SALE " billingInterval" },
	{ "AppOneTimeSale", SALE },
	{ "AppUsageSale", SALE },
	{ "AppSaleAdjustment", SALE },
	{ "AppSaleCredit", SALE },
	{ 0 },
};

static const char events_query[] =
	"query ($id: ID!, $after: String, $from: DateTime) { app(id: $id) { id name "
	"events(first: 100, after: $after, occurredAtMin: $from) { pageInfo { hasNextPage } edges { cursor node { "
	"type occurredAt app { id name apiKey } shop { id name myshopifyDomain }%s } } } } }";

static const char transactions_query[] =
	"query ($after: String, $from: DateTime) { transactions(first: 100, after: $after, createdAtMin: $from) { "
	"pageInfo { hasNextPage } edges { cursor node { __typename id createdAt%s } } } }";

struct walk {
	int64_t reached, newest;
	int64_t part;
	const char *after;
};

static sl_step arrived;

static bool *over(const struct sl_call *call)
{
	return &((bool *)call->state)[0];
}

static struct walk *walk_of(const struct sl_call *call)
{
	return *(struct walk **)call->local;
}

/* -------------------------------------------------------------------------- parts */

static int64_t app_count(const struct sl_call *call)
{
	const struct partner *partner = call->options;
	int64_t count = 0;
	while (partner->apps[count])
		count++;
	return count;
}

static bool of_transactions(const struct sl_call *call)
{
	return walk_of(call)->part >= app_count(call);
}

static int64_t part_count(const struct sl_call *call)
{
	const struct partner *partner = call->options;
	return app_count(call) + partner->transactions;
}

/* -------------------------------------------------------------------------- cursor */

static int64_t number(const struct sl_call *call, const struct sl_json *cursor, const char *pointer, int64_t otherwise)
{
	int64_t value;
	return call->host->integer(call->host->at(cursor, pointer), &value) ? value : otherwise;
}

static struct walk *walk_read(struct sl_call *call)
{
	struct walk *walk = call->host->alloc(call, sizeof(*walk));
	const struct sl_json *cursor = call->cursor ? call->host->json(call, sl_text_of(call->cursor)) : NULL;
	*(struct walk **)call->local = walk;
	walk->reached = number(call, cursor, "/reached", call->since);
	walk->newest = number(call, cursor, "/newest", walk->reached);
	walk->part = number(call, cursor, "/part", BETWEEN);
	struct sl_text after = call->host->string(call->host->at(cursor, "/after"));
	walk->after = after.len ? after.at : NULL;
	return walk;
}

static enum sl_outcome save(struct sl_call *call, const struct walk *walk)
{
	struct sl_text after = walk->after ? call->host->quote(call, sl_text_of(walk->after)) : sl_text_of("null");
	const char *cursor = call->host->format(call, "{\"reached\":%lld,\"part\":%lld,\"newest\":%lld,\"after\":%s}",
		(long long)walk->reached, (long long)walk->part, (long long)walk->newest, after.at).at;
	bool moves = !call->cursor || strcmp(cursor, call->cursor) != 0;
	if (moves)
		call->host->advance(call, cursor);
	if (!call->backfill)
		*over(call) = moves && walk->part == BETWEEN;
	return SL_DONE;
}

/* ------------------------------------------------------------------------- answers */

/* The cursor of the last edge, if there is more behind it: the first edge's would lead nowhere new. */
static const char *after_of(struct sl_call *call, const struct sl_json *page, const struct sl_json *last)
{
	const struct sl_host *host = call->host;
	struct sl_text cursor = host->string(host->at(last, "/cursor"));
	bool more = sl_text_is(host->raw(host->at(page, "/pageInfo/hasNextPage")), "true");
	return more && cursor.len && cursor.len <= CURSOR_MOST && !memchr(cursor.at, '\0', cursor.len) ? cursor.at : NULL;
}

static enum sl_outcome page_over(struct sl_call *call, const char *after)
{
	struct walk *walk = walk_of(call);
	walk->after = after;
	if (!after)
		walk->part++;
	if (walk->part >= part_count(call)) {
		walk->part = BETWEEN;
		walk->reached = walk->newest;
	}
	return save(call, walk);
}

static enum sl_outcome emit_edges(struct sl_call *call, const struct sl_json *page)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	int64_t moment, latest = (int64_t)time(NULL) * 1000 + DAY;
	enum sl_outcome outcome;
	const struct sl_json *last = NULL;
	for (const struct sl_json *edge = host->first(host->at(page, "/edges")); edge; edge = host->next(edge)) {
		const struct sl_json *node = host->at(edge, "/node");
		bool fine = of_transactions(call) ? emit_transaction(call, node, &moment, &outcome)
						  : emit_event(call, node, &moment, &outcome);
		if (!fine)
			return outcome;
		moment = moment < latest ? moment : latest; /* what a wrong clock says does not hide what comes */
		walk->newest = moment > walk->newest ? moment : walk->newest;
		last = edge;
	}
	return page_over(call, after_of(call, page, last));
}

static enum sl_outcome nothing_shown(struct sl_call *call, const struct sl_json *errors)
{
	const struct partner *partner = call->options;
	if (of_transactions(call))
		return errors_fail(call, errors,
			"no transactions: give the API client the permission View financials, or set `transactions: no`");
	return call->host->fail(call,
		"the Partner API shows nothing of app %s: give the API client the permission Manage apps, and look whether the "
		"app is one of organization %s",
		partner->apps[walk_of(call)->part], partner->organization);
}

static enum sl_outcome arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome);
	if (outcome != SL_DONE)
		return outcome;
	const struct sl_json *page = host->at(data, of_transactions(call) ? "/transactions" : "/app/events");
	if (host->kind(page) == SL_KIND_OBJECT && host->kind(host->at(page, "/edges")) == SL_KIND_ARRAY)
		return emit_edges(call, page);
	if (errors && walk_of(call)->after) { /* a cursor that died: this part from its newest on again */
		host->log(call, SL_INFO, "the Partner API does not know its cursor any more: the part begins anew");
		walk_of(call)->after = NULL;
		return save(call, walk_of(call));
	}
	return nothing_shown(call, errors);
}

/* --------------------------------------------------------------------------- begin */

static struct sl_text moment_from(struct sl_call *call, const struct walk *walk)
{
	const struct partner *partner = call->options;
	char when[SL_TIME_SIZE];
	int64_t from = walk->reached - partner->overlap;
	if (from <= 0)
		return sl_text_of("null");
	sl_time_write(from * 1000, when);
	return call->host->format(call, "\"%s\"", when);
}

static const char *fragments(struct sl_call *call, const struct fragment *fragment)
{
	const char *all = "";
	for (; fragment->type; fragment++)
		all = call->host->format(call, "%s ... on %s { %s }", all, fragment->type, fragment->fields).at;
	return all;
}

static const char *query_of(struct sl_call *call)
{
	if (of_transactions(call))
		return call->host->format(call, transactions_query, fragments(call, of_transaction)).at;
	return call->host->format(call, events_query, fragments(call, of_event)).at;
}

static enum sl_outcome ask_page(struct sl_call *call)
{
	const struct partner *partner = call->options;
	const struct sl_host *host = call->host;
	const struct walk *walk = walk_of(call);
	bool transactions = of_transactions(call);
	struct sl_text after = walk->after ? host->quote(call, sl_text_of(walk->after)) : sl_text_of("null");
	struct sl_text from = moment_from(call, walk);
	const char *id = transactions ? "" : app_gid(call, partner->apps[walk->part]);
	struct sl_text variables = host->format(call, transactions ? "{\"after\":%s,\"from\":%s}"
		: "{\"after\":%s,\"from\":%s,\"id\":\"%s\"}", after.at, from.at, id);
	return ask(call, query_of(call), variables, arrived);
}

static const char *wrong_app(const struct sl_call *call)
{
	const struct partner *partner = call->options;
	for (const char *const *app = partner->apps; *app; app++)
		if (!gid_number(sl_text_of(*app)).len)
			return *app;
	return NULL;
}

enum sl_outcome poll_history(struct sl_call *call)
{
	struct walk *walk = walk_read(call);
	bool was_over = !call->backfill && *over(call);
	if (wrong_app(call))
		return call->host->fail(call, "`apps` holds numbers, such as 1234567, not %s", wrong_app(call));
	if (!call->backfill)
		*over(call) = false;
	if (walk->part == BETWEEN && call->cursor && (was_over || call->backfill))
		return SL_DONE;
	if (walk->part < 0 || walk->part >= part_count(call)) {
		walk->part = 0;
		walk->after = NULL;
	}
	return part_count(call) ? ask_page(call) : SL_DONE;
}
