/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - calls that wait for answers: kept ones, those on their way for others too, and who is told. */
#include "host/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "host/net_inside.h"

#define RECENT_TIME 5000 /* ms an answer may serve others after it came */
#define RECENT_COUNT 256
#define RECENT_BYTES ((size_t)8 << 20)

struct net {
	struct net_settings settings;
	struct net_lender lender;
	struct own *own;
	struct flight *flights, *recent; /* under way; landed, the newest first */
	struct fetch *ready, **last;     /* told by the loop, in this order */
	size_t ready_count;
	uv_idle_t soon;
	uint64_t last_ticket;
};

static void tell_ready(uv_idle_t *soon);

struct net *net_new(const struct net_settings *settings)
{
	struct net *net = must_alloc(sizeof(*net));
	net->settings = *settings;
	net->last = &net->ready;
	net->own = own_new(settings->loop, net);
	net->lender = settings->lender ? *settings->lender : *own_lender(net->own);
	uv_idle_init(settings->loop, &net->soon);
	net->soon.data = net;
	return net;
}

static void soon_closed(uv_handle_t *soon)
{
	free(soon->data);
}

void net_free(struct net **at)
{
	struct net *net = *at;
	*at = NULL;
	if (!net)
		return;
	assert(net_idle(net));
	while (net->recent)
		flight_free(&(struct flight *){ net->recent });
	own_free(&net->own);
	uv_close((uv_handle_t *)&net->soon, soon_closed);
}

bool net_idle(const struct net *net)
{
	return !net->flights && !net->ready;
}

const struct net_settings *net_settings_of(const struct net *net)
{
	return &net->settings;
}

/* An origin of which no limits are known is this process' own business. */
const struct net_lender *net_lender_of(const struct net *net, const struct wish *wish)
{
	return wish->own_budget ? own_lender(net->own) : &net->lender;
}

uint64_t net_ticket(struct net *net)
{
	return ++net->last_ticket;
}

void net_granted(struct net *net, uint64_t ticket, uint64_t grant, int64_t after)
{
	for (struct flight *flight = net->flights; flight; flight = flight->next)
		if (flight->ticket == ticket) {
			flight_granted(flight, grant, after);
			return;
		}
}

/* ------------------------------------------------------------------------------ lists */

static void fetch_leave(struct fetch *fetch)
{
	struct net *net = fetch->net;
	net->ready_count -= !fetch->flight;
	if (net->last == &fetch->next)
		net->last = fetch->place;
	*fetch->place = fetch->next;
	if (fetch->next)
		fetch->next->place = fetch->place;
}

static void fetch_join(struct fetch *fetch, struct flight *flight)
{
	fetch->flight = flight;
	fetch->next = flight->fetches;
	if (fetch->next)
		fetch->next->place = &fetch->next;
	fetch->place = &flight->fetches;
	flight->fetches = fetch;
}

static void fetch_ready(struct fetch *fetch, enum sl_outcome outcome)
{
	struct net *net = fetch->net;
	fetch->flight = NULL;
	fetch->outcome = outcome;
	fetch->next = NULL;
	fetch->place = net->last;
	*net->last = fetch;
	net->last = &fetch->next;
	net->ready_count++;
	uv_idle_start(&net->soon, tell_ready);
}

static void flight_move(struct flight *flight, struct flight **list)
{
	if (flight->place) {
		*flight->place = flight->next;
		if (flight->next)
			flight->next->place = flight->place;
	}
	flight->next = *list;
	if (flight->next)
		flight->next->place = &flight->next;
	flight->place = list;
	*list = flight;
}

/* Whoever is told may end other calls, or begin new ones: those wait for the next turn. */
static void tell_ready(uv_idle_t *soon)
{
	struct net *net = soon->data;
	for (size_t count = net->ready_count; count && net->ready; count--) {
		struct fetch *fetch = net->ready;
		fetch_leave(fetch);
		fetch->done(fetch->call, fetch->outcome);
	}
	if (!net->ready)
		uv_idle_stop(soon);
}

/* ------------------------------------------------------------------------- the answer */

static bool looks_like_json(const struct client_answer *answer)
{
	const char *type = net_header(answer->headers, "content-type"), *body = answer->body.at;
	if (!body || !answer->body.len)
		return false;
	body += strspn(body, " \t\r\n");
	return *body == '{' || *body == '[' || (type && strcasestr(type, "json"));
}

/* `answer` is in the call's memory already. */
static void respond(struct call *call, const struct client_answer *answer)
{
	struct sl_response *response = arena_alloc(call->arena, sizeof(*response));
	static const struct sl_pair *const none[] = { NULL };
	*response = (struct sl_response){
		.status = answer->status,
		.headers = answer->headers ? answer->headers : none,
		.body = answer->body.at ? answer->body : (struct sl_text){ "", 0 },
		.json = looks_like_json(answer) ? call_json(call, answer->body, NULL) : NULL,
		.url = answer->url,
	};
	call->pub.response = response;
}

static struct client_answer answer_copy(struct arena *arena, const struct client_answer *answer)
{
	struct client_answer copy = *answer;
	copy.headers = net_pairs_copy(arena, answer->headers);
	copy.url = arena_string(arena, answer->url);
	if (answer->body.at)
		copy.body = arena_text(arena, answer->body);
	return copy;
}

static void warn_partial(struct call *call, const struct judgement *judgement)
{
	if (!judgement->partial || call->instance->warned)
		return;
	call->instance->warned = true;
	line(SL_WARNING, "%s: %s; this is told once", call->instance->name, judgement->why.text);
}

