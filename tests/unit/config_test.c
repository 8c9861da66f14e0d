/* SPDX-License-Identifier: Apache-2.0 */
/* config_test.c - configurations as people write them: what they come to, and what is said of mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "main/config_build.h"
#include "sdk/json.h"
#include "sdk/text.h"

static struct arena *arena;
static struct faults errors, warnings;
static struct config *config;
static char folder[] = "/tmp/config_test.XXXXXX";
static struct buf out;

static const char VENDOR[] =
	"local vendor = { version = '1.0', summary = 'A vendor.',\n"
	"  options = { { 'key', 'text', initial = '' }, { 'boards', 'list', initial = '' }, { 'token', 'secret', initial "
	"= '' },\n"
	"    { 'secret', 'secret', help = 'what webhooks are signed with' } },\n"
	"  webhook = { auth = 'hmac-sha1', proof = 'header:X-Sign', encoding = 'base64', covers = '{body}{callback}',\n"
	"    secret = 'secret', head = true, id = 'body:/id', subject = 'body:/card' } }\n"
	"function vendor.decode(request) emit(request) end\n"
	"return vendor\n";
static const char CARDS[] =
	"local cards = { version = '1.0', summary = 'Cards.', options = { { 'list', 'text', initial = 'Done' },\n"
	"  { 'stuck', 'duration', initial = '48h' }, { 'file', 'path', initial = 'cards.txt' } } }\n"
	"function cards.transform(event) emit(event) end\n"
	"return cards\n";
static const char TABLES[] =
	"options:\n  completed: { type: list, initial: [Done] }\n  stuck: { type: duration, initial: 48h }\n"
	"tables:\n  cards: { mode: upsert, key: [id], columns: { id: text, name: text } }\n";

static const char *path_of(const char *name)
{
	return arena_format(arena, "%s/%s", folder, name);
}

static const char *plugin_path(const char *name)
{
	const char *build = getenv("SLUICE_BUILD");
	return arena_format(arena, "%s/tests/plugins/%s.so", build ? build : ".", name);
}

static void put(const char *name, const char *text, int mode)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, (mode_t)mode);
}

static int begin(void **state)
{
	arena = arena_new();
	errors = (struct faults){ .arena = arena };
	warnings = (struct faults){ .arena = arena };
	return 0;
}

static int end(void **state)
{
	config_free(&config);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}

static int begin_all(void **state)
{
	begin(state);
	assert_non_null(mkdtemp(folder));
	put("vendor.lua", VENDOR, 0600);
	put("cards.lua", CARDS, 0600);
	assert_int_equal(symlink(plugin_path("store"), path_of("store.so")), 0);
	assert_int_equal(symlink(plugin_path("shop"), path_of("shop.so")), 0);
	put("tables.yaml", TABLES, 0600);
	put("sluice.env", "# secrets\nKEY=k-1\nexport SECRET = no\n", 0600);
	put("good.env", "KEY=k-1\nSECRET='s 1'\nOLD=\nEVIL=\"x }, insecure: true, y: {\"\nNUMBER=7\nLONG=two\n", 0600);
	end(state);
	return 0;
}

static int end_all(void **state)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static bool read_depth(const char *yaml, enum config_depth depth)
{
	config_free(&config);
	errors.count = warnings.count = 0;
	put("c.yaml", yaml, 0600);
	config = config_read(path_of("c.yaml"), depth, &errors, &warnings);
	assert_int_equal(config == NULL, errors.count > 0);
	return config != NULL;
}

static void read_fine(const char *yaml)
{
	if (!read_depth(yaml, CONFIG_WHOLE))
		fail_msg("refused: %s", errors.at[0]);
}

/* The i-th sentence, which begins with the file's path. */
static void said(const struct faults *faults, size_t i, const char *sentence)
{
	const char *text = faults->count > i ? faults->at[i] : "nothing";
	const char *expected = *sentence == ':' ? arena_format(arena, "%s/c.yaml%s", folder, sentence) : sentence;
	if (strncmp(text, expected, strlen(expected)) != 0)
		fail_msg("expected \"%s...\"\n     got \"%s\"", expected, text);
}

static void refused(const char *yaml, const char *sentence)
{
	assert_false(read_depth(yaml, CONFIG_WHOLE));
	said(&errors, 0, sentence);
	if (errors.count > 1)
		fail_msg("one more: \"%s\"", errors.at[1]);
}

