/* SPDX-License-Identifier: Apache-2.0 */
/* client_ask.c - one ask, from the request to the answer; redirects. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/client_inside.h"

#define CONNECTING 10000 /* ms */
#define DEFAULT_TIME 30000
#define REDIRECTS 5

/* -------------------------------------------------------- what libcurl calls */

static size_t on_body(char *at, size_t size, size_t count, void *data)
{
	struct client_ask *ask = data;
	bool taken = client_body_add(&ask->body, at, size * count, client_ask_into_file(ask));
	return taken ? size * count : CURL_WRITEFUNC_ERROR;
}

/* With a proxy it is the proxy's address, which is allowed by being configured. */
static curl_socket_t on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct client_ask *ask = data;
	struct in6_addr address;
	network_address(&to->addr, &address);
	if (!ask->client->proxy && !client_guard_allows(&ask->client->guard, &address)) {
		bool four = IN6_IS_ADDR_V4MAPPED(&address);
		inet_ntop(four ? AF_INET : AF_INET6, four ? address.s6_addr + 12 : address.s6_addr, ask->forbidden,
			sizeof(ask->forbidden));
		return CURL_SOCKET_BAD;
	}
	ask->tried = true;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ----------------------------------------------------------------- setting up */

static void set_rules(struct client_ask *ask)
{
	CURL *easy = ask->easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, ask);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, ask->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, ask);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, ask);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a name being looked up is not waited for */
}

