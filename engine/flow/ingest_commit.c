/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_commit.c - many records, one flush; then the answers.  And segments.
 *
 * What arrives while a write is under way is gathered and shares the next one, which
 * begins when there are some, or the loop has read all that was there: beside another if
 * it has nearly as many requests, else when there is no other; or, if there are as many
 * already, as soon as the one before is through, whose answers are given meanwhile.
 * What the log cannot begin from here (log_begin) is written in the pool, alone.
 *
 * Where flushes are slow it pays to wait a little longer (measured at 5 ms a flush:
 * 9 700/s against 5 800/s): the clients that have just been answered then come into
 * the same one.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/ingest_inside.h"

#define SLOW_FLUSH UINT64_C(2000000) /* ns */
#define GATHER_SHARE 4               /* a quarter of what the last flush took */
#define GATHER_MOST 10               /* ms */
#define AHEAD_LEAST 28               /* requests that are worth a flush although more may have come already */
#define MANY 8                       /* in two batches: those that follow will not wait for each other */
#define KEEP_EVERY 400               /* ms: at each beat */

static void write_if_much(struct ingest *ingest);

/* ------------------------------------------------------------------ parking */

void commit_park(struct ingest *ingest, const struct parked *parked, size_t records, size_t bytes)
{
	struct parking *parking = &ingest->gathering;
	if (parking->count == parking->room) {
		parking->room = parking->room ? parking->room * 2 : 256;
		parking->list = must_grow(parking->list, parking->room * sizeof(*parking->list));
	}
	parking->list[parking->count++] = *parked;
	parking->records += records;
	parking->bytes += bytes;
	if (ingest->ahead && parking->count >= AHEAD_LEAST)
		write_if_much(ingest);
}

static void answer(const struct parked *parked)
{
	static const char ok[] = "{\"ok\":true}\n";
	if (parked->bringer)
		events_answer(parked);
	else
		http_answer(parked->request, parked->status, NULL, (struct sl_text){ ok, sizeof(ok) - 1 });
}

static void swap(struct parking *one, struct parking *other)
{
	struct parking was = *one;
	*one = *other;
	*other = was;
}

static void answer_all(struct parking *parking)
{
	for (size_t i = 0; i < parking->count; i++)
		answer(&parking->list[i]);
	parking->count = parking->records = 0;
	parking->bytes = 0;
}

bool commit_idle(const struct ingest *ingest)
{
	return !ingest->flight_count && !ingest->keeping && !ingest->gathering.count;
}

/* ------------------------------------------------------------------ writing */

/* The log takes other limits only while no job is under way; between two there
 * is always such a moment, unless segments are being made: then a little later. */
static void limit_if_idle(struct ingest *ingest)
{
	if (!ingest->limits_wait || ingest->writing || ingest->keeping)
		return;
	ingest->limits_wait = false;
	log_limit(ingest->log, &ingest->options);
}

static void write_in_pool(uv_work_t *job)
{
	struct ingest *ingest = job->data;
	ingest->written = log_write(ingest->log, ingest->batch, &ingest->write_why);
}

static void count_written(struct ingest *ingest, const struct parking *parking)
{
	page_add(ingest->page, COUNTER_syncs, 1);
	page_add(ingest->page, COUNTER_accepted, parking->records);
	page_add(ingest->page, COUNTER_bytes_in, parking->bytes);
}

static void on_gathered(uv_timer_t *timer)
{
	/* Nothing to do: the check after this turn of the loop finds the timer at rest. */
}

/* The answers come first, and what they bring has to be read: from then on. */
static void gather_longer(struct ingest *ingest, uint64_t took)
{
	uint64_t share = took / GATHER_SHARE, pause = (share + 999999) / 1000000;
	if (took < SLOW_FLUSH)
		return;
	uv_update_time(&ingest->loop);
	uv_timer_start(&ingest->gather, on_gathered, pause < GATHER_MOST ? pause : GATHER_MOST, 0);
}

static void take_off(struct ingest *ingest)
{
	struct flight *flight = &ingest->flights[(ingest->flight + ingest->flight_count++) % LOG_AHEAD];
	swap(&flight->parking, &ingest->gathering);
	flight->began = uv_hrtime();
}

static void on_written(uv_work_t *job, int status);

static void write_if(struct ingest *ingest, size_t least)
{
	bool wait = uv_is_active((uv_handle_t *)&ingest->gather) && ingest->gathering.count < ingest->flushed;
	if (!ingest->gathering.count || ingest->gathering.count < least || ingest->writing || wait)
		return;
	bool begun = log_begin(ingest->log, ingest->gathering.count + ingest->flushed > MANY);
	if (!begun && ingest->flight_count)
		return;
	take_off(ingest);
	ingest->ahead = begun;
	if (begun)
		return;
	ingest->batch = log_take(ingest->log);
	ingest->writing = true;
	uv_queue_work(&ingest->loop, &ingest->write_job, write_in_pool, on_written);
}