static bool in_text(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define WHOLE \
	"listen: [127.0.0.1:8080, 'unix:run/in.sock']\npublic: https://hooks.example.com/\ndata: ./data\nenv: good.env\n" \
	"sources:\n  boards: { use: vendor, key: ${KEY}, secret: [${SECRET}, ${OLD}], boards: [5f1a], every: 15m }\n" \
	"transforms:\n  cards: { use: cards, stuck: 2h }\n" \
	"sinks:\n  local: { use: store, path: ./w.db, schema: { use: tables, completed: [Done, Gone] } }\n" \
	"routes:\n  - { name: cards, from: [boards], via: [cards], to: local }\n"

static void a_whole_configuration(void **state)
{
	read_fine(WHOLE);
	assert_int_equal(config->source_count, 1);
	assert_string_equal(config->sources[0].callback, "https://hooks.example.com/in/boards");
	assert_string_equal(config->sources[0].secrets, "[\"s 1\"]");
	assert_string_equal(config->sources[0].options, "{\"key\":\"k-1\",\"boards\":[\"5f1a\"]}");
	assert_string_equal(config->data, path_of("data"));
	assert_string_equal(config->admin, arena_format(arena, "unix:%s", path_of("data/admin.sock")));
	assert_string_equal(config->listen[1], arena_format(arena, "unix:%s", path_of("run/in.sock")));
	assert_int_equal(config->routes[0].retry.first, 2000);
	assert_int_equal(config->routes[0].give_up, 3 * 86400000);
	assert_int_equal(config->limits.body, 10 << 20);
	assert_int_equal(warnings.count, 1);
	said(&warnings, 0, ":6:91: `every` says nothing: `vendor` does not poll");
}

static struct sl_document *document_of(void)
{
	json_close(&out, '}');
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	assert_non_null(document);
	return document;
}

static void raw_is(const struct sl_document *document, const char *pointer, const char *expected)
{
	struct sl_text raw = sl_json_raw(sl_json_at(sl_json_root(document), pointer));
	assert_non_null(raw.at);
	assert_string_equal(arena_copy(arena, raw.at, raw.len), expected);
}

static void each_process_gets_its_part(void **state)
{
	const int fds[] = { 5, 6 };
	read_fine(WHOLE);
	json_open(&out, '{');
	config_part_ingress(config, fds, 7, &out);
	struct sl_document *document = document_of();
	raw_is(document, "/listen/1/fd", "6");
	raw_is(document, "/events/fd", "7");
	raw_is(document, "/sources/0/secrets", "[\"s 1\"]");
	raw_is(document, "/sources/0/webhook/auth", "\"hmac-sha1\"");
	raw_is(document, "/sources/0/callback", "\"https://hooks.example.com/in/boards\"");
	raw_is(document, "/proxies", "[\"127.0.0.1\",\"::1\",\"unix\"]");
	raw_is(document, "/limits/request_time", "30000");
	sl_json_free(&document);
	buf_free(&out);
	json_open(&out, '{');
	config_part_route(config, &config->routes[0], &out);
	assert_false(in_text(out.at, "s 1"));
	document = document_of();
	raw_is(document, "/transforms/0/options/stuck", "7200000");
	raw_is(document, "/transforms/0/options/file", arena_format(arena, "\"%s\"", path_of("cards.txt")));
	raw_is(document, "/sources/0/plugin", arena_format(arena, "\"%s\"", path_of("vendor.lua")));
	raw_is(document, "/sink/options/path", arena_format(arena, "\"%s\"", path_of("w.db")));
	raw_is(document, "/sink/schema/options/completed", "[\"Done\",\"Gone\"]");
	raw_is(document, "/sink/schema/options/stuck", "172800000");
	raw_is(document, "/retry", "{\"attempts\":3,\"first\":2000,\"most\":600000}");
	sl_json_free(&document);
}

#define SINK "sinks:\n  l: { use: store, path: w }\n"
#define SHOP(more) "sources:\n  s: { use: shop, token: [t-new, t-old]" more " }\n"

static void a_source_that_polls_gets_a_process_and_an_api(void **state)
{
	read_fine(SHOP("") SINK "routes:\n  - { name: r, from: s, to: l }\n");
	const struct config_source *source = &config->sources[0];
	assert_true(source->polls);
	assert_int_equal(source->every, 300000);
	assert_null(source->webhook);
	assert_string_equal(source->options, "{\"host\":\"shop.example.com\"}");
	json_open(&out, '{');
	config_part_poller(config, source, &out);
	struct sl_document *document = document_of();
	raw_is(document, "/source", "\"s\"");
	raw_is(document, "/options", "{\"token\":[\"t-new\",\"t-old\"],\"host\":\"shop.example.com\"}");
	raw_is(document, "/api/base", "\"https://shop.example.com/v1\"");
	raw_is(document, "/api/headers", "[\"Authorization: Bearer t-new\"]");
	raw_is(document, "/api/requests", "40");
	raw_is(document, "/every", "300000");
	raw_is(document, "/net", "{\"allow\":[],\"proxy\":null,\"ca\":null}");
	raw_is(document, "/events", arena_format(arena, "\"%s\"", path_of("data/events.sock")));
	sl_json_free(&document);
	buf_free(&out);
	json_open(&out, '{');
	config_part_route(config, &config->routes[0], &out);
	document = document_of();
	raw_is(document, "/sources/0/webhook", "null");
	raw_is(document, "/sources/0/api/headers", "[\"Authorization: Bearer t-new\"]");
	raw_is(document, "/sources/0/options", "{\"host\":\"shop.example.com\"}");
	raw_is(document, "/sink/api", "null");
	sl_json_free(&document);
}

static const char *credential_of(const char *yaml)
{
	read_fine(yaml);
	const char *at = strstr(config->sources[0].api, "\"credential\":");
	return arena_copy(arena, at, strcspn(at, ","));
}

static void a_budget_belongs_to_the_credential(void **state)
{
	const char *first = credential_of(SHOP(""));
	assert_string_equal(first, credential_of(SHOP("") "data: elsewhere\n"));
	assert_string_not_equal(first, credential_of("sources:\n  s: { use: shop, token: another }\n"));
	assert_false(in_text(first, "t-new"));
}

static void an_api_can_be_changed_in_yaml(void **state)
{
	read_fine(SHOP(
		", every: 1h, api: { base: 'http://127.0.0.1:1', requests: 9, window: 1m, points: 5, points_window: 2s }"));
	const char *api = config->sources[0].api;
	assert_true(in_text(api, "\"base\":\"http://127.0.0.1:1\""));
	assert_true(in_text(api, "\"requests\":9,\"window\":60000,\"points\":5,\"points_window\":2000,\"at_once\":4"));
	assert_int_equal(config->sources[0].every, 3600000);
	refused(SHOP(", api: { requets: 1 }"),
		":2:49: `requets` is no key of `api` of source s; did you mean `requests`?");
	refused(SHOP(", api: { points: 1 }"), ":2:47: `api` of source s: `points` needs a `points_window`, such as 1m");
	refused(SHOP(", api: { window: 0 }"), ":2:47: `api` of source s: `requests` needs a `window`, such as 10s");
	refused(SHOP(", api: { at_once: -1 }"), ":2:58: `at_once` must be between 0 and 1000000000, not '-1'");
	refused(SHOP(", api: { base: nowhere }"), ":2:55: source s: its api's base has to begin with https:// or http://");
	refused(SHOP(", every: 1ms"), ":2:49: `every` must be between 100ms and 365d, not '1ms'");
	refused(SHOP(", webhook: { id: x }"), ":2:42: `webhook` is no key of source s");
	refused(SHOP(", secret: x"), ":2:42: `secret` is no key of source s");
	refused("sources:\n  s: { use: shop }\n", ":2:6: source s needs `token`, one secret or a list of them");
	refused("sources:\n  s: { use: shop, token: '' }\n",
		":2:6: source s: its api needs the option token, which is not given");
	refused("sources:\n  b: { use: vendor, insecure: true, api: {} }\n", ":2:37: `api` is no key of source b");
	refused("transforms:\n  c: { use: cards, api: {} }\n", ":2:20: `api` is no key of transform c");
}

static void how_others_are_asked_is_checked(void **state)
{
	put("ca.pem", "certificates\n", 0600);
	read_fine("http: { allow: [127.0.0.1, 10.0.0.0/8, 'fd00::/8'], proxy: 'http://u:p@proxy:3128', ca: ca.pem }\n");
	assert_string_equal(config->net.allow[2], "fd00::/8");
	assert_string_equal(config->net.proxy, "http://u:p@proxy:3128");
	assert_string_equal(config->net.ca, path_of("ca.pem"));
	refused("http: { allow: [127.0.0.1, localhost] }\n",
		":1:28: `allow` holds addresses and networks such as 10.0.0.0/8, not 'localhost'");
	refused("http: { allow: 10.0.0.0/33 }\n", ":1:16: `allow` holds");
	refused("http: { proxy: 'proxy:3128' }\n",
		":1:16: `proxy` must be an address such as http://proxy.example.com:3128");
	refused("http: { ca: nowhere.pem }\n",
		arena_format(arena, ":1:13: `ca`: %s cannot be read: No such file", path_of("nowhere.pem")));
	refused("http: { alow: 127.0.0.1 }\n", ":1:9: `alow` is no key of `http`; did you mean `allow`?");
	refused("http: 7\n", ":1:7: `http` must be a map, not '7'");
}

#define SOURCE(more) "public: https://h.example.com\nenv: good.env\nsources:\n  b: { use: vendor, secret: s" more " }\n"

static void unknown_keys_name_the_nearest(void **state)
{
	refused("lissten: x\n", ":1:1: `lissten` is no key of the configuration; did you mean `listen`?");
	refused(SOURCE(", bords: [x]"), ":4:32: `bords` is no key of source b; did you mean `boards`?");
	refused(SOURCE("") "transforms:\n  t: { use: cards, stuk: 1h }\n",
		":6:20: `stuk` is no key of transform t; did you mean `stuck`?");
	refused("sinks:\n  l: { use: store, paht: w, path: w }\n",
		":2:20: `paht` is no key of sink l; did you mean `path`?");
	refused("sinks:\n  l: { use: store, path: w, schema: { use: tables, complete: [x] } }\n",
		":2:52: `complete` is no key of schema tables; did you mean `completed`?");
	refused("log: { sise: 1 GB }\n", ":1:8: `sise` is no key of `log`; did you mean `size`?");
	refused("limits:\n  bodi: 1\n", ":2:3: `bodi` is no key of `limits`; did you mean `body`?");
	refused("owner: nobody\n", ":1:1: `owner` is no key of the configuration");
	refused(SOURCE("") SINK "routes:\n  - { name: r, form: b, from: b, to: l }\n",
		":8:16: `form` is no key of route r; did you mean `from`?");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, to: l, retry: { tries: 3 } }\n",
		":8:41: `tries` is no key of `retry` of route r");
	refused(SOURCE(", webhook: { auht: none }"),
		":4:43: `auht` is no key of `webhook` of source b; did you mean `auth`?");
	refused("admin: { lisen: x }\n", ":1:10: `lisen` is no key of `admin`; did you mean `listen`?");
}

