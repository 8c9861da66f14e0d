/* SPDX-License-Identifier: Apache-2.0 */
/* budgets_test.c - processes that share a credential, the master's side and theirs. */
#include "main/budgets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "flow/lease.h"
#include "sdk/text.h"

/* A child as its master sees it, and the same as it sees itself. */
struct process {
	struct budgets **budgets;
	struct child child;
	struct channel *channel; /* its own end */
	struct lease *lease;
	struct buf heard; /* what it was told: "7=1 8=2 9!60000 " */
};

static struct {
	uv_loop_t loop;
	struct budgets *budgets;
	char data[64];
	struct process a, b;
} world;

static void master_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct process *process = data;
	if (message)
		budgets_heard(*process->budgets, &process->child, sl_json_string(sl_json_get(message, "say")), message);
}

static int64_t number(const struct sl_json *message, const char *name)
{
	int64_t value = 0;
	sl_json_integer(sl_json_get(message, name), &value);
	return value;
}

static void child_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct process *process = data;
	if (!message)
		return;
	assert_true(lease_heard(process->lease, message)); /* it serves no net here */
	int64_t grant = number(message, "grant");
	buf_format(&process->heard, grant ? "%d=%d " : "%d!%d ", (int)number(message, "ticket"),
		(int)(grant ? grant : number(message, "after")));
}

static void process_begin(struct process *process, const char *part)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	memset(process, 0, sizeof(*process));
	process->budgets = &world.budgets;
	buf_string(&process->child.part, part);
	process->child.channel = channel_open(&world.loop, ends[0], master_heard, process);
	process->channel = channel_open(&world.loop, ends[1], child_heard, process);
	process->lease = lease_new(process->channel);
	buf_string(&process->heard, "");
}

static void process_end(struct process *process)
{
	if (!process->channel)
		return;
	channel_close(&process->child.channel);
	channel_close(&process->channel);
	budgets_ended(world.budgets, &process->child);
	lease_free(&process->lease);
	buf_free(&process->child.part);
	buf_free(&process->heard);
	uv_run(&world.loop, UV_RUN_NOWAIT);
}

static int begin(void **state)
{
	strcpy(world.data, "/tmp/sluice-budgets-XXXXXX");
	assert_non_null(mkdtemp(world.data));
	uv_loop_init(&world.loop);
	world.budgets = budgets_new(&world.loop, world.data);
	return 0;
}

static int end(void **state)
{
	char command[100];
	process_end(&world.a);
	process_end(&world.b);
	budgets_free(&world.budgets);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	snprintf(command, sizeof(command), "rm -rf %s", world.data);
	return uv_loop_close(&world.loop) || system(command);
}

static void turn(int64_t ms)
{
	int64_t until = clock_ticks() + ms;
	while (clock_ticks() < until)
		if (!uv_run(&world.loop, UV_RUN_NOWAIT) || ms > 50)
			usleep(1000);
}

static void take(const struct process *process, uint64_t ticket, const char *credential)
{
	const struct net_lender *lender = lease_lender(process->lease);
	lender->take(lender->data, ticket, &(struct net_api){ .credential = credential }, BUDGET_LIVE, 1);
}

static void give(const struct process *process, uint64_t grant, const char *credential, int64_t hush)
{
	const struct net_lender *lender = lease_lender(process->lease);
	lender->give(lender->data, &(struct net_api){ .credential = credential }, grant, 0, hush);
}

static void more(const struct process *process, uint64_t grant, const char *credential, int64_t requests)
{
	const struct net_lender *lender = lease_lender(process->lease);
	lender->more(lender->data, &(struct net_api){ .credential = credential }, grant, requests);
}

/* Patient for what is to be heard; what is not to be heard is listened for a moment. */
static void expect(struct process *process, const char *words)
{
	int64_t until = clock_ticks() + 10000;
	turn(*words ? 1 : 30);
	while (process->heard.len < strlen(words) && clock_ticks() < until)
		turn(5);
	assert_string_equal(process->heard.at, words);
	buf_clear(&process->heard);
	buf_string(&process->heard, "");
}

#define API(credential, limits) \
	"{\"base\":\"http://x\",\"credential\":\"" credential "\",\"headers\":[],\"query\":[]," limits "}"

/* ----------------------------------------------------------------------------- tests */

static void processes_share_what_a_credential_allows(void **state)
{
	process_begin(&world.a, "{\"transforms\":[{\"api\":" API("k", "\"requests\":3,\"window\":60000") "}]}");
	process_begin(&world.b, "{\"api\":" API("k", "\"requests\":3,\"window\":60000") "}");
	take(&world.a, 7, "k");
	take(&world.a, 8, "k");
	expect(&world.a, "7=1 8=2 ");
	take(&world.b, 7, "k");
	take(&world.b, 8, "k");
	expect(&world.b, "7=3 ");
	give(&world.a, 1, "k", 0); /* it counts for a whole window */
	expect(&world.b, "");
}

