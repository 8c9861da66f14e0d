/* SPDX-License-Identifier: Apache-2.0 */
/* try_run.c - a run of a route's steps over logged events, in a process of its own.
 *
 * The process (flow/try.h) tells one event after the other.  When it dies or stands
 * still in a call, that event is what the page names; another process goes on behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#include "base/page.h"
#include "main/try.h"
#include "sdk/text.h"

#define CHILD_FD 3
#define PAGE_FD 4
#define LOOK 250         /* ms between looks at its beat */
#define DEATHS_MOST 5
#define LINES_MOST 10000 /* log lines that are kept */
#define LINE_SIZE ((size_t)64 << 20)

struct running {
	const struct try_wish *wish;
	struct try_run *run;
	uint64_t from, left; /* where the process begins, and how many it is to try */
	bool ended;          /* it said that it was done */
	struct why error;    /* it said why it could not go on */
	pid_t pid;
	int fd, log;         /* what it tells; its stderr */
	struct buf told, said;
	struct page *page;
	int page_fd;
	uint64_t beat;
	int64_t beat_at;
};

/* ---------------------------------------------------------------- its words */

static void *grow(void *at, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return at;
	*room = *room ? *room * 2 : 64;
	return must_grow(at, *room * size);
}

static void add_tried(struct try_run *run, struct sl_document *document, uint64_t seq, uint64_t part)
{
	run->at = grow(run->at, run->count, &run->room, sizeof(*run->at));
	run->at[run->count++] = (struct tried){ seq, part, document, sl_json_root(document) };
}

static bool number(const struct sl_json *json, const char *name, uint64_t *value)
{
	int64_t found;
	if (!sl_json_integer(sl_json_get(json, name), &found) || found < 0)
		return false;
	*value = (uint64_t)found;
	return true;
}

/* A plugin could write there too: what makes no sense is passed over. */
static void take_told(struct running *it, struct sl_document *document)
{
	const struct sl_json *json = sl_json_root(document);
	struct sl_text error = sl_json_string(sl_json_get(json, "error"));
	uint64_t seq, part = 0;
	if (number(json, "seq", &seq) && number(json, "part", &part) && seq >= it->from) {
		add_tried(it->run, document, seq, part);
		return;
	}
	if (number(json, "done", &seq) && seq >= it->from && it->left) {
		it->from = seq + 1;
		it->left--;
		it->run->records++;
	} else if (number(json, "from", &seq)) {
		it->from = seq;
	} else if (error.at) {
		why_say(&it->error, "%.*s", (int)error.len, error.at);
	}
	it->ended |= sl_json_true(sl_json_get(json, "end"));
	sl_json_free(&document);
}

/* Lines that name an event are a script's; what the engine has to say goes on to whoever asked. */
static void take_said(struct running *it, struct sl_document *document)
{
	struct try_run *run = it->run;
	const struct sl_json *json = sl_json_root(document);
	struct sl_text text = sl_json_string(sl_json_get(json, "text")), level = sl_json_string(sl_json_get(json, "level"));
	uint64_t seq;
	if (number(json, "seq", &seq) && run->line_count < LINES_MOST) {
		run->lines = grow(run->lines, run->line_count, &run->line_room, sizeof(*run->lines));
		run->lines[run->line_count++] = (struct tried_line){ seq, document, json };
		return;
	}
	if (!sl_text_is(level, "debug") && !sl_text_is(level, "info"))
		fprintf(stderr, "%.*s\n", (int)text.len, text.at ? text.at : "");
	sl_json_free(&document);
}

static void take_line(struct running *it, struct sl_text line, void (*take)(struct running *, struct sl_document *))
{
	struct sl_document *document = sl_json_read(line, NULL, 0);
	if (document)
		take(it, document);
	else if (take == take_said)
		fprintf(stderr, "%.*s\n", (int)line.len, line.at);
}