static void unknown_names_name_the_nearest(void **state)
{
	refused("sources:\n  b: { use: /nowhere/vendor.so }\n", ":2:13: there is no plugin /nowhere/vendor.so");
	refused("sources:\n  b: { use: ../x.lua }\n", ":2:13: there is no plugin ");
	refused("sources:\n  b: { use: a/../x }\n", ":2:13: \"a/../x\" is no name");
	refused("sources:\n  b: { use: zebra }\n", ":2:13: there is no plugin \"zebra\"; it was looked for in ");
	refused("sinks:\n  l: { use: store, path: w, schema: tabels }\n", ":2:37: there is no schema \"tabels\"");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: [bb], to: l }\n",
		":8:23: there is no source 'bb'; did you mean `b`?");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, via: [cards], to: l }\n",
		":8:31: there is no transform 'cards'; there is none under `transforms`");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, to: warehouse }\n",
		":8:29: there is no sink 'warehouse'; there is l under `sinks`");
}

#define ASKED(more) "sinks:\n  l: { use: store, path: w, schema: { use: asked" more " } }\n"
#define ASKED_ROUTE "transforms: { c: { use: cards } }\nroutes:\n  - { name: r, from: b, via: [c], to: l }\n"

static const char *of_asked(const char *words)
{
	return arena_format(arena, ":6:37: schema `asked`: %s: %s", path_of("asked.yaml"), words);
}

