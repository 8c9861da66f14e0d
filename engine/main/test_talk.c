/* SPDX-License-Identifier: Apache-2.0 */
/* test_talk.c - a test file and the children that run it, one after the other's death.
 *
 * A case that has begun and does not end within the deadline, or takes its process
 * along, has failed; the next child goes on behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/built.h"
#include "main/test_command.h"

#define WORDS_MOST 65536       /* bytes of what a child wrote that are kept */
#define LINE_MOST (64u << 20)  /* bytes of one message */
#define NOTHING SIZE_MAX

struct talk {
	struct testing *testing;
	const char *shown, *file, *folder; /* as it was given; absolute; that it stands in */
	struct arena *arena;
	pid_t pid;
	int fd, words_fd;
	struct buf heard, words;
	const char **names; /* of the runs */
	size_t count;
	size_t next;    /* the first that has not ended */
	size_t running; /* NOTHING: none */
	int64_t began;
	const char **plugins, *source, *schema; /* paths */
	size_t plugin_count;
	char damage[200]; /* that is done to the one that runs, or "" */
	bool ended; /* by itself, having said all */
};

/* -------------------------------------------------------------- the child */

static bool spawn_child(struct talk *talk, int theirs, int words)
{
	static char *const argv[] = { (char *)"sluice: test", NULL };
	static char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, words, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, theirs, TEST_FD);
	errno = posix_spawn(&talk->pid, "/proc/self/exe", &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	return errno == 0;
}

static bool begin_child(struct talk *talk, struct why *why)
{
	int pair[2], words[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return why_errno(why, "there is no socket to talk over");
	if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0) {
		close(pair[0]), close(pair[1]);
		return why_errno(why, "there is no pipe to hear over");
	}
	fcntl(words[1], F_SETFL, 0);
	bool begun = spawn_child(talk, pair[1], words[1]) || why_errno(why, "the process that runs tests cannot be begun");
	close(pair[1]), close(words[1]);
	talk->fd = pair[0];
	talk->words_fd = words[0];
	talk->began = clock_ticks();
	buf_clear(&talk->heard);
	if (!begun)
		close(talk->fd), close(talk->words_fd);
	return begun;
}

static void hear_words(struct talk *talk)
{
	char piece[4096];
	for (ssize_t len; (len = read(talk->words_fd, piece, sizeof(piece))) > 0;)
		if (talk->words.len < WORDS_MOST)
			buf_add(&talk->words, piece, (size_t)len);
}

/* Ends it, unless it has closed its end of the channel: then it ends by itself, and
 * how is to be told. */
static int end_child(struct talk *talk, bool kills)
{
	int status = 0;
	if (kills)
		kill(talk->pid, SIGKILL);
	while (waitpid(talk->pid, &status, 0) < 0 && errno == EINTR)
		;
	hear_words(talk);
	close(talk->fd);
	close(talk->words_fd);
	return status;
}

static void say(struct talk *talk, struct buf *out)
{
	buf_char(out, '\n');
	for (size_t done = 0; done < out->len;) {
		ssize_t more = send(talk->fd, out->at + done, out->len - done, MSG_NOSIGNAL);
		if (more < 0 && errno != EINTR)
			break;
		done += more > 0 ? (size_t)more : 0;
	}
	buf_free(out);
}

/* ------------------------------------------------------------- its messages */

/* More bytes, or none: it has ended, or the time is up. */
static bool hear_more(struct talk *talk)
{
	struct pollfd fds[] = { { talk->fd, POLLIN, 0 }, { talk->words_fd, POLLIN, 0 } };
	int64_t left = talk->began + talk->testing->deadline - clock_ticks();
	if (left <= 0 || poll(fds, 2, (int)left) < 0)
		return left > 0 && errno == EINTR;
	if (fds[1].revents & POLLIN)
		hear_words(talk);
	if (!fds[0].revents)
		return true;
	buf_reserve(&talk->heard, 65536);
	ssize_t len = read(talk->fd, talk->heard.at + talk->heard.len, 65536);
	if (len > 0)
		talk->heard.len += (size_t)len;
	return len > 0 && talk->heard.len < LINE_MOST;
}

/* The next message; NULL: there is none any more. */
static struct sl_document *hear(struct talk *talk)
{
	char *end;
	while (!talk->heard.len || !(end = memchr(talk->heard.at, '\n', talk->heard.len)))
		if (!hear_more(talk))
			return NULL;
	size_t len = (size_t)(end - talk->heard.at);
	struct sl_document *document = sl_json_read((struct sl_text){ talk->heard.at, len }, NULL, 0);
	talk->heard.len -= len + 1;
	memmove(talk->heard.at, end + 1, talk->heard.len);
	return document;
}