/* False: nothing more comes from there. */
static bool hear(struct running *it, int fd, struct buf *heard, void (*take)(struct running *, struct sl_document *))
{
	char bytes[65536], *end;
	ssize_t len = read(fd, bytes, sizeof(bytes));
	size_t at = 0;
	if (len <= 0)
		return len < 0 && errno == EINTR;
	buf_add(heard, bytes, (size_t)len);
	while ((end = memchr(heard->at + at, '\n', heard->len - at))) {
		take_line(it, (struct sl_text){ heard->at + at, (size_t)(end - heard->at) - at }, take);
		at = (size_t)(end - heard->at) + 1;
	}
	heard->len -= at;
	memmove(heard->at, heard->at + at, heard->len);
	return heard->len < LINE_SIZE;
}

/* ------------------------------------------------------------------ its life */

static const struct config_transform *stand_in(const struct try_wish *wish, const struct config_transform *transform,
	struct config_transform *changed)
{
	if (!wish->with || strcmp(transform->name, wish->transform) != 0)
		return transform;
	*changed = *transform;
	changed->plugin = wish->with;
	return changed;
}

static void put_part(const struct running *it, struct buf *out)
{
	const struct try_wish *wish = it->wish;
	const struct config_transform *via[64] = { NULL };
	struct config_transform changed;
	struct config_route route = *wish->route;
	for (size_t i = 0; route.via[i] && i < 63; i++)
		via[i] = stand_in(wish, route.via[i], &changed);
	route.via = via;
	json_open(out, '{');
	config_part_route(wish->config, &route, out);
	json_key(out, "try");
	json_open(out, '{');
	json_member_uint(out, "from", it->from);
	json_member_uint(out, "last", it->left);
	json_member_bool(out, "fresh", wish->fresh);
	json_close(out, '}');
	json_close(out, '}');
}

static void send_part(struct running *it)
{
	struct buf out = { 0 };
	put_part(it, &out);
	for (size_t done = 0; done < out.len;) {
		ssize_t more = send(it->fd, out.at + done, out.len - done, MSG_NOSIGNAL);
		if (more < 0 && errno != EINTR)
			break;
		done += more > 0 ? (size_t)more : 0;
	}
	buf_free(&out);
	shutdown(it->fd, SHUT_WR);
}

static bool spawn(struct running *it, int theirs, int log, struct why *why)
{
	char *const argv[] = { (char *)"sluice: try", (char *)it->wish->route->name, NULL };
	static char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, log, 2);
	posix_spawn_file_actions_adddup2(&actions, theirs, CHILD_FD);
	posix_spawn_file_actions_adddup2(&actions, it->page_fd, PAGE_FD);
	errno = posix_spawn(&it->pid, "/proc/self/exe", &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	return errno == 0 || why_errno(why, "the process that tries cannot be begun");
}

/* Out of the way of the numbers that the child is given. */
static bool make_pair(int domain, int pair[2], struct why *why)
{
	int made[2];
	if ((domain ? socketpair(domain, SOCK_STREAM, 0, made) : pipe(made)) != 0)
		return why_errno(why, "there is nothing to hear a trial with");
	for (int i = 0; i < 2; i++) {
		pair[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 10);
		close(made[i]);
	}
	return (pair[0] >= 0 && pair[1] >= 0) || why_errno(why, "there is nothing to hear a trial with");
}

static bool begin(struct running *it, struct why *why)
{
	int talk[2], log[2];
	if (!make_pair(AF_UNIX, talk, why) || !make_pair(0, log, why))
		return false;
	bool begun = spawn(it, talk[1], log[1], why);
	close(talk[1]);
	close(log[1]);
	it->fd = talk[0];
	it->log = log[0];
	it->beat_at = clock_ticks();
	if (begun)
		send_part(it);
	return begun;
}

/* True: it has stood still for too long. */
static bool hangs(struct running *it)
{
	uint64_t beat = atomic_load(&it->page->beat);
	int64_t now = clock_ticks();
	if (beat != it->beat)
		it->beat_at = now;
	it->beat = beat;
	return now - it->beat_at > it->wish->route->deadline + LOOK;
}

