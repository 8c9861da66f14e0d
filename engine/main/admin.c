/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c - what is asked over the admin address. */
#include "main/admin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "io/http.h"
#include "io/socket.h"
#include "main/health.h"
#include "main/master.h"
#include "main/metrics.h"
#include "main/shown.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define ADMIN_MODE 0600
#define ANSWER_TIME 5000 /* ms a child has for an answer, unless the question says `patience` */
#define ANSWER_MOST 600000
#define RETURN_TIME (CHILD_STOP_TIME + 5000) /* likewise, for being replaced */
#define LARGEST_QUESTION ((size_t)16 << 20)  /* a changed copy of a dead letter fits */

/* A request that waits for a child's answer. */
struct question {
	struct question *next;
	uint64_t id;
	struct child *child;
	struct http_request *request;
	int64_t until;    /* clock_ticks */
	int64_t patience; /* ms */
	struct buf held;  /* what the child is to be told once it is back; empty: it has been told */
};

struct admin {
	struct master *master;
	struct http_server *server;
	struct question *questions;
	uint64_t last_id;
};

/* --------------------------------------------------------------- questions */

/* Takes it out of the list; the caller answers its request and frees it. */
static struct question *question_take(struct question **place)
{
	struct question *question = *place;
	*place = question->next;
	return question;
}

static void question_refuse(struct question **place, int status, const char *what)
{
	struct question *question = question_take(place);
	http_refuse(question->request, status, NULL, "%s %s", question->child->label, what);
	buf_free(&question->held);
	free(question);
}

/* Its child ends, or begins, and is not gone for good. */
static bool waits_for_return(const struct question *question)
{
	return question->held.len && (child_returns(question->child) || child_running(question->child));
}

static void refuse_all(struct admin *admin, const struct child *child, const char *what)
{
	struct question **place = &admin->questions;
	while (*place) {
		if (!child || ((*place)->child == child && !waits_for_return(*place)))
			question_refuse(place, 503, what);
		else
			place = &(*place)->next;
	}
}

/* The members of an object, but for those that belong to the channel. */
static void copy_members(const struct sl_json *object, const char *const *without, struct buf *out)
{
	for (const struct sl_json *member = sl_json_first(object); member; member = sl_json_next(member)) {
		struct sl_text name = sl_json_name(member), value = sl_json_raw(member);
		if (sl_text_is(name, without[0]) || sl_text_is(name, without[1]))
			continue;
		json_key_text(out, name);
		json_raw(out, value.at, value.len);
	}
}

static bool says_no(const struct sl_json *answer)
{
	const struct sl_json *ok = sl_json_get(answer, "ok");
	return ok ? !sl_json_true(ok) : sl_json_get(answer, "error") != NULL;
}

static void question_answer(struct question **place, const struct sl_json *message)
{
	static const char *const ours[] = { "say", "id" };
	struct question *question = question_take(place);
	struct buf out = { 0 };
	json_open(&out, '{');
	copy_members(message, ours, &out);
	json_close(&out, '}');
	http_answer(question->request, says_no(message) ? 422 : 200, NULL, (struct sl_text){ out.at, out.len });
	buf_free(&out);
	free(question);
}

void admin_heard(struct admin *admin, struct child *child, struct sl_text say, const struct sl_json *message)
{
	int64_t id;
	if (!sl_text_is(say, "answer") || !sl_json_integer(sl_json_get(message, "id"), &id))
		return;
	for (struct question **place = &admin->questions; *place; place = &(*place)->next) {
		if ((*place)->id != (uint64_t)id || (*place)->child != child)
			continue;
		question_answer(place, message);
		return;
	}
}

void admin_ready(struct admin *admin, struct child *child)
{
	for (struct question *question = admin->questions; question; question = question->next) {
		if (question->child != child || !question->held.len)
			continue;
		child_send(child, &question->held);
		buf_free(&question->held);
		question->until = clock_ticks() + question->patience;
	}
}

void admin_ended(struct admin *admin, struct child *child)
{
	refuse_all(admin, child, "ended before it answered");
}

void admin_tick(struct admin *admin, int64_t now)
{
	struct question **place = &admin->questions;
	char what[64];
	while (*place) {
		snprintf(what, sizeof(what), "has not answered within %lld s", (long long)(*place)->patience / 1000);
		if ((*place)->until <= now)
			question_refuse(place, 504, what);
		else
			place = &(*place)->next;
	}
}

static int64_t patience_of(const struct sl_json *body)
{
	int64_t wanted = ANSWER_TIME;
	sl_json_integer(sl_json_get(body, "patience"), &wanted);
	return wanted < ANSWER_TIME ? ANSWER_TIME : wanted > ANSWER_MOST ? ANSWER_MOST
									 : wanted;
}