/* Some of a schema's options have to be given: it cannot even be looked at without. */
static void a_schema_can_ask_for_values(void **state)
{
	put("asked.yaml", "options: { done: { type: list }, days: { type: int }, name: { type: text, initial: x } }\n"
		"tables:\n  cards: { mode: upsert, key: [id], columns: { id: text } }\n", 0600);
	read_fine(SOURCE("") ASKED(", done: [Gone, 'it''s'], days: 3") ASKED_ROUTE);
	assert_string_equal(config->sinks[0].schema_options,
		"{\"done\":[\"Gone\",\"it's\"],\"days\":3,\"name\":\"x\"}");
	refused(SOURCE("") ASKED(", done: [Gone]") ASKED_ROUTE,
		of_asked("the option days must be given"));
	refused(SOURCE("") ASKED(", done: [Gone], days: soon") ASKED_ROUTE,
		of_asked("the option days must be a whole number"));
	refused(SOURCE("") ASKED(", done: [Gone], days: 3, name: [x, y]") ASKED_ROUTE,
		of_asked("the option name must be a text"));
	refused(SOURCE("") ASKED(", done: { a: b }, days: 3") ASKED_ROUTE,
		":6:57: `done` must be a list of plain values, not a map");
}

static void a_schema_is_a_name_or_a_map(void **state)
{
	put("broken.yaml", "tables: { cards: { mode: upsert } }\n", 0600);
	refused("sinks:\n  l: { use: store, path: w, schema: [tables] }\n",
		":2:37: `schema` must be a schema's name, or { use: NAME } and its options");
	refused("sinks:\n  l: { use: store, path: w, schema: { completed: [x] } }\n",
		":2:37: `schema` must be a schema's name, or { use: NAME } and its options");
	refused("sinks:\n  l: { use: store, path: w, schema: broken }\n",
		arena_format(arena, ":2:37: schema `broken`: %s", path_of("broken.yaml:1:")));
}

