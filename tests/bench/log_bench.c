/* SPDX-License-Identifier: Apache-2.0 */
/* log_bench.c - how fast the disk is, and how fast the log is on it.
 *
 * usage: log_bench [--json] [FOLDER]
 *        log_bench make FOLDER SEGMENTS
 *
 * `append` is the plain loop: append 2 KiB to a growing file, fdatasync, again.
 * `log N` gathers N records of 2 KiB for each write + fdatasync of the log.  They
 * run in rotated rounds, so that a disk that has a bad second has it for all.
 *
 * `make` makes a log of so many segments of full size with a record in each and nothing
 * behind it: a large one that takes no room (tests/bench/start).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/log_disk.h"

#define BODY 2048
#define ROUNDS 5
#define ROUND_TIME 400 /* milliseconds */

static const size_t batches[] = { 1, 16, 64 };
#define KINDS (1 + sizeof(batches) / sizeof(*batches))

static char body[BODY];

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "log_bench: %s\n", what);
	exit(1);
}

/* ---------------------------------------------------------------- the plain loop */

static uint64_t append_for(int fd, int64_t until)
{
	uint64_t done = 0;
	for (; clock_ticks() < until; done++)
		if (write(fd, body, BODY) != BODY || fdatasync(fd) < 0)
			give_up("cannot append");
	return done;
}

/* ----------------------------------------------------------------------- the log */

/* As in the daemon, the next segment is made ready beside the writing. */
static struct log *the_log;
static atomic_bool over;

static void *prepare_beside(void *unused)
{
	struct why why;
	while (!over) {
		if (log_wants_segment(the_log))
			log_prepare(the_log, &why);
		log_retire(the_log, UINT64_MAX, &why);
		usleep(2000);
	}
	return NULL;
}

static void write_batch(size_t records)
{
	struct why why;
	struct log_record record = { .received = clock_wall(), .source = { "boards", 6 },
		.method = { "POST", 4 }, .path = { "/in/boards", 10 }, .query = { "", 0 },
		.headers = { "content-type: application/json\n", 31 }, .body = { body, BODY } };
	for (size_t i = 0; i < records; i++)
		log_append(the_log, &record);
	struct log_batch *batch = log_take(the_log);
	if (!log_write(the_log, batch, &why))
		give_up(why.text);
	log_done(the_log, &batch);
}

static uint64_t log_for(size_t records, int64_t until)
{
	uint64_t done = 0;
	for (; clock_ticks() < until; done += records)
		write_batch(records);
	return done;
}

static void print(const double rates[KINDS], bool json)
{
	printf(json ? "{\"append\":%.0f" : "append 2 KiB + fdatasync   %10.0f a second\n", rates[0]);
	for (size_t i = 1; i < KINDS; i++)
		printf(json ? ",\"log_%zu\":%.0f" : "log, %2zu a batch            %10.0f a second\n",
			batches[i - 1], rates[i]);
	if (json)
		puts("}");
}

static void measure(int fd, bool json)
{
	uint64_t done[KINDS] = { 0 };
	double rates[KINDS];
	for (size_t round = 0; round < ROUNDS * KINDS; round++) {
		size_t kind = (round + round / KINDS) % KINDS;
		int64_t until = clock_ticks() + ROUND_TIME;
		done[kind] += kind ? log_for(batches[kind - 1], until) : append_for(fd, until);
	}
	for (size_t i = 0; i < KINDS; i++)
		rates[i] = (double)done[i] * 1000 / (ROUNDS * ROUND_TIME);
	print(rates, json);
}

static void remove_folder(const char *folder)
{
	char command[256];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		fprintf(stderr, "log_bench: %s is left\n", folder);
}

/* ----------------------------------------------------------------- a large log */

#define SEGMENT_SIZE ((uint64_t)16 << 20)

static size_t put_record(char *at, const struct segment *segment)
{
	struct log_record record = { .received = clock_wall(), .source = { "notes", 5 }, .method = { "POST", 4 },
		.path = { "/in/notes", 9 }, .query = { "", 0 }, .headers = { "", 0 }, .body = { "{\"id\":\"1\"}", 10 } };
	record_put(at, &record, segment->first);
	record_seal(at, segment->first - 1, segment->salt, LOG_BEGIN);
	return record_room(&record);
}

static uint64_t put_segment(const char *folder, const struct segment *segment)
{
	char path[256], bytes[LOG_BEGIN + LOG_PAGE] = { 0 };
	struct segment_head *heads = (struct segment_head *)bytes;
	segment_head_make(&heads[0], segment);
	segment_head_make(&heads[1], segment);
	size_t end = LOG_BEGIN + put_record(bytes + LOG_BEGIN, segment);
	snprintf(path, sizeof(path), "%s/%s", folder, segment_name(segment->ordinal).text);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, end) != (ssize_t)end || ftruncate(fd, (off_t)segment->size) < 0)
		give_up("cannot make a segment");
	close(fd);
	return end;
}

static int make_log(const char *folder, uint64_t segments)
{
	struct segment segment = { .salt = 7, .size = SEGMENT_SIZE, .id = "0123456789abcdef0123456789abcdef" };
	segment.begun = clock_wall();
	for (uint64_t i = 1; i <= segments; i++) {
		segment.prev = segment.ordinal;
		segment.ordinal = segment.first = i;
		segment.prev_end = put_segment(folder, &segment);
	}
	return 0;
}

int main(int count, char **words)
{
	if (count == 4 && strcmp(words[1], "make") == 0)
		return make_log(words[2], strtoull(words[3], NULL, 10));
	bool json = count > 1 && strcmp(words[1], "--json") == 0;
	struct log_options options = { .size = (int64_t)256 << 20, .keep = 0 };
	struct why why;
	pthread_t beside;
	char folder[128], path[160];
	snprintf(folder, sizeof(folder), "%s/log-bench-XXXXXX", count > 1 + json ? words[1 + json] : ".");
	if (!mkdtemp(folder))
		give_up("cannot make a folder to work in");
	snprintf(path, sizeof(path), "%s/append", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	snprintf(path, sizeof(path), "%s/log", folder);
	the_log = log_open(path, &options, 0, &why);
	if (fd < 0 || !the_log)
		give_up(fd < 0 ? "cannot make a file" : why.text);
	pthread_create(&beside, NULL, prepare_beside, NULL);
	measure(fd, json);
	over = true;
	pthread_join(beside, NULL);
	log_close(&the_log);
	close(fd);
	remove_folder(folder);
	return 0;
}