/* --------------------------------------------------------------------- plan */

static void broken(struct talk *talk, const struct why *why)
{
	const struct test_report report = { .file = talk->shown, .name = "the file", .error = why->text,
		.words = { talk->words.at, talk->words.len } };
	test_tell(talk->testing, &report);
}

static void say_file(struct talk *talk)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "file", talk->file);
	json_member_bool(&out, "update", talk->testing->update);
	json_member_bool(&out, "cover", talk->testing->cover != NULL);
	json_member_int(&out, "spoil", talk->testing->spoil);
	json_close(&out, '}');
	say(talk, &out);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* cards.test.lua is about cards.lua beside it, or cards.so, which may have yet to be built. */
static const char *usual_plugin(struct talk *talk, struct why *why)
{
	const char *stem = arena_copy(talk->arena, talk->file, strlen(talk->file) - strlen(".test.lua"));
	const char *lua = arena_format(talk->arena, "%s.lua", stem), *so = arena_format(talk->arena, "%s.so", stem);
	if (is_there(lua))
		return lua;
	if (is_there(so) || is_there(arena_format(talk->arena, "%s.c", stem)))
		return so;
	why_say(why, "there is no %s, .so or .c that it could be about; name another with `plugin`", lua);
	return NULL;
}

/* An absolute path of what can be loaded. */
static const char *find_plugin(struct talk *talk, const char *name, struct why *why)
{
	const struct share share = { talk->folder, talk->testing->plugin_path, talk->arena };
	const char *path = name ? share_plugin(&share, name, why) : usual_plugin(talk, why);
	if (!path || (built_state(path) != BUILT_FINE && !built_make(path, why)))
		return NULL;
	return path;
}

static bool find_all(struct talk *talk, const struct sl_json *plan, struct why *why)
{
	const struct sl_json *list = sl_json_get(plan, "plugins"), *at = sl_json_first(list);
	const struct share share = { talk->folder, talk->testing->plugin_path, talk->arena };
	const char *source = test_string(plan, "source"), *schema = test_string(plan, "schema");
	talk->plugin_count = 0;
	talk->plugins = arena_alloc(talk->arena, (sl_json_count(list) + 1) * sizeof(*talk->plugins));
	do {
		if (!(talk->plugins[talk->plugin_count++] = find_plugin(talk, sl_json_string(at).at, why)))
			return false;
	} while (at && (at = sl_json_next(at)));
	if (source && !(talk->source = find_plugin(talk, arena_string(talk->arena, source), why)))
		return false;
	return !schema || (talk->schema = share_schema(&share, arena_string(talk->arena, schema), why));
}

/* With several plugins each case has a run with each. */
static void name_runs(struct talk *talk, const struct sl_json *plan)
{
	const struct sl_json *cases = sl_json_get(plan, "cases"), *plugin = sl_json_first(sl_json_get(plan, "plugins"));
	talk->names = arena_alloc(talk->arena, (talk->plugin_count * sl_json_count(cases) + 1) * sizeof(*talk->names));
	for (size_t i = 0; i < talk->plugin_count; i++, plugin = plugin ? sl_json_next(plugin) : NULL)
		for (const struct sl_json *at = sl_json_first(cases); at; at = sl_json_next(at)) {
			const char *name = sl_json_string(at).at;
			talk->names[talk->count++] = talk->plugin_count > 1
				? arena_format(talk->arena, "%s, %s", name, sl_json_string(plugin).at)
				: arena_string(talk->arena, name);
		}
}

static void say_order(struct talk *talk)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_key(&out, "plugins"), json_open(&out, '[');
	for (size_t i = 0; i < talk->plugin_count; i++)
		json_string(&out, talk->plugins[i]);
	json_close(&out, ']');
	json_member_string(&out, "source", talk->source);
	json_member_string(&out, "schema", talk->schema);
	json_member_uint(&out, "from", talk->next);
	json_close(&out, '}');
	say(talk, &out);
}

/* The child is asked what is in the file; the first one's word counts. */
static bool plan(struct talk *talk, struct why *why)
{
	say_file(talk);
	struct sl_document *document = hear(talk);
	const struct sl_json *said = sl_json_root(document);
	bool fine = false;
	if (!said)
		why_say(why, "it did not come to its end within %d s", (int)(talk->testing->deadline / 1000));
	else if (test_string(said, "error"))
		why_say(why, "%s", test_string(said, "error"));
	else if ((fine = talk->plugins || find_all(talk, said, why)) && !talk->names)
		name_runs(talk, said);
	sl_json_free(&document);
	return fine;
}