/* An empty proxy: what the environment says is not asked. */
static void set_way(struct client_ask *ask)
{
	const struct client *client = ask->client;
	bool encrypted = client_url_encrypted(ask->url);
	int64_t left = ask->began + ask->timeout - clock_ticks();
	curl_easy_setopt(ask->easy, CURLOPT_URL, ask->url);
	curl_easy_setopt(ask->easy, CURLOPT_PROXY, client->proxy ? client->proxy : "");
	curl_easy_setopt(ask->easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(ask->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(ask->easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	curl_easy_setopt(ask->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECTING);
	curl_easy_setopt(ask->easy, CURLOPT_HTTP_VERSION, encrypted ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(ask->easy, CURLOPT_PIPEWAIT, (long)encrypted); /* where HTTP/2 is spoken, one handshake for many */
	if (!client->ca)
		return;
	curl_easy_setopt(ask->easy, CURLOPT_CAINFO, client->ca);
	curl_easy_setopt(ask->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(ask->easy, CURLOPT_PROXY_CAINFO, client->ca);
	curl_easy_setopt(ask->easy, CURLOPT_PROXY_CAPATH, NULL);
}

static bool any_of(const char *name, const char *const *names)
{
	while (*names && strcasecmp(name, *names) != 0)
		names++;
	return *names != NULL;
}

/* A method that has a body says so even if it is empty. */
static void set_method(struct client_ask *ask)
{
	static const char *const sending[] = { "POST", "PUT", "PATCH", NULL };
	bool head = strcmp(ask->method, "HEAD") == 0;
	if (head) {
		curl_easy_setopt(ask->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (ask->content.len || any_of(ask->method, sending)) {
		curl_easy_setopt(ask->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->content.len);
		curl_easy_setopt(ask->easy, CURLOPT_POSTFIELDS, ask->content.at);
	}
	curl_easy_setopt(ask->easy, CURLOPT_CUSTOMREQUEST, ask->method);
}

static void add_line(struct client_ask *ask, const char *line)
{
	struct curl_slist *lines = curl_slist_append(ask->lines, line);
	if (lines)
		ask->lines = lines;
}

/* Of libcurl's own headers two are switched off: it would call any body a form,
 * and would wait before it sends a long one. */
static void set_headers(struct client_ask *ask)
{
	bool typed = false;
	curl_slist_free_all(ask->lines);
	ask->lines = NULL;
	for (size_t i = 0; !ask->foreign && ask->headers && ask->headers[i]; i++) {
		const struct sl_pair *header = ask->headers[i];
		typed |= strcasecmp(header->name, "content-type") == 0;
		add_line(ask, arena_format(ask->own, header->value[0] ? "%s: %s" : "%s;%s", header->name, header->value));
	}
	if (!typed)
		add_line(ask, "Content-Type:");
	add_line(ask, "Expect:");
	curl_easy_setopt(ask->easy, CURLOPT_HTTPHEADER, ask->lines);
}

static bool refuse(struct client_ask *ask)
{
	ask->failed = true;
	return false;
}

/* A proxy looks names up itself: what can be judged is what is no name. */
static bool host_allowed(struct client_ask *ask)
{
	const char *host = client_url_host(ask->own, ask->url);
	if (!ask->client->proxy || !host || client_guard_allows_host(&ask->client->guard, host))
		return true;
	return why_say(&ask->why, "%s is no public address; `http: { allow: [...] }` in the configuration permits it",
		host);
}

bool client_ask_begin(struct client_ask *ask)
{
	if (!client_url_check(ask->url, &ask->why) || !host_allowed(ask))
		return refuse(ask);
	ask->error[0] = '\0';
	ask->forbidden[0] = '\0';
	ask->tried = false;
	curl_easy_reset(ask->easy);
	set_rules(ask);
	set_way(ask);
	set_method(ask);
	set_headers(ask);
	if (curl_multi_add_handle(ask->client->multi, ask->easy) == CURLM_OK)
		return true;
	why_say(&ask->why, "libcurl does not take the request");
	return refuse(ask);
}

/* ----------------------------------------------------------------- redirects */

static int status_of(const struct client_ask *ask)
{
	long status = 0;
	curl_easy_getinfo(ask->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static bool follows(const struct client_ask *ask)
{
	static const char *const followed[] = { "GET", "HEAD", NULL };
	int status = status_of(ask);
	return any_of(ask->method, followed) && ((status >= 301 && status <= 303) || status == 307 || status == 308);
}

bool client_ask_redirected(struct client_ask *ask, CURLcode code)
{
	char *location = NULL;
	if (code != CURLE_OK || !follows(ask))
		return false;
	curl_easy_getinfo(ask->easy, CURLINFO_REDIRECT_URL, &location);
	if (!location)
		return false;
	const char *to = arena_string(ask->own, location); /* libcurl's ends with the next request */
	if (ask->redirects++ == REDIRECTS) {
		why_say(&ask->why, "redirects more than %d times", REDIRECTS);
		return refuse(ask);
	}
	if (!client_url_same_origin(ask->url, to)) {
		ask->foreign = true;
		ask->content = (struct sl_text){ "", 0 };
	}
	ask->redirected += !ask->foreign;
	client_body_again(&ask->body);
	curl_multi_remove_handle(ask->client->multi, ask->easy);
	ask->url = to;
	return client_ask_begin(ask);
}

/* -------------------------------------------------------------- the answer */

/* Only what was asked for is kept in the file: an error's body is for reading. */
bool client_ask_into_file(const struct client_ask *ask)
{
	return ask->body.file && status_of(ask) / 100 == 2;
}

static const char *lower(char *text)
{
	for (char *at = text; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at |= 0x20;
	return text;
}

static const struct sl_pair *const *headers_of(struct client_ask *ask)
{
	struct curl_header *header = NULL;
	size_t count = 0;
	while ((header = curl_easy_nextheader(ask->easy, CURLH_HEADER, -1, header)))
		count++;
	const struct sl_pair **list = arena_alloc(ask->arena, (count + 1) * sizeof(*list));
	for (size_t i = 0; i < count && (header = curl_easy_nextheader(ask->easy, CURLH_HEADER, -1, header)); i++) {
		struct sl_pair *pair = arena_alloc(ask->arena, sizeof(*pair));
		pair->name = lower(arena_string(ask->arena, header->name));
		pair->value = arena_string(ask->arena, header->value);
		list[i] = pair;
	}
	return list;
}

static const struct client_answer *answer_of(struct client_ask *ask, CURLcode code)
{
	struct client_answer *answer = arena_alloc(ask->arena, sizeof(*answer));
	struct client_body *body = &ask->body;
	if (code == CURLE_OK && !ask->failed)
		client_body_finish(body, client_ask_into_file(ask));
	answer->status = status_of(ask);
	answer->headers = headers_of(ask);
	answer->url = arena_string(ask->arena, ask->url);
	client_end_judge(ask, code, answer);
	struct sl_text memory = { body->memory.at ? body->memory.at : "", body->memory.len };
	answer->body = arena_text(ask->arena, answer->end == CLIENT_ANSWERED ? memory : (struct sl_text){ "", 0 });
	answer->redirects = ask->redirected;
	answer->foreign = ask->foreign;
	answer->began = ask->began;
	answer->ended = clock_ticks();
	return answer;
}

static void ask_free(struct client_ask *ask)
{
	*ask->place = ask->next;
	if (ask->next)
		ask->next->place = ask->place;
	curl_multi_remove_handle(ask->client->multi, ask->easy);
	curl_easy_cleanup(ask->easy);
	curl_slist_free_all(ask->lines);
	client_body_free(&ask->body);
	arena_free(&ask->own);
	free(ask);
}

void client_ask_end(struct client_ask *ask, CURLcode code)
{
	const struct client_answer *answer = answer_of(ask, code);
	client_done *done = ask->done;
	void *data = ask->data;
	ask_free(ask);
	done(answer, data);
}

void client_cancel(struct client_ask **ask)
{
	if (*ask)
		ask_free(*ask);
	*ask = NULL;
}

/* ------------------------------------------------------------------ asking */

static bool is_token(const char *text)
{
	static const char signs[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	return *text && strspn(text, signs) == strlen(text);
}

static bool is_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

/* What would let a request be read as another one, or as two. */
static const char *const ours[] = {
	"connection", "content-length", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade", NULL,
};

/* The value is not shown: it may be a secret. */
static bool check_header(const struct sl_pair *header, struct why *why)
{
	if (!header->name || !is_token(header->name))
		return why_say(why, "\"%.100s\" is no name of a header", header->name ? header->name : "");
	if (any_of(header->name, ours))
		return why_say(why, "the header %s is not for a plugin to say; leave it out", header->name);
	if (!header->value || !is_value(header->value))
		return why_say(why, "the value of the header %s holds a line break or another control character", header->name);
	return true;
}

static bool check_request(const struct client_request *request, struct why *why)
{
	if (!is_token(request->method) || strcmp(request->method, "CONNECT") == 0)
		return why_say(why, "\"%.40s\" is no method", request->method);
	for (size_t i = 0; request->headers && request->headers[i]; i++)
		if (!check_header(request->headers[i], why))
			return false;
	return true;
}

static const struct sl_pair *const *copy_headers(struct arena *arena, const struct sl_pair *const *headers)
{
	size_t count = 0;
	while (headers && headers[count])
		count++;
	const struct sl_pair **list = arena_alloc(arena, (count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		pair->name = arena_string(arena, headers[i]->name);
		pair->value = arena_string(arena, headers[i]->value);
		list[i] = pair;
	}
	return list;
}

static struct client_ask *ask_new(struct client *client, const struct client_request *request)
{
	struct client_ask *ask = must_alloc(sizeof(*ask));
	ask->client = client;
	ask->own = arena_new();
	ask->method = arena_string(ask->own, request->method);
	ask->url = arena_string(ask->own, request->url);
	ask->headers = copy_headers(ask->own, request->headers);
	ask->content = arena_text(ask->own, request->body);
	ask->body = (struct client_body){ .most = request->most, .file = arena_string(ask->own, request->file), .fd = -1 };
	ask->easy = curl_easy_init();
	assert(ask->easy);
	ask->began = clock_ticks();
	ask->timeout = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIME;
	ask->next = client->asks;
	ask->place = &client->asks;
	if (ask->next)
		ask->next->place = &ask->next;
	client->asks = ask;
	return ask;
}

struct client_ask *client_send(struct client *client, const struct client_request *request, struct arena *arena,
	client_done *done, void *data)
{
	struct client_ask *ask = ask_new(client, request);
	ask->arena = arena;
	ask->done = done;
	ask->data = data;
	if (!check_request(request, &ask->why))
		refuse(ask);
	if (ask->failed || !client_ask_begin(ask))
		client_soon(client);
	return ask;
}
