/* SPDX-License-Identifier: Apache-2.0 */
/* measure.h - what the benches in C share: rounds by turns, medians, and rows as measure.py tells them.
 *
 * A kind is one thing that is timed: run(calls, data) does it so often.  Each round
 * times every kind once, beginning with another one, so that a bad moment of the
 * machine hits all of them.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEASURE_ROUNDS 15

struct kind {
	const char *name;
	void (*run)(size_t calls, const void *data);
	const void *data;
	size_t calls;                 /* a round */
	double took[MEASURE_ROUNDS];  /* us a call */
};

struct judged {
	const char *bench, *name; /* of the case */
	const struct kind *kind, *limit; /* NULL: none */
	double bound;             /* us, instead of a limit; 0: none */
	double target;            /* of the ratio, at most; 0: it is told, not judged */
};

/* us of a processor that this program had: what others take of it meanwhile does not count. */
static inline double measure_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static inline void measure_kinds(struct kind *kinds, size_t count)
{
	for (size_t step = 0; step < MEASURE_ROUNDS * count; step++) {
		size_t round = step / count;
		struct kind *kind = &kinds[(step + round) % count];
		double begin = measure_now();
		kind->run(kind->calls, kind->data);
		kind->took[round] = (measure_now() - begin) / (double)kind->calls;
	}
}

static inline int measure_order(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

static inline void measure_sort(const double from[MEASURE_ROUNDS], double to[MEASURE_ROUNDS])
{
	memcpy(to, from, MEASURE_ROUNDS * sizeof(*to));
	qsort(to, MEASURE_ROUNDS, sizeof(*to), measure_order);
}

static inline double measure_median(const double from[MEASURE_ROUNDS])
{
	double sorted[MEASURE_ROUNDS];
	measure_sort(from, sorted);
	return sorted[MEASURE_ROUNDS / 2];
}

/* Round by round, because the machine is another one from round to round. */
static inline double measure_ratio(const struct judged *row)
{
	double ratios[MEASURE_ROUNDS];
	for (size_t i = 0; i < MEASURE_ROUNDS; i++)
		ratios[i] = row->kind->took[i] / (row->limit ? row->limit->took[i] : row->bound);
	return measure_median(ratios);
}

static inline void measure_tell_json(const struct judged *row, const double sorted[MEASURE_ROUNDS], double limit,
	double ratio, bool ok)
{
	printf("{\"bench\": \"%s\", \"case\": \"%s\", \"figure\": %.4g, \"unit\": \"us\", \"spread\": [%.4g, %.4g], ",
		row->bench, row->name, sorted[MEASURE_ROUNDS / 2], sorted[0], sorted[MEASURE_ROUNDS - 1]);
	if (limit > 0)
		printf("\"limit\": %.4g, \"ratio\": %.4g, ", limit, ratio);
	else
		printf("\"limit\": null, \"ratio\": null, ");
	if (row->target > 0)
		printf("\"target\": %.4g, \"sense\": \"at most\", ", row->target);
	else
		printf("\"target\": null, \"sense\": null, ");
	printf("\"ok\": %s}\n", ok ? "true" : "false");
}

static inline void measure_tell_words(const struct judged *row, const double sorted[MEASURE_ROUNDS], double limit,
	double ratio, bool ok)
{
	printf("%-42s %9.3g us       %9.3g .. %7.3g", row->name, sorted[MEASURE_ROUNDS / 2], sorted[0],
		sorted[MEASURE_ROUNDS - 1]);
	if (limit > 0)
		printf(" %9.3g %7.3g", limit, ratio);
	if (row->target > 0)
		printf("   at most %g: %s", row->target, ok ? "fine" : "MISSED");
	putchar('\n');
}

/* False: its target is missed. */
static inline bool measure_tell(const struct judged *row, bool json)
{
	double sorted[MEASURE_ROUNDS], limit = row->limit ? measure_median(row->limit->took) : row->bound;
	double ratio = limit > 0 ? measure_ratio(row) : 0;
	bool ok = row->target <= 0 || ratio <= row->target;
	measure_sort(row->kind->took, sorted);
	(json ? measure_tell_json : measure_tell_words)(row, sorted, limit, ratio, ok);
	return ok;
}

/* Returns the exit code. */
static inline int measure_tell_all(const struct judged *rows, size_t count, bool json)
{
	bool ok = true;
	if (!json)
		printf("%-42s %9s %-8s %20s %9s %7s\n", "", "median", "", "least .. most", "limit", "ratio");
	for (size_t i = 0; i < count; i++)
		ok &= measure_tell(&rows[i], json);
	return ok ? 0 : 1;
}

static inline bool measure_json(int count, char **words)
{
	return count > 1 && strcmp(words[1], "--json") == 0;
}

#endif