static void routes_have_to_lead_somewhere(void **state)
{
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b }\n", ":8:5: route r needs `to`, text: the sink");
	refused(SOURCE("") SINK "routes:\n  - { from: b, to: l }\n", ":8:5: a route needs `name`, text: ");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, to: l }\n  - { name: r, from: b, to: l }\n",
		":9:13: there are two routes named 'r'");
	refused(SOURCE("") SINK "routes:\n  - { name: a/b, from: b, to: l }\n", ":8:13: a route's name is 1 to 64 letters");
	refused(SOURCE("") SINK "routes:\n  - { name: .., from: b, to: l }\n", ":8:13: a route's name is 1 to 64 letters");
	refused(SOURCE("") SINK "routes: { r: { from: b, to: l } }\n", ":7:9: `routes` must be a list, not a map");
	refused(SOURCE("") SINK "routes: [x]\n", ":7:10: a route must be a map, not 'x'");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: [b, b], to: l }\n", ":8:26: the source 'b' is named twice");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: [], to: l }\n", ":8:22: `from` is empty");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, to: l, start: never }\n",
		":8:39: `start` must be one of: oldest, now; not 'never'");
	refused(SOURCE("") SINK "routes:\n  - { name: r, from: b, to: l, retry: { first: 1h } }\n",
		":8:39: `most` is shorter than `first`");
	refused("sources: [x]\n", ":1:10: `sources` must be a map, not a list");
	refused("sources:\n  b:\n", ":2:5: source b must be a map, not nothing");
	refused("sources:\n  b: {}\n", ":2:6: source b needs `use`, the name of its plugin");
	refused("sources:\n  b: { use: cards }\n", ":2:13: `cards` is no source: it does not offer webhook or poll");
	refused("sinks:\n  b: { use: cards }\n", ":2:13: `cards` is no sink: it does not offer deliver");
}

static void a_source_has_its_secret(void **state)
{
	refused("public: https://h\nsources:\n  b: { use: vendor }\n",
		":3:6: source b has no secret: give `secret: ${NAME}`, or `insecure: true`");
	refused("public: https://h\nenv: good.env\nsources:\n  b: { use: vendor, secret: ${OLD} }\n",
		":4:29: source b has no secret");
	refused("sources:\n  b: { use: vendor, secret: s }\n",
		":2:6: what source b signs holds the callback: give `public: https://...`");
	refused("sources:\n  b: { use: webhook, auth: none }\n", ":2:6: source b would take in whatever anybody sends");
	refused("sources:\n  b: { use: webhook, secret: s }\n", ":2:6: source b needs `auth`");
	read_fine("sources:\n  b: { use: vendor, insecure: true }\n");
	said(&warnings, 0, ":2:6: source b is insecure");
	read_fine("sources:\n  b: { use: vendor, secret: s, callback: 'https://c.example.com/x' }\n");
	assert_string_equal(config->sources[0].callback, "https://c.example.com/x");
}

