/* SPDX-License-Identifier: Apache-2.0 */
/* poller.h - the source process: asks one far side what is new, and hands it to the ingress.
 *
 * One for each source that polls; argv[0] "sluice: source", argv[1] the source's name.
 *
 *     poller.c        its life: start, open, turn, end; the master's messages
 *     poller_walk.c   which call is next, and when
 *     poller_call.c   a call has ended: what of it is new, and what it means for the next
 *     poller_run.c    runs: begun, framed by what tells of them, ended, given up
 *     poller_sync.c   the events that tell of a run
 *     poller_sweep.c  what belongs to a scope, and what of it is gone
 *     poller_heard.c  what webhooks told of belongs to one too
 *     poller_hand.c   events on their way to the ingress
 *     poller_keep.c   its own file: cursors, and what was emitted lately
 *     poller_tell.c   how it is, and answers to what is asked
 *     poller_gap.c    what may have been pushed in vain, and the poll that makes up for it
 *     poller_hooks.c  hooks and discover: asked for now and then, beside the walks
 *
 * A *walk* is a way through what the far side has: the ordinary one, which never ends,
 * or a backfill, which is begun by a person and ends.  Each has a cursor of its own.
 * A *run* goes from a call to the next one of its walk that does not advance; then the
 * walk waits for its interval (or the backfill is over).  Each walk asks one thing at a
 * time; a poll does not wait for a backfill that waits for its budget.  The backfill
 * rests while it is told to.  What their calls emitted is handed in one after the other,
 * and the two walks take turns at that.
 *
 * What a call emitted is handed to the ingress first; when that has answered, it is on
 * disk, and only then the cursor moves.  Killed in between, the same is emitted and
 * handed in again: the ids are the same, and routes drop what they have met.  A power failure
 * may set the cursor back by some calls more.
 *
 * While that goes on the walk's next call is already asking, from the cursor that this one
 * advanced to: the far side and the disk work at the same time.  It waits with what it
 * got until all before it is on disk, and is dropped, and made again from the cursor in the
 * file, if that fails.  There is never more than this one ahead.
 *
 * What a poll emits unchanged (id, type, subject and data as the last time, of the last
 * 100 000 different ids) goes no further: a poll may well look back over an overlap.
 * Unless it is a backfill that was told to bring everything again (`all`): what it
 * emits carries the run's name, and routes take an id once for each of those.
 * The same id with other content is handed in, with a warning: source and id name an
 * event, so routes take the first and drop the second.  An object that changes needs
 * an id that says its version: id = card.id .. "@" .. card.updated_at.
 *
 * With `snapshot` each run of the ordinary walk is a *snapshot*: it begins without a
 * cursor, nothing is left out as unchanged, ids get "#RUN" behind them, so that the
 * same thing is another event in each run, and events carry the run's name.  It is always
 * told.  Its name is in the file before its first call.  An outage of the far side is waited
 * out.  What breaks off is given up: never told as finished, and the next run begins anew,
 * under another name.  That is so when a call fails, when the process ends, and when what was
 * handed in may be half in the log: so whatever is told as finished was read in one go, nothing of it
 * twice.  While the source is told to rest no call of it begins.  A backfill is one more run.
 *
 * A run that hands anything in is told by two events of type sluice.sync, before and
 * behind its own; so is every backfill, and the first run of all.  Their data:
 *
 *     run        "9f86d081-poll-12", the same in both
 *     source     the source's name
 *     kind       "snapshot"; "full": begun without a cursor, or a backfill; else "delta"
 *     state      "started" or "finished"
 *     began, ended   ISO 8601; `ended` in the second only
 *     events, unchanged   so many handed in, and left out; in the second only
 *
 * When a far side cannot be had (SL_RETRY) the walk waits 1 s, then 2 s, 4 s and so on
 * up to 5 min, or longer if that side said so; when the call failed (SL_FAIL) until its
 * next interval.
 *
 * Asked by the master ({"do":"ask","id":7,"what":...}):
 *
 *     poll                    now; answered at once, or with "wait":true when the run has ended
 *     poll      since         ms since 1970: without its cursor, and back to then; answered when it has begun
 *     backfill  since         ms since 1970, 0 or left out: everything; one that is under way begins anew
 *     backfill  all:true      the same, and what is unchanged is handed in again
 *     backfill  stop:true     it ends where it is
 *     state                   the members of a status message
 *     hooks     verb, hook    the plugin's hooks step (sdk/plugin.h), answered when it has ended:
 *     discover                {"events":[{"id","type","subject","data"}, ...]}; likewise
 *
 * With "once":true in its part it only answers: a command has begun it, and no daemon runs.
 *
 * It is told {"do":"rest","rest":true}: a route is far behind, backfills and snapshots rest;
 * {"do":"heard","at":MS}: its last webhook came then, and a `notice` begins a poll;
 * {"do":"gap","why":"..."}: some may have come in vain (poller_gap.c).
 *
 * It tells, when anything has changed, at most twice a second:
 *
 *     {"say":"status","state":"idle|polling|backfilling|resting|waiting|outage|failed","error":"..."|null,
 *      "last_poll":MS,"next_poll":MS,"polls":N,"failures":N,"events":N,"unchanged":N,
 *      "backfill":{"since":MS,"all":BOOL,"events":N,"unchanged":N,
 *          "done":N,"total":N,"began":MS,"oldest":MS|null,"newest":MS|null,
 *          "trouble":"outage|failed"|null,"error":"..."|null}|null,
 *      "backfilled": the same of the last one that came to its end, "snapshot":BOOL, "open":BOOL,
 *      "troubles":["what health says", ...], "gap":{"why","at":MS,"open":BOOL}|null, "gaps":N,
 *      "hooks_looked":MS|null, "hooks_error":"..."|null, "silent":BOOL}
 *
 * waiting: for the ingress.  open: its file is, so what is told of walks counts.  Polls and
 * failures are counted over all processes of the source, events since this one began, those
 * of the backfill since that began.
 */