static void ask_child(struct admin *admin, struct child *child, struct http_request *request,
	const struct sl_json *body)
{
	static const char *const ours[] = { "do", "id" };
	struct buf message = { 0 };
	struct question *question = must_alloc(sizeof(*question));
	bool waits = child_returns(child);
	*question = (struct question){
		.next = admin->questions, .id = ++admin->last_id, .child = child, .request = request,
		.patience = patience_of(body)
	};
	question->until = clock_ticks() + question->patience + (waits ? RETURN_TIME : 0);
	admin->questions = question;
	json_open(&message, '{');
	json_member_string(&message, "do", "ask");
	json_member_uint(&message, "id", question->id);
	copy_members(body, ours, &message);
	json_close(&message, '}');
	if (waits) {
		question->held = message;
		return;
	}
	child_send(child, &message);
	buf_free(&message);
}

static struct child *named(const struct children *children, struct sl_text name)
{
	for (size_t i = 0; i < children->count; i++)
		if (sl_text_is(name, children->at[i]->name))
			return children->at[i];
	return NULL;
}

/* "ingress", a route's name, or "source/" and that of a source that has a process. */
static struct child *asked_child(const struct master *master, struct sl_text name)
{
	static const char prefix[] = "source/";
	const size_t skip = sizeof(prefix) - 1;
	if (sl_text_is(name, "ingress"))
		return master->ingress;
	if (name.len > skip && memcmp(name.at, prefix, skip) == 0)
		return named(&master->sources, (struct sl_text){ name.at + skip, name.len - skip });
	return named(&master->routes, name);
}

/* --------------------------------------------------------------- endpoints */

static void answer_buf(struct http_request *request, int status, const char *headers, struct buf *out)
{
	http_answer(request, status, headers, (struct sl_text){ out->at, out->len });
	buf_free(out);
}

static void get_health(struct admin *admin, struct http_request *request, struct sl_text rest)
{
	struct buf out = { 0 };
	bool fine = health_write(admin->master, &out);
	answer_buf(request, fine ? 200 : 503, "Cache-Control: no-store\r\n", &out);
}

static void get_status(struct admin *admin, struct http_request *request, struct sl_text rest)
{
	struct buf out = { 0 };
	health_write(admin->master, &out);
	answer_buf(request, 200, "Cache-Control: no-store\r\n", &out);
}

static void get_metrics(struct admin *admin, struct http_request *request, struct sl_text rest)
{
	struct buf out = { 0 };
	metrics_write(admin->master, &out);
	answer_buf(request, 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", &out);
}

static void post_reload(struct admin *admin, struct http_request *request, struct sl_text rest)
{
	if (admin->master->stopping)
		http_refuse(request, 503, NULL, "the daemon is stopping");
	else if (admin->master->reloading)
		http_refuse(request, 409, NULL, "a reload is under way, ask again when it has ended");
	else
		master_reload(admin->master, request);
}

static void refuse_unknown(const struct master *master, struct http_request *request, struct sl_text name)
{
	static const char prefix[] = "source/";
	size_t skip = name.len >= sizeof(prefix) - 1 && memcmp(name.at, prefix, sizeof(prefix) - 1) == 0
		? sizeof(prefix) - 1
		: 0;
	const struct children *children = skip ? &master->sources : &master->routes;
	struct arena *arena = arena_new();
	const char **names = arena_alloc(arena, (children->count + 1) * sizeof(*names));
	struct why why;
	for (size_t i = 0; i < children->count; i++)
		names[i] = children->at[i]->name;
	shown_unknown(&why, skip ? "source with a process of its own, named" : "route",
		arena_copy(arena, name.at + skip, name.len - skip), names);
	http_refuse(request, 404, NULL, "%s", why.text);
	arena_free(&arena);
}

static void post_ask(struct admin *admin, struct http_request *request, struct sl_text rest)
{
	struct child *child = asked_child(admin->master, rest);
	struct sl_document *document = sl_json_read(request->body, NULL, 0);
	const struct sl_json *body = document ? sl_json_root(document) : NULL;
	if (!child)
		refuse_unknown(admin->master, request, rest);
	else if (!sl_json_string(sl_json_get(body, "what")).at)
		http_refuse(request, 400, NULL, "the question must be a JSON object with a text `what`");
	else if (!child_running(child) && !child_returns(child))
		http_refuse(request, 503, NULL, "%s is not running: %s%s%s", child->label, child_word(child),
			child->error.text[0] ? ", " : "", child->error.text);
	else
		ask_child(admin, child, request, body);
	sl_json_free(&document);
}

static const struct endpoint {
	const char *method, *path; /* a path that ends with a slash stands for all that begin so */
	void (*run)(struct admin *admin, struct http_request *request, struct sl_text rest);
} endpoints[] = {
	{ "GET", "/health", get_health },
	{ "GET", "/status", get_status },
	{ "GET", "/metrics", get_metrics },
	{ "POST", "/reload", post_reload },
	{ "POST", "/ask/", post_ask },
};

/* `rest` is what follows the path in the table. */
static const struct endpoint *find_endpoint(const struct http_request *request, struct sl_text *rest)
{
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		size_t len = strlen(endpoints[i].path);
		if (request->path.len < len || memcmp(request->path.at, endpoints[i].path, len) != 0)
			continue;
		*rest = (struct sl_text){ request->path.at + len, request->path.len - len };
		if ((rest->len > 0) == (endpoints[i].path[len - 1] == '/'))
			return &endpoints[i];
	}
	return NULL;
}