static void a_source_can_be_described_right_here(void **state)
{
	read_fine("sources:\n  m:\n    use: webhook\n    auth: hmac-sha256\n    proof: header:X-Sign\n    prefix: sha256=\n"
		  "    encoding: hex\n    covers: '{timestamp}.{body}'\n    timestamp: header:X-Time\n    tolerance: 2m\n"
		  "    secret: s\n    id: body:/id\n    type: header:X-Type\n    repeat: 15m\n    challenge: challenge\n    "
		  "head: yes\n    status: 202\n");
	assert_string_equal(config->sources[0].webhook,
		"{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Sign\",\"prefix\":\"sha256=\",\"encoding\":\"hex\","
		"\"covers\":\"{timestamp}.{body}\",\"timestamp\":\"header:X-Time\",\"tolerance_ms\":120000,"
		"\"id\":\"body:/id\",\"type\":\"header:X-Type\",\"repeat_ms\":900000,\"challenge\":\"challenge\","
		"\"head\":true,\"status\":202}");
	assert_null(config->sources[0].plugin);
	refused("sources:\n  b: { use: webhook, auth: hmac-sha257, secret: s }\n",
		":2:28: `auth` must be one of: hmac-sha1,");
	refused("sources:\n  b: { use: webhook, auth: bearer, secret: s, id: 'bdy:/id' }\n", ":2:6: source b: ");
	refused("sources:\n  b: { use: webhook, auth: bearer, secret: s, status: 500 }\n",
		":2:55: `status` must be between 200 and 299");
}

static void a_vendor_can_be_changed_in_yaml(void **state)
{
	read_fine(SOURCE(", webhook: { auth: hmac-sha256, covers: '{body}', head: false }"));
	assert_true(in_text(config->sources[0].webhook, "\"auth\":\"hmac-sha256\""));
	assert_true(in_text(config->sources[0].webhook, "\"covers\":\"{body}\""));
	assert_true(in_text(config->sources[0].webhook, "\"proof\":\"header:X-Sign\""));
	assert_true(in_text(config->sources[0].webhook, "\"head\":false"));
	assert_false(in_text(config->sources[0].webhook, "hmac-sha1\""));
	refused(SOURCE(", webhook: { id: nonsense }"), ":4:41: source b: ");
	refused(SOURCE(", webhook: 7"), ":4:41: `webhook` of source b must be a map, not '7'");
}

static void a_missing_variable_names_itself_and_the_file(void **state)
{
	refused("data: ${NOT_THERE}\n", ":1:7: ${NOT_THERE} is not set; set it in the environment, or name a file");
	assert_false(read_depth("env: good.env\nsources:\n  b: { use: vendor, key: ${NOT_THERE} }\n", CONFIG_WHOLE));
	said(&errors, 0,
		arena_format(arena, ":3:26: ${NOT_THERE} is not set; add a line NOT_THERE=... to %s/good.env", folder));
	refused("data: ${A B}\n", ":1:7: ${A B} is no variable");
	refused("data: 'x${A'\n", ":1:7: `${` has no `}`");
	refused("data: ${file:nowhere}\n", ":1:7: ${file:nowhere}: ");
	refused("env: nowhere.env\n", ":1:6: the env file ");
	refused("env: ${X}\n", ":1:6: `env` is read before variables are");
	assert_false(read_depth("env: sluice.env\n", CONFIG_WHOLE));
	said(&errors, 0, arena_format(arena, "%s/sluice.env:3:1: a line here is NAME=value", folder));
}

static void what_is_put_in_stays_one_value(void **state)
{
	put("secret.txt", "line one\nline two\r\n", 0600);
	read_fine("env: good.env\nsources:\n  b: { use: vendor, insecure: true, key: ${EVIL}, secret: "
		  "'${file:secret.txt}', boards: [ $${KEY}, \"a${NUMBER}b\" ] }\n");
	assert_string_equal(config->sources[0].options,
		"{\"key\":\"x }, insecure: true, y: {\",\"boards\":[\"${KEY}\",\"a7b\"]}");
	assert_string_equal(config->sources[0].secrets, "[\"line one\\nline two\"]");
	read_fine("env: good.env\nlog: { size: '${NUMBER}0 GB' }\n");
	assert_int_equal(config->log.size, (int64_t)70 << 30);
	setenv("NUMBER", "9", 1);
	read_fine("env: good.env\nlog: { size: '${NUMBER}0 GB' }\n");
	assert_int_equal(config->log.size, (int64_t)90 << 30);
	unsetenv("NUMBER");
}

