/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_parts.h - a compiled description, as the files webhook*.c share it. */
#ifndef FLOW_WEBHOOK_PARTS_H
#define FLOW_WEBHOOK_PARTS_H

#include "flow/webhook.h"
#include "sdk/sign.h"

/* ---------------------------------------------------------------- selectors */

enum place_kind {
	PLACE_HEADER,
	PLACE_QUERY,
	PLACE_BODY,
	PLACE_DIGEST,
};

/* Where in a request something stands. */
struct place {
	enum place_kind kind;
	const char *name;  /* header in lower case, query name, JSON pointer */
	const char *shown; /* the name as the description writes it */
	const char *part;  /* of a header "a=1,b=2"; NULL: all of it */
};

struct place_list { /* alternatives: the first that finds something counts */
	struct place *places;
	size_t count;
};

struct selector { /* several lists: what they find is joined */
	struct place_list *lists;
	size_t count; /* 0: the description says nothing */
};

/* A request while it is looked at. */
struct sight {
	const struct log_record *record;
	const struct sl_json *json; /* of the body, or NULL */
	struct arena *arena;
};

bool place_read(const char *text, struct arena *arena, struct place *place, struct why *why);
bool selector_read(const char *text, struct arena *arena, struct selector *selector, struct why *why);
bool selector_uses(const struct selector *selector, enum place_kind kind);

/* at NULL: nothing found, or nothing in it */
struct sl_text place_find(const struct place *place, const struct sight *sight);
struct sl_text selector_find(const struct selector *selector, const struct sight *sight);

/* Everything that stands at a place, empty ones too, at most `most`.  Returns how
 * many there are.  `doubled` says whether the header or query name itself is there
 * more than once; parts of one header may repeat. */
size_t place_all(const struct place *place, const struct sight *sight, struct sl_text *values, size_t most,
	bool *doubled);

/* A walk over the lines of record->headers. */
struct header_line {
	struct sl_text name, value, whole; /* whole: with its line break */
};
bool header_next(struct sl_text *rest, struct header_line *line);
bool header_named(struct sl_text rest, struct sl_text name); /* whether its first line is so named */
/* The next one so named; what lies before it is passed over. */
bool header_find(struct sl_text *rest, struct sl_text name, struct header_line *line);

/* A walk over the parts of record->query. */
struct query_part {
	struct sl_text name, value, whole; /* decoded; whole: as it stands, without & */
};
bool query_next(struct sl_text *rest, struct arena *arena, struct query_part *part);

/* ISO 8601, or seconds, milliseconds or microseconds since 1970 */
bool moment_read(struct sl_text text, int64_t *milliseconds);

/* --------------------------------------------------------------------- same */

/* Where `right` finds something, `left` has to find the same. */
struct pair {
	struct selector left, right;
	const char *shown; /* "header:X-Shop = body:/shop" */
};
struct same {
	struct pair *pairs;
	size_t count;
};

bool same_read(const char *text, struct arena *arena, struct same *same, struct why *why);
/* The first pair that does not agree, or NULL. */
const struct pair *same_broken(const struct same *same, const struct log_record *record, struct arena *arena);

/* -------------------------------------------------------------------- scope */

struct scope {
	const char *before, *behind; /* the selector; before NULL: there is no scope */
	struct selector selector;
};

bool scope_read(const char *text, struct arena *arena, struct scope *scope, struct why *why);

/* ------------------------------------------------------------------- proofs */

enum scheme_kind {
	SCHEME_OPEN,
	SCHEME_HMAC,
	SCHEME_TOKEN,
	SCHEME_BASIC,
	SCHEME_JWT,
	SCHEME_KINDS,
};

struct scheme {
	const char *name;
	enum scheme_kind kind;
	enum sl_digest digest;
	const char *proof, *prefix; /* unless the description says otherwise */
	bool standard;              /* of standardwebhooks.com: several signatures in one header, keys in base64 */
};
#define SCHEME_COUNT 9
extern const struct scheme schemes[SCHEME_COUNT];