#ifndef FLOW_POLLER_H
#define FLOW_POLLER_H

#include <uv.h>

#include "base/page.h"
#include "flow/outside.h"
#include "flow/polled.h"
#include "host/host.h"
#include "io/channel.h"

/* Runs the process.  Descriptors: 3 the channel, 4 the shared page. */
int poller_main(int argc, char **argv);

/* ------------------------------------------ inside: for poller_*.c and tests */

#define POLLER_RUN_SIZE (POLLED_RUN + 1)

enum run_kind { RUN_DELTA, RUN_FULL, RUN_SNAPSHOT };

/* From a walk's call to the next that does not advance. */
struct run {
	char id[POLLER_RUN_SIZE]; /* "": none is under way */
	enum run_kind kind;
	bool told;     /* its beginning has been handed in */
	int64_t began; /* clock_wall */
	uint64_t events, unchanged;
	int64_t oldest, newest; /* of the times of what was emitted; 0: none had one */
	uint64_t done, total;   /* as the plugin says; 0: it does not */
};

/* How far a walk has come: its row in the file. */
struct place {
	bool on;         /* the ordinary one: always */
	char *cursor;    /* where the last call that was handed in whole got to; NULL: nowhere yet */
	int64_t since;   /* of a backfill; of an ordinary one its first run, if it was told; 0: all, `first` */
	int64_t anew;    /* likewise: what was emitted before this turn of the book is handed in again; 0: nothing is */
	uint64_t number; /* of runs that were told, or given up */
	struct run run;
};

#define WALK_EMPTY 20 /* calls that bring nothing; behind them it slows down */

/* What a walk did not need to hand in: it goes on through what is known, or round and round. */
struct known {
	uint64_t page;         /* a digest of the ids in the call's page */
	uint64_t mark;         /* that of an earlier page: who comes by it again goes in a circle */
	uint64_t steps, reach; /* pages since that; it is set anew after twice as many each time */
};

enum walk_trouble { WALK_WELL, WALK_OUTAGE, WALK_FAILED };

struct walk {
	struct poller *poller;
	const char *name; /* "poll", "backfill" */
	bool backfill;
	struct place at;

	int64_t due;      /* clock_ticks of its next call */
	enum walk_trouble trouble;
	struct why why;   /* of the trouble */
	unsigned outages; /* one after the other */
	unsigned empty;   /* calls one after the other that advanced and did not get on */
	struct known known;
	bool warned;      /* of an id with other content, in this run */

	/* poller_call.c: its call, and the one before it with what that will have changed once the ingress has answered */
	struct call *call;       /* NULL: none asks */
	struct call *taken;      /* what it emitted is being sifted and handed in: poller->handing is this walk; or NULL */
	bool ended;              /* `call` has, well or not, and is to be taken */
	bool sifts;              /* there is more of `taken` to be sifted */
	bool goes_on;            /* there is more of it to be handed in */
	struct place after;      /* a new cursor is in the arena of `taken` */
	struct sl_event *list;   /* likewise: room for what is handed in at once, and for one before and one behind it */
	struct sl_event *events; /* in it: what is handed in */
	size_t count;
	size_t sifted;           /* of what the plugin emitted */
	uint64_t fresh;          /* new, and in the list */
	uint64_t brought, unchanged; /* of the whole call: handed in, left out */
	size_t swept;            /* of the scopes that it swept: so many are through */
	bool heard, hears;       /* before that: what webhooks told of is in the file; or a slice of it */
	struct arena *page;      /* of what is gone in them, a hand-in at a time; NULL: there was no sweep yet */
};