/* ---------------------------------------------------------------------- runs */

/* The next one begins when this one's words have been heard. */
static void say_go_on(struct talk *talk)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_close(&out, '}');
	say(talk, &out);
}

static void run_ended(struct talk *talk, const struct sl_json *end)
{
	struct test_report report = { .file = talk->shown, .name = talk->names[talk->running],
		.error = test_string(end, "error"), .end = end,
		.updated = test_string(end, "updated") };
	hear_words(talk);
	report.words = (struct sl_text){ talk->words.at, talk->words.len };
	sl_json_integer(sl_json_get(end, "ms"), &report.ms);
	test_tell(talk->testing, &report);
	buf_clear(&talk->words);
	talk->next = talk->running + 1;
	talk->running = NOTHING;
	say_go_on(talk);
}

static void take(struct talk *talk, const struct sl_json *said)
{
	int64_t number;
	if (sl_json_integer(sl_json_get(said, "begin"), &number) && (size_t)number < talk->count) {
		talk->running = (size_t)number;
		talk->damage[0] = '\0';
		talk->began = clock_ticks();
	} else if (test_string(said, "damage")) {
		snprintf(talk->damage, sizeof(talk->damage), "%s", test_string(said, "damage"));
		talk->began = clock_ticks();
	} else if (sl_json_get(said, "end") && talk->running != NOTHING) {
		run_ended(talk, said);
		talk->began = clock_ticks();
	} else if (sl_json_get(said, "cover") && talk->testing->cover) {
		cover_add(talk->testing->cover, sl_json_get(said, "cover"));
	}
	if (talk->next == talk->count && (!talk->testing->cover || sl_json_get(said, "cover")))
		talk->ended = true;
}

/* It has gone, or goes now: the case that ran has failed. */
static void run_broke(struct talk *talk, bool late, int status)
{
	struct why why = { 0 };
	if (late)
		why_say(&why, "it did not come to its end within %d s, and was killed", (int)(talk->testing->deadline / 1000));
	else if (WIFSIGNALED(status))
		why_say(&why, "its process crashed: %s", strsignal(WTERMSIG(status)));
	else
		why_say(&why, "its process ended (exit %d)", WEXITSTATUS(status));
	if (talk->damage[0])
		why_within(&why, "%s", talk->damage);
	const struct test_report report = { .file = talk->shown, .name = talk->names[talk->next], .error = why.text,
		.words = { talk->words.at, talk->words.len } };
	test_tell(talk->testing, &report);
	buf_clear(&talk->words);
	talk->next++;
	talk->running = NOTHING;
}

static void run_child(struct talk *talk)
{
	struct sl_document *said;
	talk->running = NOTHING;
	talk->began = clock_ticks();
	say_order(talk);
	while (!talk->ended && (said = hear(talk))) {
		take(talk, sl_json_root(said));
		sl_json_free(&said);
	}
}

static void reap(struct talk *talk)
{
	bool late = clock_ticks() >= talk->began + talk->testing->deadline;
	int status = end_child(talk, late || talk->ended);
	if (!talk->ended && talk->next < talk->count)
		run_broke(talk, late, status);
}

static void run_file(struct talk *talk)
{
	struct why why = { 0 };
	do {
		if (!begin_child(talk, &why)) {
			broken(talk, &why);
			return;
		}
		if (!plan(talk, &why)) {
			end_child(talk, true);
			broken(talk, &why);
			return;
		}
		run_child(talk);
		reap(talk);
	} while (!talk->ended && talk->next < talk->count);
}

void test_talk(struct testing *testing, const char *path)
{
	char *real = realpath(path, NULL);
	struct talk talk = { .testing = testing, .shown = path, .arena = arena_new(), .running = NOTHING };
	size_t passed = testing->passed, failed = testing->failed;
	int64_t began = clock_ticks();
	talk.file = arena_string(talk.arena, real ? real : path);
	const char *slash = strrchr(talk.file, '/');
	talk.folder = slash ? arena_copy(talk.arena, talk.file, (size_t)(slash - talk.file)) : ".";
	run_file(&talk);
	test_tell_file(testing, path, testing->passed - passed, testing->failed - failed, clock_ticks() - began);
	buf_free(&talk.heard);
	buf_free(&talk.words);
	arena_free(&talk.arena);
	free(real);
}
