/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - the route process: from the log to the sink.
 *
 * One loop turns these steps, again and again, until none has anything to do:
 *
 *     route_read      the records after the cursor become deliveries     (route_read.c)
 *     route_run       deliveries whose turn it is go through transforms  (route_run.c,
 *                     those that have to wait: route_retry.c)
 *     route_grow      the schema gets what events brought in addition    (route_grow.c)
 *     route_rewind    where the route stands is set anew, if asked       (route_stand.c)
 *     route_asks      what people asked is answered                      (route_ask.c)
 *     route_closing   the end of a snapshot's run is decided on          (route_snapshot.h)
 *     route_ship      what is settled goes to the sink, with the cursor  (route_ship.h)
 *     route_ahead     what the next one needs in the own file is written (route_ahead.c)
 *     route_probe     an idle sink is asked whether it can be had        (route_probe.c)
 *     route_upkeep    the sink looks after its tables                    (route_upkeep.c)
 *
 * Two batches are in memory at most: one being gathered and one being shipped.  Of a backlog a
 * batch is gathered piece by piece, and the piece after what is gathered is there too, read and
 * parsed (route_fetch.h).
 * A batch waits for none of its calls longer than `patience`: who takes longer
 * becomes an open row, and its call goes on.  What lies in memory may be lost at any
 * moment: where the route stands (flow/stand.h) is in the destination, changed in
 * the transaction that writes the rows.
 *
 * Invariants
 *   - cursor <= read_to.  Every delivery at or before the cursor is settled or has
 *     an open row in the destination; none after it has.
 *   - what is in the route's own file (flow/keep.h) was written before the
 *     transaction it belongs to, or in it, and is believed only up to the cursor.
 *   - one consignment is under way at a time.
 */
#ifndef FLOW_ROUTE_H
#define FLOW_ROUTE_H

#include <uv.h>

#include "flow/delivery.h"
#include "flow/keep.h"
#include "flow/outside.h"
#include "flow/schema.h"
#include "flow/seen.h"
#include "flow/stand.h"
#include "flow/webhook.h"

/* Runs the process; called by main() with argv[0] = "sluice: route", argv[1] = the
 * route's name.  Descriptors: 3 the channel, 4 the shared page. */
int route_main(int argc, char **argv);

/* ------------------------------------------- inside: for route_*.c and tests */

struct source {
	const char *name;
	struct webhook *webhook;   /* NULL: it only polls */
	struct instance *decode; /* NULL: the selectors suffice */
	const struct net_api *api; /* how its far side is asked, or NULL */
	bool snapshots;            /* each of its polls is one */
	int64_t newest;            /* when the newest of them began that came by, microseconds; 0: none has */
};

/* Of the process in a call for one event, alone: the one before them may have had company. */
#define ROUTE_DEATHS_MOST 3

/* Milliseconds of gathering after which the loop gets its turn: it brings the batch before on its way,
 * so that the sink writes that one while this one is gathered. */
#define ROUTE_SLICE 2

/* A batch is fetched in so many: what was parsed is in memory, and in the processor's cache, for a part of it only. */
#define ROUTE_PIECES 4

/* The records (from, upto] and what became of them. */
struct batch {
	uint64_t upto;
	int64_t received;          /* of the last record */
	int64_t begun;             /* clock_ticks: when its last piece came */
	struct deliveries all;
	struct delivery *undecoded; /* decoded one after the other, in order; NULL: all are */
	unsigned pieces;           /* of ROUTE_PIECES */
	size_t busy;               /* NEW or RUNNING, and not open */
	uint64_t repeats;
	struct buf seen;           /* struct seen_entry, to be kept */
	char mark[STAND_MARK_SIZE]; /* of the record `upto` */
	size_t seen_kept;          /* bytes of them that are written down already */
};

struct policy {
	uint32_t attempts;
	int64_t first, most;       /* pause before the second and before any try, ms */
	int64_t patience;          /* how long a batch waits for a call, ms */
	int64_t give_up;           /* how long a delivery waits for a far side, ms */
	size_t open_limit, calls;  /* open rows; calls at once */
	size_t batch_events, batch_bytes;
};

