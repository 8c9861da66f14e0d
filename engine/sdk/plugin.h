/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - all that a plugin may know about the engine.
 *
 * A plugin is one constant, `sl_plugin`.  It names itself, lists its options,
 * describes its webhooks, and offers one or more steps:
 *
 *     decode      a stored request                 emit the events in it
 *     poll        time to ask the far side         emit events, advance
 *     transform   one event on its way             emit what it becomes, or drop it
 *     deliver     a batch of rows                  bring it there, settle each
 *     recall      a row of a table, partly filled  emit the rows that are like it
 *     hooks       list, register or remove         do it with the vendor's webhooks
 *     discover    nothing                          emit what objects there are
 *     schema      tables and views                 emit how the destination differs
 *     upkeep      tables and views                 what is due now and then
 *
 * All steps have one form: read the input from the call, emit, and return how
 * it ended.  A step that has to wait returns the wait, and names the step that
 * goes on from there, so that a file reads from top to bottom:
 *
 *     return call->host->http(call, &request, page_arrived);
 *
 * Memory: whatever a step is handed, or gets from the host, belongs to the call
 * and ends with it.  Nothing of it is freed by hand.
 *
 * Durability: what a call emits is seen by nobody until it ends SL_DONE.
 *
 * Threads: steps run on the engine's loop and must not block; what blocks goes
 * into work(), whose function runs on another thread and gets nothing of the
 * host.
 *
 * Versions: fields are only ever added, and only at the end.  The host hands
 * over arrays of pointers; of a struct that a plugin hands over it reads no more
 * than that had in the plugin's minor version.
 *
 *     1.0   first
 *     1.1   http, watch, quote, row_json, header; api; hooks, discover, every_ms,
 *           batch_bytes; call->response, ready, backfill, since, verb, callback, hook
 *     1.2   SL_PATCH, SL_DELETE, SL_LOAD_BEGIN, SL_LOAD_END; table->deletes and on; column->initial
 *           and on; view->materialized, refresh_ms; row->load; event->run; schema, upkeep;
 *           call->most; tally
 *     1.3   event->scope; sweep, progress; call->since of every walk that begins; what hooks and
 *           discover emit; webhook->audience "{callback}", webhook->same,
 *           webhook->notice, webhook->scope; api->points_flow
 */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define SL_ABI_MAJOR 1 /* must be equal */
#define SL_ABI_MINOR 3 /* the engine's must be at least the plugin's */
#define SL_ABI ((uint32_t)(SL_ABI_MAJOR << 16 | SL_ABI_MINOR))

/* How a step, or one row, ended. */
enum sl_outcome {
	SL_DONE,  /* commit what was emitted */
	SL_WAIT,  /* http(), sleep(), watch() or work() will go on for us */
	SL_RETRY, /* not now: run the whole call again later */
	SL_FAIL,  /* not ever: a dead letter, a person has to look */
};

struct sl_call;
struct sl_json; /* one value of a document; opaque, read through the host */
typedef enum sl_outcome sl_step(struct sl_call *call);

/* Bytes and their length; a NUL follows the last one. */
struct sl_text {
	const char *at;
	size_t len;
};

struct sl_pair {
	const char *name, *value;
};

/* ------------------------------------------------------------------ events */

/* Something that happened, or a row on its way.  Source and id together name an
 * event; a second one of the same name is dropped.  What a transform leaves out
 * (NULL, or 0 for times) is its event's. */
struct sl_event {
	const char *source, *id;
	const char *type;           /* what happened: "updateCard"; for a sink: the table */
	const char *subject;        /* to what; one subject's events stay in order; NULL: no order */
	const char *mode;           /* for a sink: the write mode's name; NULL: as the schema says */
	int64_t time;               /* when: milliseconds since 1970, UTC */
	int64_t received;           /* likewise, by our clock */
	struct sl_text data;        /* JSON text; in emit() it may be left empty when json is given */
	const struct sl_json *json; /* the same, parsed once by the host */
	/* since 1.2 */
	const char *run;            /* the run of the poll that it came with; NULL: none, or an ordinary one */
	/* since 1.3 */
	const char *scope;          /* poll: the whole that its subject is a part of: "board 1825117125"; see sweep() */
};

/* A request as it was received and stored. */
struct sl_request {
	const char *method, *url;
	const struct sl_pair *const *headers; /* ends with NULL, or NULL; names in lower case */
	struct sl_text body;
};

/* -------------------------------------------------------------------- HTTP */

