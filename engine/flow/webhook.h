/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - a vendor's webhooks as data: is it theirs, and what does it say.
 *
 * docs/design.md, "Declared webhooks".  A description comes from a plugin, from
 * YAML (`use: webhook`), or from both; here it is read from its JSON form, the
 * one plugin_describe writes, and compiled once.  Its members are those of
 * struct sl_webhook (plugin.h):
 *
 *     auth       "none", "hmac-sha1", "hmac-sha256", "hmac-sha512", "basic", "bearer",
 *                "query-token"; must be there
 *     proof      "header:NAME", "header:NAME;PART" (a=1,b=2 in one header), "query:NAME"
 *     prefix     what stands before the proof; alternatives with |
 *     encoding   "hex" or "base64" of an hmac
 *     covers     what an hmac is over: text with {body} {callback} {path} {timestamp} {header:NAME}
 *     timestamp  selector; tolerance_ms how far it may be from now (300000 unless given)
 *     id type subject time  selectors; repeat_ms
 *     challenge  member that is echoed; head  true; status  200..299
 *
 * A selector is one or more parts with a space between; what they find is joined
 * with ":".  A part is one or more alternatives with | between; the first that
 * finds something counts.  An alternative is "body:POINTER" (RFC 6901; strings,
 * numbers and booleans are found), "header:NAME", "header:NAME;PART", "query:NAME"
 * (percent-decoded) or "sha256(body)" (hex).  Nothing and "" are the same.
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
/* The same without any secret, and every request is genuine to it: for a source
 * that is marked `insecure: true`, and for whoever only reads stored records. */
struct webhook *webhook_unchecked(const struct sl_json *form, struct why *why);
void webhook_free(struct webhook **webhook);

enum webhook_verdict {
	WEBHOOK_GENUINE,   /* `secret` says which one verified, 0 is the first */
	WEBHOOK_FORGED,    /* the proof is missing, doubled, malformed or wrong: 401 */
	WEBHOOK_STALE,     /* the timestamp is outside the tolerance: 401 */
	WEBHOOK_CHALLENGE, /* `answer` is to be sent as JSON with 200; nothing is stored */
	WEBHOOK_HEAD,      /* a HEAD that is to be answered 200 */
	WEBHOOK_METHOD,    /* another method than webhook_allow says: 405 */
};
struct webhook_check {
	enum webhook_verdict verdict;
	size_t secret;
	struct sl_text answer;
	bool missing;     /* forged: no proof at all is there */
	char reason[160]; /* for `refused` and log lines; never holds what was sent */
};
/* `record` holds method, path, query, headers and body of a complete request;
 * every header is there, in lower case, doubled ones twice.  `now` is wall time
 * in milliseconds. */
void webhook_check(const struct webhook *webhook, const struct log_record *record, int64_t now, struct arena *arena,
	struct webhook_check *check);
int webhook_status(const struct webhook *webhook);        /* the answer when stored */
const char *webhook_allow(const struct webhook *webhook); /* the methods taken: "POST, PUT" */
bool webhook_open_door(const struct webhook *webhook);    /* lets everyone in: auth none, or unchecked */
size_t webhook_secrets(const struct webhook *webhook);    /* how many are live */

/* Which headers and query parts are kept in the log: all but the ones that are
 * the proof itself, Authorization and Cookie.  Writes the kept ones. */
void webhook_keep(const struct webhook *webhook, const struct log_record *record, struct buf *headers,
	struct buf *query);

/* What the selectors find in a stored record.  Text in the arena.  `id` is never
 * empty: an identity without any part is "seq-N"; `type` is "request" if nothing
 * says it, `time` is `received`, `subject` NULL.  `json` is the body's, or NULL if
 * it is not JSON; selectors on the body then find nothing. */
struct webhook_found {
	struct sl_event event;
	int64_t repeat_ms;
	bool content; /* the id is made of content */
};
void webhook_find(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena, struct webhook_found *found);

/* The proof for a request as the vendor would send it.  `record` holds the body,
 * and whatever else the description says is signed: path, headers. */
struct webhook_proof {
	struct sl_pair headers[3]; /* to be added: the proof, perhaps a timestamp */
	size_t header_count;
	const char *query; /* "token=..." to be added to the address, or NULL */
};
bool webhook_sign(const struct webhook *webhook, const struct log_record *record, size_t secret, int64_t now,
	struct arena *arena, struct webhook_proof *proof, struct why *why);

/* Why a proof does not match, as lines of text: tries the usual mistakes.  `others`
 * are the source's other options by name (key, token ...), which might have been
 * taken for the secret.  No value of any of them is ever written.  Returns whether
 * the request is genuine. */
bool webhook_explain(const struct webhook *webhook, const struct log_record *record, int64_t now,
	const struct sl_pair *others, size_t other_count, struct buf *out);

/* header by lower-case name; the first one.  at NULL: not there */
struct sl_text record_header(const struct log_record *record, const char *name);

#endif
