/* SPDX-License-Identifier: Apache-2.0 */
/* json_bench.c - what it costs to read a document, to look at fields of it, and to write one.
 *
 *     json_bench [--json]
 *
 * Reading is held against a loop that looks at each byte of the same document once and
 * counts the quotes; a memchr over it says how fast memory is.  Writing is held against
 * a memcpy of the pieces that are written.
 */
#include "base/buf.h"
#include "sdk/json.h"
#include "sdk/text.h"

#include "measure.h"

#define ROUND 4e3 /* us a kind and round, about */
#define SIZES 3

struct text {
	const char *name;
	struct sl_text json;
	struct sl_document *document;
};

static volatile size_t kept; /* what is found is needed */

/* ------------------------------------------------------------------ what is timed */

static void run_pass(size_t calls, const void *data)
{
	const struct text *text = data;
	for (size_t i = 0; i < calls; i++)
		kept = memchr(text->json.at, 1, text->json.len) != NULL;
}

/* One byte after the other, as a parser without vectors would. */
static void run_walk(size_t calls, const void *data)
{
	const struct text *text = data;
	for (size_t i = 0; i < calls; i++) {
		size_t quotes = 0;
		for (const volatile char *at = text->json.at, *end = at + text->json.len; at < end; at++)
			quotes += *at == '"';
		kept = quotes;
	}
}

static void run_read(size_t calls, const void *data)
{
	const struct text *text = data;
	for (size_t i = 0; i < calls; i++) {
		struct sl_document *document = sl_json_read(text->json, NULL, 0);
		kept = sl_json_count(sl_json_root(document));
		sl_json_free(&document);
	}
}

/* Two members by name, behind all orders, and a pointer down to a third. */
static void run_look(size_t calls, const void *data)
{
	const struct text *text = data;
	const struct sl_json *root = sl_json_root(text->document);
	for (size_t i = 0; i < calls; i++) {
		const struct sl_json *customer = sl_json_get(sl_json_get(root, "orders"), "last");
		kept = sl_json_string(sl_json_get(customer, "name")).len + sl_json_string(sl_json_get(customer, "mail")).len
			+ sl_json_string(sl_json_at(root, "/orders/last/address/city")).len;
	}
}

/* ------------------------------------------------------------------------ writing */

#define MEMBERS 20
static const char value[] = "what stands in a column of a row";

static void run_write(size_t calls, const void *data)
{
	static struct buf out;
	for (size_t i = 0; i < calls; i++) {
		buf_clear(&out);
		json_open(&out, '{');
		for (int j = 0; j < MEMBERS; j++)
			json_member_string(&out, "column", value);
		json_close(&out, '}');
		kept = out.len;
	}
}

static void run_copy(size_t calls, const void *data)
{
	static const char member[] = "\"column\":\"what stands in a column of a row\",";
	static struct buf out;
	for (size_t i = 0; i < calls; i++) {
		buf_clear(&out);
		for (int j = 0; j < MEMBERS; j++)
			buf_add(&out, member, sizeof(member) - 1);
		kept = out.len;
	}
}

/* ---------------------------------------------------------------------- documents */

static const char order[] = "\"order%d\":{\"id\":%d,\"total\":\"%d.50\",\"paid\":%s,"
	"\"note\":\"left at the door, \\\"please\\\" ring twice\",\"tags\":[\"new\",\"large\",\"abroad\"],"
	"\"items\":[{\"sku\":\"A-%d\",\"count\":2},{\"sku\":\"B-%d\",\"count\":1}],"
	"\"placed\":\"2026-11-22T10:00:00Z\",\"changed\":null},";

/* Orders of about 300 bytes, until it is so long. */
static struct text make_text(const char *name, size_t size)
{
	struct buf out = { 0 };
	buf_string(&out, "{\"orders\":{");
	for (int i = 0; i == 0 || out.len + 400 < size; i++)
		buf_format(&out, order, i, i + 1000000, i, i % 2 ? "true" : "false", i, i);
	buf_string(&out, "\"last\":{\"name\":\"A Person\","
		"\"mail\":\"person@example.com\",\"address\":{\"city\":\"Here\"}}}}");
	return (struct text){ name, { out.at, out.len }, sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0) };
}

static void begin_kind(struct kind *kind, void (*run)(size_t, const void *), const struct text *text)
{
	*kind = (struct kind){ .name = text->name, .run = run, .data = text, .calls = 1 };
	run(3, text);
	double begin = measure_now();
	run(10, text);
	kind->calls = (size_t)(ROUND / ((measure_now() - begin) / 10)) + 1;
}

enum { PASS, WALK, READ, LOOK, WAYS };

static const struct way {
	void (*run)(size_t calls, const void *data);
	const char *word; /* NULL: it is not told, only held against */
	int limit;        /* -1: none */
} ways[WAYS] = {
	[PASS] = { run_pass, "memchr over it", -1 },
	[WALK] = { run_walk, NULL, -1 },
	[READ] = { run_read, "read", WALK },
	[LOOK] = { run_look, "three fields looked up", WALK },
};

int main(int count, char **words)
{
	const struct text texts[SIZES] = { make_text("600 B", 600), make_text("2 KiB", 2048),
		make_text("200 KiB", 204800) };
	struct kind kinds[SIZES * WAYS + 2];
	struct judged rows[SIZES * WAYS + 1];
	char names[SIZES * WAYS][64];
	size_t told = 0;
	for (size_t i = 0; i < SIZES * WAYS; i++) {
		const struct way *way = &ways[i % WAYS];
		const struct text *text = &texts[i / WAYS];
		begin_kind(&kinds[i], way->run, text);
		snprintf(names[i], sizeof(names[i]), "%s, %s", text->name, way->word ? way->word : "");
		if (way->word)
			rows[told++] = (struct judged){ .bench = "json", .name = names[i], .kind = &kinds[i],
				.limit = way->limit < 0 ? NULL : &kinds[i / WAYS * WAYS + (size_t)way->limit] };
	}
	begin_kind(&kinds[SIZES * WAYS], run_copy, &texts[0]);
	begin_kind(&kinds[SIZES * WAYS + 1], run_write, &texts[0]);
	rows[told++] = (struct judged){ .bench = "json", .name = "an object of 20 texts, written",
		.kind = &kinds[SIZES * WAYS + 1], .limit = &kinds[SIZES * WAYS] };
	measure_kinds(kinds, SIZES * WAYS + 2);
	return measure_tell_all(rows, told, measure_json(count, words));
}
