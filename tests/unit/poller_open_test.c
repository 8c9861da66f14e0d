/* SPDX-License-Identifier: Apache-2.0 */
/* poller_open_test.c - how a source process begins: with a plugin that has to open first, or that cannot ask. */
#include "poller_bed.h"

static void a_source_that_cannot_begin_yet_is_told_and_tried_again(void **state)
{
	struct bed *bed = *state;
	begin_ingress(bed);
	begin_plugin(bed, "opens", "", ",\"every\":600000");
	expect_message(&bed->source, "\"error\":\"the shop has not opened yet\"");
	ask(bed, "\"hooks\",\"verb\":\"list\"");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":false"));
	read_log(bed);
	assert_int_equal(bed->count, 0);
	shop_has(bed, "open\n");
	expect_logged(bed, "{\"n\":1}", 1);
	expect_message(&bed->source, "\"state\":\"idle\",\"error\":null");
	end(bed);
}

static void one_that_is_open_at_once_polls_at_once(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "open\n");
	begin_ingress(bed);
	begin_plugin(bed, "opens", "", ",\"every\":600000");
	expect_logged(bed, "{\"n\":1}", 1);
	end(bed);
}

/* It may just be opening. */
static void one_that_opens_ends_when_it_is_told_to(void **state)
{
	struct bed *bed = *state;
	begin_ingress(bed);
	begin_plugin(bed, "opens", "", ",\"every\":600000");
	end(bed);
}

/* The master is told why, in words, and that no second try will do. */
static void refused(struct bed *bed, const char *part, const char *words)
{
	struct buf message = { 0 };
	spawn_process(&bed->source, poller_main, "shop", -1);
	buf_format(&message, "{\"do\":\"start\",\"master\":%d,\"log_level\":\"error\",\"net\":{},\"api\":null,"
		"\"options\":{}%s}", getpid(), part);
	say_to(bed->source.channel, message.at);
	expect_message(&bed->source, "\"say\":\"fatal\"");
	if (!strstr(bed->source.heard.at, words) || !strstr(bed->source.heard.at, "\"final\":true"))
		fail_msg("\"%s\" does not say \"%s\"", bed->source.heard.at, words);
	assert_int_equal(WEXITSTATUS(wait_exit(&bed->source)), 1);
	buf_free(&message);
}

static void what_cannot_be_a_source_is_named(void **state)
{
	const char *build = getenv("SLUICE_BUILD");
	char part[400];
	refused(*state, ",\"source\":\"shop\"", "names no source, data, plugin or events");
	refused(*state, ",\"source\":\"shop\",\"data\":\"/nowhere\",\"events\":\"/nowhere/e\",\"events_key\":\"\","
		"\"plugin\":\"/nowhere/x.so\"", "/nowhere/x.so");
	snprintf(part, sizeof(part), ",\"source\":\"shop\",\"data\":\"/nowhere\",\"events\":\"/nowhere/e\","
		"\"events_key\":\"\",\"plugin\":\"%s/tests/plugins/minor_zero.so\"", build ? build : ".");
	refused(*state, part, "its plugin has nothing that asks its vendor");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_that_cannot_begin_yet_is_told_and_tried_again, fresh, gone),
		cmocka_unit_test_setup_teardown(one_that_is_open_at_once_polls_at_once, fresh, gone),
		cmocka_unit_test_setup_teardown(one_that_opens_ends_when_it_is_told_to, fresh, gone),
		cmocka_unit_test_setup_teardown(what_cannot_be_a_source_is_named, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
