/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - asking plugins in a process of their own, and doubting the answer. */
#include "main/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/option.h"
#include "host/host.h"
#include "main/user.h"

#define WALL_MS 10000
#define CPU_S 5
#define MEMORY_MOST ((rlim_t)512 * 1024 * 1024)
#define MOST_ANSWER ((size_t)4 * 1024 * 1024) /* bytes of one plugin's answer */
#define MOST_TEXT 2000
#define MOST_PAIRS 100 /* headers of an api, parts of its query */
#define CHILD_FD 3

/* One child, asked about the files from `next` on. */
struct asking {
	struct description *all;
	size_t next, count;
	const char *user; /* NULL: as we are */
	struct arena *arena;
	pid_t pid;
	int fd;
	int64_t until;
	struct buf heard; /* what came behind the last whole line */
};

/* ------------------------------------------------------------ its answers */

static const char *take_text(const struct sl_json *form, const char *name, struct arena *arena)
{
	struct sl_text text = sl_json_string(sl_json_get(form, name));
	if (!text.at || text.len > MOST_TEXT)
		return NULL;
	char *copy = arena_copy(arena, text.at, text.len);
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return copy;
}

static const char *take_raw(const struct sl_json *value, struct arena *arena)
{
	struct sl_text raw = sl_json_raw(value);
	return raw.at ? arena_copy(arena, raw.at, raw.len) : NULL;
}

static bool offers(const struct sl_json *form, const char *step)
{
	for (const struct sl_json *item = sl_json_first(sl_json_get(form, "steps")); item; item = sl_json_next(item)) {
		struct sl_text name = sl_json_string(item);
		if (name.at && strcmp(name.at, step) == 0)
			return true;
	}
	return false;
}

static bool take_webhook(struct description *d, const struct sl_json *webhook, struct arena *arena, struct why *why)
{
	if (!webhook || sl_json_kind(webhook) == SL_KIND_NULL)
		return true;
	if (sl_json_kind(webhook) != SL_KIND_OBJECT)
		return why_say(why, "its webhook is not an object");
	d->webhook = take_raw(webhook, arena);
	d->webhook_secret = take_text(webhook, "secret", arena);
	for (const struct sl_option *row = d->options; d->webhook_secret && row->name; row++)
		if (row->type == SL_SECRET && strcmp(row->name, d->webhook_secret) == 0)
			return true;
	return !d->webhook_secret || why_say(why, "its webhook names no option of type secret");
}

/* 0 also for what is no list, or too long a one. */
static size_t count_of(const struct sl_json *list)
{
	size_t count = sl_json_kind(list) == SL_KIND_ARRAY ? sl_json_count(list) : 0;
	return count <= MOST_PAIRS ? count : 0;
}

/* A list of texts, NULL behind the last. */
static const char *const *take_texts(const struct sl_json *list, struct arena *arena)
{
	size_t count = count_of(list);
	const char **texts = arena_alloc(arena, (count + 1) * sizeof(*texts)), **at = texts;
	for (const struct sl_json *item = count ? sl_json_first(list) : NULL; item; item = sl_json_next(item)) {
		struct sl_text text = sl_json_string(item);
		if (text.at && text.len <= MOST_TEXT)
			*at++ = arena_copy(arena, text.at, text.len);
	}
	return texts;
}

/* [["key","{key}"], ...] */
static const struct sl_pair *const *take_pairs(const struct sl_json *list, struct arena *arena)
{
	size_t count = count_of(list);
	const struct sl_pair **pairs = arena_alloc(arena, (count + 1) * sizeof(*pairs)), **at = pairs;
	for (const struct sl_json *item = count ? sl_json_first(list) : NULL; item; item = sl_json_next(item)) {
		const char *const *two = take_texts(item, arena);
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		if (!two[0] || !two[1])
			continue;
		*pair = (struct sl_pair){ two[0], two[1] };
		*at++ = pair;
	}
	return pairs;
}

/* A number that is not there is 0. */
static bool take_count(const struct sl_json *form, const char *name, int64_t *number, struct why *why)
{
	*number = 0;
	if (!sl_json_get(form, name) || (sl_json_integer(sl_json_get(form, name), number) && *number >= 0))
		return true;
	return why_say(why, "its %s is no number of 0 or more", name);
}

static bool take_api(struct description *d, const struct sl_json *form, struct arena *arena, struct why *why)
{
	struct sl_api *api = arena_alloc(arena, sizeof(*api));
	if (!form || sl_json_kind(form) == SL_KIND_NULL)
		return true;
	if (sl_json_kind(form) != SL_KIND_OBJECT)
		return why_say(why, "its api is not an object");
	d->api = api;
	api->base = take_text(form, "base", arena);
	api->headers = take_texts(sl_json_get(form, "headers"), arena);
	api->query = take_pairs(sl_json_get(form, "query"), arena);
	api->credential = take_text(form, "credential", arena);
	api->points_flow = sl_json_true(sl_json_get(form, "points_flow"));
	return take_count(form, "requests", &api->requests, why) && take_count(form, "window", &api->window_ms, why) &&
		take_count(form, "points", &api->points, why) &&
		take_count(form, "points_window", &api->points_window_ms, why) &&
		take_count(form, "at_once", &api->at_once, why);
}

