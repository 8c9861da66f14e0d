/* SPDX-License-Identifier: Apache-2.0 */
/* desk.c - the budgets of all credentials, and who waits for a grant of them. */
#include "base/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define COME_AGAIN 1000 /* ms */

/* One that waits, or one that holds a grant. */
struct ticket {
	uint32_t owner;
	uint64_t number, grant;
	enum budget_class class;
	int64_t cost;
	struct ticket *next;
};

struct queue {
	struct ticket *first, **last;
};

struct account {
	char *credential;
	struct budget *budget;
	struct queue waiting[2]; /* by class */
	struct ticket *holding;
	struct account *next;
};

struct desk {
	desk_told *told;
	void *data;
	int64_t since;
	struct account *accounts;
};

struct desk *desk_new(desk_told *told, void *data, int64_t since)
{
	struct desk *desk = must_alloc(sizeof(*desk));
	*desk = (struct desk){ .told = told, .data = data, .since = since };
	return desk;
}

/* ------------------------------------------------------------------------ accounts */

static struct account *account_find(const struct desk *desk, const char *credential)
{
	struct account *account = desk->accounts;
	while (account && strcmp(account->credential, credential) != 0)
		account = account->next;
	return account;
}

static struct account *account_of(struct desk *desk, const char *credential, const struct budget_limits *limits)
{
	struct account *account = account_find(desk, credential);
	if (account)
		return account;
	account = must_alloc(sizeof(*account));
	account->credential = must_string(credential);
	account->budget = budget_new(limits, desk->since);
	for (int i = 0; i < 2; i++)
		account->waiting[i].last = &account->waiting[i].first;
	account->next = desk->accounts;
	desk->accounts = account;
	return account;
}

static void free_tickets(struct ticket *ticket)
{
	while (ticket) {
		struct ticket *next = ticket->next;
		free(ticket);
		ticket = next;
	}
}

static void account_free(struct account *account)
{
	free_tickets(account->waiting[BUDGET_LIVE].first);
	free_tickets(account->waiting[BUDGET_BACKFILL].first);
	free_tickets(account->holding);
	budget_free(&account->budget);
	free(account->credential);
	free(account);
}

void desk_free(struct desk **at)
{
	struct desk *desk = *at;
	*at = NULL;
	while (desk && desk->accounts) {
		struct account *account = desk->accounts;
		desk->accounts = account->next;
		account_free(account);
	}
	free(desk);
}

void desk_limit(struct desk *desk, const char *credential, const struct budget_limits *limits, int64_t now)
{
	struct account *account = account_find(desk, credential);
	if (account)
		budget_limit(account->budget, limits, now);
	else
		account_of(desk, credential, limits);
}

/* ---------------------------------------------------------------- tickets and grants */

static size_t waiting_of(const struct desk *desk, uint32_t owner)
{
	size_t count = 0;
	for (const struct account *account = desk->accounts; account; account = account->next)
		for (int i = 0; i < 2; i++)
			for (const struct ticket *ticket = account->waiting[i].first; ticket; ticket = ticket->next)
				count += ticket->owner == owner;
	return count;
}

void desk_take(struct desk *desk, const char *credential, uint32_t owner, uint64_t number, enum budget_class class,
	int64_t cost)
{
	static const struct budget_limits none;
	if (!number)
		return;
	if (waiting_of(desk, owner) >= DESK_WAITING) {
		desk->told(desk->data, owner, number, 0, COME_AGAIN);
		return;
	}
	struct queue *queue = &account_of(desk, credential, &none)->waiting[class];
	struct ticket *ticket = must_alloc(sizeof(*ticket));
	*ticket = (struct ticket){ .owner = owner, .number = number, .class = class, .cost = cost };
	*queue->last = ticket;
	queue->last = &ticket->next;
}

/* Which tickets are meant. */
struct pick {
	uint32_t owner;
	uint64_t number, grant; /* 0: any */
};

static bool picked(const struct ticket *ticket, const struct pick *pick)
{
	return ticket->owner == pick->owner && (!pick->number || ticket->number == pick->number) &&
	       (!pick->grant || ticket->grant == pick->grant);
}

static bool leave(struct queue *queue, const struct pick *pick)
{
	bool found = false;
	struct ticket **at = &queue->first;
	while (*at) {
		struct ticket *ticket = *at;
		if (!picked(ticket, pick)) {
			at = &ticket->next;
			continue;
		}
		*at = ticket->next;
		free(ticket);
		found = true;
	}
	queue->last = at;
	return found;
}

/* The ticket that holds a grant goes; 0 if there is none. */
static uint64_t stop_holding(struct account *account, const struct pick *pick)
{
	struct ticket **at = &account->holding;
	while (*at && !picked(*at, pick))
		at = &(*at)->next;
	struct ticket *ticket = *at;
	if (!ticket)
		return 0;
	uint64_t grant = ticket->grant;
	*at = ticket->next;
	free(ticket);
	return grant;
}