/* What is asked of a far side.  A url that begins with '/' goes behind the base
 * of an api (struct sl_api): one's own, or that of the event's source.  A whole url to
 * the same scheme, host and port is the api's too: the next page often is one. */
struct sl_http {
	const char *method;                   /* NULL: GET, or POST if there is a body */
	const char *url;
	const struct sl_pair *const *query;   /* added to the url, percent-encoded; ends with NULL, or NULL */
	const struct sl_pair *const *headers; /* likewise; Content-Type is application/json unless given */
	struct sl_text body;
	const char *file;   /* the answer's body goes into this file, made anew; NULL: into memory */
	int64_t timeout_ms; /* for the whole of it; 0: 30 s */
	int64_t most;       /* bytes of the answer's body, unpacked; 0: 16 MB, into a file 1 GB */
	int64_t cost;       /* points of the budget, where it counts points; 0: 1 */
	int source;         /* transform: '/' means the api of the event's source, not one's own */
	int asks;           /* this POST changes nothing (a GraphQL query, a search): it is kept and repeated like a GET */
	int graphql;        /* errors inside a 200 are judged: `errors` without `data` fails the call; 2 (since 1.3):
	                     * only what says "not now" is judged, other errors are the plugin's */
	int all;            /* 408, 423, 425, 429, 449 and 5xx are ours to judge too */
};

struct sl_response {
	int status;
	const struct sl_pair *const *headers; /* ends with NULL; names in lower case */
	struct sl_text body;                  /* empty if it went into a file */
	const struct sl_json *json;           /* NULL if it is not JSON */
	const char *url;                      /* that answered, after redirects */
};

/* How the far side of a plugin is asked: data, filled in by the host, so that a
 * script need not see a token.  {name} stands for the option of that name (the
 * first of a secret), {basic:name} for what Basic authentication makes of it as a user.
 * The budget belongs to the credential: everybody who uses it, in whatever process, shares it. */
struct sl_api {
	const char *base;                     /* "https://api.trello.com"; may be "{base}", with base "https://{shop}" */
	const char *const *headers;           /* "Authorization: Bearer {token}"; ends with NULL, or NULL */
	const struct sl_pair *const *query;   /* { "key", "{key}" }; ends with NULL, or NULL */
	const char *credential;               /* "{token}": who the budget belongs to; NULL: the instance */
	int64_t requests, window_ms;          /* at most so many in any such stretch of time; 0: no limit */
	int64_t points, points_window_ms;     /* likewise of what requests cost */
	int64_t at_once;                      /* requests under way; 0: no limit */
	int points_flow;                      /* a bucket: they come back all the time, `points` in a window */
};

/* -------------------------------------------------------- tables and rows */

enum sl_column_type {
	SL_COLUMN_TEXT = 1,
	SL_COLUMN_INT,
	SL_COLUMN_DECIMAL,
	SL_COLUMN_BOOL,
	SL_COLUMN_TIMESTAMP,
	SL_COLUMN_DATE,
	SL_COLUMN_JSON,
};

/* How a row is written.  SL_PUT, SL_REMOVE and SL_EXPECT are the engine's own, for
 * the tables that say where a route stands.  What SL_UPSERT, SL_PATCH and SL_DELETE
 * make of a row, in whatever order they come, sdk/fold.h says (and does). */
enum sl_mode {
	SL_APPEND = 1, /* what came first for the key stays */
	SL_ONCE,       /* likewise: immutable masters */
	SL_UPSERT,     /* the newest by (version_time, version_id) stays; a late one changes nothing */
	SL_REPLACE,    /* the newest whole set of a parent: `set` holds its rows, perhaps none */
	SL_PUT,        /* the row becomes this one, whatever stood there */
	SL_REMOVE,     /* the row goes, if it is there */
	SL_EXPECT,     /* nothing is written: the batch may only go on if the row stands exactly so;
	                * a table with all other cells SL_CELL_NONE: if there is no row with this key.
	                * Otherwise it is settled SL_FAIL.  Settled SL_RETRY means: the end of an earlier
	                * batch was unknown, and it had been written; the host asks where it stands */
	/* since 1.2 */
	SL_PATCH,      /* only the given cells; of each column the newest stays */
	SL_DELETE,     /* the row is marked or goes, as table->deletes says; nothing older brings it back */
	SL_LOAD_BEGIN, /* a load of the table begins: what was staged by older ones goes.  No cells */
	SL_LOAD_END,   /* the load is whole: checked (table->snapshot) and put in the table's place; or settled
	                * SL_FAIL, and the table stays as it was; or, if it is passed over, SL_DONE with the
	                * reason.  No cells */
};

