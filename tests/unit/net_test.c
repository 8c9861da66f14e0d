/* SPDX-License-Identifier: Apache-2.0 */
/* net_test.c - HTTP for plugins: what is filled in, repeated, shared, kept, and what it costs. */
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

static void hear(const struct http_request *request)
{
	assert_true(far.count < 32);
	snprintf(far.heard[far.count++], sizeof(far.heard[0]), "%s %.*s?%.*s\n%.*s\n%.*s", request->method,
		(int)request->path.len, request->path.at, (int)request->query.len, request->query.at ? request->query.at : "",
		(int)request->text.len, request->text.at, (int)request->body.len, request->body.at ? request->body.at : "");
}

static bool answers_here(const struct place *place, const struct http_request *request)
{
	return strlen(place->path) == request->path.len && memcmp(place->path, request->path.at, request->path.len) == 0;
}

/* Which answer of the row: so many were heard there before. */
static const struct answer *answer_for(const struct place *place)
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

static void answer(struct http_request *request, const struct answer *given)
{
	const char *body = given->body ? given->body : "";
	http_answer(request, given->status, given->headers, (struct sl_text){ body, strlen(body) });
}

static void handle(struct http_request *request, void *data)
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

static void far_release(void)
{
	assert_true(far.held_count > 0);
	far.held_count--;
	answer(far.held[far.held_count], far.held_answers[far.held_count]);
}

static void far_begin(const struct place *places)
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

static const struct net_api *make_api(const struct sl_api *api, const char *options)
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

static struct plugin *asks(void)
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

static void near_begin(const struct given *given)
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

static void begin(const struct place *places)
{
	far_begin(places);
	near_begin(&(struct given){ 0 });
}

/* Pauses take no time. */
static void virtual_begin(const struct place *places)
{
	far_begin(places);
	near_begin(&(struct given){ .virtual_clock = true });
}

static void over(void)
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

static void finished(struct call *call, void *data)
{
	((struct asking *)data)->finished = true;
}

static void ask_at(struct asking *asking, const char *json, uint64_t seq, int64_t received)
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

static void ask(struct asking *asking, const char *json)
{
	ask_at(asking, json, 0, 0);
}

static void wait_for(struct asking *asking)
{
	while (!asking->finished)
		uv_run(&script_loop, UV_RUN_ONCE);
}

static const char *outcome(const struct call *call)
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
static const char *ends(const char *json)
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

/* ------------------------------------------------------------------------ what is sent */

