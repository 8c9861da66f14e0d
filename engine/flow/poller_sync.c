/* SPDX-License-Identifier: Apache-2.0 */
/* poller_sync.c - the events that tell of a run: sluice.sync, started and finished. */
#include "base/clock.h"
#include "flow/poller.h"
#include "flow/polled.h"
#include "sdk/time.h"

static void member_moment(struct buf *out, const char *name, int64_t ms)
{
	char text[SL_TIME_SIZE];
	sl_time_write(ms * 1000, text);
	json_member_string(out, name, text);
}

static void write_data(const struct poller *poller, const struct run *run, int64_t ended, struct buf *out)
{
	static const char *const kinds[] = { [RUN_DELTA] = "delta", [RUN_FULL] = "full", [RUN_SNAPSHOT] = "snapshot" };
	json_open(out, '{');
	json_member_string(out, "run", run->id);
	json_member_string(out, "source", poller->name);
	json_member_string(out, "kind", kinds[run->kind]);
	json_member_string(out, "state", ended ? "finished" : "started");
	member_moment(out, "began", run->began);
	if (ended) {
		member_moment(out, "ended", ended);
		json_member_uint(out, "events", run->events);
		json_member_uint(out, "unchanged", run->unchanged);
	}
	json_close(out, '}');
}

/* A row of the two has the newer time of the second, however short the run was. */
static int64_t end_of(const struct run *run)
{
	int64_t now = clock_wall();
	return now > run->began ? now : run->began + 1;
}

void sync_event(const struct poller *poller, const struct run *run, bool finished, struct arena *arena,
	struct sl_event *event)
{
	int64_t ended = finished ? end_of(run) : 0;
	struct buf data = { 0 };
	write_data(poller, run, ended, &data);
	*event = (struct sl_event){
		.id = arena_format(arena, "sync-%s-%s", run->id, finished ? "finished" : "started"),
		.type = POLLED_SYNC,
		.time = finished ? ended : run->began,
		.run = run->kind == RUN_SNAPSHOT ? arena_string(arena, run->id) : NULL,
		.data = { arena_copy(arena, data.at, data.len), data.len },
	};
	buf_free(&data);
}