static bool token_right(const char *token, const struct http_request *request)
{
	static const char scheme[] = "Bearer ";
	struct sl_text given = http_header(request, "authorization");
	size_t skip = sizeof(scheme) - 1;
	if (!given.at || given.len < skip || strncasecmp(given.at, scheme, skip) != 0)
		return false;
	return sl_same(given.at + skip, given.len - skip, token, strlen(token));
}

/* A unix socket's mode says who may; a port needs a token for more than looking. */
static bool may_command(const struct config *config, const struct endpoint *endpoint)
{
	return config->admin_token || strncmp(config->admin, "unix:", 5) == 0 || strcmp(endpoint->method, "GET") == 0;
}

static bool is_child(const struct children *children, int process)
{
	for (size_t i = 0; i < children->count; i++)
		if (children->at[i]->pid == process)
			return true;
	return false;
}

/* Plugins run in processes of our user, and could open its socket.  One that is gone may have been such a process. */
static bool is_ours(const struct master *master, const struct http_request *request)
{
	int process = http_process(request);
	if (!process)
		return false;
	return master->ingress->pid == process || is_child(&master->routes, process) ||
		is_child(&master->sources, process) || (kill(process, 0) < 0 && errno == ESRCH);
}

static bool on_head(struct http_request *request, void *data)
{
	struct admin *admin = data;
	struct sl_text rest;
	const char *token = admin->master->config->admin_token;
	const struct endpoint *endpoint = find_endpoint(request, &rest);
	char allow[32];
	if (is_ours(admin->master, request))
		http_refuse(request, 403, NULL, "a process of the daemon itself may not ask here");
	else if (token && !token_right(token, request))
		http_refuse(request, 401, "WWW-Authenticate: Bearer\r\n", "the admin token is missing or wrong");
	else if (http_header(request, "origin").at)
		http_refuse(request, 403, NULL, "a page in a browser may not ask here");
	else if (!endpoint)
		http_refuse(request, 404, NULL, "there is nothing here; try /health, /status or /metrics");
	else if (strcmp(endpoint->method, request->is_head ? "GET" : request->method) != 0) {
		snprintf(allow, sizeof(allow), "Allow: %s\r\n", endpoint->method);
		http_refuse(request, 405, allow, "%s takes %s", endpoint->path, endpoint->method);
	} else if (!may_command(admin->master->config, endpoint))
		http_refuse(request, 403, NULL, "an admin address without a token only answers GET; "
						"set admin: { listen: ..., token: ... }");
	else
		return true;
	return false;
}

static void on_request(struct http_request *request, void *data)
{
	struct sl_text rest;
	const struct endpoint *endpoint = find_endpoint(request, &rest);
	endpoint->run(data, request, rest);
}

/* -------------------------------------------------------------------- life */

struct admin *admin_open(struct master *master, struct why *why)
{
	static const struct http_service service = { .head = on_head, .handle = on_request };
	static const struct http_limits limits = { .body = LARGEST_QUESTION, .connections = 64 };
	const char *address = master->config->admin;
	struct admin *admin;
	int fd;
	if (!socket_listen(address, ADMIN_MODE, &fd, why)) {
		why_within(why, "the admin address, which `admin:` sets");
		return NULL;
	}
	admin = must_alloc(sizeof(*admin));
	admin->master = master;
	admin->server = http_server_new(&master->loop, &limits, &service, admin);
	if (!http_server_listen(admin->server, fd, why))
		admin_close(&admin);
	return admin;
}

void admin_close(struct admin **place)
{
	struct admin *admin = *place;
	*place = NULL;
	if (!admin)
		return;
	refuse_all(admin, NULL, "is stopping");
	http_server_free(&admin->server);
	socket_remove(admin->master->config->admin);
	free(admin);
}
