/* SPDX-License-Identifier: Apache-2.0 */
/* poller_bed.h - a source process and the ingress it hands its events to; the far side is a file. */
#ifndef TESTS_POLLER_BED_H
#define TESTS_POLLER_BED_H

#include "process_bed.h"

#include "base/line.h"
#include "flow/ingest.h"
#include "flow/ingest_events.h"
#include "flow/poller.h"
#include "io/socket.h"
#include "sdk/text.h"
#include "store/log.h"

#define STORED_MOST 40000
#define KEY "the daemon's"

struct bed {
	struct process ingress, source;
	char folder[64], address[100];
	int listener;
	struct arena *arena; /* of the records */
	struct log_record records[STORED_MOST];
	size_t count;
};

/* ------------------------------------------------------------------ both of them */

static inline void begin_ingress(struct bed *bed)
{
	struct buf part = { 0 };
	spawn_process(&bed->ingress, ingest_main, NULL, bed->listener);
	buf_format(&part, "{\"do\":\"start\",\"master\":%d,\"data\":\"%s\",\"log_level\":\"error\",\"log\":"
		"{\"size\":100000000,\"keep\":1000,\"reserve\":0},\"listen\":[],\"events\":{\"fd\":5},"
		"\"events_key\":\"" KEY "\",\"sources\":[{\"name\":\"shop\",\"webhook\":null}]}", getpid(), bed->folder);
	say_to(bed->ingress.channel, part.at);
	buf_free(&part);
	expect_message(&bed->ingress, "\"ready\"");
}

/* `more`: further members of its part, each with a comma before it. */
static inline void begin_plugin(struct bed *bed, const char *plugin, const char *options, const char *more)
{
	const char *build = getenv("SLUICE_BUILD");
	struct buf part = { 0 };
	char key[EVENTS_KEY + 1];
	events_key(sl_text_of(KEY), sl_text_of("shop"), key);
	assert_non_null(build);
	spawn_process(&bed->source, poller_main, "shop", -1);
	buf_format(&part, "{\"do\":\"start\",\"master\":%d,\"source\":\"shop\",\"data\":\"%s\",\"log_level\":\"error\","
		"\"plugin\":\"%s/tests/plugins/%s.so\",\"options\":{\"file\":\"%s/shop\"%s},\"api\":null,"
		"\"net\":{},\"events\":\"%s/events.sock\",\"events_key\":\"%s\"%s}", getpid(), bed->folder, build, plugin,
		bed->folder, options, bed->folder, key, more);
	say_to(bed->source.channel, part.at);
	buf_free(&part);
	expect_message(&bed->source, "\"ready\"");
}

static inline void begin_source_as(struct bed *bed, int every, const char *options, bool snapshot)
{
	char more[60];
	snprintf(more, sizeof(more), ",\"every\":%d,\"snapshot\":%s", every, snapshot ? "true" : "false");
	begin_plugin(bed, "lines", options, more);
}

static inline void begin_source(struct bed *bed, int every, const char *options)
{
	begin_source_as(bed, every, options, false);
}

static inline void begin_snapshots(struct bed *bed, const char *options)
{
	begin_source_as(bed, 600000, options, true);
}

static inline void begin(struct bed *bed, int every, const char *options)
{
	begin_ingress(bed);
	begin_source(bed, every, options);
}

static inline void end(struct bed *bed)
{
	stop_process(&bed->source);
	stop_process(&bed->ingress);
}

static inline void ask(struct bed *bed, const char *what)
{
	char message[200];
	snprintf(message, sizeof(message), "{\"do\":\"ask\",\"id\":9,\"what\":%s}", what);
	say_to(bed->source.channel, message);
	expect_message(&bed->source, "\"answer\"");
}

/* A whole run, from now on. */
static inline void poll_once(struct bed *bed)
{
	ask(bed, "\"poll\",\"wait\":true");
}

static inline int fresh(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct why why = { "" };
	line_setup("test", NULL, SL_ERROR);
	strcpy(bed->folder, "/tmp/poller_test.XXXXXX");
	assert_non_null(mkdtemp(bed->folder));
	snprintf(bed->address, sizeof(bed->address), "unix:%s/events.sock", bed->folder);
	if (!socket_listen(bed->address, 0600, &bed->listener, &why))
		fail_msg("%s", why.text);
	bed->arena = arena_new();
	*state = bed;
	return 0;
}

static inline int gone(void **state)
{
	struct bed *bed = *state;
	char command[128];
	kill_process(&bed->source);
	kill_process(&bed->ingress);
	close(bed->listener);
	arena_free(&bed->arena);
	snprintf(command, sizeof(command), "rm -rf %s", bed->folder);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

/* ---------------------------------------------------------------- the far side */

static inline void shop_has(struct bed *bed, const char *text)
{
	char path[100], next[104];
	snprintf(path, sizeof(path), "%s/shop", bed->folder);
	snprintf(next, sizeof(next), "%s.new", path);
	FILE *file = fopen(next, "w");
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(next, path), 0);
}

static inline void shop_has_lines(struct bed *bed, size_t count)
{
	struct buf text = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_format(&text, "i%zu {\"n\":%zu}\n", i, i);
	shop_has(bed, text.at);
	buf_free(&text);
}

/* -------------------------------------------------------------------- the log */

static inline void read_log(struct bed *bed)
{
	struct why why = { "" };
	struct log_slice slice = { .next = 1 };
	char path[100];
	snprintf(path, sizeof(path), "%s/log", bed->folder);
	struct log_reader *reader = log_reader_open(path, &why);
	arena_reset(bed->arena);
	bed->count = 0;
	while (log_read(reader, bed->arena, slice.next, 500, 10000000, &slice, &why) == LOG_READ)
		for (size_t i = 0; i < slice.count && bed->count < STORED_MOST; i++)
			bed->records[bed->count++] = slice.records[i];
	log_reader_close(&reader);
	assert_true(bed->count < STORED_MOST);
}

/* How many records there are whose body holds these words. */
static inline size_t logged(struct bed *bed, const char *words)
{
	size_t count = 0;
	read_log(bed);
	for (size_t i = 0; i < bed->count; i++)
		count += strstr(bed->records[i].body.at, words) != NULL;
	return count;
}

static inline void expect_logged(struct bed *bed, const char *words, size_t count)
{
	int64_t until = clock_ticks() + PATIENCE;
	while (logged(bed, words) < count && clock_ticks() < until)
		usleep(10000);
	assert_int_equal(logged(bed, words), count);
}

static inline void expect_each_line(struct bed *bed, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char words[40];
		snprintf(words, sizeof(words), "{\"id\":\"i%zu\",", i);
		if (logged(bed, words) == 0)
			fail_msg("%s is not in the log", words);
	}
}

#endif