/* poller_heard.c */
struct heard {
	struct webhook *webhook; /* NULL: its description says no scope */
	struct log_reader *log;
	uint64_t next, upto;     /* seqs */
};

/* poller_gap.c */
struct gaps {
	bool pushed;            /* it takes in webhooks, so there can be any */
	bool notice;            /* each of them is a reason to poll */
	int64_t silence, check; /* ms; 0: never */
	int64_t heard;          /* clock_wall of the last webhook; 0: none is known */
	int64_t quiet, asked;   /* clock_ticks of that, or of the beginning; and when it was last polled for it */
	bool silent;
	int64_t look, looked;   /* the next look at the webhooks (clock_ticks), and the last (clock_wall); 0: none yet */
	struct why hooks;       /* which of them do not work; "": all do */
	struct why untold;      /* why they could not be looked at */
	bool open;              /* the last gap is not made up for */
	struct why last;
	int64_t last_at;        /* clock_wall; 0: there was none */
};

enum poller_state { POLLER_WAITING, POLLER_RUNNING, POLLER_STOPPING };

#define POLLER_ASKS 16

struct errand; /* poller_hooks.c */
struct hand; /* poller_hand.c */
struct book; /* poller_keep.c */
struct state; /* store/state.h */
struct webhook; /* flow/webhook.h */
struct log_reader; /* store/log.h */

struct poller {
	uv_loop_t *loop;
	struct channel *channel;
	struct page *page;
	struct arena *life; /* as long as the process */
	struct sl_document *part;
	enum poller_state state;
	bool failed, rest;
	bool snapshot;             /* each run of the ordinary walk is one */
	bool polls;                /* its plugin does; else it only waits for what it is asked */

	const char *name;
	const char *data;
	int64_t every;
	int64_t first; /* ms that the first run goes back; 0: to the beginning */
	struct outside outside;
	struct instance *instance;
	struct book *book;
	struct hand *hand;

	struct walk poll, backfill;
	struct walk *handing; /* whose call's events are sifted and handed in: one transaction; or NULL */
	struct walk *handed;  /* whose were last */
	struct gaps gaps;
	struct heard heard;
	struct errand *errands; /* the first one is under way */
	struct call *opening;
	bool opened;
	struct why open_why;
	unsigned open_tries;

	uv_timer_t turning, beat;

	/* poller_tell.c */
	bool changed, waits;       /* since it was told; for the ingress, then */
	int64_t last_poll;         /* clock_wall; 0: none yet */
	uint64_t events, unchanged;
	int64_t asks[POLLER_ASKS]; /* wait for the run's end */
	size_t ask_count;
	bool ask_again;            /* the run under way began before it was asked for */
	int64_t since_ask, since;  /* a poll that goes back so far waits until nothing is being handed in; 0: none */
	int64_t backfill_ask;      /* likewise */
	int64_t backfill_since;    /* what it wants */
	bool backfill_on, backfill_all;
};

/* poller.c */
void poller_turn(struct poller *poller, int64_t in); /* looks for what is to be done, in so many ms or sooner */

/* poller_walk.c */
void walk_next(struct poller *poller);                     /* begins the calls that are due, and sets the timer */
void walk_counts(struct walk *walk);                       /* its call is on disk: did it get on? */
void walk_again(struct poller *poller, struct walk *walk); /* and then: what is next */
void walk_outage(struct poller *poller, struct walk *walk, const char *why, int64_t after);
void walk_failed(struct poller *poller, struct walk *walk, const char *why);
bool walk_rests(const struct walk *walk);  /* when it is told to */
int64_t walk_pause(unsigned tries, int64_t after); /* ms before another try */

/* poller_call.c */
bool poll_busy(const struct walk *walk);      /* a call of it asks, or is handed in */
bool poll_may_begin(const struct walk *walk); /* another call, if it is due */
void poll_begin(struct walk *walk);
void poll_take(struct poller *poller);  /* a call that has ended, as soon as nothing else is being handed in */
void poll_go_on(struct poller *poller); /* with what is being handed in */
void poll_handed(struct poller *poller, const char *why, bool later);
void poll_drop(struct walk *walk); /* what is under way is forgotten */

/* poller_run.c */
bool run_begin(struct walk *walk, struct why *why); /* unless one is under way */
void run_see(struct run *run, const struct sl_event *event); /* it was emitted */
void run_frame(struct walk *walk, bool ends);       /* what is to be handed in, and what tells of the run around it */
void run_end(struct walk *walk);                    /* as soon as that is on disk */
void run_breaks(struct walk *walk);                 /* a snapshot is given up, any other goes on where it was */