static void an_api_is_filled_in(void **state)
{
	static const struct place places[] = { { .path = "/v1/cards", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	begin(places);
	assert_string_equal(ends("{\"url\":\"/cards\",\"query\":{\"a b\":\"1&2\"}}"), fine);
	assert_says(far.heard[0], "GET /v1/cards?a%20b=1%262&key=" SECRET "\n");
	assert_says(far.heard[0], "authorization: Bearer " SECRET "\n");
	assert_says(far.heard[0], "x-kind: plain\n");
	assert_says(far.heard[0], "user-agent: sluice/");
	ends("{\"url\":\"/cards?key=mine\",\"headers\":{\"x-Kind\":\"own\"},\"body\":\"{}\"}");
	assert_says(far.heard[1], "POST /v1/cards?key=mine\n");
	assert_says(far.heard[1], "x-kind: own\n");
	assert_silent(far.heard[1], "plain");
	assert_says(far.heard[1], "content-type: application/json\n");
	assert_says(far.heard[1], "\n{}");
	over();
}

static void a_whole_url_to_the_same_place_is_the_apis_too(void **state)
{
	static const struct place places[] = { { .path = "/v1/next", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	char json[128];
	begin(places);
	snprintf(json, sizeof(json), "{\"url\":\"http://127.0.0.1:%d/v1/next?page=2\"}", far.port);
	assert_string_equal(ends(json), fine);
	assert_says(far.heard[0], "Bearer " SECRET);
	over();
}

static void nobody_else_sees_a_token(void **state)
{
	static const struct place places[] = { { .path = "/v1/other", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	char json[128];
	begin(places);
	snprintf(json, sizeof(json), "{\"url\":\"http://127.1:%d/v1/other\"}", far.port); /* not where the api is */
	assert_string_equal(ends(json), fine);
	assert_silent(far.heard[0], SECRET);
	over();
}

static void what_cannot_be_sent_fails_at_once(void **state)
{
	begin(NULL);
	assert_says(ends("{\"url\":\"cards\"}"), "fail: ");
	assert_says(ends("{\"url\":\"/c\",\"headers\":{\"A\":\"x\\r\\nB: y\"}}"),
		"the header A has no value that can be sent");
	assert_says(ends("{\"url\":\"/c\",\"headers\":{\"A B\":\"x\"}}"), "\"A B\" is no name of a header");
	assert_says(ends("{\"url\":\"/c\",\"method\":\"GE T\"}"), "\"GE T\" is no method");
	assert_says(ends("{\"url\":\"ftp://example.com/\"}"), "fail: ");
	assert_int_equal(far.count, 0);
	over();
}

static void an_option_with_a_line_break_fills_nothing(void **state)
{
	static const char *const headers[] = { "A: {token}", NULL };
	static const struct sl_api api = { .base = "https://{host}", .headers = headers };
	static const struct {
		const char *options, *why;
	} cases[] = {
		{ "{\"host\":\"x\",\"token\":[\"a\\r\\nB: c\"]}", "the option token goes into requests" },
		{ "{\"host\":\"x\",\"token\":[]}", "needs the option token" },
		{ "{\"token\":[\"a\"]}", "needs the option host" },
	};
	for (size_t i = 0; i < 3; i++) {
		struct why why = { 0 };
		struct buf out = { 0 };
		struct sl_document *values =
			sl_json_read((struct sl_text){ cases[i].options, strlen(cases[i].options) }, NULL, 0);
		assert_false(net_api_fill(&api, sl_json_root(values), "asks", "salt", &out, &why));
		assert_says(why.text, cases[i].why);
		sl_json_free(&values);
		buf_free(&out);
	}
}

static void who_has_the_same_token_shares_a_budget(void **state)
{
	static const struct sl_api shared = { .base = "https://x", .credential = "{token}" }, own = { .base = "https://x" };
	near.arena = arena_new();
	const struct net_api *a = make_api(&shared, "{\"token\":[\"t\"]}");
	const struct net_api *b = make_api(&shared, "{\"token\":[\"t\",\"u\"]}");
	const struct net_api *c = make_api(&shared, "{\"token\":[\"u\"]}"), *d = make_api(&own, "{\"token\":[\"t\"]}");
	assert_string_equal(a->credential, b->credential);
	assert_string_not_equal(a->credential, c->credential);
	assert_string_not_equal(a->credential, d->credential);
	assert_int_equal(strlen(a->credential), 16);
	arena_free(&near.arena);
}

/* ------------------------------------------------------------------------ trying again */

static void what_is_not_now_is_asked_again(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 503, NULL, "" }, { 500, NULL, "" }, { 200, "X-Kind: good\r\n", "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_string_equal(ends("{\"url\":\"/cards\"}"),
		"{\"status\":200,\"body\":\"{}\",\"json\":true,\"kind\":\"good\"}");
	assert_int_equal(far.count, 3);
	over();
}

static void at_last_it_is_an_outage(void **state)
{
	static const struct place places[] = { { .path = "/v1/cards", .answers = { { 500, NULL, "" } } }, { 0 } };
	struct asking asking;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards?token=" SECRET "\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_true(asking.call->outage);
	assert_says(asking.call->why.text, "/cards was answered with 500");
	assert_says(asking.call->why.text, "GET 127.0.0.1:");
	assert_silent(asking.call->why.text, SECRET);
	assert_int_equal(far.count, 4);
	call_free(&asking.call);
	over();
}

static void what_may_have_been_done_is_not_repeated(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/lost", .answers = { { 502, NULL, "" } } },
		{ .path = "/v1/busy", .answers = { { 429, NULL, "" }, { 200, NULL, "{}" } } },
		{ .path = "/v1/search", .answers = { { 502, NULL, "" }, { 200, NULL, "{}" } } },
		{ .path = "/v1/mine", .answers = { { 502, NULL, "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/lost\",\"body\":\"{}\"}"), "retry: POST 127.0.0.1");
	assert_int_equal(far.count, 1);
	assert_string_equal(ends("{\"url\":\"/busy\",\"body\":\"{}\"}"), fine);
	assert_string_equal(ends("{\"url\":\"/search\",\"body\":\"{}\",\"asks\":1}"), fine);
	assert_says(ends("{\"url\":\"/mine\",\"all\":1}"), "\"status\":502");
	over();
}

static void silence_is_kept(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 429, "Retry-After: 120\r\n", "" } } }, { 0 }
	};
	struct asking asking;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_int_equal(asking.call->retry_after, 120000);
	call_free(&asking.call);
	ask(&asking, "{\"url\":\"/boards\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_in_range(asking.call->retry_after, 110000, 120000);
	assert_says(asking.call->why.text, "wants to be left alone for 120 s");
	call_free(&asking.call);
	assert_int_equal(far.count, 1);
	over();
}

static void a_date_is_a_time_too(void **state)
{
	static char header[80];
	static struct place places[] = { { .path = "/v1/cards" }, { 0 } };
	time_t then = time(NULL) + 600;
	struct asking asking;
	strftime(header, sizeof(header), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&then));
	places[0].answers[0] = (struct answer){ 503, header, "" };
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards\"}");
	wait_for(&asking);
	assert_in_range(asking.call->retry_after, 590000, 601000);
	call_free(&asking.call);
	over();
}

static void nobody_there_is_an_outage(void **state)
{
	struct asking asking;
	far_begin(NULL);
	http_server_free(&far.server);
	uv_run(&script_loop, UV_RUN_DEFAULT);
	near_begin(&(struct given){ .virtual_clock = true });
	ask(&asking, "{\"url\":\"/cards?a=" SECRET "\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_true(asking.call->outage);
	assert_says(asking.call->why.text, "/cards: no connection");
	assert_silent(asking.call->why.text, SECRET);
	call_free(&asking.call);
	over();
}

static void who_is_inside_is_not_reached(void **state)
{
	begin(NULL);
	assert_says(ends("{\"url\":\"http://169.254.169.254/latest?a=" SECRET "\"}"), "fail: GET 169.254.169.254: ");
	over();
}

/* ------------------------------------------------------------------------------ GraphQL */

static void graphql_errors_are_judged(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/part", .answers = { { 200, NULL, "{\"data\":{\"a\":1},\"errors\":[{\"message\":\"b is gone\"}]}" } } },
		{ .path = "/v1/wrong", .answers = { { 200, NULL, "{\"errors\":[{\"message\":\"no field c\"},{}]}" } } },
		{ .path = "/v1/busy", .answers = { { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"THROTTLED\"}}]}" },
					    { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/monday", .answers = { { 200, NULL, "{\"error_code\":\"ComplexityException\"}" },
					      { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/later", .answers = { { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"COMPLEXITY_BUDGET_EXHAUSTED\","
								  "\"retry_in_seconds\":50}}]}" } } },
		{ .path = "/v1/odd", .answers = { { 200, NULL, "{\"ok\":true}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/part\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/wrong\",\"body\":\"{}\",\"graphql\":1}"), "fail: POST 127.0.0.1");
	assert_says(ends("{\"url\":\"/wrong\",\"body\":\"{}\",\"graphql\":1}"),
		"/wrong was answered with a GraphQL error: no field c (the first of several)");
	assert_says(ends("{\"url\":\"/busy\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/monday\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/odd\",\"body\":\"{}\",\"graphql\":1}"), "fail: POST");
	assert_says(ends("{\"url\":\"/odd\",\"body\":\"{}\",\"graphql\":1}"), "neither data nor an error: {\"ok\":true}");
	struct asking asking;
	ask(&asking, "{\"url\":\"/later\",\"body\":\"{}\",\"graphql\":1}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_int_equal(asking.call->retry_after, 50000);
	call_free(&asking.call);
	over();
}

/* How long each answer asks to wait; a query, so that asking again does no harm. */
static void assert_waits(const struct answer *answer, int64_t least, int64_t most)
{
	struct place places[] = { { .path = "/v1/q" }, { 0 } };
	struct asking asking;
	places[0].answers[0] = *answer;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/q\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}");
	wait_for(&asking);
	if (asking.call->outcome != SL_RETRY || asking.call->retry_after < least || asking.call->retry_after > most)
		fail_msg("%s %s: %s, after %lld", answer->headers ? answer->headers : "", answer->body, outcome(asking.call),
			(long long)asking.call->retry_after);
	call_free(&asking.call);
	over();
}

#define MINUTE_LIMIT "{\"errors\":[{\"message\":\"Minute limit rate exceeded\",\"extensions\":{" \
		     "\"code\":\"RATE_LIMIT_EXCEEDED\",\"retry_in_seconds\":38,\"status_code\":429}}]}"
#define IN_WORDS "Complexity budget exhausted, query cost 222250 budget remaining 214980 out of 10000000 " \
		 "reset in 16 seconds"

static void every_vendor_says_its_own_way_how_long(void **state)
{
	static char epoch[80];
	static const struct {
		struct answer answer;
		int64_t least, most;
	} table[] = {
		{ { 429, "Retry-After: 12.0\r\n", "" }, 12000, 12000 },
		{ { 429, "Retry-After: 10.25\r\n", "" }, 10250, 10250 },
		{ { 429, "Retry-After: soon\r\n", "" }, 0, 0 },
		{ { 429, "Retry-After: 999999\r\n", "" }, 3600000, 3600000 },
		{ { 429, "X-Rate-Limit-Reset: 41\r\n", "" }, 41000, 41000 },
		{ { 429, epoch, "" }, 295000, 300000 },
		{ { 429, "X-RateLimit-Reset: 1606808758\r\n", "" }, 0, 0 },
		{ { 429, "RateLimit: \"minuteRate\";r=0;t=38, \"concurrency\";r=3\r\n", "" }, 38000, 38000 },
		{ { 429, NULL, MINUTE_LIMIT }, 38000, 38000 },
		{ { 423, "Retry-After: 30\r\n", "" }, 30000, 30000 },
		{ { 200, NULL, "{\"data\":{\"op\":null},\"errors\":[{\"message\":\"x\",\"extensions\":{\"code\":\"FIELD_LIMIT_EXCEEDED\","
			       "\"status_code\":429,\"retry_in_seconds\":20}}]}" }, 20000, 20000 },
		{ { 200, NULL, "{\"data\":{\"a\":1,\"b\":null},\"errors\":[{\"extensions\":{\"code\":\"X\",\"status_code\":429,"
			       "\"retry_in_seconds\":20}}]}" }, 20000, 20000 },
		{ { 200, NULL, "{\"errors\":[\"" IN_WORDS "\"],\"status_code\":429,\"error_message\":\"" IN_WORDS "\","
			       "\"error_code\":\"complexityBudgetExhausted\"}" }, 16000, 16000 },
		{ { 200, NULL, "{\"errors\":[\"" IN_WORDS "\"]}" }, 16000, 16000 },
		{ { 200, NULL, "{\"errors\":[{\"message\":\"Throttled\",\"extensions\":{\"code\":\"THROTTLED\"}}],\"extensions\":{\"cost\":{"
			       "\"requestedQueryCost\":1902,\"actualQueryCost\":null,\"throttleStatus\":{"
			       "\"maximumAvailable\":2000.0,\"currentlyAvailable\":102,\"restoreRate\":100.0}}}}" }, 18000, 18001 },
		{ { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"IP_RATE_LIMIT_EXCEEDED\"}}]}" }, 0, 0 },
		{ { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"API_TEMPORARILY_BLOCKED\"}}]}" }, 0, 0 },
		{ { 200, NULL, "{\"data\":null,\"errors\":[{\"path\":[],\"extensions\":{\"status_code\":500,"
			       "\"error_code\":\"INTERNAL_SERVER_ERROR\"}}]}" }, 0, 0 },
		{ { 449, NULL, "" }, 0, 0 },
	};
	snprintf(epoch, sizeof(epoch), "X-RateLimit-Reset: %lld\r\n", (long long)time(NULL) + 300);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_waits(&table[i].answer, table[i].least, table[i].most);
}

static void what_is_used_up_for_today_waits_until_midnight(void **state)
{
	int64_t left = 86400000 - clock_wall() % 86400000;
	if (left < 20000)
		skip();
	assert_waits(&(struct answer){ 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"DAILY_LIMIT_EXCEEDED\"}}]}" },
		left - 10000, left);
}

/* A page of a proxy, half an answer, nothing at all: the far side cannot be had, and the sentence shows what came. */
static void what_is_no_json_is_not_now_and_quoted(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/html", .answers = { { 200, NULL, "<html>\r\n <b>" SECRET "</b> is down for maintenance" } } },
		{ .path = "/v1/half", .answers = { { 200, NULL, "{\"data\":{\"boards\":[{\"id\":\"1" } } },
		{ .path = "/v1/none", .answers = { { 200, NULL, "" } } },
		{ .path = "/v1/once", .answers = { { 200, NULL, "<html>" }, { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/down", .answers = { { 503, NULL, "key " SECRET " is over its limit" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/html\",\"body\":\"{}\",\"graphql\":1}"), "retry: POST 127.0.0.1");
	assert_says(ends("{\"url\":\"/html\",\"body\":\"{}\",\"graphql\":1}"),
		"is not JSON: <html>   <b>***</b> is down for maintenance");
	assert_says(ends("{\"url\":\"/half\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}"),
		"is not JSON: {\"data\":{\"boards\":");
	assert_says(ends("{\"url\":\"/none\",\"body\":\"{}\",\"graphql\":1}"), "is not JSON: (nothing)");
	assert_says(ends("{\"url\":\"/once\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/down\"}"), "was answered with 503: key *** is over its limit");
	over();
}

static void a_quote_is_short_and_whole(void **state)
{
	static char body[1201];
	struct place places[] = { { .path = "/v1/long", .answers = { { 500, NULL, body } } }, { 0 } };
	for (size_t i = 0; i < 600; i++)
		memcpy(body + 2 * i, "\xc3\xa9", 2);
	body[0] = 'x', body[1] = 'y', body[2] = 'z', body[3] = ' '; /* so that the 200th byte is none of its own */
	memmove(body + 1, body, 1000);
	virtual_begin(places);
	const char *words = ends("{\"url\":\"/long\"}");
	assert_says(words, "500: xxyz ");
	assert_says(words, "\xc3\xa9...");
	assert_true(strlen(words) < 320);
	assert_true(sl_utf8((struct sl_text){ words, strlen(words) }));
	over();
}

static void a_redirect_elsewhere_carries_nothing_and_is_not_believed(void **state)
{
	static char location[80];
	static const struct place places[] = {
		{ .path = "/v1/moved", .answers = { { 302, location, "" } } },
		{ .path = "/v1/posted", .answers = { { 307, location, "" } } },
		{ .path = "/elsewhere", .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	snprintf(location, sizeof(location), "Location: http://localhost:%d/elsewhere\r\n", far.port); /* another origin */
	const char *words = ends("{\"url\":\"/moved\"}");
	assert_says(words, "retry: GET 127.0.0.1:");
	assert_says(words, "/moved was redirected elsewhere, to localhost:");
	assert_says(words, ", which answered 200: {}");
	assert_says(far.heard[0], SECRET);
	assert_says(far.heard[1], "GET /elsewhere?");
	assert_silent(far.heard[1], SECRET);
	const int asked = far.count;
	assert_says(ends("{\"url\":\"/posted\",\"body\":\"{}\"}"), "\"status\":307");
	assert_int_equal(far.count, asked + 1);
	over();
}

/* ------------------------------------------------------------------------- shared, kept */

static const struct place held[] = {
	{ .path = "/v1/cards", .answers = { { 200, NULL, "{}" } }, .hold = true },
	{ .path = "/v1/boards", .answers = { { 200, NULL, "{}" } }, .hold = true },
	{ 0 }
};

static void turn_until_held(size_t count)
{
	while (far.held_count < count)
		uv_run(&script_loop, UV_RUN_ONCE);
}

static void equal_gets_are_asked_once(void **state)
{
	struct asking a, b, c;
	begin(held);
	ask_at(&a, "{\"url\":\"/cards\"}", 1, 1000);
	turn_until_held(1);
	ask_at(&b, "{\"url\":\"/cards\"}", 2, 1000);
	ask_at(&c, "{\"url\":\"/cards\"}", 3, clock_wall() + 1000); /* came after it was asked */
	turn_until_held(2);
	call_free(&a.call); /* who asked first leaves */
	far_release();
	far_release();
	wait_for(&b);
	wait_for(&c);
	assert_string_equal(outcome(b.call), fine);
	assert_string_equal(outcome(c.call), fine);
	assert_int_equal(far.count, 2);
	call_free(&b.call);
	call_free(&c.call);
	ask_at(&a, "{\"url\":\"/cards\"}", 4, 1000); /* answered just now */
	wait_for(&a);
	assert_int_equal(far.count, 2);
	call_free(&a.call);
	ask_at(&a, "{\"url\":\"/cards\"}", 5, clock_wall() + 1); /* what it tells of came later */
	turn_until_held(1);
	far_release();
	wait_for(&a);
	call_free(&a.call);
	over();
}

static void who_asks_twice_wants_to_know_twice(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/job", .answers = { { 200, NULL, "[1]" }, { 200, NULL, "[2]" } } }, { 0 }
	};
	begin(places);
	assert_string_equal(ends("{\"url\":\"/job\",\"times\":2}"),
		"{\"status\":200,\"body\":\"[1]\",\"json\":true,\"kind\":\"\"}"
		"{\"status\":200,\"body\":\"[2]\",\"json\":true,\"kind\":\"\"}");
	over();
}

static struct {
	char keys[16][40], texts[16][512];
	size_t count, found;
} keeper;

static struct sl_text keeper_find(void *data, uint64_t seq, uint32_t part, const char *key, struct arena *arena)
{
	for (size_t i = 0; i < keeper.count; i++)
		if (strcmp(keeper.keys[i], key) == 0) {
			keeper.found++;
			return arena_text(arena, (struct sl_text){ keeper.texts[i], strlen(keeper.texts[i]) });
		}
	return (struct sl_text){ 0 };
}

static void keeper_keep(void *data, uint64_t seq, uint32_t part, const char *key, struct sl_text text)
{
	assert_int_equal(strlen(key), 32);
	assert_true(text.len < sizeof(keeper.texts[0]));
	snprintf(keeper.keys[keeper.count], sizeof(keeper.keys[0]), "%s", key);
	memcpy(keeper.texts[keeper.count++], text.at, text.len);
}

static void begin_keeping(const struct place *places, bool fresh)
{
	static const struct net_keeper functions = { .find = keeper_find, .keep = keeper_keep };
	far_begin(places);
	near_begin(&(struct given){ .net = { .keeper = &functions, .fresh = fresh } });
}

static const char *ends_for(uint64_t seq, const char *json)
{
	static char words[1024];
	struct asking asking;
	ask_at(&asking, json, seq, clock_wall() + 1000000); /* nothing is shared */
	wait_for(&asking);
	snprintf(words, sizeof(words), "%s", outcome(asking.call));
	call_free(&asking.call);
	return words;
}

static void a_delivery_asks_once_in_its_life(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 200, "X-Kind: a\r\n", "[1]" }, { 200, "X-Kind: b\r\n", "[2]" },
					     { 200, "X-Kind: c\r\n", "[3]" } } },
		{ .path = "/v1/secret", .answers = { { 401, NULL, "" }, { 200, NULL, "{}" } } },
		{ 0 }
	};
	static const char first[] = "{\"status\":200,\"body\":\"[1]\",\"json\":true,\"kind\":\"a\"}";
	memset(&keeper, 0, sizeof(keeper));
	begin_keeping(places, false);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_int_equal(far.count, 1);
	assert_int_equal(keeper.count, 1);
	assert_silent(keeper.texts[0], SECRET);
	/* The second time in one run is another question. */
	assert_says(ends_for(7, "{\"url\":\"/cards\",\"times\":2}"), "[2]");
	assert_says(ends_for(7, "{\"url\":\"/cards\",\"times\":2}"), "[2]");
	assert_int_equal(far.count, 2);
	assert_says(ends_for(8, "{\"url\":\"/secret\"}"), "401");
	assert_says(ends_for(8, "{\"url\":\"/secret\"}"), "200"); /* a 401 is not kept */
	ends_for(9, "{\"url\":\"/cards\",\"body\":\"{}\"}");
	assert_int_equal(keeper.count, 3); /* nor what changes something */
	over();
	begin_keeping(places, true);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_int_equal(far.count, 1); /* asked afresh */
	over();
}

