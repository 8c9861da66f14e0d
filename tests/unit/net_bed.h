/* SPDX-License-Identifier: Apache-2.0 */
/* net_bed.h - a far side that answers as it was told, and a plugin that asks it, for tests of net. */
#ifndef TESTS_NET_BED_H
#define TESTS_NET_BED_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "host/net.h"
#include "io/http.h"
#include "sdk/text.h"
#include "script.h"

/* ------------------------------------------------------------------------ the far side */

struct answer {
	int status;
	const char *headers, *body;
};

/* Answers in a row; the last one again and again. */
struct place {
	const char *path;
	struct answer answers[4];
	size_t count;
	bool hold; /* it is answered by far_release */
};

static struct far {
	struct http_server *server;
	int port;
	const struct place *places;
	char heard[32][1024]; /* "GET /v1/cards?key=s\nheaders\nbody" */
	size_t count;
	struct http_request *held[8];
	const struct answer *held_answers[8];
	size_t held_count, most_held;
} far;

static inline void hear(const struct http_request *request)
{
	assert_true(far.count < 32);
	snprintf(far.heard[far.count++], sizeof(far.heard[0]), "%s %.*s?%.*s\n%.*s\n%.*s", request->method,
		(int)request->path.len, request->path.at, (int)request->query.len, request->query.at ? request->query.at : "",
		(int)request->text.len, request->text.at, (int)request->body.len, request->body.at ? request->body.at : "");
}

static inline bool answers_here(const struct place *place, const struct http_request *request)
{
	return strlen(place->path) == request->path.len && memcmp(place->path, request->path.at, request->path.len) == 0;
}

/* Which answer of the row: so many were heard there before. */
static inline const struct answer *answer_for(const struct place *place)
{
	size_t before = 0, count = 0;
	char mark[128];
	snprintf(mark, sizeof(mark), " %s?", place->path);
	for (size_t i = 0; i + 1 < far.count; i++)
		before += strstr(far.heard[i], mark) != NULL;
	while (count < 4 && place->answers[count].status)
		count++;
	return &place->answers[before < count ? before : count - 1];
}

static inline void answer(struct http_request *request, const struct answer *given)
{
	const char *body = given->body ? given->body : "";
	http_answer(request, given->status, given->headers, (struct sl_text){ body, strlen(body) });
}

static inline void handle(struct http_request *request, void *data)
{
	static const struct answer unknown = { 404, NULL, "{}" };
	hear(request);
	for (const struct place *place = far.places; place && place->path; place++) {
		if (!answers_here(place, request))
			continue;
		if (!place->hold) {
			answer(request, answer_for(place));
			return;
		}
		far.held_answers[far.held_count] = answer_for(place);
		far.held[far.held_count++] = request;
		if (far.held_count > far.most_held)
			far.most_held = far.held_count;
		return;
	}
	answer(request, &unknown);
}

static inline void far_release(void)
{
	assert_true(far.held_count > 0);
	far.held_count--;
	answer(far.held[far.held_count], far.held_answers[far.held_count]);
}

static inline void far_begin(const struct place *places)
{
	static const struct http_service service = { .handle = handle };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	memset(&far, 0, sizeof(far));
	far.places = places;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	far.port = ntohs(at.sin_port);
	far.server = http_server_new(&script_loop, &(struct http_limits){ 0 }, &service, NULL);
	assert_true(http_server_listen(far.server, fd, NULL));
}

/* ------------------------------------------------------------------------- the near side */

#define SECRET "s3cr3t-t0ken"

static struct {
	struct client *client;
	struct net *net;
	struct arena *arena;
	const struct net_api *api;
	struct instance *instance;
} near;

static inline const struct net_api *make_api(const struct sl_api *api, const char *options)
{
	struct why why = { 0 };
	struct buf out = { 0 };
	struct sl_document *values = sl_json_read((struct sl_text){ options, strlen(options) }, NULL, 0);
	if (!net_api_fill(api, sl_json_root(values), "asks", "salt", &out, &why))
		fail_msg("%s", why.text);
	struct sl_document *filled = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	const struct net_api *read = net_api_read(sl_json_root(filled), near.arena, &why);
	if (!read)
		fail_msg("%s", why.text);
	sl_json_free(&filled);
	sl_json_free(&values);
	buf_free(&out);
	return read;
}

