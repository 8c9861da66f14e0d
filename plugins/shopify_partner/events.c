/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - what an edge is an event of.
 *
 * An event has no id of its own, so its name is made of all that tells it from others:
 * app, type, moment, shop, and the charge or credit.  Of ids only the number at the end
 * counts: "gid://partners/Shop/1" and "gid://shopify/Shop/1" are one shop.
 */
#include <string.h>

#include "inside.h"
#include "sign.h"
#include "text.h"

struct sl_text gid_number(struct sl_text gid)
{
	size_t from = gid.len;
	while (from && gid.at[from - 1] >= '0' && gid.at[from - 1] <= '9')
		from--;
	if (from && gid.at[from - 1] != '/')
		return (struct sl_text){ "", 0 };
	return (struct sl_text){ gid.at ? gid.at + from : "", gid.len - from };
}

const char *app_gid(struct sl_call *call, const char *app)
{
	struct sl_text number = gid_number(sl_text_of(app));
	return call->host->format(call, "gid://partners/App/%.*s", (int)number.len, number.at).at;
}

static struct sl_text number_at(const struct sl_call *call, const struct sl_json *node, const char *pointer)
{
	return gid_number(call->host->string(call->host->at(node, pointer)));
}

static const char *shop_of(struct sl_call *call, const struct sl_json *node)
{
	struct sl_text shop = number_at(call, node, "/shop/id");
	return shop.len ? call->host->format(call, "shop:%.*s", (int)shop.len, shop.at).at : NULL;
}

static bool is_none(struct sl_call *call, const struct sl_json *node, const char *what, enum sl_outcome *outcome)
{
	struct sl_text said = first_bytes(call->host->raw(node));
	*outcome = call->host->fail(call, "the Partner API lists %s without a type, a time or an id: %.*s", what,
		(int)said.len, said.at);
	return false;
}

static bool is_word(struct sl_text text)
{
	return text.len && text.len <= 100 && !memchr(text.at, '\0', text.len);
}

/* The moment in microseconds, however it is written. */
static const char *name_of(struct sl_call *call, const struct sl_json *node, struct sl_text type, int64_t at)
{
	struct sl_text charge = number_at(call, node, "/charge/id"), credit = number_at(call, node, "/appCredit/id");
	struct sl_text app = number_at(call, node, "/app/id"), shop = number_at(call, node, "/shop/id");
	charge = charge.len ? charge : credit;
	struct sl_text all = call->host->format(call, "%.*s\n%.*s\n%lld\n%.*s\n%.*s", (int)app.len, app.at, (int)type.len,
		type.at, (long long)at, (int)shop.len, shop.at, (int)charge.len, charge.at);
	unsigned char digest[SL_DIGEST_MOST];
	size_t len = sl_hash(SL_SHA256, &all, 1, digest);
	char *hex = call->host->alloc(call, 2 * len + 1);
	sl_hex(digest, len, hex);
	return hex;
}

bool emit_event(struct sl_call *call, const struct sl_json *node, int64_t *moment, enum sl_outcome *outcome)
{
	const struct sl_host *host = call->host;
	struct sl_text type = host->string(host->at(node, "/type"));
	int64_t at;
	if (!is_word(type) || !sl_time_read(host->string(host->at(node, "/occurredAt")), &at))
		return is_none(call, node, "an event", outcome);
	host->emit(call, &(struct sl_event){
		.id = name_of(call, node, type, at),
		.type = type.at,
		.subject = shop_of(call, node),
		.time = at / 1000,
		.json = node,
	});
	*moment = at / 1000;
	return true;
}

bool emit_transaction(struct sl_call *call, const struct sl_json *node, int64_t *moment, enum sl_outcome *outcome)
{
	const struct sl_host *host = call->host;
	struct sl_text type = host->string(host->at(node, "/__typename")), id = host->string(host->at(node, "/id"));
	int64_t at;
	if (!is_word(type) || !is_word(id) || !sl_time_read(host->string(host->at(node, "/createdAt")), &at))
		return is_none(call, node, "a transaction", outcome);
	host->emit(call, &(struct sl_event){
		.id = id.at,
		.type = type.at,
		.subject = shop_of(call, node),
		.time = at / 1000,
		.json = node,
	});
	*moment = at / 1000;
	return true;
}