/* The first flight is through. */
static void answer_flight(struct ingest *ingest, uint64_t end)
{
	struct flight *flight = &ingest->flights[ingest->flight];
	ingest->flight = (ingest->flight + 1) % LOG_AHEAD;
	ingest->flight_count--;
	page_set(ingest->page, COUNTER_log_end, end);
	count_written(ingest, &flight->parking);
	ingest->flushed = flight->parking.count;
	swap(&ingest->answering, &flight->parking);
	limit_if_idle(ingest);
	gather_longer(ingest, uv_hrtime() - flight->began);
	write_if(ingest, ingest->flushed * 9 / 10 + 1); /* fewer would cost a flush of their own */
	answer_all(&ingest->answering);
}

static void settle(struct ingest *ingest)
{
	if (log_wants_segment(ingest->log))
		commit_keep(ingest);
	ingest_settle(ingest);
}

static void on_written(uv_work_t *job, int status)
{
	struct ingest *ingest = job->data;
	ingest->writing = false;
	if (!ingest->written)
		ingest_die(ingest, ingest->write_why.text, false);
	answer_flight(ingest, log_done(ingest->log, &ingest->batch));
	settle(ingest);
}

static void on_landing(uv_poll_t *poll, int status, int events)
{
	struct ingest *ingest = poll->data;
	enum log_landed landed;
	uint64_t end;
	while ((landed = log_land(ingest->log, &end, &ingest->write_why)) == LOG_LANDED)
		answer_flight(ingest, end);
	if (landed == LOG_LAND_FAILED)
		ingest_die(ingest, ingest->write_why.text, false);
	settle(ingest);
}

/* Beside others it is begun if it has three quarters of what they have. */
static void write_if_much(struct ingest *ingest)
{
	size_t flying = 0;
	for (unsigned i = 0; i < ingest->flight_count; i++)
		flying += ingest->flights[(ingest->flight + i) % LOG_AHEAD].parking.count;
	write_if(ingest, (flying * 3 + 3) / 4);
}

/* After all that was there has been read. */
static void on_check(uv_check_t *check)
{
	write_if_much(check->data);
}

/* ----------------------------------------------------------------- segments */

static void keep_in_pool(uv_work_t *job)
{
	struct ingest *ingest = job->data;
	struct why no_room = { "" }; /* is told by tell_beat, once */
	ingest->kept = log_check(ingest->log, &ingest->keep_why);
	if (ingest->kept && !log_retire(ingest->log, ingest->floor, &ingest->keep_why))
		line(SL_WARNING, "%s", ingest->keep_why.text);
	if (ingest->kept && ingest->preparing)
		log_prepare(ingest->log, &no_room);
}

static void on_kept(uv_work_t *job, int status)
{
	struct ingest *ingest = job->data;
	ingest->keeping = false;
	if (!ingest->kept)
		ingest_die(ingest, ingest->keep_why.text, false);
	limit_if_idle(ingest);
	ingest_settle(ingest);
}

/* Twice a second: are the files still ours, and may the oldest segments go?  At
 * once: the next segment. */
void commit_keep(struct ingest *ingest)
{
	int64_t now = clock_ticks();
	bool prepare = log_wants_segment(ingest->log);
	if (ingest->keeping || (!prepare && now - ingest->kept_at < KEEP_EVERY))
		return;
	ingest->preparing = prepare;
	ingest->floor = atomic_load_explicit(&ingest->page->floor, memory_order_relaxed);
	ingest->kept_at = now;
	ingest->keeping = true;
	uv_queue_work(&ingest->loop, &ingest->keep_job, keep_in_pool, on_kept);
}

void commit_limit(struct ingest *ingest)
{
	ingest->limits_wait = true;
	limit_if_idle(ingest);
}

/* ------------------------------------------------------------ begin and end */

void commit_begin(struct ingest *ingest)
{
	ingest->write_job.data = ingest->keep_job.data = ingest->check.data = ingest;
	uv_timer_init(&ingest->loop, &ingest->gather);
	uv_check_init(&ingest->loop, &ingest->check);
	uv_check_start(&ingest->check, on_check);
	ingest->lands = log_ahead_fd(ingest->log) >= 0;
	if (!ingest->lands)
		return;
	ingest->landing.data = ingest;
	uv_poll_init(&ingest->loop, &ingest->landing, log_ahead_fd(ingest->log));
	uv_poll_start(&ingest->landing, UV_READABLE, on_landing);
}

void commit_end(struct ingest *ingest)
{
	uv_close((uv_handle_t *)&ingest->gather, NULL);
	if (ingest->lands)
		uv_close((uv_handle_t *)&ingest->landing, NULL);
	uv_close((uv_handle_t *)&ingest->check, NULL);
	free(ingest->gathering.list);
	for (size_t i = 0; i < LOG_AHEAD; i++)
		free(ingest->flights[i].parking.list);
	free(ingest->answering.list);
}