static inline struct plugin *asks(void)
{
	const char *build = getenv("SLUICE_BUILD");
	struct why why = { 0 };
	char path[512];
	snprintf(path, sizeof(path), "%s/tests/plugins/asks.so", build ? build : ".");
	struct plugin *plugin = plugin_load(path, &why);
	if (!plugin)
		fail_msg("%s", why.text);
	return plugin;
}

/* What a test says of its net; the rest is as always. */
struct given {
	struct net_settings net;
	int64_t at_once;
	bool no_client, virtual_clock;
	const char *base;
};

static inline void near_begin(const struct given *given)
{
	static const char *const allow[] = { "127.0.0.1", NULL };
	struct why why = { 0 };
	char text[512];
	struct plugin *plugin = asks();
	near.arena = arena_new();
	struct sl_api api = *plugin->face->api;
	api.at_once = given->at_once;
	api.base = given->base ? given->base : api.base;
	snprintf(text, sizeof(text), "{\"host\":\"127.0.0.1\",\"port\":%d,\"token\":[\"" SECRET "\",\"old\"]}", far.port);
	near.api = make_api(&api, text);
	near.client = client_new(&script_loop, &(struct client_settings){ .allow = allow }, &why);
	struct net_settings settings = given->net;
	settings.loop = &script_loop;
	settings.client = given->no_client ? NULL : near.client;
	near.net = net_new(&settings);
	const struct host_settings host = {
		.loop = &script_loop, .net = near.net, .api = near.api, .virtual_clock = given->virtual_clock
	};
	near.instance = instance_new(&host, plugin, "asks", NULL, &why);
	if (!near.instance)
		fail_msg("%s", why.text);
	plugin_free(&plugin);
}

static inline void begin(const struct place *places)
{
	far_begin(places);
	near_begin(&(struct given){ 0 });
}

/* Pauses take no time. */
static inline void virtual_begin(const struct place *places)
{
	far_begin(places);
	near_begin(&(struct given){ .virtual_clock = true });
}

static inline void over(void)
{
	assert_true(net_idle(near.net));
	instance_free(&near.instance);
	net_free(&near.net);
	client_free(&near.client);
	arena_free(&near.arena);
	if (far.server)
		http_server_free(&far.server);
	uv_run(&script_loop, UV_RUN_DEFAULT);
}

struct asking {
	struct call *call;
	bool finished;
};

static inline void finished(struct call *call, void *data)
{
	((struct asking *)data)->finished = true;
}

static inline void ask_at(struct asking *asking, const char *json, uint64_t seq, int64_t received)
{
	struct call *call = call_new(near.instance, STEP_TRANSFORM);
	struct sl_event *event = arena_alloc(call->arena, sizeof(*event));
	*event = (struct sl_event){ .received = received, .data = { json, strlen(json) } };
	event->json = emitted_json(call, &(struct emitted){ .event = *event }, NULL);
	call->pub.event = event;
	call->seq = seq;
	call->source_api = near.api;
	asking->call = call;
	asking->finished = false;
	asking->finished = call_run(call, finished, asking) != SL_WAIT;
}

static inline void ask(struct asking *asking, const char *json)
{
	ask_at(asking, json, 0, 0);
}

static inline void wait_for(struct asking *asking)
{
	while (!asking->finished)
		uv_run(&script_loop, UV_RUN_ONCE);
}

static inline const char *outcome(const struct call *call)
{
	static char text[1024];
	if (call->outcome != SL_DONE)
		snprintf(text, sizeof(text), "%s: %s", script_outcome(call), call->why.text);
	else
		text[0] = '\0';
	for (size_t i = 0; i < call->emitted_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", call->emitted[i].event.data.at);
	return text;
}

/* What comes of it, in words. */
static inline const char *ends(const char *json)
{
	static char words[1024];
	struct asking asking;
	ask(&asking, json);
	wait_for(&asking);
	snprintf(words, sizeof(words), "%s", outcome(asking.call));
	call_free(&asking.call);
	return words;
}

#define assert_says(text, part) \
	do { \
		if (!strstr(text, part)) \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)
#define assert_silent(text, part) \
	do { \
		if (strstr(text, part)) \
			fail_msg("\"%s\" says \"%s\"", text, part); \
	} while (0)

static const char fine[] = "{\"status\":200,\"body\":\"{}\",\"json\":true,\"kind\":\"\"}";

#endif
