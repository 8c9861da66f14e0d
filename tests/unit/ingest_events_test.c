/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_events_test.c - polled events are handed to the ingress: taken, refused, kept waiting. */
#include "process_bed.h"

#include "base/line.h"
#include "flow/ingest.h"
#include "flow/ingest_events.h"
#include "io/socket.h"
#include "sdk/text.h"
#include "store/log.h"

#define KEY "the daemon's"

struct bed {
	struct process ingress;
	char folder[64], address[100];
	int listener, source; /* the socket; our connection, as a source process */
	struct buf heard;
};

static void begin_with(struct bed *bed, const char *log)
{
	struct buf part = { 0 };
	spawn_process(&bed->ingress, ingest_main, NULL, bed->listener);
	buf_format(&part, "{\"do\":\"start\",\"master\":%d,\"data\":\"%s\",\"log_level\":\"error\",\"log\":{%s},"
		"\"listen\":[],\"events\":{\"fd\":5},\"events_key\":\"" KEY "\","
		"\"sources\":[{\"name\":\"shop\",\"webhook\":null}]}",
		getpid(), bed->folder, log);
	say_to(bed->ingress.channel, part.at);
	buf_free(&part);
	expect_message(&bed->ingress, "\"ready\"");
}

static void begin(struct bed *bed)
{
	begin_with(bed, "\"size\":100000000,\"keep\":1000,\"reserve\":0");
}

static void knock(struct bed *bed)
{
	struct why why = { "" };
	bed->source = socket_connect(bed->address, 1000, &why);
	assert_true(bed->source >= 0);
	fcntl(bed->source, F_SETFL, 0);
}

/* As the process of that source, or of whoever has its key. */
static void greet(struct bed *bed, const char *source, const char *daemon)
{
	struct buf out = { 0 };
	char key[EVENTS_KEY + 1];
	events_key(sl_text_of(daemon), sl_text_of(source), key);
	buf_format(&out, "{\"source\":\"%s\",\"key\":\"%s\"}", source, key);
	say_to(bed->source, out.at);
	buf_free(&out);
}

static void dial(struct bed *bed)
{
	knock(bed);
	greet(bed, "shop", KEY);
}

static int fresh(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct why why = { "" };
	line_setup("test", NULL, SL_ERROR);
	strcpy(bed->folder, "/tmp/ingest_events_test.XXXXXX");
	assert_non_null(mkdtemp(bed->folder));
	snprintf(bed->address, sizeof(bed->address), "unix:%s/events.sock", bed->folder);
	if (!socket_listen(bed->address, 0600, &bed->listener, &why))
		fail_msg("%s", why.text);
	*state = bed;
	return 0;
}

static int gone(void **state)
{
	struct bed *bed = *state;
	char command[128];
	kill_process(&bed->ingress);
	close(bed->listener);
	close(bed->source);
	buf_free(&bed->heard);
	snprintf(command, sizeof(command), "rm -rf %s", bed->folder);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

static void expect_answer(struct bed *bed, const char *message, const char *words)
{
	say_to(bed->source, message);
	if (!hear_from(bed->source, &bed->heard, PATIENCE) || !strstr(bed->heard.at, words))
		fail_msg("not %s but %s", words, bed->heard.at ? bed->heard.at : "nothing");
}

static char *many(size_t count, size_t size, int id)
{
	struct buf out = { 0 };
	buf_format(&out, "{\"id\":%d,\"source\":\"shop\",\"events\":[", id);
	for (size_t i = 0; i < count; i++)
		buf_format(&out, "%s{\"id\":\"%zu\",\"data\":\"%0*d\"}", i ? "," : "", i, (int)size, 7);
	buf_string(&out, "]}");
	return out.at;
}

/* -------------------------------------------------------------------- tests */

static void events_are_on_disk_when_they_are_answered(void **state)
{
	struct bed *bed = *state;
	struct why why = { "" };
	struct log_slice slice = { 0 };
	char path[128];
	begin(bed);
	dial(bed);
	expect_answer(bed, "{\"id\":7,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":{}}, "
		"{\"id\": \"b\",\"type\":\"t\",\"data\":[1]}]}",
		"{\"id\":7,\"first\":1,\"last\":2}");
	expect_answer(bed,
		"{\"id\":8,\"source\":\"shop\",\"events\":[{\"id\":\"c\",\"time\":5,\"subject\":null,\"data\":null}]}",
		"{\"id\":8,\"first\":3,\"last\":3}");
	kill_process(&bed->ingress);
	snprintf(path, sizeof(path), "%s/log", bed->folder);
	struct log_reader *reader = log_reader_open(path, &why);
	struct arena *arena = arena_new();
	assert_int_equal(log_read(reader, arena, 1, 10, 100000, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(slice.records[i].flags, LOG_EVENT);
		assert_true(sl_text_is(slice.records[i].source, "shop"));
		assert_int_equal(slice.records[i].method.len + slice.records[i].path.len + slice.records[i].headers.len, 0);
	}
	assert_true(sl_text_is(slice.records[1].body, "{\"id\": \"b\",\"type\":\"t\",\"data\":[1]}"));
	arena_free(&arena);
	log_reader_close(&reader);
}

static void what_is_no_event_is_refused_and_nothing_of_its_message_is_kept(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"id\":1,\"source\":\"other\",\"events\":[{\"id\":\"a\",\"data\":1}]}", "knows no source other\",\"later\":true" },
		{ "{\"id\":1,\"events\":[{\"id\":\"a\",\"data\":1}]}", "knows no source without a name" },
		{ "{\"id\":1,\"source\":\"shop\"}", "brings no events" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[]}", "brings no events" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":{\"id\":\"a\",\"data\":1}}", "brings no events" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1},7]}", "no JSON object" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1},{\"data\":1}]}", "has no id" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"\",\"data\":1}]}", "has no id" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":5,\"data\":1}]}", "id is no text" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\\u0000b\",\"data\":1}]}", "zero byte" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"type\":{},\"data\":1}]}", "type is no text" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"time\":\"now\",\"data\":1}]}", "no whole number" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\"}]}", "has no data" },
		{ "{\"id\":1,\"source\":\"shop\",\"events\":null}", "brings no events" },
	};
	struct bed *bed = *state;
	struct buf big = { 0 };
	begin(bed);
	dial(bed);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_answer(bed, cases[i][0], "\"error\"");
		if (!strstr(bed->heard.at, cases[i][1]))
			fail_msg("%s: not %s", bed->heard.at, cases[i][1]);
	}
	buf_format(&big, "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"%01500d\",\"data\":1}]}", 7);
	expect_answer(bed, big.at, "the most is 1024");
	buf_free(&big);
	char *crowd = many(513, 1, 1);
	expect_answer(bed, crowd, "513 events in one message");
	free(crowd);
	expect_answer(bed, "{\"id\":2,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1}]}",
		"{\"id\":2,\"first\":1,\"last\":1}");
	stop_process(&bed->ingress);
}

