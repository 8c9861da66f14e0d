/* SPDX-License-Identifier: Apache-2.0 */
/* net_flight.c - one request under way: a grant, the sending, the verdict, trying again.
 *
 *     begin -> borrow -> granted -> sent -> answered -> landed
 *                ^                              |
 *                '----------- pause <-----------'
 */
#include <stdlib.h>

#include "base/clock.h"
#include "host/net_inside.h"

#define TRIES 3      /* again, in place */
#define MOST_SPENT 10000

static const int64_t pauses[TRIES] = { 500, 1500, 4500 };

/* ---------------------------------------------------------------------- the verdict */

static void give_back(struct flight *flight)
{
	const struct net_lender *lender = net_lender_of(flight->net, &flight->wish);
	const struct judgement *judgement = &flight->judgement;
	if (flight->grant)
		lender->give(lender->data, flight->wish.api, flight->grant, judgement->cost, judgement->after);
	flight->grant = 0;
}

static void paused(uv_timer_t *pause);

/* Not all at the same moment: a fifth of a pause is chance. */
static int64_t pause_of(const struct flight *flight)
{
	int64_t pause = pauses[flight->tries];
	pause -= (int64_t)(random() % (pause / 5 + 1));
	return pause > flight->judgement.after ? pause : flight->judgement.after;
}

/* A virtual clock is where it would have been after the pause. */
static bool try_again(struct flight *flight)
{
	struct instance *instance = flight->fetches->call->instance;
	if (flight->judgement.verdict != VERDICT_AGAIN || flight->tries == TRIES)
		return false;
	int64_t pause = pause_of(flight);
	if (flight->spent + pause > MOST_SPENT)
		return false;
	flight->tries++;
	flight->spent += pause;
	if (instance->settings.virtual_clock) {
		instance->clock += pause;
		pause = 0;
	}
	uv_update_time(flight->pause.loop);
	uv_timer_start(&flight->pause, paused, (uint64_t)pause, 0);
	return true;
}

static void judge(struct flight *flight)
{
	flight->judgement = (struct judgement){ .cost = BUDGET_AS_SAID };
	flight->answer.url = wish_hidden(flight->wish.api, flight->answer.url, flight->arena);
	net_judge(&flight->wish, &flight->answer, &flight->judgement);
	give_back(flight);
	if (!try_again(flight))
		net_landed(flight);
}

/* ---------------------------------------------------------------------- the sending */

/* Each was a request, and the far side counts it. */
static void tell_redirects(struct flight *flight, int redirects)
{
	const struct net_lender *lender = net_lender_of(flight->net, &flight->wish);
	if (redirects && flight->grant)
		lender->more(lender->data, flight->wish.api, flight->grant, redirects);
}

static void answered(const struct client_answer *answer, void *data)
{
	struct flight *flight = data;
	flight->ask = NULL;
	flight->answer = *answer;
	flight->spent += answer->ended - answer->began;
	tell_redirects(flight, answer->redirects);
	judge(flight);
}

static void dispatch(struct flight *flight)
{
	const struct net_settings *settings = net_settings_of(flight->net);
	flight->began = clock_wall();
	flight->ask = client_send(settings->client, &flight->wish.request, flight->arena, answered, flight);
}

/* -------------------------------------------------------------------------- a grant */

static void borrow(struct flight *flight)
{
	const struct net_lender *lender = net_lender_of(flight->net, &flight->wish);
	flight->ticket = net_ticket(flight->net);
	lender->take(lender->data, flight->ticket, flight->wish.api, flight->wish.class, flight->wish.cost);
}

static void refused(struct flight *flight, int64_t after)
{
	flight->judgement = (struct judgement){ .verdict = VERDICT_LATER, .after = after };
	why_say(&flight->judgement.why, "%s: the far side wants to be left alone for %lld s", flight->wish.shown,
		(long long)(after + 999) / 1000);
	net_landed(flight);
}

void flight_granted(struct flight *flight, uint64_t grant, int64_t after)
{
	flight->ticket = 0;
	flight->grant = grant;
	flight->judgement.cost = BUDGET_AS_SAID;
	if (grant)
		dispatch(flight);
	else
		refused(flight, after);
}

/* ------------------------------------------------------------------- without a network */

static bool canned(struct flight *flight, struct call *call)
{
	const struct net_settings *settings = net_settings_of(flight->net);
	flight->answer = (struct client_answer){ .end = CLIENT_ANSWERED };
	return settings->canned && settings->canned(settings->canned_data, call, &flight->wish.request, flight->wish.safe,
						    flight->arena, &flight->answer);
}

static void no_client(struct flight *flight)
{
	flight->judgement = (struct judgement){ .verdict = VERDICT_FAIL };
	why_say(&flight->judgement.why, "%s: there is no network here", flight->wish.shown);
	net_landed(flight);
}

/* ------------------------------------------------------------------------ life and end */

/* At the beginning, and after each pause. */
static void paused(uv_timer_t *pause)
{
	struct flight *flight = pause->data;
	if (canned(flight, flight->fetches->call))
		judge(flight);
	else if (net_settings_of(flight->net)->client)
		borrow(flight);
	else
		no_client(flight);
}

static struct wish wish_copy(struct arena *arena, const struct wish *wish)
{
	struct wish copy = *wish;
	copy.request = wish_request(arena, &wish->request);
	copy.shown = arena_string(arena, wish->shown);
	if (wish->own_budget) {
		struct net_api *api = arena_alloc(arena, sizeof(*api));
		api->base = api->credential = arena_string(arena, wish->api->credential);
		copy.api = api;
	}
	return copy;
}

struct flight *flight_begin(struct net *net, const struct wish *wish)
{
	struct flight *flight = must_alloc(sizeof(*flight));
	flight->net = net;
	flight->arena = arena_new();
	flight->wish = wish_copy(flight->arena, wish);
	uv_timer_init(net_settings_of(net)->loop, &flight->pause);
	flight->pause.data = flight;
	uv_timer_start(&flight->pause, paused, 0, 0);
	return flight;
}

static void closed(uv_handle_t *pause)
{
	free(pause->data);
}

void flight_free(struct flight **at)
{
	struct flight *flight = *at;
	const struct net_lender *lender = net_lender_of(flight->net, &flight->wish);
	*at = NULL;
	if (flight->ask)
		client_cancel(&flight->ask);
	if (flight->ticket)
		lender->forget(lender->data, flight->ticket);
	give_back(flight);
	*flight->place = flight->next;
	if (flight->next)
		flight->next->place = flight->place;
	arena_free(&flight->arena);
	uv_close((uv_handle_t *)&flight->pause, closed);
}
