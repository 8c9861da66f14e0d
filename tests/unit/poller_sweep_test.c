/* SPDX-License-Identifier: Apache-2.0 */
/* poller_sweep_test.c - what is no longer there is told as gone, once, whatever happens meanwhile. */
#include "poller_bed.h"

#include <sqlite3.h>

#define NEVER ",\"every\":600000"
#define HOOKS NEVER ",\"webhook\":{\"auth\":\"none\",\"subject\":\"body:/item\",\"scope\":\"{body:/list}\"}"

/* As the ingress logs it, which does not run yet. */
static void a_webhook_told(struct bed *bed, const char *source, const char *item, const char *list, int64_t ago)
{
	struct log_options options = { .size = 100000000, .keep = 1000 };
	struct why why = { "" };
	char folder[100], body[100];
	struct log_batch *batch;
	snprintf(folder, sizeof(folder), "%s/log", bed->folder);
	snprintf(body, sizeof(body), "{\"item\":\"%s\",\"list\":\"%s\"}", item, list);
	struct log *log = log_open(folder, &options, 1000, &why);
	assert_non_null(log);
	log_append(log, &(struct log_record){ .received = clock_wall() - ago, .source = sl_text_of(source),
		.method = { "POST", 4 }, .path = { "/in/shop", 8 }, .body = sl_text_of(body) });
	batch = log_take(log);
	assert_true(log_write(log, batch, &why));
	log_done(log, &batch);
	log_close(&log);
}

static void begin_whole(struct bed *bed, const char *options)
{
	begin_ingress(bed);
	begin_plugin(bed, "whole", options, NEVER);
	poll_once(bed);
}

static void look_again(struct bed *bed, const char *text)
{
	shop_has(bed, text);
	poll_once(bed);
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":true"));
}

/* Of the events in the log, in their order: "a@1 -b +c@1#back"; those of runs left out. */
static const char *told(struct bed *bed)
{
	struct buf words = { 0 };
	read_log(bed);
	for (size_t i = 0; i < bed->count; i++) {
		if (!(bed->records[i].flags & LOG_EVENT))
			continue;
		struct sl_document *body = sl_json_read(bed->records[i].body, NULL, 0);
		struct sl_text id = sl_json_string(sl_json_get(sl_json_root(body), "id"));
		struct sl_text type = sl_json_string(sl_json_get(sl_json_root(body), "type"));
		const char *mark = id.at ? strchr(id.at, '#') : NULL;
		if (!sl_text_is(type, "sluice.sync"))
			buf_format(&words, "%s%.*s%s", words.len ? " " : "", mark ? (int)(mark - id.at) : (int)id.len, id.at,
				!mark ? "" : mark[1] == 'b' ? "#back" : " is gone");
		sl_json_free(&body);
	}
	const char *kept = arena_string(bed->arena, words.at ? words.at : "");
	buf_free(&words);
	return kept;
}

static void what_a_sweep_does_not_find_is_gone_once(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\none b 1\none c 1\n!sweep one\n");
	begin_whole(bed, "");
	assert_string_equal(told(bed), "a@1 b@1 c@1");
	look_again(bed, "one a 1\none c 2\n!sweep one\n");
	assert_string_equal(told(bed), "a@1 b@1 c@1 c@2 b is gone");
	assert_int_equal(logged(bed, "\"type\":\"item_gone\",\"subject\":\"b\""), 1);
	assert_int_equal(logged(bed, "\"data\":{\"id\":\"b\",\"scope\":\"one\"}"), 1);
	assert_int_equal(logged(bed, "\"events\":2,\"unchanged\":1}"), 1);
	poll_once(bed);
	assert_string_equal(told(bed), "a@1 b@1 c@1 c@2 b is gone");
	end(bed);
}

static void what_is_not_swept_is_not_gone(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\ntwo b 1\n!sweep one\n!sweep two\n");
	begin_whole(bed, "");
	look_again(bed, "!sweep one\n"); /* two was not looked at */
	assert_string_equal(told(bed), "a@1 b@1 a is gone");
	look_again(bed, "one c 1\n"); /* only what is new: no sweep, but c is known now */
	look_again(bed, "!sweep one\n!sweep two\n!sweep three\n");
	assert_string_equal(told(bed), "a@1 b@1 a is gone c@1 c is gone b is gone");
	end(bed);
}

static void what_has_moved_to_another_scope_is_not_gone(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\none b 1\ntwo c 1\n!sweep one\n!sweep two\n");
	begin_whole(bed, "");
	look_again(bed, "one b 1\ntwo c 1\ntwo a 1\n!sweep one\n!sweep two\n");
	assert_string_equal(told(bed), "a@1 b@1 c@1");
	look_again(bed, "one b 1\ntwo c 1\n!sweep one\n!sweep two\n");
	assert_string_equal(told(bed), "a@1 b@1 c@1 a is gone");
	end(bed);
}

static void what_comes_back_unchanged_is_told_again(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\none b 1\n!sweep one\n");
	begin_whole(bed, "");
	look_again(bed, "one a 1\n!sweep one\n");
	look_again(bed, "one a 1\none b 1\n!sweep one\n");
	assert_string_equal(told(bed), "a@1 b@1 b is gone b@1#back");
	poll_once(bed);
	assert_string_equal(told(bed), "a@1 b@1 b is gone b@1#back");
	look_again(bed, "one a 1\n!sweep one\n");
	assert_string_equal(told(bed), "a@1 b@1 b is gone b@1#back b is gone");
	end(bed);
}

