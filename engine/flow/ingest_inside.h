/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_inside.h - what the ingress's files share.
 *
 *     ingest.c         its life: start, open, serve, drain, end; the master's messages
 *     ingest_table.c   the sources it serves, from its part of the configuration
 *     ingest_serve.c   a request: found, checked, appended or refused
 *     ingest_events.c  the events of polls, which source processes hand in
 *     ingest_door.c    a source that is open to what is not signed, for a while
 *     ingest_probe.c   an address that leads to this very process says so
 *     ingest_commit.c  many records, one fdatasync; then the answers.  Segments
 *     ingest_tell.c    counters, and how it is, for the master
 */
#ifndef FLOW_INGEST_INSIDE_H
#define FLOW_INGEST_INSIDE_H

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/page.h"
#include "flow/ingest.h"
#include "flow/refused.h"
#include "flow/webhook.h"
#include "io/channel.h"
#include "io/http.h"
#include "store/log.h"

#define INGEST_LISTENERS 64

/* ------------------------------------------------------------------ sources */

struct ingest_source {
	struct sl_text name;
	struct webhook *webhook; /* NULL: it only polls */
	uint32_t flags; /* of its records: LOG_INSECURE or 0 */
	uint64_t accepted, refused, turned_away; /* the last: because there was no room */
	int64_t pushed;      /* clock_wall of the last webhook; 0: none yet */
	int64_t last;        /* clock_wall of the last accepted; 0: none yet */
	int64_t minute;      /* clock_ticks when the count of challenges began */
	unsigned challenges; /* in that minute */
};

struct ingest_table {
	struct arena *arena;
	struct ingest_source *sources;
	size_t count;
	struct http_limits limits;
	const char *const *proxies;
};

/* Compiles all sources or none.  `old`, if there is one, hands its counts on. */
struct ingest_table *table_new(const struct sl_json *part, const struct ingest_table *old, struct why *why);
void table_free(struct ingest_table **table);
struct ingest_source *table_find(const struct ingest_table *table, struct sl_text path); /* one that takes requests */
struct ingest_source *table_named(const struct ingest_table *table, struct sl_text name);

/* ------------------------------------------------------------------ process */

/* In the order they are gone through; a stop may skip some. */
enum ingest_state {
	INGEST_WAITING, /* for its part */
	INGEST_OPENING, /* the log: its lock, recovery, the first segment */
	INGEST_SERVING,
	INGEST_DRAINING, /* nothing new is accepted */
	INGEST_DRAINED,  /* what was gathered is still written */
	INGEST_ENDED,
};

struct bringer; /* a source process that hands in events (ingest_events.c) */

/* Who is answered when records are on the disk: a request, or a message of events. */
struct parked {
	struct http_request *request;
	int status;

	struct bringer *bringer; /* NULL: it is a request */
	int64_t id;
	uint64_t first, last;
};

struct parking {
	struct parked *list;
	size_t count, room;
	size_t records;
	uint64_t bytes; /* of bodies */
};

/* Who waits for a batch that is on its way to the disk. */
struct flight {
	struct parking parking;
	uint64_t began; /* uv_hrtime */
};

struct ingest {
	uv_loop_t loop;
	enum ingest_state state;
	bool stop;          /* as soon as it can */
	struct arena *life; /* of the process */
	struct channel *channel;
	struct page *page;
	const char *data;
	int fds[INGEST_LISTENERS];
	size_t fd_count;
	struct buf late_part; /* came while the log was being opened */
	struct ingest_table *table;
	struct http_server *server;
	struct refused *refused;
	struct log *log;
	struct log_options options; /* of the log */
	bool limits_wait;           /* they have changed, and the log does not know yet */
	uv_timer_t beat;
	uv_work_t open_job;
	struct why why; /* of the job that opens, or of a part that was not taken */

	/* ingest_serve.c */
	struct arena *arena;       /* of the request being looked at */
	uint64_t turn;             /* uv_now when `received` was read */
	int64_t received;          /* clock_wall of the requests of this turn; 0: none yet */
	struct buf headers, query; /* of it, as they are kept */

	/* ingest_events.c */
	int events_fd; /* listening; 0: no source polls */
	const char *events_key;
	uv_poll_t knocking;
	struct bringer *bringers;
	size_t bringer_count;

	struct door *door;     /* ingest_door.c; NULL: none is open */
	struct probes *probes; /* ingest_probe.c; NULL: nobody has asked for one */

	/* ingest_commit.c */
	uv_check_t check;  /* begins a write when all that was there has been read */
	uv_timer_t gather; /* puts one off while flushes are slow */
	uv_poll_t landing; /* a batch that log_begin began is on the disk */
	uv_work_t write_job, keep_job;
	bool lands, ahead, writing, written, keeping, kept, preparing; /* ahead: the last batch was log_begin's */
	struct why write_why, keep_why;
	struct log_batch *batch; /* being written in the pool */
	struct parking gathering, answering; /* the last is empty but while answers are given */
	struct flight flights[LOG_AHEAD];    /* in order from `flight` on; the one in the pool is alone */
	unsigned flight, flight_count;
	size_t flushed; /* how many shared the last flush */
	uint64_t floor;       /* for log_retire */
	int64_t kept_at;      /* clock_ticks */

	/* ingest_tell.c */
	bool changed; /* since it was told */
	enum log_room room;
	size_t wanted; /* bytes of the record there was no room for; 0: there is */
	int64_t told;  /* clock_ticks */
};

/* ingest.c */
void ingest_settle(struct ingest *ingest); /* something has ended: is that all? */
/* Says why over the channel and ends the process at once; nobody is answered. */
_Noreturn void ingest_die(struct ingest *ingest, const char *why, bool final);

/* ingest_serve.c */
extern const struct http_service ingest_service;

/* ingest_events.c */
bool events_listen(struct ingest *ingest, struct why *why);
void events_beat(struct ingest *ingest); /* there may be room for what waits */
void events_answer(const struct parked *parked);
void events_end(struct ingest *ingest);

/* ingest_door.c: what is asked of it, members of the answer; false: why not. */
bool door_open(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why);
bool door_look(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why);
bool door_shut(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why);
/* A checked request passes: it is shown if its source is open.  True: and let in without a proof. */
bool door_passes(struct ingest *ingest, const struct ingest_source *source, const struct log_record *record,
	const struct webhook_check *check);
void door_beat(struct ingest *ingest);
void door_free(struct ingest *ingest);

/* ingest_probe.c */
bool probe_ask(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why);
bool probe_answered(struct ingest *ingest, struct http_request *request); /* true: it was one */
void probe_free(struct ingest *ingest);

/* ingest_commit.c */
void commit_begin(struct ingest *ingest);
void commit_park(struct ingest *ingest, const struct parked *parked, size_t records, size_t bytes);
bool commit_idle(const struct ingest *ingest); /* nothing is gathered, no job under way */
void commit_keep(struct ingest *ingest);       /* segments: begins a job if one is needed */
void commit_limit(struct ingest *ingest);      /* ingest->options have changed */
void commit_end(struct ingest *ingest);

/* ingest_tell.c */
void tell_beat(struct ingest *ingest); /* twice a second */
void tell_answer(struct ingest *ingest, const struct sl_json *question);
void tell_no_room(struct ingest *ingest, enum log_room room, size_t wanted); /* a record was refused for it */
const char *room_words(enum log_room room);                                  /* NULL: there is room */

#endif