static void a_secret_in_a_base_is_in_no_url(void **state)
{
	static const struct net_keeper functions = { .find = keeper_find, .keep = keeper_keep };
	static const struct place places[] = {
		{ .path = "/bot" SECRET "/me", .answers = { { 200, NULL, "{}" } } },
		{ .path = "/bot" SECRET "/there", .answers = { { 302, "Location: /a/" SECRET "/b/" SECRET "\r\n", "" } } },
		{ .path = "/a/" SECRET "/b/" SECRET, .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	memset(&keeper, 0, sizeof(keeper));
	far_begin(places);
	near_begin(&(struct given){ .net = { .keeper = &functions }, .base = "http://{host}:{port}/bot{token}/" });
	assert_string_equal(ends_for(7, "{\"url\":\"/me\",\"query\":{\"a\":\"1\"}}"), fine);
	assert_says(far.heard[0], "GET /bot" SECRET "/me?a=1");
	assert_says(keeper.texts[0], "\"url\":\"/me?a=1\"");
	assert_string_equal(ends_for(7, "{\"url\":\"/there\"}"), fine);
	assert_says(keeper.texts[1], "/a/***/b/***\"");
	over();
}

/* ------------------------------------------------------------------------------- budgets */

static void only_so_many_at_once(void **state)
{
	struct asking a, b, c;
	far_begin(held);
	near_begin(&(struct given){ .at_once = 1 });
	ask(&a, "{\"url\":\"/cards\",\"method\":\"POST\"}");
	ask(&b, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	ask(&c, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	turn_until_held(1);
	for (int i = 0; i < 20; i++)
		uv_run(&script_loop, UV_RUN_NOWAIT);
	assert_int_equal(far.count, 1);
	call_free(&b.call); /* waits for a grant */
	far_release();
	wait_for(&a);
	turn_until_held(1);
	assert_int_equal(far.count, 2);
	call_free(&c.call); /* is under way: what it held comes back */
	far_release();
	ask(&b, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	turn_until_held(1);
	far_release();
	wait_for(&b);
	assert_int_equal(far.most_held, 1);
	call_free(&a.call);
	call_free(&b.call);
	over();
}

static char lent[1024];

static void note(const char *form, uint64_t a, int64_t b, int64_t c)
{
	size_t used = strlen(lent);
	snprintf(lent + used, sizeof(lent) - used, form, (unsigned long long)a, (long long)b, (long long)c);
}

static void lender_take(void *data, uint64_t ticket, const struct net_api *api, enum budget_class class, int64_t cost)
{
	assert_ptr_equal(api, near.api);
	note("take %llu %lld %lld; ", ticket, class, cost);
}

static void lender_give(void *data, const struct net_api *api, uint64_t grant, int64_t cost, int64_t hush)
{
	note("give %llu %lld %lld; ", grant, cost, hush);
}

static void lender_more(void *data, const struct net_api *api, uint64_t grant, int64_t requests)
{
	note("more %llu %lld; ", grant, requests, 0);
}

static void lender_forget(void *data, uint64_t ticket)
{
	note("forget %llu; ", ticket, 0, 0);
}

static const struct net_lender lender = { .take = lender_take, .more = lender_more, .give = lender_give,
	.forget = lender_forget };

static void assert_lent(const char *expected)
{
	assert_string_equal(lent, expected);
	lent[0] = '\0';
}

static void turns(int count)
{
	while (count-- > 0)
		uv_run(&script_loop, UV_RUN_NOWAIT);
}

static void what_was_borrowed_comes_back(void **state)
{
	struct asking asking;
	far_begin(held);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/cards\",\"cost\":5}");
	turns(3);
	assert_lent("take 1 0 5; ");
	call_free(&asking.call);
	assert_lent("forget 1; ");
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 1, 98, 0); /* nobody's */
	net_granted(near.net, 2, 99, 0);
	turn_until_held(1);
	assert_lent("take 2 0 1; ");
	call_free(&asking.call);
	assert_lent("give 99 -1 0; ");
	far_release();
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 3, 0, 60000);
	wait_for(&asking);
	assert_says(asking.call->why.text, "wants to be left alone for 60 s");
	assert_int_equal(asking.call->retry_after, 60000);
	assert_lent("take 3 0 1; ");
	call_free(&asking.call);
	over();
}

static void a_pause_holds_no_grant(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 429, "Retry-After: 2\r\n", "" }, { 200, NULL, "{}" } } }, { 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender }, .virtual_clock = true });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 1, 7, 0);
	while (!strstr(lent, "take 2"))
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_lent("take 1 0 1; give 7 -1 2000; take 2 0 1; ");
	net_granted(near.net, 2, 8, 0);
	wait_for(&asking);
	assert_string_equal(outcome(asking.call), fine);
	assert_lent("give 8 -1 0; ");
	call_free(&asking.call);
	over();
}