static bool take_description(struct description *d, const struct sl_json *form, struct arena *arena, struct why *why)
{
	d->name = take_text(form, "name", arena);
	d->version = take_text(form, "version", arena);
	d->summary = take_text(form, "summary", arena);
	d->dialect = take_text(form, "dialect", arena);
	d->decode = offers(form, "decode");
	d->poll = offers(form, "poll");
	d->transform = offers(form, "transform");
	d->deliver = offers(form, "deliver");
	d->recall = offers(form, "recall");
	d->hooks = offers(form, "hooks");
	d->discover = offers(form, "discover");
	d->schema = offers(form, "schema");
	d->upkeep = offers(form, "upkeep");
	d->json = take_raw(form, arena);
	if (!d->name || !d->version || !d->summary)
		return why_say(why, "it does not say its name, version and summary");
	d->options = option_table(sl_json_get(form, "options"), arena, why);
	return d->options && take_webhook(d, sl_json_get(form, "webhook"), arena, why) &&
		take_api(d, sl_json_get(form, "api"), arena, why) && take_count(form, "every_ms", &d->every_ms, why) &&
		take_count(form, "minor", &d->minor, why);
}

/* {"at":N,"error":"..."} or {"at":N,"plugin":{...}}; N must be the one that was
 * asked for: a plugin answers for no other. */
static bool take_answer(struct asking *a, const struct sl_json *answer)
{
	struct description *d = &a->all[a->next];
	const struct sl_json *form = sl_json_get(answer, "plugin");
	struct why why = { 0 };
	int64_t at;
	if (!sl_json_integer(sl_json_get(answer, "at"), &at) || at != (int64_t)a->next)
		return false;
	if (!form) {
		d->error = take_text(answer, "error", a->arena);
		return d->error != NULL;
	}
	if (!take_description(d, form, a->arena, &why))
		d->error = arena_format(a->arena, "%s: %s", d->path, why.text);
	return true;
}

static bool take_line(struct asking *a, struct sl_text line)
{
	struct sl_document *document = sl_json_read(line, NULL, 0);
	bool fine = document && a->next < a->count && take_answer(a, sl_json_root(document));
	sl_json_free(&document);
	if (!fine && a->next < a->count)
		a->all[a->next].error = arena_format(a->arena, "%s: what it says of itself cannot be read",
			a->all[a->next].path);
	a->next++;
	return fine;
}

/* False when something came that cannot be understood: the child is of no more use. */
static bool take_lines(struct asking *a)
{
	char *end;
	while (a->heard.len && (end = memchr(a->heard.at, '\n', a->heard.len))) {
		size_t len = (size_t)(end - a->heard.at);
		if (!take_line(a, (struct sl_text){ a->heard.at, len }))
			return false;
		a->heard.len -= len + 1;
		memmove(a->heard.at, end + 1, a->heard.len);
	}
	return a->heard.len <= MOST_ANSWER;
}

/* -------------------------------------------------------------- the child */

static bool spawn(struct asking *a, int theirs)
{
	char *const argv[] = { (char *)"sluice: describe", (char *)(uintptr_t)a->user, NULL };
	static char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, theirs, CHILD_FD);
	errno = posix_spawn(&a->pid, "/proc/self/exe", &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	return errno == 0;
}

/* The number of the first file, then the files, a NUL behind each. */
static void send_paths(struct asking *a)
{
	struct buf out = { 0 };
	size_t done = 0;
	buf_format(&out, "%zu", a->next);
	buf_char(&out, '\0');
	for (size_t i = a->next; i < a->count; i++)
		buf_add(&out, a->all[i].path, strlen(a->all[i].path) + 1);
	while (done < out.len) {
		ssize_t more = send(a->fd, out.at + done, out.len - done, MSG_NOSIGNAL);
		if (more < 0 && errno != EINTR)
			break;
		done += more > 0 ? (size_t)more : 0;
	}
	buf_free(&out);
	shutdown(a->fd, SHUT_WR);
}

static bool begin(struct asking *a, struct why *why)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return why_errno(why, "there is no socket to ask with");
	bool begun = spawn(a, pair[1]);
	if (!begun)
		why_errno(why, "the process that asks cannot be begun");
	close(pair[1]);
	a->fd = pair[0];
	a->until = clock_ticks() + WALL_MS;
	a->heard.len = 0;
	if (begun)
		send_paths(a);
	else
		close(a->fd);
	return begun;
}

