/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - how far a source's walk is, for whoever waits for its end. */
#include "main/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/shown.h"
#include "sdk/time.h"

#define SAMPLE_EVERY 1000 /* ms */
#define TELL_EVERY 10000
#define RATE_OF 10000     /* the stretch the rate is of */
#define REST_OF 3000      /* the least that a guess is made from */

/* ------------------------------------------------------------------- reckoned */

static double clip(double share)
{
	return share < 0 ? 0 : share > 1 ? 1
					 : share;
}

/* How much of the whole is done; 0: nobody knows. */
static double share_of(const struct reach *reach)
{
	if (reach->total > 0)
		return clip((double)reach->done / (double)reach->total);
	if (!reach->since || !reach->oldest || reach->began <= reach->since)
		return 0;
	return clip((double)(reach->newest - reach->oldest) / (double)(reach->began - reach->since));
}

/* What counts less than before counts anew: another process, another walk. */
void progress_note(struct progress *progress, const struct reach *reach, int64_t now)
{
	size_t *count = &progress->count;
	if (*count && reach->objects < progress->samples[*count - 1].objects)
		*count = 0;
	if (*count && now - progress->samples[*count - 1].at < SAMPLE_EVERY)
		return;
	if (*count == PROGRESS_SAMPLES)
		memmove(&progress->samples[0], &progress->samples[1], --*count * sizeof(progress->samples[0]));
	progress->samples[*count].at = now;
	progress->samples[*count].objects = reach->objects;
	progress->samples[(*count)++].share = share_of(reach);
}

/* The oldest sample of the last so many ms. */
static size_t sample_of(const struct progress *progress, int64_t ms)
{
	size_t last = progress->count - 1, at = last;
	while (at && progress->samples[last].at - progress->samples[at - 1].at <= ms)
		at--;
	return at;
}

int64_t progress_rate(const struct progress *progress)
{
	if (progress->count < 2)
		return -1;
	size_t last = progress->count - 1, from = sample_of(progress, RATE_OF);
	int64_t ms = progress->samples[last].at - progress->samples[from].at;
	if (ms <= 0)
		return -1;
	return ((progress->samples[last].objects - progress->samples[from].objects) * 1000 + ms / 2) / ms;
}

int64_t progress_rest(const struct progress *progress)
{
	if (progress->count < 2)
		return -1;
	size_t last = progress->count - 1;
	double gained = progress->samples[last].share - progress->samples[0].share;
	int64_t ms = progress->samples[last].at - progress->samples[0].at;
	if (gained <= 0 || ms < REST_OF)
		return -1;
	double rest = (1 - progress->samples[last].share) / gained * (double)ms / 1000;
	return rest < 1e9 ? (int64_t)rest : -1;
}

/* ----------------------------------------------------------------------- told */

/* "95 s", "12 min", "3 h", "2 d" */
static void write_span(struct buf *out, int64_t seconds)
{
	if (seconds < 120)
		buf_format(out, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		buf_format(out, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		buf_format(out, "%" PRId64 " h", seconds / 3600);
	else
		buf_format(out, "%" PRId64 " d", seconds / 86400);
}

static void write_moment(struct buf *out, int64_t ms)
{
	char text[SL_TIME_SIZE];
	sl_time_write(ms * 1000, text);
	buf_format(out, "%.10s %.5s", text, text + 11);
}

/* "backfilling: 12345 of 40000 objects, 8000 new, 95/s, back to 2026-01-03 10:15, about 12 min left" */
void progress_words(const struct progress *progress, const struct reach *reach, struct buf *out)
{
	int64_t rate = progress_rate(progress), rest = progress_rest(progress);
	buf_format(out, "%s: %" PRId64, reach->state, reach->total ? reach->done : reach->objects);
	if (reach->total)
		buf_format(out, " of %" PRId64, reach->total);
	buf_format(out, " object%s, %" PRId64 " new", reach->total || reach->objects != 1 ? "s" : "", reach->fresh);
	if (rate >= 0)
		buf_format(out, ", %" PRId64 "/s", rate);
	if (reach->oldest) {
		buf_string(out, ", back to ");
		write_moment(out, reach->oldest);
	}
	if (rest >= 0) {
		buf_string(out, ", about ");
		write_span(out, rest);
		buf_string(out, " left");
	}
	if (*reach->error) {
		buf_string(out, ": ");
		shown_string(out, reach->error);
	}
}

static void number_or_null(struct buf *out, const char *name, int64_t number)
{
	json_key(out, name);
	if (number >= 0)
		json_int(out, number);
	else
		json_null(out);
}

static void write_object(const struct progress *progress, const struct reach *reach, struct buf *out)
{
	char oldest[SL_TIME_SIZE];
	if (reach->oldest)
		sl_time_write(reach->oldest * 1000, oldest);
	json_open(out, '{');
	json_member_string(out, "source", progress->source);
	json_member_string(out, "state", reach->state);
	json_member_int(out, "objects", reach->objects);
	json_member_int(out, "events", reach->fresh);
	number_or_null(out, "done", reach->total ? reach->done : -1);
	number_or_null(out, "total", reach->total ? reach->total : -1);
	number_or_null(out, "rate", progress_rate(progress));
	json_member_string(out, "oldest", reach->oldest ? oldest : NULL);
	number_or_null(out, "seconds_left", progress_rest(progress));
	json_member_string(out, "error", *reach->error ? reach->error : NULL);
	json_close(out, '}');
}

static void tell_plain(struct progress *progress, const struct reach *reach)
{
	struct buf out = { 0 };
	int64_t now = clock_ticks();
	if (!progress->told)
		progress->told = now;
	if (now - progress->told < TELL_EVERY)
		return;
	progress->told = now;
	if (progress->json)
		write_object(progress, reach, &out);
	else {
		buf_format(&out, "%s: ", progress->source);
		progress_words(progress, reach, &out);
	}
	fprintf(stderr, "%s\n", out.at);
	buf_free(&out);
}

void progress_show(struct progress *progress, const struct reach *reach)
{
	struct buf out = { 0 };
	progress_note(progress, reach, clock_ticks());
	if (progress->json || !isatty(STDERR_FILENO)) {
		tell_plain(progress, reach);
		return;
	}
	progress_words(progress, reach, &out);
	fprintf(stderr, "\r\033[K%.200s ", out.at);
	buf_free(&out);
	progress->shown = true;
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