static void who_breaks_the_form_is_hung_up_on_and_others_are_not(void **state)
{
	struct bed *bed = *state;
	begin(bed);
	dial(bed);
	int good = bed->source;
	dial(bed);
	say_to(bed->source, "nonsense");
	assert_false(hear_from(bed->source, &bed->heard, PATIENCE));
	close(bed->source);
	bed->source = good;
	expect_answer(bed, "{\"id\":2,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1}]}", "\"first\":1");
	stop_process(&bed->ingress);
}

static void who_has_no_key_hands_in_nothing(void **state)
{
	static const char event[] = "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1}]}";
	static const char *const greetings[] = { event, "{\"source\":\"shop\"}", "{\"source\":\"shop\",\"key\":\"\"}",
		"{\"source\":\"shop\",\"key\":\"00000000000000000000000000000000\"}", "{\"key\":\"" KEY "\"}" };
	struct bed *bed = *state;
	begin(bed);
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		knock(bed);
		say_to(bed->source, greetings[i]);
		assert_false(hear_from(bed->source, &bed->heard, PATIENCE));
		close(bed->source);
	}
	knock(bed);
	greet(bed, "shop", "another daemon's");
	assert_false(hear_from(bed->source, &bed->heard, PATIENCE));
	close(bed->source);
	knock(bed);
	greet(bed, "board", KEY);
	expect_answer(bed, event, "events of source shop come from another one");
	close(bed->source);
	dial(bed);
	expect_answer(bed, event, "{\"id\":1,\"first\":1,\"last\":1}");
	stop_process(&bed->ingress);
}

/* The log is full: the message waits, and its sender with it; a second one ends the connection. */
static void while_there_is_no_room_nothing_is_answered(void **state)
{
	struct bed *bed = *state;
	char *message = many(100, 10000, 1);
	struct buf part = { 0 };
	begin_with(bed, "\"size\":3000000,\"keep\":1000,\"reserve\":0,\"segment\":1000000");
	dial(bed);
	do {
		say_to(bed->source, message);
	} while (hear_from(bed->source, &bed->heard, 1500));
	assert_non_null(strstr(bed->heard.at, "\"last\""));
	expect_message(&bed->ingress, "\"refusing\"");
	buf_format(&part, "{\"do\":\"part\",\"data\":\"%s\",\"log_level\":\"error\","
		"\"log\":{\"size\":100000000,\"keep\":1000,\"reserve\":0,\"segment\":1000000},"
		"\"sources\":[{\"name\":\"shop\",\"webhook\":null}]}", bed->folder);
	say_to(bed->ingress.channel, part.at);
	buf_free(&part);
	assert_true(hear_from(bed->source, &bed->heard, PATIENCE));
	assert_non_null(strstr(bed->heard.at, "\"last\""));
	free(message);
	stop_process(&bed->ingress);
}

/* The listening socket outlives it, so who knocks meanwhile is heard by its successor. */
static void a_successor_answers_who_was_not_answered(void **state)
{
	struct bed *bed = *state;
	begin(bed);
	kill_process(&bed->ingress);
	dial(bed);
	say_to(bed->source, "{\"id\":1,\"source\":\"shop\",\"events\":[{\"id\":\"a\",\"data\":1}]}");
	begin(bed);
	assert_true(hear_from(bed->source, &bed->heard, PATIENCE));
	assert_string_equal(bed->heard.at, "{\"id\":1,\"first\":1,\"last\":1}");
	stop_process(&bed->ingress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_on_disk_when_they_are_answered, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_no_event_is_refused_and_nothing_of_its_message_is_kept, fresh, gone),
		cmocka_unit_test_setup_teardown(who_breaks_the_form_is_hung_up_on_and_others_are_not, fresh, gone),
		cmocka_unit_test_setup_teardown(who_has_no_key_hands_in_nothing, fresh, gone),
		cmocka_unit_test_setup_teardown(while_there_is_no_room_nothing_is_answered, fresh, gone),
		cmocka_unit_test_setup_teardown(a_successor_answers_who_was_not_answered, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
