/* SPDX-License-Identifier: Apache-2.0 */
/* asks.c - a plugin that asks a far side, or watches a pipe, as the event says. */
#include <string.h>
#include <unistd.h>

#include "plugin.h"

struct options {
	const char *host;
	const char *const *token;
	int64_t port;
};

struct local {
	int64_t times; /* still to be asked */
	int pipe[2];
};

static const struct sl_option table[] = {
	SL_OPTION(TEXT, struct options, host, .initial = "127.0.0.1", .help = "Whom to ask."),
	SL_OPTION(SECRET, struct options, token, .initial = "secret", .help = "With what."),
	SL_OPTION(INT, struct options, port, .initial = "80", .help = "Where."),
	{ 0 },
};

static const struct sl_pair key = { "key", "{token}" };

static const struct sl_api api = {
	.base = "http://{host}:{port}/v1",
	.headers = (const char *const[]){ "Authorization: Bearer {token}", "X-Kind: plain", NULL },
	.query = (const struct sl_pair *const[]){ &key, NULL },
	.credential = "{token}",
	.requests = 100,
	.window_ms = 10000,
};

static const char *word(struct sl_call *call, const char *name)
{
	return call->host->string(call->host->at(call->event->json, name)).at;
}

static int64_t number(struct sl_call *call, const char *name)
{
	int64_t value = 0;
	call->host->integer(call->host->at(call->event->json, name), &value);
	return value;
}

/* An object as pairs, at most seven. */
static const struct sl_pair *const *pairs(struct sl_call *call, const char *name)
{
	const struct sl_pair **list = call->host->alloc(call, 8 * sizeof(*list));
	const struct sl_json *member = call->host->first(call->host->at(call->event->json, name));
	for (int i = 0; member && i < 7; i++, member = call->host->next(member)) {
		struct sl_pair *pair = call->host->alloc(call, sizeof(*pair));
		*pair = (struct sl_pair){ call->host->name(member).at, call->host->string(member).at };
		list[i] = pair;
	}
	return list;
}

static enum sl_outcome ask(struct sl_call *call);

static enum sl_outcome answered(struct sl_call *call)
{
	const struct sl_response *response = call->response;
	const char *kind = call->host->header(response, "x-kind");
	struct local *local = call->local;
	struct sl_text body = call->host->quote(call, response->body);
	struct sl_event event = {
		.data = call->host->format(call, "{\"status\":%d,\"body\":%s,\"json\":%s,\"kind\":\"%s\"}", response->status,
			body.at, response->json ? "true" : "false", kind ? kind : ""),
	};
	call->host->emit(call, &event);
	return --local->times > 0 ? ask(call) : SL_DONE;
}

static enum sl_outcome ask(struct sl_call *call)
{
	struct sl_http http = {
		.method = word(call, "/method"),
		.url = word(call, "/url"),
		.query = pairs(call, "/query"),
		.headers = pairs(call, "/headers"),
		.body = call->host->string(call->host->at(call->event->json, "/body")),
		.timeout_ms = number(call, "/timeout"),
		.most = number(call, "/most"),
		.cost = number(call, "/cost"),
		.source = (int)number(call, "/source"),
		.asks = (int)number(call, "/asks"),
		.graphql = (int)number(call, "/graphql"),
		.all = (int)number(call, "/all"),
	};
	return call->host->http(call, &http, answered);
}

static enum sl_outcome watched(struct sl_call *call)
{
	struct local *local = call->local;
	char byte = '-';
	if (call->ready)
		(void)!read(local->pipe[0], &byte, 1);
	close(local->pipe[0]);
	close(local->pipe[1]);
	call->host->emit(call, &(struct sl_event){ .data = call->host->format(call, "[%d,\"%c\"]", call->ready, byte) });
	return SL_DONE;
}

/* "write": something is there already; "closed": nobody will ever write. */
static enum sl_outcome watch(struct sl_call *call)
{
	struct local *local = call->local;
	const char *how = word(call, "/watch");
	if (!strcmp(how, "nothing"))
		return call->host->watch(call, -1, 1, 50, watched);
	if (pipe(local->pipe) < 0)
		return call->host->fail(call, "no pipe");
	if (!strcmp(how, "write"))
		(void)!write(local->pipe[1], "x", 1);
	if (!strcmp(how, "writable"))
		return call->host->watch(call, local->pipe[1], 2, 0, watched);
	return call->host->watch(call, local->pipe[0], 1, 50, watched);
}

static enum sl_outcome transform(struct sl_call *call)
{
	struct local *local = call->local;
	local->times = number(call, "/times");
	return word(call, "/watch") ? watch(call) : ask(call);
}

/* Each row as JSON. */
static enum sl_outcome deliver(struct sl_call *call)
{
	for (size_t i = 0; i < call->row_count; i++)
		call->host->emit(call, &(struct sl_event){ .data = call->host->row_json(call, call->rows[i]) });
	return SL_DONE;
}

static enum sl_outcome hooks(struct sl_call *call)
{
	return call->host->fail(call, "%s %s", call->verb, call->callback ? call->callback : "nowhere");
}

SL_PLUGIN(.name = "asks", .version = "1.0", .summary = "Asks a far side.", .options = table,
	.options_size = sizeof(struct options), .local_size = sizeof(struct local), .transform = transform,
	.deliver = deliver, .hooks = hooks, .api = &api, .every_ms = 60000);
