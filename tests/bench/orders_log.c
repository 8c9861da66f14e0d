/* SPDX-License-Identifier: Apache-2.0 */
/* orders_log.c - a log of orders, as webhooks brought them. */
#include <string.h>

#include "base/clock.h"
#include "orders.h"
#include "store/log.h"

#define FLUSHED 20000 /* orders at once: nobody waits for them one by one */

static struct sl_text text(const char *words)
{
	return (struct sl_text){ words, strlen(words) };
}

static void append(struct log *log, uint64_t n, bool nested, struct arena *arena)
{
	struct log_record record = { .received = clock_wall(), .source = text("orders"), .method = text("POST"),
		.path = text("/in/orders"), .query = text(""), .headers = text("x-table: orders\n") };
	struct order order;
	struct buf body = { 0 };
	order_make(&order, n, arena);
	(nested ? order_write_nested : order_write_flat)(&body, &order);
	record.body = (struct sl_text){ body.at, body.len };
	log_append(log, &record);
	buf_free(&body);
}

static void flush(struct log *log)
{
	struct why why = { "" };
	struct log_batch *batch = log_take(log);
	if (!log_write(log, batch, &why))
		stop("the log", why.text);
	log_done(log, &batch);
	if (log_wants_segment(log) && !log_prepare(log, &why))
		stop("the log", why.text);
}

uint64_t orders_log(const char *folder, uint64_t count, bool nested, bool repeats)
{
	uint64_t repeated = 0;
	const struct log_options options = { .size = INT64_C(64) << 30, .keep = INT64_C(86400000) * 3650 };
	struct why why = { "" };
	struct arena *arena = arena_new();
	struct log *log = log_open(folder, &options, 0, &why);
	if (!log)
		stop(folder, why.text);
	for (uint64_t n = 1; n <= count; n++) {
		uint64_t first = repeats ? order_repeated(n) : n;
		repeated += first != n;
		append(log, first, nested, arena);
		if (n % FLUSHED == 0 || n == count) {
			flush(log);
			arena_reset(arena);
		}
	}
	log_close(&log);
	arena_free(&arena);
	return repeated;
}