enum route_state {
	ROUTE_STARTING, /* opening the sink, asking it where we stand */
	ROUTE_RUNNING,
	ROUTE_OUTAGE,   /* the sink cannot be had: held, tried again */
	ROUTE_BLOCKED,  /* a person has to look */
	ROUTE_STOPPING,
};

struct snapshot;    /* a run of a source with snapshots (route_snapshot.h) */
struct consignment; /* one transaction under way (route_ship.h) */
struct request_for; /* an ask to be answered later (route_ask.c) */
struct ahead;       /* ids of a batch being written down (route_ahead.c) */
struct fetch;       /* records of the next piece (route_fetch.h) */
struct rewind;      /* a cursor being set back (route_rewind.c) */
struct growing;     /* what the schema is to get (route_grow.c) */

/* What the sink does now and then for its tables. */
struct upkeep {
	struct call *call;         /* a piece under way */
	bool more;                 /* the last one said so */
	int64_t due, took;         /* clock_ticks; ms that the last piece took */
	struct tally *now, *all;   /* what was done: since it was due, since the process began */
	struct why told;           /* why it could not be done, as the log has it */
};

struct route {
	const char *name, *data;
	struct sl_document *part;
	struct arena *arena;       /* as long as the process */
	uv_loop_t *loop;
	struct channel *channel;
	struct page *page;
	enum route_state state;
	bool paused, once, transactional;
	bool trying;               /* flow/try.c: steps are called by hand, nothing is delivered or written down */
	bool closing_due;          /* the end of a snapshot's run may be decided on */
	bool from_now;             /* a new route begins with what comes next */
	bool set_back;             /* the log was, behind where the destination stands: all of it may be needed */
	bool answers;              /* it knows where it stands: asks are taken */
	bool failed;
	int64_t resumed;           /* clock_wall when it last was; 0: never */
	struct why error;          /* of the last outage or block */
	struct why far;            /* a transform's far side cannot be had; else "" */
	size_t far_count;          /* deliveries that wait for one */
	struct why told_error;     /* what the master knows */
	const char *told;

	struct outside outside;    /* how plugins ask far sides */
	struct net_keeper keeper;
	uint64_t asked_anew;       /* events up to this one are asked for again, behind everybody else; 0: none */
	int64_t tidied;            /* clock_ticks: when answers of events long gone were looked for */

	const char *log_path;
	struct log_reader *log;
	char log_id[LOG_ID_SIZE];
	struct source *sources;
	size_t source_count;
	struct instance **transforms;
	size_t transform_count;
	struct instance *sink;
	struct schema *schema;     /* NULL: the sink takes whatever comes */
	struct policy policy;

	struct stand stand;        /* as it is in the destination, or soon will be */
	uint64_t read_to;          /* the last seq in a batch, or passed */
	struct seen *seen;
	struct keep *keep;
	struct order order;
	struct batch *gathering, *shipping;
	struct deliveries open;    /* passed by the cursor, not settled, not dead */
	size_t open_count;         /* likewise, and those still in a batch */
	uint64_t dead;             /* dead letters in the destination */
	size_t fresh;              /* open ones that have something for the sink */
	struct delivery *run_first, *run_last;
	size_t running;
	struct consignment *consignment;
	struct ahead *ahead;       /* NULL: nothing is written ahead */
	struct fetch *fetch;       /* NULL: nothing was read ahead */
	size_t narrow;             /* events in one call to a sink that failed; 0: as many as it likes */
	size_t failures;           /* events that failed there, one after the other */
	struct call *probing;
	struct upkeep upkeep;
	int64_t heard_sink;        /* clock_ticks when the sink last did what it was asked to */
	struct call *opening;      /* open or recall under way */
	size_t opened;             /* so many instances have been opened */
	unsigned log_waits;        /* for the ingress to recover the log */
	struct rewind *rewinding;
	struct snapshot *snapshots; /* those that began while this process looked */
	struct {
		struct delivery *delivery; /* the end of a run that is being decided on */
		struct call *call;         /* NULL: none is */
	} closing;
	struct growing *growing;   /* NULL: the schema has all that events bring */
	struct request_for *asked, *recalling, *answering;
	struct tally *drops;       /* how often each reason was given */
	struct tally *mended;      /* what of the events was mended or left out here; plugins keep their own */

