/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - a vendor's webhooks as data: is it theirs, and what does it say.
 *
 * docs/design.md, "Declared webhooks".  A description comes from a plugin, from
 * YAML (`use: webhook`), or from both; here it is read from its JSON form, the
 * one plugin_describe writes, and compiled once.
 */
#ifndef FLOW_WEBHOOK_H
#define FLOW_WEBHOOK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "sdk/json.h"
#include "store/log.h"

struct webhook; /* a compiled description with its secrets and its callback */

/* `form` is the description; `secrets` an array of strings or NULL; `callback`
 * the address as the vendor knows it, or NULL.  Refuses what cannot be checked:
 * unknown scheme, selector that does not read, no secret where one is needed. */
struct webhook *webhook_new(const struct sl_json *form, const struct sl_json *secrets, const char *callback,
	struct why *why);
void webhook_free(struct webhook **webhook);

enum webhook_verdict {
	WEBHOOK_GENUINE,   /* `secret` says which one verified, 0 is the first */
	WEBHOOK_FORGED,    /* the signature is missing, doubled, malformed or wrong: 401 */
	WEBHOOK_STALE,     /* the timestamp is outside the tolerance: 401 */
	WEBHOOK_CHALLENGE, /* `answer` is to be sent as JSON with 200; nothing is stored */
	WEBHOOK_HEAD,      /* a HEAD that is to be answered 200 */
};
struct webhook_check {
	enum webhook_verdict verdict;
	size_t secret;
	struct sl_text answer;
	char reason[160]; /* for `refused` and log lines; never holds what was sent */
};
/* `record` holds method, path, query, headers and body of a complete request;
 * every header is there, in lower case, doubled ones twice.  `now` is wall time
 * in milliseconds. */
void webhook_check(const struct webhook *webhook, const struct log_record *record, int64_t now, struct arena *arena,
	struct webhook_check *check);
int webhook_status(const struct webhook *webhook); /* the answer when stored */

/* Which headers and query parts are kept in the log: all but the ones that are
 * the proof itself, Authorization and Cookie.  Writes the kept ones. */
void webhook_keep(const struct webhook *webhook, const struct log_record *record, struct buf *headers, struct buf *query);

/* What the selectors find in a stored record.  Text in the arena.  `id` is never
 * empty: an identity without any part is "seq-N".  `json` is the body's, or
 * NULL if it is not JSON (why says so); selectors on the body then find nothing. */
struct webhook_found {
	struct sl_event event;
	int64_t repeat_ms;
	bool content; /* the id is made of content */
};
void webhook_find(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena, struct webhook_found *found);

/* The proof for a body, as the vendor would send it: header name and value. */
bool webhook_sign(const struct webhook *webhook, struct sl_text body, size_t secret, struct arena *arena,
	struct sl_pair *header, struct why *why);
/* Why a proof does not match, in sentences: tries the usual mistakes. */
void webhook_explain(const struct webhook *webhook, const struct log_record *record, int64_t now, struct buf *out);

/* header by lower-case name; the first one.  at NULL: not there */
struct sl_text record_header(const struct log_record *record, const char *name);

#endif