/* Until it has nothing more to tell.  True: it had to be ended. */
static bool listen_to(struct running *it)
{
	struct pollfd from[] = { { .fd = it->fd, .events = POLLIN }, { .fd = it->log, .events = POLLIN } };
	while (from[0].fd >= 0 || from[1].fd >= 0) {
		int ready = poll(from, 2, LOOK);
		if (ready > 0 && from[0].fd >= 0 && from[0].revents && !hear(it, it->fd, &it->told, take_told))
			from[0].fd = -1;
		if (ready > 0 && from[1].fd >= 0 && from[1].revents && !hear(it, it->log, &it->said, take_said))
			from[1].fd = -1;
		if (hangs(it))
			return true;
	}
	return false;
}

static int end(struct running *it)
{
	int status = 0;
	close(it->fd);
	close(it->log);
	kill(it->pid, SIGKILL); /* one that is ending already keeps the status it has */
	while (waitpid(it->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* -------------------------------------------------------------------- death */

static void put_death(const struct running *it, bool hung, int status, struct buf *out)
{
	if (hung)
		buf_format(out, "did not come back within %" PRId64 " s", it->wish->route->deadline / 1000);
	else if (WIFSIGNALED(status))
		buf_format(out, "ended its process: %s", strsignal(WTERMSIG(status)));
	else
		buf_format(out, "ended its process (exit %d)", WEXITSTATUS(status));
}

/* The event that the page names failed; the next process goes on behind it. */
static void blame(struct running *it, uint64_t seq, const char *why)
{
	struct buf text = { 0 };
	json_open(&text, '{');
	json_member_string(&text, "outcome", "failed");
	json_member_string(&text, "why", why);
	json_close(&text, '}');
	add_tried(it->run, sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0), seq,
		atomic_load(&it->page->call_part));
	buf_free(&text);
	it->from = seq + 1;
	it->left -= it->left > 0;
	it->run->records++;
}

static bool died(struct running *it, bool hung, int status, struct why *why)
{
	struct buf words = { 0 };
	char name[sizeof(it->page->call_name) + 1] = "";
	uint64_t seq = atomic_load(&it->page->call_seq);
	memcpy(name, it->page->call_name, sizeof(it->page->call_name));
	bool known = seq && seq >= it->from;
	if (known)
		buf_format(&words, "%s: ", name);
	put_death(it, hung, status, &words);
	if (known)
		blame(it, seq, words.at);
	else
		why_say(why, "the process that tries %s", words.at);
	buf_free(&words);
	return known;
}

static void clean(struct running *it)
{
	buf_clear(&it->told);
	buf_clear(&it->said);
	atomic_store(&it->page->call_seq, 0);
	atomic_store(&it->page->beat, 0);
	it->beat = 0;
}

/* One process; false: nothing more can be tried. */
static bool run_once(struct running *it, struct why *why)
{
	clean(it);
	if (!begin(it, why))
		return false;
	bool hung = listen_to(it);
	int status = end(it);
	if (it->error.text[0])
		return why_say(why, "%s", it->error.text);
	return it->ended || died(it, hung, status, why);
}

bool try_run(const struct try_wish *wish, struct try_run *run, struct why *why)
{
	struct running it = { .wish = wish, .run = run, .from = wish->from, .left = wish->last };
	int page = -1;
	bool fine = (it.page = page_new(&page, why)) && (it.page_fd = fcntl(page, F_DUPFD_CLOEXEC, 10)) >= 0;
	close(page);
	for (int deaths = 0; fine && !it.ended && (it.left || !run->records); deaths++)
		fine = deaths < DEATHS_MOST ? run_once(&it, why)
					    : why_say(why, "%d events ended the process that tried them: that is enough", deaths);
	buf_free(&it.told);
	buf_free(&it.said);
	page_free(&it.page);
	close(it.page_fd);
	return fine;
}

void try_run_free(struct try_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		sl_json_free(&run->at[i].document);
	for (size_t i = 0; i < run->line_count; i++)
		sl_json_free(&run->lines[i].document);
	free(run->at);
	free(run->lines);
}