	int64_t outage_since;      /* clock_wall; 0: none */
	int64_t wall_ahead;        /* clock_wall - clock_ticks, when that was last looked at; 0: not yet */
	uint64_t suspect_seq;      /* until past it: one call at a time */
	uint32_t suspect_part, suspect_deaths;
	uint32_t grown_in_vain;    /* times in a row that the schema did not take what it was to get */

	uv_idle_t turning;
	uv_timer_t beat, due, hold;
	uv_poll_t wake;
	int64_t next_due;          /* clock_ticks; 0: nothing waits */
};

/* route.c */
void route_init(struct route *route, uv_loop_t *loop);
void route_turn(struct route *route);  /* there may be something to do */
void route_tell(struct route *route);  /* the master hears what has changed */
void route_block(struct route *route, const char *why);
/* And names the way on from where the destination stands. */
void route_block_here(struct route *route, const char *why);
/* Holds the route; then `again`: route_go_on, or route_begin_again if the sink is to be opened and asked anew. */
void route_outage(struct route *route, const char *why, int64_t after, uv_timer_cb again);
void route_go_on(uv_timer_t *hold);
/* How long to wait now for what has been away since then (clock_wall). */
int64_t route_outage_pause(int64_t since, int64_t after);
void route_recovered(struct route *route);
void route_due(struct route *route, int64_t in); /* wakes the route in so many ms, or sooner */
void route_quit(struct route *route);
bool route_alone(const struct route *route);     /* one call at a time */
struct source *route_source(struct route *route, struct sl_text name);
void route_fresh(struct route *route, struct delivery *delivery); /* an open one has something for the sink */

/* route_setup.c */
bool route_setup(struct route *route, const struct sl_json *part, struct why *why);
/* Another instance of the sink, not opened, and the schema from its files; the old ones stay if that fails. */
bool route_sink_anew(struct route *route, struct why *why);

/* route_start.c */
void route_begin(struct route *route);  /* opens the sink, recalls, then runs */
void route_begin_again(uv_timer_t *hold);
void route_resume(struct route *route); /* the same again, after a block */
void route_forget(struct route *route); /* everything that is only in memory */
void route_close(struct route *route);  /* instances, log, own file */
const struct sl_cell *recalled(const struct call *call, size_t at, const struct sl_table *table);

/* route_history.c */
/* Behind the log's end, or at another event than it was: false, and the route is blocked or held. */
bool route_history(struct route *route, uint64_t end);
void route_mark(struct route *route, uint64_t seq, char mark[STAND_MARK_SIZE]); /* "": it cannot be read */

/* route_far.c */
bool route_far_open(struct route *route, const struct sl_json *net, struct why *why);
/* Of a source's, transform's or sink's part; NULL if it has none. */
bool route_far_api(struct route *route, const struct sl_json *part, const struct net_api **api, struct why *why);
void route_far_call(const struct route *route, const struct delivery *delivery, struct call *call); /* how it asks */
void route_far_tidy(struct route *route); /* answers to what was asked for events long gone are let go of */

/* route_read.c */
bool route_read(struct route *route);
bool batch_may_grow(const struct batch *batch); /* all of it is decoded, and it has room for a piece */
bool batch_whole(const struct route *route);    /* all of it is decoded, and nothing more is on its way into it */
bool route_load(struct route *route, struct delivery *delivery); /* its body again; false: it is dead now */
void batch_free(struct route *route, struct batch **batch);
void delivery_forget(struct route *route, struct delivery **delivery); /* out of the order, freed */
void delivery_decode(struct route *route, struct delivery *delivery);
void delivery_arrived(struct route *route, struct delivery *delivery); /* its event is known */

