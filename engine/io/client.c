/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - libcurl on the loop: sockets, its timer, asks that ended. */
#include "io/client.h"

#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/client_inside.h"

#define CONNECTIONS 256
#define KEPT_FILES ((rlim_t)64) /* descriptors that connections leave to everybody else */

/* ---------------------------------------------------------------- what ended */

static void ended(struct client_ask *ask, CURLcode code)
{
	if (!client_ask_redirected(ask, code))
		client_ask_end(ask, code);
}

/* An asker may send, cancel, and free the client. */
static void tell_ended(struct client *client)
{
	struct CURLMsg *message;
	int left;
	while (client->multi && (message = curl_multi_info_read(client->multi, &left))) {
		struct client_ask *ask = NULL;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ask);
		ended(ask, code);
	}
}

static size_t count_failed(const struct client *client)
{
	size_t count = 0;
	for (const struct client_ask *ask = client->asks; ask; ask = ask->next)
		count += ask->failed;
	return count;
}

static struct client_ask *oldest_failed(const struct client *client)
{
	struct client_ask *oldest = NULL;
	for (struct client_ask *ask = client->asks; ask; ask = ask->next)
		if (ask->failed)
			oldest = ask;
	return oldest;
}

/* Those that fail because of this wait for the next turn. */
static void on_soon(uv_timer_t *timer)
{
	struct client *client = timer->data;
	for (size_t count = count_failed(client); count && client->multi; count--) {
		struct client_ask *ask = oldest_failed(client);
		if (ask)
			client_ask_end(ask, CURLE_OK);
	}
}

void client_soon(struct client *client)
{
	uv_timer_start(&client->soon, on_soon, 0, 0);
}

/* ------------------------------------------------------------ libcurl's timer */

static void act(struct client *client, curl_socket_t fd, int events)
{
	int running;
	curl_multi_socket_action(client->multi, fd, events, &running);
	tell_ended(client);
}

static void on_timeout(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *data)
{
	struct client *client = data;
	if (ms < 0)
		uv_timer_stop(&client->timer);
	else
		uv_timer_start(&client->timer, on_timeout, (uint64_t)ms, 0);
	return 0;
}

/* ---------------------------------------------------------- libcurl's sockets */

struct watched {
	uv_poll_t poll;
	struct client *client;
	curl_socket_t fd;
};

static void on_unwatched(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	const struct watched *watched = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(watched->client, watched->fd, flags);
}

/* NULL: the loop does not take it; the request then ends by its time. */
static struct watched *watch(struct client *client, curl_socket_t fd)
{
	struct watched *watched = must_alloc(sizeof(*watched));
	watched->client = client;
	watched->fd = fd;
	if (uv_poll_init_socket(client->loop, &watched->poll, fd) != 0) {
		free(watched);
		return NULL;
	}
	watched->poll.data = watched;
	curl_multi_assign(client->multi, fd, watched);
	return watched;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *assigned)
{
	struct client *client = data;
	struct watched *watched = assigned;
	int events = 0;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			uv_close((uv_handle_t *)&watched->poll, on_unwatched);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	if (watched || (watched = watch(client, fd)))
		uv_poll_start(&watched->poll, events, on_event);
	return 0;
}

/* ------------------------------------------------------------ its life */

static bool check_settings(const struct client_settings *settings, struct why *why)
{
	const char *proxy = settings->proxy;
	if (proxy && strncasecmp(proxy, "http://", 7) != 0 && strncasecmp(proxy, "https://", 8) != 0)
		return why_say(why, "the proxy begins with http:// or https://");
	if (settings->ca && access(settings->ca, R_OK) != 0)
		return why_errno(why, "%s cannot be read", settings->ca);
	return true;
}

/* A connection needs two descriptors while its name is looked up. */
static size_t connections_possible(size_t wanted)
{
	struct rlimit files;
	wanted = wanted ? wanted : CONNECTIONS;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / 2 > wanted + KEPT_FILES / 2)
		return wanted;
	return files.rlim_cur > KEPT_FILES + 2 ? (size_t)(files.rlim_cur - KEPT_FILES) / 2 : 1;
}

static void begin_timer(struct client *client, uv_timer_t *timer)
{
	uv_timer_init(client->loop, timer);
	timer->data = client;
	client->open_timers++;
}

static void begin_multi(struct client *client, size_t connections)
{
	client->multi = curl_multi_init();
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections);
}

struct client *client_new(uv_loop_t *loop, const struct client_settings *settings, struct why *why)
{
	struct client *client = must_alloc(sizeof(*client));
	if (!check_settings(settings, why) || !client_guard_read(&client->guard, settings->allow, why)) {
		free(client->guard.allowed);
		free(client);
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN); /* TLS writes without MSG_NOSIGNAL */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->loop = loop;
	client->proxy = settings->proxy ? must_string(settings->proxy) : NULL;
	client->ca = settings->ca ? must_string(settings->ca) : NULL;
	begin_timer(client, &client->timer);
	begin_timer(client, &client->soon);
	begin_multi(client, connections_possible(settings->connections));
	return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	if (--client->open_timers)
		return;
	free(client->guard.allowed);
	free(client->proxy);
	free(client->ca);
	free(client);
	curl_global_cleanup();
}

void client_free(struct client **place)
{
	struct client *client = *place;
	*place = NULL;
	if (!client)
		return;
	while (client->asks)
		client_cancel(&(struct client_ask *){ client->asks });
	curl_multi_cleanup(client->multi);
	client->multi = NULL;
	uv_close((uv_handle_t *)&client->timer, on_timer_closed);
	uv_close((uv_handle_t *)&client->soon, on_timer_closed);
}
