/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - a vendor's webhooks as data: is it theirs, and what does it say.
 *
 * docs/design.md, "Declared webhooks".  A description comes from a plugin, from
 * YAML (`use: webhook`), or from both; here it is read from its JSON form, the
 * one plugin_describe writes, and compiled once.  Its members are those of
 * struct sl_webhook (plugin.h):
 *
 *     auth       "none", "hmac-sha1", "hmac-sha256", "hmac-sha512", "jwt-hs256",
 *                "standard-webhooks", "basic", "bearer", "query-token"; must be there
 *     proof      "header:NAME", "header:NAME;PART" (a=1,b=2 in one header), "query:NAME"
 *     prefix     what stands before the proof; alternatives with |
 *     encoding   "hex" or "base64" of an hmac
 *     covers     what an hmac is over: text with {body} {callback} {path} {timestamp} {header:NAME}
 *     timestamp  selector; tolerance_ms how far it may be from now (300000 unless given)
 *     id type subject time  selectors; repeat_ms
 *     audience   of a jwt: what `aud` has to be; "{callback}": the callback, whatever
 *                query stands behind it.  exp has to be there; exp and nbf hold within
 *                tolerance_ms (60000 unless given)
 *     same       "SELECTOR = SELECTOR", several with a comma between: where the right
 *                one finds something the left one has to find the same, or the
 *                request is refused.  So a header that is not signed is held against
 *                the body that is
 *     scope      text around one {SELECTOR}: the whole that its subject is a part of, for
 *                the sweeps of a source that polls too
 *     challenge  member that is echoed; head  true; status  200..299
 *
 * auth standard-webhooks (standardwebhooks.com) says by itself what is signed, where
 * the timestamp stands, and what the id is: the header webhook-id; with proof
 * "header:svix-signature" the other headers are svix-id and svix-timestamp.  Its
 * secrets are "whsec_" and base64.
 *
 * A selector is one or more parts with a space between; what they find is joined
 * with ":".  A part is one or more alternatives with | between; the first that
 * finds something counts.  An alternative is "body:POINTER" (RFC 6901; strings,
 * numbers and booleans are found), "header:NAME", "header:NAME;PART", "query:NAME"
 * (percent-decoded) or "sha256(body)" (hex).  Nothing and "" are the same.
 *
 * A body is JSON, or, if its Content-Type says application/x-www-form-urlencoded, a
 * form, which is read as a JSON object of its fields: see webhook_read.
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
bool webhook_bare(const struct webhook *webhook);         /* the proof is the secret itself */

/* Which headers and query parts are kept in the log: all but the ones that are
 * the proof itself, Authorization and Cookie.  Writes the kept ones. */
void webhook_keep(const struct webhook *webhook, const struct log_record *record, struct buf *headers,
	struct buf *query);

/* What a request's body says, for selectors, decode and transforms; NULL if it is
 * neither JSON nor a form, then `why` says so (NULL: it need not), as sl_json_read does.
 * A form becomes an object: name -> text; a name that is there more than once -> a
 * list.  + is a blank; what is no %XX stays as it is; what is no UTF-8 becomes U+FFFD;
 * at most 10 000 fields.  A body that is JSON is JSON, whatever it says it is.  `data`
 * (or NULL) becomes the document's text: the body, or text in the arena. */
struct sl_document *webhook_read(const struct log_record *record, struct arena *arena, struct sl_text *data, char *why,
	size_t why_size);

/* What the selectors find in a stored record.  Text in the arena.  `id` is never
 * empty: an identity without any part is "seq-N"; `type` is "request" if nothing
 * says it, `time` is `received`, `subject` NULL.  `json` is the body's, or NULL if
 * it has none; selectors on the body then find nothing. */
struct webhook_found {
	struct sl_event event;
	int64_t repeat_ms;
	bool content; /* the id is made of content */
};
void webhook_find(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena, struct webhook_found *found);

/* The whole that a stored request's subject is a part of, in the words of the polls; NULL: nothing says it. */
const char *webhook_scope(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena);
bool webhook_scopes(const struct webhook *webhook); /* the description has a scope */

/* The proof for a request as the vendor would send it.  `record` holds the body,
 * and whatever else the description says is signed: path, headers. */
struct webhook_proof {
	struct sl_pair headers[3]; /* to be added: the proof, perhaps a timestamp and an id */
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