/* A page with nothing on it may cost nothing, and that is no less known. */
static void what_it_cost_is_told(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/q",
			.answers = { { 200, NULL, "{\"data\":{},\"extensions\":{\"cost\":{\"actualQueryCost\":0}}}" },
				{ 200, NULL, "{\"data\":{\"complexity\":{\"query\":12}}}" }, { 200, NULL, "{\"data\":{}}" } } },
		{ 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	for (uint64_t i = 1; i <= 3; i++) {
		ask(&asking, "{\"url\":\"/q\",\"body\":\"{}\",\"graphql\":1,\"cost\":9}");
		turns(3);
		net_granted(near.net, i, i, 0);
		wait_for(&asking);
		call_free(&asking.call);
	}
	assert_lent("take 1 0 9; give 1 0 0; take 2 0 9; give 2 12 0; take 3 0 9; give 3 -1 0; ");
	over();
}

/* To another origin it is another far side's business. */
static void redirects_count(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/there", .answers = { { 302, "Location: /v1/then\r\n", "" } } },
		{ .path = "/v1/then", .answers = { { 301, "Location: /v1/cards\r\n", "" } } },
		{ .path = "/v1/cards", .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/there\"}");
	turns(3);
	net_granted(near.net, 1, 7, 0);
	wait_for(&asking);
	assert_string_equal(outcome(asking.call), fine);
	assert_lent("take 1 0 1; more 7 2; give 7 -1 0; ");
	call_free(&asking.call);
	over();
}