/* What SL_DELETE does to a row. */
enum sl_deletes {
	SL_DELETES_NONE,   /* there are none in this table */
	SL_DELETES_MARK,   /* columns `deleted` and `deleted_at`, which the table has then */
	SL_DELETES_REMOVE, /* it goes, and a tombstone keeps the time (sdk/fold.h) */
};

/* A table that is filled by whole loads: see sluice-schema(5). */
struct sl_snapshot {
	const char *source;      /* whose runs; NULL: whichever has rows for it */
	int64_t least;           /* rows a load has at least */
	int64_t change;          /* per cent by which its rows may differ in number from the last one's; -1: any */
	int64_t nulls;           /* points by which a column's share of nulls may exceed the last one's; -1: any */
	int duplicates;          /* rows of one key are allowed: they fold */
};

struct sl_column {
	const char *name;
	enum sl_column_type type;
	int key;           /* 1, 2, ...: its place in the key; 0: not part of it */
	int parent;        /* SL_REPLACE: likewise, in the parent's key */
	int required;      /* never NULL */
	const char *help;  /* a comment for the destination, or NULL */
	/* since 1.2 */
	const struct sl_cell *initial; /* rows that leave it out get it (the host sees to that), and those that
	                                * were there before the column was; NULL: none */
	const char *generated;         /* an expression in the plugin's dialect: the destination fills the column, its
	                                * cells are SL_CELL_NONE; NULL: no */
	int personal;                  /* its values are shown to nobody */
};

struct sl_table {
	const char *name;
	enum sl_mode mode;                       /* unless the row says otherwise */
	const struct sl_column *const *columns;  /* ends with NULL */
	size_t column_count;
	const char *const *indexes;              /* "card_id, action_date"; ends with NULL, or NULL */
	/* since 1.2 */
	const char *help;                        /* a comment for the destination, or NULL */
	enum sl_deletes deletes;
	const char *partition;                   /* a column: hint for destinations that can; NULL: none */
	const char *const *cluster;              /* columns, likewise; ends with NULL, or NULL */
	int strict;                              /* the destination itself insists on types, where it need not */
	const char *retention;                   /* rows go when this column (timestamp or date) is so old; NULL: never */
	int64_t retention_ms;
	const struct sl_snapshot *snapshot;      /* it is filled by loads; NULL: row by row */
};

/* A statement kept beside the tables: a view, in the plugin's own dialect. */
struct sl_view {
	const char *name;
	const char *sql; /* what stands after CREATE VIEW name AS */
	/* since 1.2 */
	int materialized;    /* kept as rows where the destination can, and refreshed so often */
	int64_t refresh_ms;
};

enum sl_cell_kind {
	SL_CELL_NONE, /* not given: the row says nothing about this column */
	SL_CELL_NULL,
	SL_CELL_INT,  /* `number`: int; bool as 0 or 1; timestamp: microseconds since 1970; date: days since 1970 */
	SL_CELL_TEXT, /* `text`: text; decimal, as plain digits; json */
};

struct sl_cell {
	enum sl_cell_kind kind;
	int64_t number;
	struct sl_text text;
};

/* A row, checked by the host against its table: each cell fits its column. */
struct sl_row {
	const struct sl_table *table;
	enum sl_mode mode;
	const struct sl_cell *cells;          /* one for each column of the table */
	int64_t version_time;                 /* of what the row says: microseconds since 1970 */
	const char *version_id;               /* the event's id, to break ties */
	const char *idempotency;              /* the same for the same row of the same event, for ever */
	const struct sl_row *const *set;      /* SL_REPLACE: the rows of the parent that `cells` names */
	size_t set_count;
	const struct sl_event *event;         /* as emitted, with a table without data; NULL for the engine's own rows */
	/* since 1.2 */
	/* It belongs to this load of its table, and is staged; NULL: to none.  Loads are told
	 * apart by name, and ordered by the version of their SL_LOAD_BEGIN: rows of any but the
	 * newest are passed over, and so are those of one that was never begun, or is in its
	 * place already.  The newest may begin again: what it had staged goes. */
	const char *load;
};

/* ---------------------------------------------------------------- webhooks */

enum sl_auth {
	SL_AUTH_NONE,
	SL_HMAC_SHA1,
	SL_HMAC_SHA256,
	SL_HMAC_SHA512,
	SL_JWT_HS256,
	SL_STANDARD_WEBHOOKS,
	SL_BASIC,
	SL_BEARER,
	SL_QUERY_TOKEN,
};

