/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c - one event on its way along a route, and the order of a subject. */
#include "flow/delivery.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "flow/route_fetch.h"

void deliveries_add(struct deliveries *list, struct delivery *delivery)
{
	delivery->prev = list->last;
	delivery->next = NULL;
	if (list->last)
		list->last->next = delivery;
	else
		list->first = delivery;
	list->last = delivery;
	list->count++;
}

void deliveries_insert(struct deliveries *list, struct delivery *after, struct delivery *delivery)
{
	if (after == list->last) {
		deliveries_add(list, delivery);
		return;
	}
	delivery->prev = after;
	delivery->next = after->next;
	after->next->prev = delivery;
	after->next = delivery;
	list->count++;
}

void deliveries_remove(struct deliveries *list, struct delivery *delivery)
{
	if (delivery->prev)
		delivery->prev->next = delivery->next;
	else
		list->first = delivery->next;
	if (delivery->next)
		delivery->next->prev = delivery->prev;
	else
		list->last = delivery->prev;
	delivery->next = delivery->prev = NULL;
	list->count--;
}

/* They come and go by the batch: some are kept for the next one.  Only the loop makes and frees them. */
#ifdef SLUICE_SANITIZE
#define SPARES_MOST 0 /* who uses what has ended is found */
#else
#define SPARES_MOST 2048
#endif
static struct delivery *spare; /* linked by `next` */
static unsigned spares;

struct delivery *delivery_new(struct route *route, uint64_t seq, uint32_t part)
{
	struct delivery *delivery = spare ? spare : must_alloc(sizeof(*delivery));
	if (spare) {
		spare = delivery->next;
		spares--;
		memset(delivery, 0, offsetof(struct delivery, label_room));
	}
	delivery->route = route;
	delivery->seq = seq;
	delivery->part = part;
	return delivery;
}

void delivery_end_calls(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->call_count; i++)
		call_free(&delivery->calls[i]);
	delivery->calls = NULL;
	delivery->call_count = delivery->call_room = 0;
	delivery->pieces = NULL;
	delivery->piece_count = delivery->stage = delivery->piece = 0;
}

void delivery_made(struct delivery *delivery)
{
	delivery_end_calls(delivery);
	delivery->event.json = NULL;
	if (delivery->pooled)
		fetch_litter(delivery->route, &delivery->document);
	sl_json_free(&delivery->document);
	delivery->pooled = false;
}

void delivery_shed(struct delivery *delivery)
{
	if (delivery->call)
		call_free(&delivery->call);
	delivery_made(delivery);
	delivery->rows = NULL;
	delivery->remarks = NULL;
	delivery->row_done = NULL;
	delivery->row_count = 0;
	delivery->request = NULL;
	delivery->found = NULL;
	delivery->closes = NULL;
	arena_free(&delivery->arena);
}

void delivery_free(struct delivery **delivery)
{
	if (!*delivery)
		return;
	delivery_shed(*delivery);
	free((*delivery)->label.text);
	free((*delivery)->reason);
	if (spares != SPARES_MOST) {
		(*delivery)->next = spare;
		spare = *delivery;
		spares++;
	} else {
		free(*delivery);
	}
	*delivery = NULL;
}

static const char *put(char **at, const char *string)
{
	char *start = *at;
	if (!string)
		return NULL;
	*at = stpcpy(start, string) + 1;
	return start;
}

static size_t size_of(const char *string)
{
	return string ? strlen(string) + 1 : 0;
}

void delivery_label(struct delivery *delivery, const char *source, const char *id, const char *type,
	const char *subject)
{
	struct label *label = &delivery->label;
	size_t sizes[] = { size_of(source), size_of(id), size_of(type), size_of(subject) };
	size_t size = sizes[0] + sizes[1] + sizes[2] + sizes[3];
	char *old = label->text, *at = delivery->label_room;
	if (label->source || size > sizeof(delivery->label_room)) /* what is told anew may stand in the room now */
		at = label->text = must_alloc(size);
	label->source = put(&at, source);
	label->id = put(&at, id);
	label->type = put(&at, type);
	label->subject = put(&at, subject);
	free(old);
}

void delivery_reason(struct delivery *delivery, const char *reason)
{
	char *copy = must_string(reason);
	free(delivery->reason);
	delivery->reason = copy;
}

const char *delivery_word(const struct delivery *delivery)
{
	if (delivery->state == DELIVERY_DEAD)
		return "dead";
	return delivery->elder ? "behind" : "waiting";
}

static uint64_t hash_subject(const struct label *label)
{
	if (!label->subject || !*label->subject)
		return 0;
	uint64_t hash = XXH3_64bits(label->source, strlen(label->source));
	hash = XXH3_64bits_withSeed(label->subject, strlen(label->subject), hash);
	return hash ? hash : 1;
}

static bool one_subject(const struct delivery *a, const struct delivery *b)
{
	return a->subject_hash == b->subject_hash && strcmp(a->label.source, b->label.source) == 0 &&
		strcmp(a->label.subject, b->label.subject) == 0;
}

/* Where the pointer to the youngest of its subject stands. */
static struct delivery **tail_of(struct order *order, const struct delivery *delivery)
{
	struct delivery **at = &order->tails[delivery->subject_hash % ORDER_BUCKETS];
	while (*at && !one_subject(*at, delivery))
		at = &(*at)->tail_next;
	return at;
}

void order_join(struct order *order, struct delivery *delivery)
{
	delivery->order = ++order->joined;
	delivery->subject_hash = hash_subject(&delivery->label);
	if (!delivery->subject_hash)
		return;
	struct delivery **tail = tail_of(order, delivery), *elder = *tail;
	delivery->tail_next = elder ? elder->tail_next : NULL;
	delivery->elder = elder;
	if (elder) {
		elder->younger = delivery;
		elder->tail_next = NULL;
	}
	*tail = delivery;
}

struct delivery *order_leave(struct order *order, struct delivery *delivery)
{
	struct delivery *elder = delivery->elder, *younger = delivery->younger;
	if (!delivery->subject_hash)
		return NULL;
	if (younger) {
		younger->elder = elder;
	} else {
		struct delivery **tail = tail_of(order, delivery);
		*tail = elder ? elder : delivery->tail_next;
		if (elder)
			elder->tail_next = delivery->tail_next;
	}
	if (elder)
		elder->younger = younger;
	delivery->elder = delivery->younger = delivery->tail_next = NULL;
	delivery->subject_hash = 0;
	return younger;
}

bool order_may_start(const struct delivery *delivery)
{
	return !delivery->elder || delivery->elder->state == DELIVERY_READY;
}