/* route_run.c */
bool route_run(struct route *route);
void delivery_may_run(struct route *route, struct delivery *delivery);
void delivery_died(struct route *route, struct delivery *delivery, const char *why);
void delivery_opens(struct route *route, struct delivery *delivery);
void delivery_settles(struct route *route, struct delivery *delivery, enum delivery_state state);
void drops_count(struct route *route, const char *reason);
void mended_count(struct route *route, const char *what, uint64_t times); /* in a row, or of one */
void mended_json(const struct route *route, struct buf *out);             /* the plugins' counts with it */

/* route_grow.c */
/* The schema is to get this, because of the delivery, which stays as it is until the route begins anew. */
void route_grows(struct route *route, const struct delivery *delivery, const struct growth *growth);
bool route_grow(struct route *route); /* a step */
void route_grow_forget(struct route *route);

/* route_rows.c */
void delivery_make_rows(struct route *route, struct delivery *delivery); /* it is READY then, or settled */

/* route_sync.c */
bool delivery_sync(const struct delivery *delivery); /* it tells of a poll's run */
/* Makes a row's event of it.  False: it has been dropped, there is no table for it. */
bool delivery_sync_row(struct route *route, struct delivery *delivery);
bool delivery_sync_wanted(struct route *route, struct delivery *delivery); /* the same, but it is not dropped */

/* route_snapshot.c */
bool snapshot_check(const struct route *route, struct why *why); /* tables and sources fit */
void snapshot_arrives(struct route *route, const struct delivery *delivery);
void snapshot_died(struct route *route, const struct delivery *delivery);
bool snapshot_has(const char *run, const char *id);  /* the id is that of its begin, or of one of its events */
bool snapshot_tells(struct route *route, struct delivery *delivery); /* it did, and has been seen to */
const char *snapshot_load(const struct sl_table *table, const struct sl_event *event); /* a row's; or NULL */
void snapshots_forget(struct route *route);

/* route_closing.c */
void closing_ships(struct route *route, struct delivery *delivery); /* it would: it stays READY if it may */
bool route_closing(struct route *route); /* a step */
void closing_taken(struct route *route, const struct call *call);
void closing_forget(struct route *route);

/* route_retry.c */
void delivery_retries(struct route *route, struct delivery *delivery, const struct call *call);
void delivery_refused(struct route *route, struct delivery *delivery, const char *why, int64_t after); /* by the sink */
void delivery_not_far(struct route *route, struct delivery *delivery); /* it waits for no far side any more */
void route_retry_due(struct route *route);
void route_impatient(struct route *route);

/* route_clock.c */
void route_clock(struct route *route); /* before what began by the wall clock is counted from */

/* route_ship.c */
bool route_ship(struct route *route);
void consignment_free(struct route *route);

/* route_ahead.c */
bool route_ahead(struct route *route); /* a step */
void ahead_forget(struct route *route, const struct batch *batch); /* it is about to be freed */

/* route_probe.c */
bool route_probe(struct route *route);
bool route_sink_busy(const struct route *route); /* its calls never overlap, and nothing they use may go */

/* route_upkeep.c */
bool route_upkeep(struct route *route);
bool upkeep_due(const struct route *route); /* the sink has some, and it is its turn */
void upkeep_json(const struct route *route, struct buf *out);

/* route_stand.c */
bool route_rewind(struct route *route); /* a step: where we stand is set anew */
bool rewind_begun(const struct route *route);
/* `all`: it is about another log; `fresh`: what was asked for events behind it is asked again. */
struct restand {
	uint64_t to;
	bool all, fresh;
	int64_t ask; /* who waits for the answer; 0: nobody */
};
bool route_restand(struct route *route, const struct stand *from, const struct restand *wish);
void rewind_free(struct route *route);

/* route_ask.c */
void route_answer(struct route *route, int64_t ask, bool ok, const char *why, const struct buf *more);
void route_ask(struct route *route, const struct sl_json *message);
bool route_asks(struct route *route); /* a step: those who asked are answered */
void route_answer_shipped(struct route *route, bool ok, const char *why);
void route_asks_begin(struct route *route); /* what came while the route was starting */
void route_asks_end(struct route *route);

#endif