/* What a vendor's webhooks look like.  The ingress works from this alone. */
struct sl_webhook {
	enum sl_auth auth;
	const char *proof;     /* where: "header:X-Trello-Webhook", "header:Stripe-Signature;v1", "query:token" */
	const char *prefix;    /* "sha256="; alternatives with |; NULL: none */
	const char *encoding;  /* "hex" or "base64" */
	const char *covers;    /* what is signed: "{body}{callback}"; NULL: "{body}" */
	const char *timestamp; /* selector, with tolerance_ms; NULL: none */
	int64_t tolerance_ms;
	const char *audience;  /* jwt: the option that must equal `aud`; "{callback}": our address; NULL: not checked */
	const char *secret;    /* the option (a secret) that holds the secrets; any listed one verifies */
	/* Selectors: "body:/action/id", "header:X-Id", "query:event", "sha256(body)";
	 * alternatives with |, several parts joined with a space. */
	const char *id, *type, *subject, *time;
	int64_t repeat_ms;     /* an id made of content repeats only this long; 0: always */
	const char *challenge; /* member that is echoed before anything is checked; NULL: none */
	int head;              /* answer HEAD with 200 */
	int status;            /* the answer when stored; 0 means 200 */
	/* since 1.3 */
	/* "header:X-Shop = body:/shop_domain", several with a comma between: where the right one finds something the
	 * left one has to find the same, or the request is refused.  So a header nobody signed is held against the body. */
	const char *same;
	int notice;            /* a request says no more than that something changed: a poll begins */
	const char *scope;     /* "board {body:/event/boardId}": that in which a poll emits its subject, for sweeps */
};

/* ------------------------------------------------------------------- calls */

struct sl_host;

/* One run of a step, its waits included. */
struct sl_call {
	const struct sl_host *host;
	const void *options; /* your struct, filled from your table */
	void *state;         /* yours, as long as the instance lives (state_size bytes, zeroed) */
	void *local;         /* yours, as long as the call lives (local_size bytes, zeroed) */

	const struct sl_request *request; /* decode, transform; NULL for polled events */
	const struct sl_event *event;     /* transform: the event; decode: what the selectors found */
	const char *cursor;               /* poll; NULL the first time */
	const struct sl_table *const *tables; /* open: every table this sink will be handed rows of */
	size_t table_count;
	const struct sl_view *const *views;   /* open: likewise */
	size_t view_count;
	const struct sl_row *const *rows;     /* deliver: the batch; recall: one, partly filled */
	size_t row_count;
	struct sl_text work_error;            /* the step after work(): reserved */
	/* since 1.1 */
	const struct sl_response *response;   /* the step after http() */
	int ready;                            /* the step after watch(): the events; 0: time is up */
	int backfill;                         /* poll: a walk through everything, beside the ordinary ones */
	int64_t since;                      /* poll: nothing before it is wanted; ms since 1970; 0: all. Since 1.3 an
	                                       * ordinary walk that begins has one too: now less the source's `first` */
	const char *verb;                     /* hooks: "list", "register" or "remove" */
	const char *callback;                 /* hooks: our address; NULL: none is known */
	const char *hook;                     /* hooks, "remove": the id of one; NULL: all that point to us */
	/* since 1.2: `tables` and `views` are there in schema and upkeep too, `verb` in schema */
	/* recall: so many rows, in the key's order, those behind `cursor` (NULL: from the first),
	 * and advance() to where it stopped unless that is the end; 0: all. */
	size_t most;
};

enum sl_level { SL_DEBUG, SL_INFO, SL_WARNING, SL_ERROR };

enum sl_kind { SL_KIND_NULL, SL_KIND_BOOL, SL_KIND_NUMBER, SL_KIND_STRING, SL_KIND_ARRAY, SL_KIND_OBJECT };

/* What hooks and discover emit (since 1.3), for people: `id` and `type` the vendor's, `data` an object.  For hooks
 * `subject` is what the webhook is for, and `type` how it is: "fine", "off", "missing", "extra"; "made", "woken",
 * "removed"; "manual".  docs/plugins.md tells all of it. */

/* What the engine does for a call.  sleep, work, retry, fail, http and watch make
 * an outcome: return it. */
struct sl_host {
	uint32_t abi;

