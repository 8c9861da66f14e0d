/* SPDX-License-Identifier: Apache-2.0 */
/* state_test.c - a state file is opened, migrated, asked, and made anew when damaged. */
#include "store/state.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

#define MAKE "CREATE TABLE seen (seq INTEGER PRIMARY KEY, id TEXT, body BLOB)"

static const char *const first[] = { MAKE, NULL };
static const char *const second[] = { MAKE,
	"ALTER TABLE seen ADD COLUMN more TEXT; UPDATE seen SET more = id", NULL };
static const char *const broken[] = { MAKE,
	"ALTER TABLE seen ADD COLUMN more TEXT; this is not SQL", NULL };

static int make_folder(void **unused)
{
	strcpy(folder, "/tmp/state-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/cards.db", folder);
	return 0;
}

static int remove_folder(void **unused)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct state *open_it(const char *const *steps)
{
	struct why why = { "" };
	struct state *state = state_open(path, steps, 0, &why);
	if (!state)
		fail_msg("%s", why.text);
	return state;
}

static void add(struct state *state, int64_t seq, const char *id)
{
	struct why why = { "" };
	struct sl_text body = { "a\0b", 3 };
	if (!state_run(state, &why, "INSERT INTO seen (seq, id, body) VALUES (?, ?, ?)", "itb", seq, id, body))
		fail_msg("%s", why.text);
}

static int64_t count(struct state *state)
{
	struct why why;
	sqlite3_stmt *rows = state_ask(state, &why, "SELECT count(*) FROM seen", "");
	assert_int_equal(state_row(state, rows, &why), STATE_ROW);
	int64_t number = sqlite3_column_int64(rows, 0);
	sqlite3_reset(rows);
	return number;
}

static void what_is_written_is_read(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	add(state, 1, "one");
	add(state, 2, NULL);
	sqlite3_stmt *rows = state_ask(state, &why, "SELECT id, body FROM seen WHERE seq >= ? ORDER BY seq",
		"i", (int64_t)1);
	assert_int_equal(state_row(state, rows, &why), STATE_ROW);
	assert_string_equal(state_text(rows, 0).at, "one");
	assert_int_equal(state_text(rows, 1).len, 3);
	assert_memory_equal(state_text(rows, 1).at, "a\0b", 3);
	assert_int_equal(state_row(state, rows, &why), STATE_ROW);
	assert_null(state_text(rows, 0).at);
	assert_int_equal(state_row(state, rows, &why), STATE_END);
	assert_false(state_made_anew(state));
	state_close(&state);
	assert_null(state);
}

static void a_transaction_stands_or_falls_as_a_whole(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	assert_true(state_begin(state, &why));
	add(state, 1, "one");
	state_rollback(state);
	state_rollback(state);
	assert_int_equal(count(state), 0);
	assert_true(state_begin(state, &why));
	add(state, 1, "one");
	assert_true(state_commit(state, &why));
	assert_int_equal(count(state), 1);
	state_close(&state);
}

static void a_failure_is_told_with_the_file_and_leaves_the_statement_usable(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	struct sl_text none = { NULL, 0 };
	add(state, 1, "one");
	assert_false(state_run(state, &why, "INSERT INTO seen (seq, body) VALUES (?, ?)",
		"ib", (int64_t)1, none));
	assert_non_null(strstr(why.text, "cards.db"));
	assert_non_null(strstr(why.text, "UNIQUE"));
	assert_null(state_ask(state, &why, "SELECT nothing FROM nowhere", ""));
	add(state, 2, "two");
	assert_int_equal(count(state), 2);
	state_close(&state);
}

static void committed_rows_survive_a_kill(void **unused)
{
	pid_t child = fork();
	if (child == 0) {
		struct state *state = open_it(first);
		add(state, 1, "one");
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	struct state *state = open_it(first);
	assert_int_equal(count(state), 1);
	state_close(&state);
}

static void a_later_version_brings_the_file_up_and_an_earlier_one_refuses_it(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	add(state, 1, "one");
	state_close(&state);
	state = open_it(second);
	sqlite3_stmt *rows = state_ask(state, &why, "SELECT more FROM seen", "");
	assert_int_equal(state_row(state, rows, &why), STATE_ROW);
	assert_string_equal(state_text(rows, 0).at, "one");
	sqlite3_reset(rows);
	state_close(&state);
	assert_null(state_open(path, first, 0, &why));
	assert_non_null(strstr(why.text, "later version"));
	state = open_it(second);
	assert_int_equal(count(state), 1);
	state_close(&state);
}

static void a_step_that_fails_changes_nothing(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	add(state, 1, "one");
	state_close(&state);
	assert_null(state_open(path, broken, 0, &why));
	state = open_it(second);
	assert_int_equal(count(state), 1);
	state_close(&state);
}

static void the_second_owner_is_refused(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	assert_null(state_open(path, first, 50, &why));
	assert_non_null(strstr(why.text, "another process"));
	state_close(&state);
	state = open_it(first);
	state_close(&state);
}

static void damage_at(off_t offset, const char *bytes, size_t len)
{
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, offset), len);
	close(fd);
}

static int kept_aside(void)
{
	char command[160];
	snprintf(command, sizeof(command), "ls %s | grep -q damaged", folder);
	return system(command) == 0;
}

static void a_file_that_is_no_database_is_made_anew(void **unused)
{
	struct state *state = open_it(first);
	add(state, 1, "one");
	state_close(&state);
	damage_at(0, "rubbish, not a header", 21);
	state = open_it(first);
	assert_true(state_made_anew(state));
	assert_int_equal(count(state), 0);
	assert_true(kept_aside());
	state_close(&state);
}

static void a_damaged_page_is_found_at_the_start(void **unused)
{
	char zeros[4096] = { 0 };
	struct state *state = open_it(first);
	for (int i = 1; i < 500; i++)
		add(state, i, "some text that fills the pages of the table");
	state_close(&state);
	damage_at(4096, zeros, sizeof(zeros));
	state = open_it(first);
	assert_true(state_made_anew(state));
	assert_true(kept_aside());
	state_close(&state);
}

static void a_file_cut_in_use_is_written_to_no_more_and_put_aside(void **unused)
{
	struct why why;
	struct state *state = open_it(first);
	assert_true(state_begin(state, &why));
	for (int64_t seq = 1; seq <= 2000; seq++)
		add(state, seq, "an id that takes some room");
	assert_true(state_commit(state, &why));
	sqlite3_wal_checkpoint(state_sqlite(state), NULL);
	assert_true(state_begin(state, &why) && state_commit(state, &why));
	assert_false(state_moved(state));
	assert_int_equal(truncate(path, 8192), 0);
	assert_false(state_begin(state, &why));
	assert_non_null(strstr(why.text, "was cut"));
	assert_true(state_moved(state));
	state_close(&state);
	state = open_it(first);
	assert_int_equal(count(state), 0);
	assert_true(state_begin(state, &why) && state_commit(state, &why));
	state_close(&state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(a_transaction_stands_or_falls_as_a_whole),
		TEST(a_failure_is_told_with_the_file_and_leaves_the_statement_usable),
		TEST(committed_rows_survive_a_kill),
		TEST(a_later_version_brings_the_file_up_and_an_earlier_one_refuses_it),
		TEST(a_step_that_fails_changes_nothing),
		TEST(the_second_owner_is_refused),
		TEST(a_file_that_is_no_database_is_made_anew),
		TEST(a_damaged_page_is_found_at_the_start),
		TEST(a_file_cut_in_use_is_written_to_no_more_and_put_aside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