static void what_a_dead_process_held_comes_back(void **state)
{
	process_begin(&world.a, "{\"sink\":{\"api\":" API("k", "\"at_once\":1") "}}");
	process_begin(&world.b, "{\"sources\":[{\"api\":" API("k", "\"at_once\":1") "}]}");
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
	take(&world.a, 2, "k");
	take(&world.b, 1, "k");
	expect(&world.b, "");
	process_end(&world.a);
	expect(&world.b, "1=2 ");
}

static void a_process_that_comes_again_finds_its_budget_used(void **state)
{
	static const char part[] = "{\"api\":" API("k", "\"requests\":1,\"window\":60000") "}";
	process_begin(&world.a, part);
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
	process_end(&world.a);
	process_begin(&world.a, part);
	take(&world.a, 1, "k");
	expect(&world.a, "");
}

/* A redirect is one request more; what somebody says of another's grant counts for nothing. */
static void what_a_grant_took_in_addition_is_used_up(void **state)
{
	process_begin(&world.a, "{\"api\":" API("k", "\"requests\":4,\"window\":60000") "}");
	process_begin(&world.b, "{\"api\":" API("k", "\"requests\":4,\"window\":60000") "}");
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
	more(&world.b, 1, "k", 3);
	more(&world.a, 7, "k", 3);
	more(&world.a, 1, "other", 3);
	more(&world.a, 1, "k", 2);
	turn(30);
	take(&world.b, 1, "k");
	take(&world.b, 2, "k");
	expect(&world.b, "1=2 ");
	expect(&world.b, "");
}

static void who_forgets_frees_the_place(void **state)
{
	process_begin(&world.a, "{\"api\":" API("k", "\"at_once\":1") "}");
	const struct net_lender *lender = lease_lender(world.a.lease);
	take(&world.a, 1, "k");
	take(&world.a, 2, "k");
	take(&world.a, 3, "k");
	lender->forget(lender->data, 2);
	lender->forget(lender->data, 1); /* whether it was granted by then is all the same */
	expect(&world.a, "1=1 3=2 ");
}

static void silence_is_everybodys(void **state)
{
	process_begin(&world.a, "{\"api\":" API("k", "\"at_once\":5") "}");
	process_begin(&world.b, "{\"api\":" API("k", "\"at_once\":5") "}");
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
	give(&world.a, 1, "k", 60000);
	turn(10);
	take(&world.b, 1, "k");
	int64_t until = clock_ticks() + 10000;
	while (!world.b.heard.len && clock_ticks() < until)
		turn(5);
	const char *words = world.b.heard.at;
	assert_true(strncmp(words, "1!5", 3) == 0 || strcmp(words, "1!60000 ") == 0);
}

static void of_two_limits_the_stricter_counts(void **state)
{
	process_begin(&world.a, "{\"api\":" API("k", "\"at_once\":5") "}");
	process_begin(&world.b, "{\"api\":" API("k", "\"at_once\":1") "}");
	take(&world.b, 1, "k");
	expect(&world.b, "1=1 ");
	take(&world.a, 1, "k");
	take(&world.a, 2, "k");
	expect(&world.a, "");
	process_end(&world.b);
	expect(&world.a, "1=2 2=3 ");
}

static void only_what_a_part_names_is_lent(void **state)
{
	process_begin(&world.a, "{\"api\":" API("k", "\"at_once\":5") "}");
	take(&world.a, 1, "others");
	expect(&world.a, "");
}

static void set_age(int64_t ms)
{
	char path[100];
	int64_t at = clock_wall() - ms;
	struct timespec times[2] = { { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 } };
	times[1] = times[0];
	snprintf(path, sizeof(path), "%s/budgets", world.data);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void restart(void)
{
	process_end(&world.a);
	budgets_free(&world.budgets);
	world.budgets = budgets_new(&world.loop, world.data);
}

static void after_a_restart_a_budget_was_just_used(void **state)
{
	static const char part[] = "{\"api\":" API("k", "\"requests\":5,\"window\":20000") "}";
	process_begin(&world.a, part);
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
	restart();
	process_begin(&world.a, part);
	take(&world.a, 1, "k");
	expect(&world.a, "");
	process_end(&world.a);
	set_age(30000);
	restart();
	process_begin(&world.a, part);
	take(&world.a, 1, "k");
	expect(&world.a, "1=1 ");
}

#define bedded(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bedded(processes_share_what_a_credential_allows),
		bedded(what_a_dead_process_held_comes_back),
		bedded(a_process_that_comes_again_finds_its_budget_used),
		bedded(what_a_grant_took_in_addition_is_used_up),
		bedded(who_forgets_frees_the_place),
		bedded(silence_is_everybodys),
		bedded(of_two_limits_the_stricter_counts),
		bedded(only_what_a_part_names_is_lent),
		bedded(after_a_restart_a_budget_was_just_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