	/* memory and words */
	void *(*alloc)(struct sl_call *, size_t size); /* zeroed, never NULL */
	struct sl_text (*format)(struct sl_call *, const char *form, ...) __attribute__((format(printf, 2, 3)));
	void (*log)(struct sl_call *, enum sl_level, const char *form, ...) __attribute__((format(printf, 3, 4)));

	/* documents: NULL for a document leads to NULL, 0 and false */
	const struct sl_json *(*json)(struct sl_call *, struct sl_text); /* NULL: not JSON */
	const struct sl_json *(*at)(const struct sl_json *, const char *pointer); /* "/action/id"; NULL: not there */
	enum sl_kind (*kind)(const struct sl_json *);
	struct sl_text (*string)(const struct sl_json *);  /* a string's text; any other: empty, at NULL */
	int (*integer)(const struct sl_json *, int64_t *); /* true if it is a whole number that fits */
	struct sl_text (*raw)(const struct sl_json *);     /* the value as it stands in the document; no NUL follows */
	size_t (*count)(const struct sl_json *);           /* elements or members */
	const struct sl_json *(*first)(const struct sl_json *); /* first element, or member's value */
	const struct sl_json *(*next)(const struct sl_json *);  /* the one after; NULL: the last */
	struct sl_text (*name)(const struct sl_json *);    /* a member's name */

	/* results */
	void (*emit)(struct sl_call *, const struct sl_event *); /* copied: the pointers need to live no longer */
	void (*emit_row)(struct sl_call *, const struct sl_table *, const struct sl_cell *); /* recall */
	void (*drop)(struct sl_call *, const char *reason); /* transform: nothing comes of it; counted by reason */
	/* deliver: SL_DONE unless said.  With SL_DONE `why` may be NULL; it counts where an SL_LOAD_END is passed over. */
	void (*settle)(struct sl_call *, size_t row, enum sl_outcome, const char *why, ...)
		__attribute__((format(printf, 4, 5)));
	/* A poll that advances is called again at once, one that does not waits
	 * for its interval: a backfill is just a poll that keeps moving. */
	void (*advance)(struct sl_call *, const char *cursor);

	/* outcomes */
	enum sl_outcome (*sleep)(struct sl_call *, int64_t ms, sl_step *next);
	enum sl_outcome (*work)(struct sl_call *, void (*blocking)(void *), void *, sl_step *next);
	/* The far side cannot be had, or asks for time: nobody's fault in deliver
	 * (the route holds), a try of the event in transform. after_ms 0: the host's own pace. */
	enum sl_outcome (*retry)(struct sl_call *, int64_t after_ms, const char *why, ...)
		__attribute__((format(printf, 3, 4)));
	enum sl_outcome (*fail)(struct sl_call *, const char *why, ...) __attribute__((format(printf, 2, 3)));
	/* since 1.1 */
	/* Waits for its turn in the budget, sends, and goes on with call->response.
	 * What says "not now" (no answer, 408, 423, 425, 429, 449, 5xx) does not come back to
	 * `next` (unless `all`): the host tries again, and at last the call ends in
	 * SL_RETRY, no sooner than Retry-After and counted against nobody. */
	enum sl_outcome (*http)(struct sl_call *, const struct sl_http *, sl_step *next);
	/* Until the descriptor is readable (1) or writable (2), or time is up (0: never).  It
	 * becomes non-blocking, and stays the plugin's: in `next` it may be closed. */
	enum sl_outcome (*watch)(struct sl_call *, int fd, int events, int64_t timeout_ms, sl_step *next);
	struct sl_text (*quote)(struct sl_call *, struct sl_text);  /* as a JSON string, quotes and all */
	/* The row as a JSON object; one without a table: its data. */
	struct sl_text (*row_json)(struct sl_call *, const struct sl_row *);
	const char *(*header)(const struct sl_response *, const char *name); /* name in lower case; NULL: not there */
	/* since 1.2 */
	/* Something was mended or left out on the way, so many times: `routes show` tells
	 * it.  `what` is a constant: "a NUL became U+FFFD". */
	void (*tally)(struct sl_call *, const char *what, uint64_t times);
	/* since 1.3 */
	/* poll: all there is of this scope has been emitted in this run.  What earlier runs emitted in it and this
	 * one did not is gone: for each such subject the host adds an event of this type, with data
	 * {"id":SUBJECT,"scope":SCOPE} and the time of the sweep.  A run that saw only what is new must not say so. */
	void (*sweep)(struct sl_call *, const char *scope, const char *type);
	/* poll: so many objects of so many (0: not known) are done since the walk began.  For those who wait. */
	void (*progress)(struct sl_call *, uint64_t done, uint64_t total);
};