static void what_is_put_in_is_never_shown(void **state)
{
	static const char *const yamls[] = {
		"listen: ${SECRET}\n",
		"public: ${SECRET}\n",
		"log: { size: ${SECRET} }\n",
		"log: { level: ${SECRET} }\n",
		"deadline: ${SECRET}\n",
		"proxies: ${SECRET}\n",
		"admin: ${SECRET}\n",
		"sources:\n  b: { use: vendor, secret: s, insecure: ${SECRET} }\n",
		"sources: ${SECRET}\n",
		"limits: ${SECRET}\n",
		"routes: [ { name: ${SECRET}, from: x, to: y } ]\n",
		"routes: [ { name: x, from: ${SECRET}, to: ${SECRET}, via: ${SECRET} } ]\n",
		"sources:\n  b: { use: ${SECRET} }\n",
		"sinks:\n  b: { use: store, path: x, schema: ${SECRET} }\n",
		"sources:\n  b: { use: webhook, auth: ${SECRET}, id: ${SECRET} }\n",
		"sources:\n  b: { use: webhook, auth: bearer, secret: x, id: '${SECRET}' }\n",
		"sources:\n  b: { use: webhook, auth: bearer, secret: x, proof: '${SECRET}' }\n",
		"sinks:\n  b: { use: store, path: x, schema: { use: tables, stuck: '${SECRET}' } }\n",
	};
	setenv("SECRET", "!h4-sesame/..", 1);
	for (size_t i = 0; i < sizeof(yamls) / sizeof(*yamls); i++) {
		read_depth(yamls[i], CONFIG_WHOLE);
		if (!errors.count)
			fail_msg("taken: %s", yamls[i]);
		for (size_t e = 0; e < errors.count; e++)
			if (in_text(errors.at[e], "sesame"))
				fail_msg("told: %s", errors.at[e]);
	}
	unsetenv("SECRET");
}

static void all_mistakes_are_told_at_once(void **state)
{
	assert_false(read_depth("lissten: x\nlog: { size: big, levle: x }\nsources:\n  b: { use: vendor, key: [a] }\n  c: "
				"{ use: zebra }\n"
				"routes:\n  - { name: r, from: d, to: e }\n",
		CONFIG_WHOLE));
	said(&errors, 0, ":1:1: `lissten`");
	said(&errors, 1, ":2:19: `levle`");
	said(&errors, 2, ":2:14: `size` must be a size");
	said(&errors, 3, ":5:13: there is no plugin");
	said(&errors, 4, ":4:26: `key` must be text, not a list");
	assert_int_equal(errors.count, 7);
}

static void addresses_are_checked(void **state)
{
	refused("listen: [127.0.0.1:8080, here]\n", ":1:26: ");
	refused("listen: []\n", ":1:9: `listen` is empty");
	refused("proxies: [10.0.0.0/8, 10.0.0.0/99]\n",
		":1:23: a proxy is an address, a network such as 10.0.0.0/8, or `unix`, not '10.0.0.0/99'");
	refused("public: hooks.example.com\n", ":1:9: `public` must be an address such as https://hooks.example.com");
	refused("admin: nowhere\n", ":1:8: ");
	read_fine("admin: { listen: '127.0.0.1:9090', token: t }\n");
	assert_string_equal(config->admin, "127.0.0.1:9090");
	assert_string_equal(config->admin_token, "t");
	read_fine("admin: 127.0.0.1:9090\n");
	said(&warnings, 0, ":1:8: whoever reaches the admin address may look, and nobody may command");
}

static void a_small_log_has_small_files(void **state)
{
	read_fine("log: { size: 8 MB }\n");
	assert_int_equal(config->log.segment, 1 << 20);
	read_fine("log: { size: 100 MB, segment: 2 MB }\n");
	assert_int_equal(config->log.segment, 2 << 20);
	refused("log: { size: 100 MB, segment: 64 MB }\n", ":1:31: `segment` must be at most a quarter of `size`, 25 MB");
}

/* docs/man/sluice.yaml.5.md holds each table just as it is printed. */
static void the_manual_says_what_the_tables_say(void **state)
{
	const struct sl_option *const tables[] = { config_keys, config_log_keys, config_limits_keys, config_http_keys,
		config_api_keys, config_admin_keys, config_source_keys, config_webhook_keys, config_sink_keys,
		config_schema_keys, config_contract_keys, config_transform_keys, config_route_keys, config_retry_keys };
	const char *source = getenv("SLUICE_SOURCE");
	const char *path = arena_format(arena, "%s/docs/man/sluice.yaml.5.md", source ? source : ".");
	char *manual = arena_alloc(arena, 100000);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(manual, 1, 99999, file) > 0);
	fclose(file);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		buf_clear(&out);
		option_manual(tables[i], true, &out);
		if (!in_text(manual, out.at))
			fail_msg("docs/man/sluice.yaml.5.md lacks this, word for word:\n%s", out.at);
	}
}

static void who_only_needs_the_log_needs_no_secret(void **state)
{
	assert_true(read_depth("data: d\nsources:\n  b: { use: zebra, key: ${NOT_THERE} }\n", CONFIG_ENGINE));
	assert_string_equal(config->data, path_of("d"));
	assert_int_equal(config->source_count, 0);
}