static void a_run_of_many_pages_sweeps_what_none_of_them_had(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\none b 1\none c 1\none d 1\n!sweep one\n");
	begin_whole(bed, ",\"page\":2");
	assert_string_equal(told(bed), "a@1 b@1 c@1 d@1");
	look_again(bed, "one b 1\none c 1\none d 1\n!sweep one\n");
	assert_string_equal(told(bed), "a@1 b@1 c@1 d@1 a is gone");
	end(bed);
}

static void what_only_a_webhook_told_of_is_gone_too(void **state)
{
	struct bed *bed = *state;
	a_webhook_told(bed, "shop", "a", "one", 5000);
	a_webhook_told(bed, "shop", "b", "one", 5000);
	a_webhook_told(bed, "shop", "c", "two", 5000);   /* two is not swept */
	a_webhook_told(bed, "shop", "d", "one", -60000); /* it came after the run began */
	a_webhook_told(bed, "other", "e", "one", 5000);
	shop_has(bed, "one a 1\n!sweep one\n");
	begin_ingress(bed);
	begin_plugin(bed, "whole", "", HOOKS);
	poll_once(bed);
	assert_string_equal(told(bed), "a@1 b is gone");
	look_again(bed, "one a 1\n!sweep one\n!sweep two\n");
	assert_string_equal(told(bed), "a@1 b is gone c is gone");
	end(bed);
}

/* Each request of the log is looked at once, however often the source begins. */
static void what_webhooks_told_of_is_noted_once(void **state)
{
	struct bed *bed = *state;
	for (int i = 0; i < 600; i++) {
		char item[20];
		snprintf(item, sizeof(item), "w%d", i);
		a_webhook_told(bed, "shop", item, "one", 5000);
	}
	shop_has(bed, "one w7 1\n!sweep one\n");
	for (int i = 0; i < 2; i++) {
		begin_ingress(bed);
		begin_plugin(bed, "whole", "", HOOKS);
		poll_once(bed);
		assert_int_equal(logged(bed, "\"type\":\"item_gone\""), 599);
		end(bed);
	}
}

/* More than go into one hand-in, and the last page is not full. */
static void thousands_are_gone_page_by_page(void **state)
{
	struct bed *bed = *state;
	struct buf text = { 0 };
	for (int i = 0; i < 2500; i++)
		buf_format(&text, "one s%d 1\n", i);
	shop_has(bed, text.at);
	begin_whole(bed, "");
	look_again(bed, "one s7 1\n!sweep one\n");
	assert_int_equal(logged(bed, "\"type\":\"item_gone\""), 2499);
	assert_int_equal(logged(bed, "\"events\":2499,\"unchanged\":1}"), 1);
	buf_free(&text);
	end(bed);
}

static void many_subjects(struct bed *bed, int count, bool gone)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/shop", bed->folder);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < count; i++)
		if (!gone || i % 2)
			fprintf(file, "one s%d 1\n", i);
	fputs("!sweep one\n", file);
	fclose(file);
}

/* Killed anywhere, each of them is told as gone, and no id is told for another thing. */
static void a_kill_forgets_nobody(void **state)
{
	struct bed *bed = *state;
	many_subjects(bed, 3000, false);
	begin_whole(bed, "");
	stop_process(&bed->source);
	many_subjects(bed, 3000, true);
	for (int i = 0; i < 10; i++) {
		begin_plugin(bed, "whole", "", NEVER);
		usleep((useconds_t)(random() % 60000));
		kill_process(i % 3 == 2 ? &bed->ingress : &bed->source);
		if (!bed->ingress.pid)
			begin_ingress(bed);
		kill_process(&bed->source);
	}
	begin_plugin(bed, "whole", "", NEVER);
	poll_once(bed);
	read_log(bed);
	for (int i = 0; i < 3000; i += 150 + i % 2) {
		char words[60];
		snprintf(words, sizeof(words), "\"subject\":\"s%d\",", i - i % 2);
		size_t gone = 0, other = 0;
		for (size_t r = 0; r < bed->count; r++)
			if (strstr(bed->records[r].body.at, words))
				gone += strstr(bed->records[r].body.at, "#gone#") != NULL, other++;
		assert_true(gone >= 1);
		assert_int_equal(other - gone, 1);
	}
	end(bed);
}

static void a_sweep_of_the_engines_own_type_is_refused(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "one a 1\n!sweep one\n");
	begin_whole(bed, ",\"type\":\"sluice.gone\"");
	assert_non_null(strstr(bed->source.heard.at, "types that begin with sluice. are the engine's own"));
	assert_string_equal(told(bed), "");
	end(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_sweep_does_not_find_is_gone_once, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_not_swept_is_not_gone, fresh, gone),
		cmocka_unit_test_setup_teardown(what_has_moved_to_another_scope_is_not_gone, fresh, gone),
		cmocka_unit_test_setup_teardown(what_comes_back_unchanged_is_told_again, fresh, gone),
		cmocka_unit_test_setup_teardown(a_run_of_many_pages_sweeps_what_none_of_them_had, fresh, gone),
		cmocka_unit_test_setup_teardown(what_only_a_webhook_told_of_is_gone_too, fresh, gone),
		cmocka_unit_test_setup_teardown(what_webhooks_told_of_is_noted_once, fresh, gone),
		cmocka_unit_test_setup_teardown(thousands_are_gone_page_by_page, fresh, gone),
		cmocka_unit_test_setup_teardown(a_kill_forgets_nobody, fresh, gone),
		cmocka_unit_test_setup_teardown(a_sweep_of_the_engines_own_type_is_refused, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