/* -------------------------------------------------------------------- without a network */

static bool canned(void *data, struct call *call, const struct client_request *request, bool safe, struct arena *arena,
	struct client_answer *given)
{
	int *count = data;
	if (strstr(request->url, "/elsewhere"))
		return false;
	if (strstr(request->url, "/forbidden")) {
		given->end = CLIENT_REFUSED;
		given->why = "the test has no answer for this";
		return true;
	}
	given->status = ++*count == 1 ? 503 : 200;
	given->url = request->url;
	given->body = arena_text(arena, (struct sl_text){ "{}", 2 });
	return true;
}

static void answers_may_be_canned(void **state)
{
	int count = 0;
	memset(&far, 0, sizeof(far));
	near_begin(&(struct given){
		.net = { .canned = canned, .canned_data = &count }, .no_client = true, .virtual_clock = true });
	int64_t began = clock_ticks();
	assert_string_equal(ends("{\"url\":\"/cards\"}"), fine);
	assert_int_equal(count, 2);
	assert_string_equal(ends("{\"url\":\"/cards\"}"), fine); /* nothing is shared */
	assert_int_equal(count, 3);
	assert_says(ends("{\"url\":\"/forbidden\"}"), "/forbidden: the test has no answer for this");
	assert_says(ends("{\"url\":\"/elsewhere\"}"), "there is no network here");
	assert_true(clock_ticks() - began < 10000);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_api_is_filled_in),
		cmocka_unit_test(a_whole_url_to_the_same_place_is_the_apis_too),
		cmocka_unit_test(nobody_else_sees_a_token),
		cmocka_unit_test(what_cannot_be_sent_fails_at_once),
		cmocka_unit_test(an_option_with_a_line_break_fills_nothing),
		cmocka_unit_test(who_has_the_same_token_shares_a_budget),
		cmocka_unit_test(what_is_not_now_is_asked_again),
		cmocka_unit_test(at_last_it_is_an_outage),
		cmocka_unit_test(what_may_have_been_done_is_not_repeated),
		cmocka_unit_test(silence_is_kept),
		cmocka_unit_test(a_date_is_a_time_too),
		cmocka_unit_test(nobody_there_is_an_outage),
		cmocka_unit_test(who_is_inside_is_not_reached),
		cmocka_unit_test(graphql_errors_are_judged),
		cmocka_unit_test(every_vendor_says_its_own_way_how_long),
		cmocka_unit_test(what_is_used_up_for_today_waits_until_midnight),
		cmocka_unit_test(what_is_no_json_is_not_now_and_quoted),
		cmocka_unit_test(a_quote_is_short_and_whole),
		cmocka_unit_test(a_redirect_elsewhere_carries_nothing_and_is_not_believed),
		cmocka_unit_test(equal_gets_are_asked_once),
		cmocka_unit_test(who_asks_twice_wants_to_know_twice),
		cmocka_unit_test(a_delivery_asks_once_in_its_life),
		cmocka_unit_test(a_secret_in_a_base_is_in_no_url),
		cmocka_unit_test(what_it_cost_is_told),
		cmocka_unit_test(redirects_count),
		cmocka_unit_test(only_so_many_at_once),
		cmocka_unit_test(what_was_borrowed_comes_back),
		cmocka_unit_test(a_pause_holds_no_grant),
		cmocka_unit_test(answers_may_be_canned),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
