/* SPDX-License-Identifier: Apache-2.0 */
/* test_main.c - the child that runs a test file: "sluice: test". */
#include "main/test_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/lua_cover.h"
#include "main/testing.h"

static bool hear_line(struct buf *line)
{
	char c;
	buf_clear(line);
	for (ssize_t len; (len = read(TEST_FD, &c, 1)) != 0;) {
		if (len < 0 && errno != EINTR)
			return false;
		if (len > 0 && c == '\n')
			return true;
		if (len > 0)
			buf_char(line, c);
	}
	return false;
}

static void say(struct buf *out)
{
	buf_char(out, '\n');
	for (size_t done = 0; done < out->len;) {
		ssize_t more = write(TEST_FD, out->at + done, out->len - done);
		if (more < 0 && errno != EINTR)
			_exit(1);
		done += more > 0 ? (size_t)more : 0;
	}
	buf_free(out);
}

static void say_error(const struct why *why)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "error", why->text);
	json_close(&out, '}');
	say(&out);
}

/* ------------------------------------------------------------------- one run */

static void say_begin(size_t number)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_uint(&out, "begin", number);
	json_close(&out, '}');
	say(&out);
}

static void differences_json(const struct differences *all, struct buf *out)
{
	json_key(out, "differences"), json_open(out, '[');
	for (size_t i = 0; i < all->count; i++) {
		json_open(out, '{');
		json_member_string(out, "path", all->at[i].path);
		json_member_string(out, "expected", all->at[i].expected);
		json_member_string(out, "found", all->at[i].found);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void end_json(const struct trial *trial, size_t number, int64_t ms, struct buf *out)
{
	const struct buf *calls = &trial->answers.calls;
	json_open(out, '{');
	json_member_uint(out, "end", number);
	json_member_int(out, "ms", ms);
	json_member_string(out, "error", trial->why.text[0] ? trial->why.text : NULL);
	differences_json(&trial->differences, out);
	json_key(out, "log"), json_raw(out, trial->log.at, trial->log.len);
	json_key(out, "calls"), json_raw(out, calls->len > 1 ? calls->at : "[]", calls->len > 1 ? calls->len : 2);
	json_member_string(out, "updated", trial->updated);
	json_close(out, '}');
}

/* What is about to be done to the case, in case it takes the process along. */
static void say_damage(const char *done)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "damage", done);
	json_close(&out, '}');
	say(&out);
}

static bool has_stood(const struct trial *trial)
{
	return !trial->differences.count && !trial->why.text[0];
}

/* A case that is right as it stands is run again with damages, evenly spread over all that there
 * are, until one is too much for it. */
static void run_spoilt(struct trial *trial, struct test_file *file, const char *plugin, size_t at, uv_loop_t *loop)
{
	struct spoil count = { .wanted = SIZE_MAX, .tell = say_damage };
	file->spoil = &count;
	trial_run(trial, file, at, plugin, loop);
	size_t most = file->damages < count.met ? file->damages : count.met;
	for (size_t i = 0; i < most && has_stood(trial); i++) {
		struct spoil spoil = { .wanted = i * count.met / most, .tell = say_damage };
		trial_end(trial);
		file->spoil = &spoil;
		trial_run(trial, file, at, plugin, loop);
	}
	file->spoil = NULL;
}

/* A plugin that crashes when it is let go of crashes in this case, too. */
static void run_one(struct test_file *file, const char *plugin, size_t at, size_t number, uv_loop_t *loop)
{
	struct trial trial;
	struct buf out = { 0 };
	int64_t began = clock_ticks();
	say_begin(number);
	if (file->damages)
		run_spoilt(&trial, file, plugin, at, loop);
	else
		trial_run(&trial, file, at, plugin, loop);
	end_json(&trial, number, clock_ticks() - began, &out);
	trial_end(&trial);
	say(&out);
	if (!hear_line(&out))
		_exit(0);
	buf_free(&out);
}

/* -------------------------------------------------------------- the whole file */

static void say_cover(void)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_key(&out, "cover");
	lua_cover_write(&out);
	json_close(&out, '}');
	say(&out);
}

static void run_all(struct test_file *file, const struct sl_json *order)
{
	int64_t from = 0, number = 0;
	uv_loop_t loop;
	sl_json_integer(sl_json_get(order, "from"), &from);
	file->source = test_string(order, "source");
	file->schema = test_string(order, "schema");
	uv_loop_init(&loop);
	const struct sl_json *plugin = sl_json_first(sl_json_get(order, "plugins"));
	for (; plugin; plugin = sl_json_next(plugin))
		for (size_t at = 0; at < file->count; at++)
			if (number++ >= from)
				run_one(file, sl_json_string(plugin).at, at, (size_t)number - 1, &loop);
	uv_loop_close(&loop);
}

static void say_plan(const struct test_file *file)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	test_file_plan(file, &out);
	json_close(&out, '}');
	say(&out);
}

static struct sl_document *hear(struct buf *line)
{
	return hear_line(line) ? sl_json_read((struct sl_text){ line->at, line->len }, NULL, 0) : NULL;
}

/* Nothing is let go of: the process ends. */
int test_main(int argc, char **argv)
{
	struct buf line = { 0 };
	struct why why = { 0 };
	struct test_file file = { 0 };
	int64_t damages = 0;
	fcntl(TEST_FD, F_SETFD, FD_CLOEXEC);
	const struct sl_json *order = sl_json_root(hear(&line));
	bool cover = sl_json_true(sl_json_get(order, "cover"));
	file.update = sl_json_true(sl_json_get(order, "update"));
	sl_json_integer(sl_json_get(order, "spoil"), &damages);
	file.damages = (size_t)damages;
	if (!order)
		_exit(1);
	if (!test_file_read(&file, test_string(order, "file"), &why)) {
		say_error(&why);
		_exit(0);
	}
	if (cover)
		lua_cover_begin();
	say_plan(&file);
	if (!(order = sl_json_root(hear(&line))))
		_exit(0);
	run_all(&file, order);
	if (cover)
		say_cover();
	_exit(0);
}