void desk_give(struct desk *desk, const char *credential, uint32_t owner, uint64_t grant, int64_t cost, int64_t hush_ms,
	int64_t now)
{
	struct account *account = account_find(desk, credential);
	if (!account)
		return;
	if (grant && stop_holding(account, &(struct pick){ .owner = owner, .grant = grant }))
		budget_give(account->budget, grant, cost, now);
	if (hush_ms > 0)
		budget_hush(account->budget, now + hush_ms);
}

static bool holds(const struct account *account, const struct pick *pick)
{
	const struct ticket *ticket = account->holding;
	while (ticket && !picked(ticket, pick))
		ticket = ticket->next;
	return ticket != NULL;
}

void desk_more(struct desk *desk, const char *credential, uint32_t owner, uint64_t grant, int64_t requests)
{
	struct account *account = account_find(desk, credential);
	if (account && grant && holds(account, &(struct pick){ .owner = owner, .grant = grant }))
		budget_more(account->budget, grant, requests);
}

void desk_forget(struct desk *desk, uint32_t owner, uint64_t number, int64_t now)
{
	const struct pick pick = { .owner = owner, .number = number };
	if (!number)
		return;
	for (struct account *account = desk->accounts; account; account = account->next) {
		if (leave(&account->waiting[BUDGET_LIVE], &pick) || leave(&account->waiting[BUDGET_BACKFILL], &pick))
			return;
		uint64_t grant = stop_holding(account, &pick);
		if (grant)
			budget_give(account->budget, grant, BUDGET_AS_SAID, now);
	}
}

void desk_drop(struct desk *desk, uint32_t owner, int64_t now)
{
	const struct pick pick = { .owner = owner };
	for (struct account *account = desk->accounts; account; account = account->next) {
		leave(&account->waiting[BUDGET_LIVE], &pick);
		leave(&account->waiting[BUDGET_BACKFILL], &pick);
		while (stop_holding(account, &pick))
			;
		budget_drop(account->budget, owner, now);
	}
}

bool desk_lent(const struct desk *desk)
{
	const struct account *account = desk->accounts;
	while (account && !account->holding)
		account = account->next;
	return account != NULL;
}

/* ----------------------------------------------------------------------- the service */

static struct ticket *next_one(struct queue *queue)
{
	struct ticket *ticket = queue->first;
	queue->first = ticket->next;
	if (!queue->first)
		queue->last = &queue->first;
	ticket->next = NULL;
	return ticket;
}

static void send_away(struct desk *desk, struct queue *queue, int64_t after)
{
	while (queue->first) {
		struct ticket *ticket = next_one(queue);
		desk->told(desk->data, ticket->owner, ticket->number, 0, after);
		free(ticket);
	}
}

static int64_t serve_queue(struct desk *desk, struct account *account, struct queue *queue, int64_t now)
{
	int64_t again = INT64_MAX;
	while (queue->first) {
		const struct ticket *first = queue->first;
		uint64_t grant = budget_take(account->budget, first->class, first->owner, first->cost, now, &again);
		if (!grant)
			return again;
		struct ticket *ticket = next_one(queue);
		ticket->grant = grant;
		ticket->next = account->holding;
		account->holding = ticket;
		desk->told(desk->data, ticket->owner, ticket->number, grant, 0);
	}
	return INT64_MAX;
}

/* A backfill has its turn when no live call waits. */
static int64_t serve(struct desk *desk, struct account *account, int64_t now)
{
	int64_t silence = budget_hushed(account->budget, now);
	if (silence > DESK_PATIENCE) {
		send_away(desk, &account->waiting[BUDGET_LIVE], silence);
		send_away(desk, &account->waiting[BUDGET_BACKFILL], silence);
	}
	int64_t again = serve_queue(desk, account, &account->waiting[BUDGET_LIVE], now);
	if (account->waiting[BUDGET_LIVE].first)
		return again;
	return serve_queue(desk, account, &account->waiting[BUDGET_BACKFILL], now);
}

/* Those that say nothing: far sides are many in a long life. */
static void close_accounts(struct desk *desk, int64_t now)
{
	struct account **at = &desk->accounts;
	while (*at) {
		struct account *account = *at;
		if (account->waiting[BUDGET_LIVE].first || account->waiting[BUDGET_BACKFILL].first || account->holding ||
			!budget_blank(account->budget, now)) {
			at = &account->next;
			continue;
		}
		*at = account->next;
		account_free(account);
	}
}

int64_t desk_serve(struct desk *desk, int64_t now)
{
	int64_t next = INT64_MAX;
	for (struct account *account = desk->accounts; account; account = account->next) {
		int64_t again = serve(desk, account, now);
		if (again < next)
			next = again;
	}
	close_accounts(desk, now);
	return next;
}
