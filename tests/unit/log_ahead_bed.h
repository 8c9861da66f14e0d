/* SPDX-License-Identifier: Apache-2.0 */
/* log_ahead_bed.h - what the tests of batches that are on their way while others begin share. */
#ifndef TESTS_LOG_AHEAD_BED_H
#define TESTS_LOG_AHEAD_BED_H

#include <poll.h>

#include "log_bed.h"

#define BIG 30 /* records */

static inline void gather(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add_one(writer->next_seq);
}

/* How many came to the disk, waiting for the first. */
static inline unsigned land(void)
{
	struct why why = { "" };
	struct pollfd ready = { log_ahead_fd(writer), POLLIN, 0 };
	enum log_landed landed;
	unsigned count = 0;
	uint64_t end;
	assert_int_equal(poll(&ready, 1, 10000), 1);
	for (; (landed = log_land(writer, &end, &why)) == LOG_LANDED; count++)
		assert_int_equal(end, end_now());
	if (landed == LOG_LAND_FAILED)
		fail_msg("%s", why.text);
	return count;
}

static inline void land_all(void)
{
	while (log_ahead_count(writer))
		land();
}

/* What is gathered, by log_write. */
static inline void write_gathered(void)
{
	struct why why = { "" };
	struct log_batch *batch = log_take(writer);
	if (!log_write(writer, batch, &why))
		fail_msg("%s", why.text);
	log_done(writer, &batch);
}

/* The log has these, for a reader, and for whoever looks at all of it. */
static inline void fine(uint64_t end)
{
	struct log_stat stat;
	assert_int_equal(end_now(), end);
	assert_int_equal(read_all().records, end);
	assert_int_equal(run_fsck(&stat).count, 0);
	assert_int_equal(stat.end, end);
	assert_int_equal(stat.damaged, 0);
}

#endif