enum piece_kind {
	PIECE_TEXT,
	PIECE_BODY,
	PIECE_CALLBACK,
	PIECE_PATH,
	PIECE_TIMESTAMP,
	PIECE_HEADER,
};

struct piece {
	enum piece_kind kind;
	struct sl_text text; /* PIECE_TEXT; the name of PIECE_HEADER */
};

#define PIECES_MOST 12
#define PROOFS_MOST 8

struct covers {
	struct piece pieces[PIECES_MOST];
	size_t count;
};

struct webhook {
	struct arena *arena;
	const struct scheme *scheme;
	bool unchecked;
	struct place proof;
	struct sl_text *prefixes;
	size_t prefix_count;
	bool base64;
	struct covers covers;
	struct selector timestamp, id, type, subject, time;
	int64_t tolerance_ms, repeat_ms;
	struct sl_text *secrets, callback;
	struct sl_text audience;    /* SCHEME_JWT; at NULL: not checked */
	bool ours;                  /* the audience is the callback, whatever query stands behind it */
	struct sl_signer **signers; /* SCHEME_HMAC, SCHEME_JWT: one for each secret */
	size_t secret_count;
	const char *challenge;
	struct same same;
	struct scope scope;
	bool head;
	int status;
};

bool covers_read(const char *text, struct arena *arena, struct covers *covers, struct why *why);
bool covers_uses(const struct covers *covers, enum piece_kind kind);

/* What is signed, piece by piece.  `stamp` is the timestamp as it was sent. */
size_t covers_gather(const struct webhook *webhook, const struct covers *covers, const struct log_record *record,
	struct sl_text stamp, struct sl_text parts[PIECES_MOST]);

/* The timestamp as it was sent; at NULL: there is none.  Reads the body's JSON
 * if the selector needs it. */
struct sl_text stamp_find(const struct webhook *webhook, const struct log_record *record, struct arena *arena);

/* Everything that stands where the proof should, as it was sent. */
size_t proofs_sent(const struct webhook *webhook, const struct sight *sight, struct sl_text proofs[PROOFS_MOST],
	bool *doubled);
/* Likewise, prefixes taken off; 0: refused, and `check` says why. */
size_t proofs_gather(const struct webhook *webhook, const struct sight *sight, struct sl_text proofs[PROOFS_MOST],
	struct webhook_check *check);

/* What follows the prefix; false if a prefix is asked for and not there. */
bool prefix_strip(const struct webhook *webhook, struct sl_text *value);

/* ----------------------------------------------------------------- verdicts */

void check_forged(struct webhook_check *check, const char *form, ...) __attribute__((format(printf, 2, 3)));
void check_stale(struct webhook_check *check, const char *form, ...) __attribute__((format(printf, 2, 3)));
void check_genuine(struct webhook_check *check, size_t secret);

/* ------------------------------------------------------------------- tokens */

/* A JSON web token, taken apart (RFC 7519, in the compact form of RFC 7515). */
struct token {
	struct sl_text message;       /* what the signature is over: header and claims as they were sent */
	struct sl_text header, claims; /* decoded; claims may be anything until they are looked at */
	unsigned char mac[32];
};

/* False: it is none, or not one that is signed with HS256; `why` says so. */
bool token_read(struct sl_text text, struct arena *arena, struct token *token, struct why *why);
bool token_fits(const struct token *token, struct sl_signer *signer);
/* Whether it is good now, and for us; else `check` says why not. */
bool token_holds(const struct webhook *webhook, const struct token *token, int64_t now, struct webhook_check *check);
/* The claim `aud`, the first one if they are several; at NULL: there is none.  Text in the arena. */
struct sl_text token_audience(const struct token *token, struct arena *arena);
/* One as the vendor would make it, good for five minutes. */
char *token_make(const struct webhook *webhook, struct sl_text secret, int64_t now, struct arena *arena);
void check_jwt(const struct webhook *webhook, const struct sight *sight, int64_t now, struct webhook_check *check);

#endif