/* False when there is nothing more to hear: all said, gone, or out of time. */
static bool hear(struct asking *a)
{
	char bytes[16384];
	struct pollfd ready = { .fd = a->fd, .events = POLLIN };
	int64_t left = a->until - clock_ticks();
	int polled = left > 0 ? poll(&ready, 1, (int)left) : 0;
	if (polled <= 0)
		return polled < 0 && errno == EINTR;
	ssize_t len = read(a->fd, bytes, sizeof(bytes));
	if (len <= 0)
		return len < 0 && errno == EINTR;
	buf_add(&a->heard, bytes, (size_t)len);
	return take_lines(a) && a->next < a->count;
}

/* Its exit status.  A process that is ending already keeps the one it has. */
static int end(struct asking *a)
{
	int status = 0;
	close(a->fd);
	kill(a->pid, SIGKILL);
	while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void blame(struct asking *a, bool late, int status)
{
	struct description *d = &a->all[a->next++];
	if (late)
		d->error = arena_format(a->arena, "%s: did not load within %d s", d->path, WALL_MS / 1000);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		d->error = arena_format(a->arena, "%s: used more than %d s of the processor to load", d->path, CPU_S);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		d->error = arena_format(a->arena, "%s: asked the kernel for what no plugin may, when it was loaded: another "
						  "program, another process, more rights",
			d->path);
	else if (WIFSIGNALED(status))
		d->error = arena_format(a->arena, "%s: crashed when it was loaded (%s)", d->path, strsignal(WTERMSIG(status)));
	else
		d->error = arena_format(a->arena, "%s: ended the process that loaded it (exit %d)", d->path,
			WEXITSTATUS(status));
}

/* A death convicts only the first file of its process: whatever died later may
 * have been brought down by one loaded before, and is asked again alone. */
static void ask_once(struct asking *a)
{
	struct why why = { 0 };
	size_t first = a->next;
	if (!begin(a, &why)) {
		a->all[a->next].error = arena_format(a->arena, "%s: %s", a->all[a->next].path, why.text);
		a->next++;
		return;
	}
	while (hear(a))
		;
	bool late = clock_ticks() >= a->until;
	int status = end(a);
	if (a->next == first)
		blame(a, late, status);
}

/* Nobody is asked as root for want of another. */
static void ask_none(struct asking *a, const struct why *why)
{
	for (; a->next < a->count; a->next++)
		a->all[a->next].error = arena_string(a->arena, why->text);
}

const struct description *describe(const char *const *paths, size_t count, const char *user, struct arena *arena)
{
	struct asking a = { .count = count, .user = geteuid() == 0 ? user : NULL, .arena = arena };
	struct why why = { "" };
	a.all = arena_alloc(arena, (count + 1) * sizeof(*a.all));
	for (size_t i = 0; i < count; i++)
		a.all[i].path = arena_string(arena, paths[i]);
	if (a.user && !user_known(a.user, &why))
		ask_none(&a, &why);
	while (a.next < count)
		ask_once(&a);
	buf_free(&a.heard);
	return a.all;
}

/* ------------------------------------------------------------- in the child */

static void set_limits(void)
{
	const struct rlimit cpu = { CPU_S, CPU_S + 1 };
	setrlimit(RLIMIT_CPU, &cpu);
#ifndef SLUICE_SANITIZE /* whose shadow memory alone is larger */
	const struct rlimit memory = { MEMORY_MOST, MEMORY_MOST };
	setrlimit(RLIMIT_AS, &memory);
#endif
}

static void read_all(int fd, struct buf *in)
{
	char bytes[16384];
	ssize_t len;
	while ((len = read(fd, bytes, sizeof(bytes))) > 0 || (len < 0 && errno == EINTR))
		if (len > 0)
			buf_add(in, bytes, (size_t)len);
}

static bool write_all(int fd, const struct buf *out)
{
	for (size_t done = 0; done < out->len;) {
		ssize_t more = write(fd, out->at + done, out->len - done);
		if (more < 0 && errno != EINTR)
			return false;
		done += more > 0 ? (size_t)more : 0;
	}
	return true;
}

static bool answer(size_t at, const char *path)
{
	struct why why = { 0 };
	struct buf out = { 0 };
	struct plugin *plugin = plugin_load(path, &why);
	json_open(&out, '{');
	json_member_uint(&out, "at", at);
	if (plugin) {
		json_key(&out, "plugin");
		plugin_describe(plugin, &out);
	} else {
		json_member_string(&out, "error", why.text);
	}
	json_close(&out, '}');
	buf_char(&out, '\n');
	bool fine = write_all(CHILD_FD, &out);
	buf_free(&out);
	return fine;
}

/* Nothing is unloaded: what a plugin does at its end is of no interest. */
int describe_main(int argc, char **argv)
{
	struct buf in = { 0 };
	set_limits();
	fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC);
	read_all(CHILD_FD, &in);
	buf_char(&in, '\0');
	size_t at = strtoul(in.at, NULL, 10);
	for (const char *path = in.at + strlen(in.at) + 1; path < in.at + in.len && *path; path += strlen(path) + 1)
		if (!answer(at++, path))
			break;
	_exit(0);
}