static void a_readable_env_file_is_warned_of(void **state)
{
	put("open.env", "A=1\n", 0644);
	read_fine("env: open.env\n");
	said(&warnings, 0, arena_format(arena, ":1:6: %s/open.env can be read by others; chmod 600", folder));
}

static void what_nobody_uses_is_warned_of(void **state)
{
	read_fine(SOURCE("") SINK "routes: []\n");
	said(&warnings, 0, ":7:9: there are no routes");
	said(&warnings, 1, ":4:3: no route uses source b");
	said(&warnings, 2, ":6:3: no route uses sink l");
}

static void no_file_is_said_in_a_sentence(void **state)
{
	assert_null(config_read("/nowhere/sluice.yaml", CONFIG_WHOLE, &errors, &warnings));
	said(&errors, 0, "/nowhere/sluice.yaml cannot be opened: No such file or directory");
	refused("- a\n", ":1:1: the configuration must be a map, not a list");
	refused("sources:\n\tb: x\n", ":2:1: a tab cannot stand here");
}

/* Every flipped bit of a real file either reads or is refused in sentences. */
static void no_damage_does_harm(void **state)
{
	char text[] = WHOLE;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		char flipped = (char)(1 << i % 8);
		text[i] ^= flipped;
		if (text[i] && !read_depth(text, CONFIG_ENGINE))
			assert_true(in_text(errors.at[0], "c.yaml:") || in_text(errors.at[0], ".env"));
		text[i] ^= flipped;
		config_free(&config);
	}
}

static void bad_plugins_take_only_their_own_answer_along(void **state)
{
	const char *paths[] = { plugin_path("load_abort"), path_of("vendor.lua"), plugin_path("load_exit"),
		plugin_path("load_lies"),
		path_of("cards.lua"), "/nowhere/x.so" };
	const struct description *all = describe(paths, 6, NULL, arena);
	assert_true(in_text(all[0].error, "load_abort.so: crashed when it was loaded (Aborted)"));
	assert_null(all[1].error);
	assert_true(all[1].webhook && all[1].decode && !all[1].deliver);
	assert_string_equal(all[1].webhook_secret, "secret");
	assert_true(in_text(all[2].error, "load_exit.so: ended the process that loaded it (exit 7)"));
	assert_true(in_text(all[3].error, "load_lies.so: what it says of itself cannot be read"));
	assert_null(all[4].error);
	assert_true(all[4].transform);
	assert_true(in_text(all[5].error, "/nowhere/x.so"));
}

static void a_plugin_that_hangs_is_named(void **state)
{
	const char *path = plugin_path("load_spin");
	const struct description *one = describe(&path, 1, NULL, arena);
	assert_true(in_text(one->error, "load_spin.so: used more than 5 s") ||
		in_text(one->error, "load_spin.so: did not load within 10 s"));
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_whole_configuration),
		CASE(each_process_gets_its_part),
		CASE(a_source_that_polls_gets_a_process_and_an_api),
		CASE(a_budget_belongs_to_the_credential),
		CASE(an_api_can_be_changed_in_yaml),
		CASE(how_others_are_asked_is_checked),
		CASE(unknown_keys_name_the_nearest),
		CASE(unknown_names_name_the_nearest),
		CASE(a_schema_can_ask_for_values),
		CASE(a_schema_is_a_name_or_a_map),
		CASE(routes_have_to_lead_somewhere),
		CASE(a_source_has_its_secret),
		CASE(a_source_can_be_described_right_here),
		CASE(a_vendor_can_be_changed_in_yaml),
		CASE(a_missing_variable_names_itself_and_the_file),
		CASE(what_is_put_in_stays_one_value),
		CASE(what_is_put_in_is_never_shown),
		CASE(all_mistakes_are_told_at_once),
		CASE(addresses_are_checked),
		CASE(a_small_log_has_small_files),
		CASE(the_manual_says_what_the_tables_say),
		CASE(who_only_needs_the_log_needs_no_secret),
		CASE(a_readable_env_file_is_warned_of),
		CASE(what_nobody_uses_is_warned_of),
		CASE(no_file_is_said_in_a_sentence),
		CASE(no_damage_does_harm),
		CASE(bad_plugins_take_only_their_own_answer_along),
		CASE(a_plugin_that_hangs_is_named),
	};
	if (argc && strcmp(argv[0], "sluice: describe") == 0)
		return describe_main(argc, argv);
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