/* poller_sweep.c */
bool sweep_note(struct walk *walk, const struct sl_event *event, bool *back, struct why *why); /* back: it was gone */
void sweep_back(const struct walk *walk, bool same, struct sl_event *event); /* same: it is known already */
/* A webhook told of it at that time. */
bool sweep_heard(const struct walk *walk, const char *subject, const char *scope, int64_t at, struct why *why);
size_t sweep_room(const struct call *call); /* in walk->list, behind what was emitted */
bool sweep_page(struct walk *walk, struct why *why); /* a page of what is gone, behind what is fresh */
bool sweep_prune(struct state *state, struct why *why);

/* poller_heard.c */
bool heard_begin(struct heard *heard, const struct sl_json *part, struct why *why);
void heard_end(struct heard *heard);
bool heard_slice(struct walk *walk, bool *through, struct why *why); /* of the log, on to its end */

/* poller_sync.c */
void sync_event(const struct poller *poller, const struct run *run, bool finished, struct arena *arena,
	struct sl_event *event);

/* poller_hand.c: `done` is called once, later; why: NULL, or the ingress's reason to refuse
 * them, for now or for good. */
typedef void hand_done(struct poller *poller, const char *why, bool later);
struct hand *hand_new(struct poller *poller, const char *address, const char *key, hand_done *done);
void hand_free(struct hand **hand);
void hand_in(struct hand *hand, const struct sl_event *events, size_t count, const char *again);
bool hand_busy(const struct hand *hand);
bool hand_waits(const struct hand *hand); /* for an ingress that does not answer */

/* poller_keep.c */
enum book_seen { BOOK_NEW, BOOK_SAME, BOOK_OTHER, BOOK_FAILED };
struct book *book_open(const char *data, const char *source, int64_t wait_ms, struct why *why);
void book_close(struct book **book);
const char *book_id(const struct book *book); /* of the file: 8 hex digits */
struct state *book_state(const struct book *book);
bool book_recall(struct book *book, struct walk *walk, struct why *why); /* walk->at */
enum book_care { BOOK_NOW, BOOK_SOON }; /* on the disk when book_commit returns; or when it comes to that */
bool book_begin(struct book *book, enum book_care care, struct why *why);
/* Whether the event was emitted before, but not before the turn `anew`; from now on it was. */
enum book_seen book_event(struct book *book, const struct sl_event *event, int64_t anew, struct why *why);
int64_t book_turn(struct book *book, struct why *why); /* the next one; 0: failed */
bool book_walk(struct book *book, const struct walk *walk, const struct place *place, struct why *why);
/* A text kept by name: *text is NULL if there is none. */
bool book_setting(struct book *book, const char *name, struct arena *arena, const char **text, struct why *why);
bool book_set(struct book *book, const char *name, const char *text, struct why *why);
bool book_commit(struct book *book, struct why *why);
void book_rollback(struct book *book);

/* poller_tell.c */
void tell_status(struct poller *poller);
void tell_ask(struct poller *poller, const struct sl_json *message);
void tell_end(struct poller *poller, int64_t id, const char *why); /* NULL: it is done */
void tell_polled(struct poller *poller);   /* the ordinary run has ended, well or not */
void tell_begins(struct poller *poller); /* nothing is being handed in: the walks that were asked for are begun anew */

/* poller_gap.c */
void gap_begin(struct poller *poller, const struct sl_json *part);
void gap_beat(struct poller *poller);
void gap_told(struct poller *poller, const struct sl_json *message);  /* by the master */
void gap_heard(struct poller *poller, const struct sl_json *message); /* likewise */
void gap_look_again(struct poller *poller); /* somebody has changed the webhooks */
void gap_polled(struct poller *poller);     /* the ordinary run has ended well */
void gap_write(const struct poller *poller, struct buf *out);

/* poller_hooks.c: STEP_HOOKS with "list", "register" or "remove", or STEP_DISCOVER (verb NULL).  One goes
 * after the other, beside the walks, with the same instance and budget.  `done` is called once, perhaps
 * before this returns.  why: NULL, or what is against it; without it `call` holds what was emitted, until
 * `done` returns. */
typedef void errand_done(struct poller *poller, struct call *call, const char *why, void *data);
void errand_ask(struct poller *poller, enum step step, const char *verb, const char *hook, errand_done *done,
	void *data);
void errand_turn(struct poller *poller); /* what is due of it: the source is open */
bool errand_keeps(const struct poller *poller); /* one is under way that writes into the file as it goes */
void errand_refuse(struct poller *poller, const char *why); /* all that have not begun; the source cannot be opened */
void errand_end(struct poller *poller);                     /* the process ends, and so do all */
void errand_answer_hooks(struct poller *poller, int64_t id, const struct sl_json *message); /* asked by the master */
void errand_answer_discover(struct poller *poller, int64_t id, const struct sl_json *message);

#endif