static void keep(const struct fetch *fetch, const struct flight *flight)
{
	const struct net_keeper *keeper = fetch->net->settings.keeper;
	const struct call *call = fetch->call;
	struct buf text = { 0 };
	if (!keeper || !call->seq || !fetch->wish.key[0] || !kept_worth(&fetch->wish, &flight->answer, &flight->judgement))
		return;
	kept_write(&flight->answer, &text);
	keeper->keep(keeper->data, call->seq, call->part, fetch->wish.key, (struct sl_text){ text.at, text.len });
	buf_free(&text);
}

static enum sl_outcome end_of(struct call *call, const struct judgement *judgement)
{
	call->why = judgement->why;
	if (judgement->verdict == VERDICT_FAIL)
		return SL_FAIL;
	call->retry_after = judgement->after;
	call->outage = true;
	return SL_RETRY;
}

/* The last one who wants a flight's answer takes its memory over: an answer may be large. */
static void tell(struct fetch *fetch, struct flight *flight, bool last)
{
	struct call *call = fetch->call;
	struct client_answer answer = flight->answer;
	if (flight->judgement.verdict != VERDICT_PASS) {
		fetch_ready(fetch, end_of(call, &flight->judgement));
		return;
	}
	if (last)
		call_hold(call, &flight->arena);
	else
		answer = answer_copy(call->arena, &flight->answer);
	respond(call, &answer);
	warn_partial(call, &flight->judgement);
	keep(fetch, flight);
	fetch_ready(fetch, SL_DONE);
}

/* ------------------------------------------------------------------- what came just now */

static bool worth_sharing(const struct flight *flight)
{
	return flight->wish.shape[0] && kept_worth(&flight->wish, &flight->answer, &flight->judgement) &&
	       arena_size(flight->arena) < RECENT_BYTES / 4;
}

/* What is too old goes, and the oldest as long as there are too many or too large ones. */
static void forget_recent(struct net *net)
{
	size_t count = 0, bytes = 0;
	int64_t now = clock_ticks();
	struct flight *next;
	for (struct flight *flight = net->recent; flight; flight = next) {
		next = flight->next;
		bytes += arena_size(flight->arena);
		if (++count > RECENT_COUNT || bytes > RECENT_BYTES || now - flight->landed > RECENT_TIME)
			flight_free(&flight);
	}
}

void net_landed(struct flight *flight)
{
	struct net *net = flight->net;
	bool share = worth_sharing(flight);
	while (flight->fetches) {
		struct fetch *fetch = flight->fetches;
		fetch_leave(fetch);
		tell(fetch, flight, !share && !flight->fetches);
	}
	flight->landed = clock_ticks();
	if (share)
		flight_move(flight, &net->recent);
	else
		flight_free(&flight);
	forget_recent(net);
}

static struct flight *like_it(struct flight *list, const struct wish *wish, int64_t since)
{
	for (; list; list = list->next)
		if (strcmp(list->wish.shape, wish->shape) == 0 && (!list->began || list->began > since))
			return list;
	return NULL;
}

/* ------------------------------------------------------- what happens, in this order */

static void told(const struct fetch *fetch, enum net_how how)
{
	const struct net_settings *settings = &fetch->net->settings;
	if (settings->told)
		settings->told(settings->told_data, fetch->call, fetch->wish.shown, fetch->wish.safe, how);
}

/* True: the fetch has what it needs, or waits for it. */
static bool kept(struct fetch *fetch)
{
	const struct net_settings *settings = &fetch->net->settings;
	const struct net_keeper *keeper = settings->keeper;
	struct call *call = fetch->call;
	struct client_answer answer = { .end = CLIENT_ANSWERED };
	if (!keeper || settings->fresh || !call->seq || !fetch->wish.key[0])
		return false;
	struct sl_text text = keeper->find(keeper->data, call->seq, call->part, fetch->wish.key, call->arena);
	if (!text.at || !kept_read(text, call->arena, &answer))
		return false;
	told(fetch, NET_KEPT);
	respond(call, &answer);
	fetch_ready(fetch, SL_DONE);
	return true;
}

/* Only what was asked after the event had come can know what the event tells of. */
static bool shared(struct fetch *fetch)
{
	struct net *net = fetch->net;
	struct call *call = fetch->call;
	struct flight *flight;
	if (!fetch->wish.shape[0] || net->settings.canned)
		return false;
	forget_recent(net);
	flight = like_it(net->recent, &fetch->wish, call->pub.event->received);
	if (flight)
		tell(fetch, flight, false);
	else if ((flight = like_it(net->flights, &fetch->wish, call->pub.event->received)))
		fetch_join(fetch, flight);
	if (flight)
		told(fetch, NET_SHARED);
	return flight != NULL;
}

static bool begun(struct fetch *fetch)
{
	struct net *net = fetch->net;
	struct flight *flight = flight_begin(net, &fetch->wish);
	flight_move(flight, &net->flights);
	fetch_join(fetch, flight);
	told(fetch, NET_BEGUN);
	return true;
}

struct fetch *net_fetch(struct net *net, struct call *call, const struct sl_http *http, fetch_done *done)
{
	static bool (*const steps[])(struct fetch *) = { kept, shared, begun };
	struct fetch *fetch = arena_alloc(call->arena, sizeof(*fetch));
	*fetch = (struct fetch){ .net = net, .call = call, .done = done };
	if (!wish_fill(call, http, &fetch->wish, &call->why))
		return NULL;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i](fetch))
			break;
	return fetch;
}

void net_cancel(struct fetch **at)
{
	struct fetch *fetch = *at;
	struct flight *flight = fetch->flight;
	*at = NULL;
	fetch_leave(fetch);
	if (flight && !flight->fetches)
		flight_free(&flight);
}
