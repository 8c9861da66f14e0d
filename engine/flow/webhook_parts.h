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

/* A walk over the parts of record->query. */
struct query_part {
	struct sl_text name, value, whole; /* decoded; whole: as it stands, without & */
};
bool query_next(struct sl_text *rest, struct arena *arena, struct query_part *part);

/* ISO 8601, or seconds, milliseconds or microseconds since 1970 */
bool moment_read(struct sl_text text, int64_t *milliseconds);

/* ------------------------------------------------------------------- proofs */

enum scheme_kind {
	SCHEME_OPEN,
	SCHEME_HMAC,
	SCHEME_TOKEN,
	SCHEME_BASIC,
	SCHEME_LATER,
	SCHEME_KINDS,
};

struct scheme {
	const char *name;
	enum scheme_kind kind;
	enum sl_digest digest;
	const char *proof, *prefix; /* unless the description says otherwise */
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
	struct sl_signer **signers; /* SCHEME_HMAC: one for each secret */
	size_t secret_count;
	const char *challenge;
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

/* What follows the prefix; false if a prefix is asked for and not there. */
bool prefix_strip(const struct webhook *webhook, struct sl_text *value);

/* Whether the proof itself would let someone in who reads it. */
bool scheme_sends_secret(const struct webhook *webhook);

#endif