/* ----------------------------------------------------------------- options */

enum sl_type { SL_BOOL = 1, SL_INT, SL_TEXT, SL_SECRET, SL_DURATION, SL_CHOICE, SL_LIST, SL_MAP, SL_PATH };

/* One option.  Validation, the manual and the JSON Schema are read off this. */
struct sl_option {
	const char *name;
	enum sl_type type;
	size_t at;           /* where the value lives in the options struct */
	const char *initial; /* as it would stand in the file; NULL: it must be given */
	int64_t min, max;    /* INT, DURATION (ms); equal means no limits */
	const char *const *choices; /* CHOICE: ends with NULL */
	const char *help;
};

/* SL_OPTION(TEXT, struct trello, key, .help = "...") compiles only if
 * struct trello has a field `const char *key`. */
#define SL_OPTION(kind, owner, field, ...) \
	{ .name = #field, .type = SL_##kind, .at = SL_AT_##kind(owner, field), __VA_ARGS__ }
#define SL_AT(owner, field, ctype) _Generic(&((owner *)0)->field, ctype *: offsetof(owner, field))
#define SL_AT_BOOL(owner, field) SL_AT(owner, field, _Bool)
#define SL_AT_INT(owner, field) SL_AT(owner, field, int64_t)
#define SL_AT_DURATION SL_AT_INT /* milliseconds */
#define SL_AT_TEXT(owner, field) SL_AT(owner, field, const char *)
#define SL_AT_CHOICE SL_AT_TEXT
#define SL_AT_PATH SL_AT_TEXT /* made absolute, from the folder of the file it stands in */
#define SL_AT_LIST(owner, field) SL_AT(owner, field, const char *const *) /* ends with NULL */
#define SL_AT_SECRET SL_AT_LIST                                           /* one or more, newest first */
#define SL_AT_MAP(owner, field) SL_AT(owner, field, const struct sl_pair *const *) /* ends with NULL */

/* ------------------------------------------------------------------ plugin */

struct sl_plugin {
	uint32_t abi, size; /* SL_PLUGIN fills them */
	const char *name, *version, *summary;
	const struct sl_option *options; /* ends with a NULL name; NULL: none */
	size_t option_size, options_size, state_size, local_size;
	const struct sl_webhook *webhook;
	sl_step *open;              /* optional; may wait */
	void (*close)(void *state); /* optional */
	sl_step *decode, *poll, *transform, *deliver; /* NULL: not offered */
	/* A sink that offers recall is a transactional one: a batch is written
	 * whole or not at all, the engine's own rows with it.  If any row of a batch
	 * is settled SL_RETRY or SL_FAIL nothing of that batch may stay written.  A
	 * batch of no rows asks such a sink whether it would take one now.  Any other
	 * sink gets at most one event of a subject in a call, and its next one only when
	 * that was taken: so no row overtakes another that was put off. */
	sl_step *recall;
	const char *dialect;        /* deliver: which view files it wants: "sqlite" */
	/* deliver: at most so many rows at a time, for a transactional sink so many events; 0: the host's choice. */
	size_t batch_rows;
	/* since 1.1 */
	const struct sl_api *api;   /* NULL: urls are written out */
	sl_step *hooks, *discover;  /* NULL: not offered */
	int64_t every_ms;           /* poll: between two, unless the configuration says; 0: 15 min */
	size_t batch_bytes;         /* deliver: likewise, of JSON; 0: the host's choice */
	/* since 1.2 */
	/* How the destination differs from call->tables and call->views: one event a
	 * difference, in the order in which they are to be done.  `type` is what: "add table",
	 * "add column", "widen column", "add index", "make view", "extra column", "conflict", ...;
	 * `data` is {"table","column","sql","safe","why"}: `sql` the statement, or left
	 * out where none helps; `safe`: open does it by itself; `why`: a sentence.  verb "diff": nothing is
	 * changed.  "apply": what is safe is done.  "force": whatever has a statement is. */
	sl_step *schema;
	/* Called every minute, while no batch is under way: a small piece of what is due (rows
	 * past their retention, views to be refreshed), at most about 100 ms of it; then
	 * advance(): call again at once.  One event for what was done: `type` "pruned" or
	 * "refreshed", data {"table","rows"}. */
	sl_step *upkeep;
};

#define SL_PLUGIN(...) \
	__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = \
		{ .abi = SL_ABI, .size = sizeof(struct sl_plugin), .option_size = sizeof(struct sl_option), __VA_ARGS__ }

#endif
