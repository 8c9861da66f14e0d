/* SPDX-License-Identifier: Apache-2.0 */
/* orders.c - the nth order, and its body. */
#include "orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/time.h"

#define BACK 10001                   /* orders; odd, so that what is changed is never a change itself */
#define BEGAN INT64_C(1793491200000) /* ms: 2026-11-01 */
#define AGAIN 100
#define WINDOW 1000000

const struct column columns[COLUMNS] = {
	{ "order_id", INT },
	{ "shop", TEXT },
	{ "status", TEXT },
	{ "customer_id", INT },
	{ "customer", TEXT },
	{ "email", TEXT },
	{ "city", TEXT },
	{ "country", TEXT },
	{ "currency", TEXT },
	{ "total", DECIMAL },
	{ "tax", DECIMAL },
	{ "discount", DECIMAL },
	{ "items", INT },
	{ "paid", BOOL },
	{ "placed_at", TIMESTAMP },
	{ "updated_at", TIMESTAMP },
	{ "ship_by", DATE },
	{ "note", TEXT },
	{ "tags", JSON },
	{ "event", TEXT },
	{ "_event_id", TEXT },
	{ "_event_time", TIMESTAMP },
};

_Noreturn void stop(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(1);
}

/* -------------------------------------------------------------------- values */

static void say(struct value *value, struct arena *arena, const char *form, uint64_t n)
{
	value->number = (int64_t)n;
	value->text = arena_format(arena, form, n);
}

static void say_time(struct value *value, struct arena *arena, int64_t ms)
{
	char text[SL_TIME_SIZE];
	value->number = ms * 1000;
	sl_time_write(value->number, text);
	value->text = arena_string(arena, text);
}

static void say_date(struct value *value, struct arena *arena, int64_t ms)
{
	say_time(value, arena, ms);
	value->text = arena_copy(arena, value->text, 10);
	value->number = ms / 86400000;
}

static void say_money(struct value *value, struct arena *arena, uint64_t cents)
{
	value->text = arena_format(arena, "%" PRIu64 ".%02" PRIu64, cents / 100, cents % 100);
}

void order_make(struct order *order, uint64_t n, struct arena *arena)
{
	static const char *const words[] = { "open", "packed", "shipped", "closed" };
	static const char *const cities[] = { "Lisbon", "Oslo", "Graz", "Lyon", "Cork" };
	struct value *at = order->values;
	int64_t updated = BEGAN + (int64_t)n;
	uint64_t id = n % 2 && n > BACK ? n - BACK : n;
	*order = (struct order){ 0 };
	say(at++, arena, "%" PRIu64, id);
	say(at++, arena, "shop-%02" PRIu64, id % 40);
	at++->text = words[n % 4];
	say(at++, arena, "%" PRIu64, id * 7919 % 100000);
	say(at++, arena, "Customer Number %" PRIu64, id * 7919 % 100000);
	say(at++, arena, "customer.%" PRIu64 "@example.com", id * 7919 % 100000);
	at++->text = cities[id % 5];
	at++->text = "PT";
	at++->text = "EUR";
	say_money(at++, arena, n * 31 % 100000);
	say_money(at++, arena, n * 7 % 10000);
	say_money(at++, arena, n % 500);
	say(at++, arena, "%" PRIu64, 1 + n % 9);
	*at++ = (struct value){ n % 3 ? "true" : "false", n % 3 != 0 };
	say_time(at++, arena, BEGAN + (int64_t)id);
	say_time(at++, arena, updated);
	say_date(at++, arena, updated + 3 * 86400000);
	say(at++, arena, "Leave it at the back door, number %" PRIu64 ", please.", n % 1000);
	say(at++, arena, "[\"new\", \"batch-%" PRIu64 "\"]", n % 100);
	say(at++, arena, "event-%012" PRIu64, n);
	*at++ = order->values[COLUMNS - 3];
	say_time(at, arena, updated);
}

/* Never one that was a repetition itself. */
uint64_t order_repeated(uint64_t n)
{
	uint64_t back = 1 + n / AGAIN * 7919 % (n < WINDOW ? n : WINDOW - 1);
	if (n % AGAIN || back >= n)
		return n;
	uint64_t first = n - back;
	return first % AGAIN ? first : first + 1;
}

/* -------------------------------------------------------------------- bodies */

static bool is_bare(enum type type)
{
	return type == INT || type == DECIMAL || type == BOOL || type == JSON;
}

void order_write_flat(struct buf *out, const struct order *order)
{
	json_open(out, '{');
	for (size_t i = 0; i < COLUMNS - 2; i++) {
		json_key(out, columns[i].name);
		if (is_bare(columns[i].type))
			json_raw(out, order->values[i].text, strlen(order->values[i].text));
		else
			json_string(out, order->values[i].text);
	}
	json_close(out, '}');
}

/* As a vendor would: some of it of no use to us. */
void order_write_nested(struct buf *out, const struct order *order)
{
	const struct value *v = order->values;
	buf_format(out, "{\"event\":{\"id\":\"%s\",\"type\":\"order.changed\",\"at\":\"%s\",\"attempt\":1},", v[19].text,
		v[15].text);
	buf_format(out, "\"shop\":{\"name\":\"%s\",\"url\":\"https://shop.example.com/\",\"plan\":\"basic\"},", v[1].text);
	buf_format(out, "\"order\":{\"id\":%s,\"status\":\"%s\",", v[0].text, v[2].text);
	buf_format(out, "\"totals\":{\"currency\":\"%s\",\"gross\":%s,\"tax\":%s,\"discount\":%s},", v[8].text, v[9].text,
		v[10].text, v[11].text);
	buf_format(out, "\"items\":%s,\"paid\":%s,\"placed_at\":\"%s\",", v[12].text, v[13].text, v[14].text);
	buf_format(out, "\"ship_by\":\"%s\",\"note\":\"%s\",\"tags\":%s,", v[16].text, v[17].text, v[18].text);
	buf_format(out, "\"lines\":[{\"sku\":\"A-%s\",\"count\":2,\"price\":9.90}]},", v[0].text);
	buf_format(out, "\"customer\":{\"id\":%s,\"name\":\"%s\",\"email\":\"%s\",\"phone\":null,", v[3].text, v[4].text,
		v[5].text);
	buf_format(out, "\"address\":{\"line1\":\"1 Long Street\",\"city\":\"%s\",\"country\":\"%s\"}}}", v[6].text,
		v[7].text);
}
