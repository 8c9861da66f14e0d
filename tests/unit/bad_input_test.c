/* SPDX-License-Identifier: Apache-2.0 */
/* bad_input_test.c - every sample of every vendor, spoilt in every place: nothing breaks, nothing is without an id.
 *
 * A body is cut short at its bytes (at each of them with SLUICE_LONG), and each of its values becomes
 * null, something of another type, a very long text.  What the selectors, the source's decode step and the
 * mapping that ships make of it has to be an event with an id, a drop with a reason, or a failure with a sentence. */
#include "sample_bed.h"
#include "script.h"

#define MOST_CUTS 150
#define MOST_VALUES 150
#define LONG 20000
#define RECEIVED INT64_C(1800000000000)

/* A vendor's plugin, ready to decode. */
struct vendor {
	char name[64], folder[SAMPLE_FOLDER];
	struct webhook *webhook;
	struct instance *source, *mapping; /* NULL: it does not decode; there is none */
	size_t samples, spoilt, mapped, failed;
};

static const struct {
	const char *vendor, *script;
} mappings[] = {
	{ "trello", "trello/cards" },
	{ "monday", "datacube/datacube" },
	{ "teamwork", "inbox/inbox" },
	{ "missive", "inbox/inbox" },
	{ "shopify", "shopify/store" },
	{ "gadget", "events/events" },
	{ "gmail", "events/events" },
	{ "manual", "events/events" },
};

/* A sample while it is spoilt. */
struct sample {
	struct vendor *vendor;
	const char *file;
	struct buf headers;
	struct arena *arena; /* of one try */
};

/* --------------------------------------------------------------------- the vendor */

static void put_option(struct buf *out, const struct sl_option *option)
{
	json_key(out, option->name);
	if (option->type == SL_SECRET || option->type == SL_LIST)
		json_open(out, '['), json_string(out, "secret-secret"), json_close(out, ']');
	else if (option->type == SL_MAP)
		json_open(out, '{'), json_close(out, '}');
	else if (option->type == SL_INT || option->type == SL_DURATION)
		json_int(out, option->min > 1000 ? option->min : 1000);
	else if (option->type == SL_BOOL)
		json_bool(out, true);
	else
		json_string(out, option->choices ? option->choices[0] : "x");
}

/* Those that have to be given; the others have their initial values. */
static struct sl_document *options_of(const struct sl_plugin *face)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	for (const struct sl_option *option = face->options; option && option->name; option++)
		if (!option->initial)
			put_option(&out, option);
	json_close(&out, '}');
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	buf_free(&out);
	return document;
}

static struct webhook *webhook_of(const struct plugin *plugin)
{
	struct buf form = { 0 };
	struct why why = { "" };
	plugin_describe(plugin, &form);
	struct sl_document *document = sl_json_read((struct sl_text){ form.at, form.len }, NULL, 0);
	struct webhook *webhook = webhook_unchecked(sl_json_get(sl_json_root(document), "webhook"), &why);
	if (!webhook)
		fail_msg("%s: %s", plugin->face->name, why.text);
	sl_json_free(&document);
	buf_free(&form);
	return webhook;
}

static struct instance *instance_of(struct plugin *plugin)
{
	const struct host_settings settings = { .loop = &script_loop, .virtual_clock = true };
	struct sl_document *options = options_of(plugin->face);
	struct why why = { "" };
	struct instance *instance = instance_new(&settings, plugin, plugin->face->name, sl_json_root(options), &why);
	if (!instance)
		fail_msg("%s: %s", plugin->face->name, why.text);
	sl_json_free(&options);
	return instance;
}

static struct instance *mapping_of(const char *vendor)
{
	const char *source = getenv("SLUICE_SOURCE");
	struct instance *instance = NULL;
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
		char path[1024];
		struct why why = { "" };
		if (strcmp(mappings[i].vendor, vendor) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/scripts/%s.lua", source ? source : ".", mappings[i].script);
		struct plugin *plugin = plugin_load(path, &why);
		if (!plugin)
			fail_msg("%s", why.text);
		instance = instance_of(plugin);
		plugin_free(&plugin);
	}
	return instance;
}

/* False: it is not built, or has no webhooks. */
static bool vendor_begin(struct vendor *vendor, const char *name)
{
	struct plugin *plugin = sample_plugin(name);
	*vendor = (struct vendor){ .webhook = NULL };
	snprintf(vendor->name, sizeof(vendor->name), "%s", name);
	sample_folder(name, vendor->folder);
	if (!plugin || !plugin->face->webhook || access(vendor->folder, R_OK) != 0) {
		plugin_free(&plugin);
		return false;
	}
	vendor->webhook = webhook_of(plugin);
	if (plugin->face->decode)
		vendor->source = instance_of(plugin);
	vendor->mapping = mapping_of(name);
	plugin_free(&plugin);
	return true;
}

static void vendor_end(struct vendor *vendor)
{
	webhook_free(&vendor->webhook);
	if (vendor->source)
		instance_free(&vendor->source);
	if (vendor->mapping)
		instance_free(&vendor->mapping);
}

/* ---------------------------------------------------------------------- one try */

static const struct sl_pair *const *pairs_of(struct sl_text lines, struct arena *arena)
{
	const struct sl_pair **pairs = arena_alloc(arena, 64 * sizeof(*pairs));
	char *rest = arena_copy(arena, lines.at ? lines.at : "", lines.len), *line;
	for (size_t i = 0; i < 63 && (line = strsep(&rest, "\n")) && *line; i++) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		char *colon = strstr(line, ": ");
		*pair = (struct sl_pair){ line, colon ? colon + 2 : "" };
		if (colon)
			*colon = '\0';
		pairs[i] = pair;
	}
	return pairs;
}

static void finished(struct call *call, void *data)
{
	*(bool *)data = true;
}

static struct call *run(struct instance *instance, enum step step, const struct sl_event *event,
	const struct sl_request *request)
{
	struct call *call = call_new(instance, step);
	bool over = false;
	call->pub.request = request;
	call->pub.event = event;
	if (call_run(call, finished, &over) == SL_WAIT)
		while (!over)
			uv_run(&script_loop, UV_RUN_ONCE);
	return call;
}

/* An event with an id (NULL: the one that was handed in), a drop with a reason, a failure with a sentence. */
static void judge(const struct sample *sample, const struct call *call, struct sl_text body)
{
	bool fine = call->outcome == SL_DONE ? !call->dropped || *call->dropped : call->why.text[0] != '\0';
	for (size_t i = 0; fine && call->outcome == SL_DONE && i < call->emitted_count; i++) {
		const char *id = call->emitted[i].event.id;
		fine = !id || *id;
	}
	if (!fine)
		fail_msg("%s/%s: outcome %d \"%s\" of %.*s", sample->vendor->name, sample->file, call->outcome, call->why.text,
			(int)(body.len < 2000 ? body.len : 2000), body.at);
}

static void map(const struct sample *sample, const struct sl_event *event, const struct sl_request *request)
{
	struct vendor *vendor = sample->vendor;
	if (!vendor->mapping || !event->json)
		return;
	struct call *call = run(vendor->mapping, STEP_TRANSFORM, event, request);
	judge(sample, call, event->data);
	vendor->mapped++;
	vendor->failed += call->outcome != SL_DONE;
	call_free(&call);
}

static void decode(const struct sample *sample, const struct sl_event *event, const struct sl_request *request)
{
	struct call *call = run(sample->vendor->source, STEP_DECODE, event, request);
	judge(sample, call, request->body);
	for (size_t i = 0; call->outcome == SL_DONE && i < call->emitted_count; i++) {
		struct sl_event emitted = call->emitted[i].event;
		emitted.source = event->source;
		emitted.json = emitted_json(call, &call->emitted[i], NULL);
		map(sample, &emitted, request);
	}
	call_free(&call);
}

static void try(struct sample *sample, struct sl_text body)
{
	struct vendor *vendor = sample->vendor;
	struct webhook_found found;
	struct webhook_check check;
	arena_reset(sample->arena);
	struct log_record record = { .seq = 9, .received = RECEIVED, .source = sl_text_of(vendor->name),
		.method = sl_text_of("POST"), .path = sl_text_of("/in/test"),
		.headers = { sample->headers.at ? sample->headers.at : "", sample->headers.len }, .body = body };
	webhook_check(vendor->webhook, &record, RECEIVED, sample->arena, &check);
	struct sl_text data;
	struct sl_document *document = webhook_read(&record, sample->arena, &data, NULL, 0);
	const struct sl_json *json = document ? sl_json_root(document) : NULL;
	webhook_find(vendor->webhook, &record, json, sample->arena, &found);
	if (!found.event.id || !*found.event.id || !found.event.type || !*found.event.type)
		fail_msg("%s/%s: an event without id or type of %.*s", vendor->name, sample->file,
			(int)(body.len < 2000 ? body.len : 2000), body.at);
	found.event.data = data;
	found.event.json = json;
	struct sl_request request = { .method = "POST", .url = "/in/test", .body = body,
		.headers = pairs_of((struct sl_text){ sample->headers.at, sample->headers.len }, sample->arena) };
	if (vendor->source && check.verdict == WEBHOOK_GENUINE)
		decode(sample, &found.event, &request);
	else if (check.verdict == WEBHOOK_GENUINE)
		map(sample, &found.event, &request);
	sl_json_free(&document);
	vendor->spoilt++;
}

/* ------------------------------------------------------------------------ spoiling */

static void cut(struct sample *sample, struct sl_text body)
{
	size_t step = getenv("SLUICE_LONG") ? 1 : body.len / MOST_CUTS + 1;
	for (size_t len = 0; len < body.len; len += step) {
		char *copy = malloc(len + 1); /* so that a sanitizer sees who reads behind it */
		memcpy(copy, body.at, len);
		copy[len] = '\0';
		try(sample, (struct sl_text){ copy, len });
		free(copy);
	}
}

static const char *another_type(enum sl_kind kind)
{
	static const char *const others[] = {
		[SL_KIND_NULL] = "\"\"", [SL_KIND_BOOL] = "[]", [SL_KIND_NUMBER] = "\"x\"",
		[SL_KIND_STRING] = "-7.5e3", [SL_KIND_ARRAY] = "{\"id\":[]}", [SL_KIND_OBJECT] = "[null,7,\"x\",{}]",
	};
	return others[kind];
}

static void replace(struct sample *sample, struct sl_text body, struct sl_text value, const char *by)
{
	struct buf out = { 0 };
	size_t from = (size_t)(value.at - body.at);
	buf_add(&out, body.at, from);
	buf_string(&out, by);
	buf_add(&out, value.at + value.len, body.len - from - value.len);
	try(sample, (struct sl_text){ out.at, out.len });
	buf_free(&out);
}

static size_t values_in(const struct sl_json *value)
{
	size_t count = 1;
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at))
		count += values_in(at);
	return count;
}

struct walk {
	struct sample *sample;
	struct sl_text body; /* the document's own copy, into which raw values point */
	const char *longest;
	size_t step, at;
};

static void spoil_value(struct walk *walk, const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	if (walk->at++ % walk->step == 0) {
		replace(walk->sample, walk->body, raw, "null");
		replace(walk->sample, walk->body, raw, another_type(sl_json_kind(value)));
		replace(walk->sample, walk->body, raw, walk->longest);
	}
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at))
		spoil_value(walk, at);
}

static void spoil(struct sample *sample, struct sl_text body)
{
	static char longest[LONG + 3];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = longest[LONG + 1] = '"';
	struct sl_document *document = sl_json_read(body, NULL, 0);
	try(sample, body);
	cut(sample, body);
	if (document) {
		const struct sl_json *root = sl_json_root(document);
		struct walk walk = { sample, sl_json_raw(root), longest, values_in(root) / MOST_VALUES + 1, 0 };
		spoil_value(&walk, root);
	}
	sl_json_free(&document);
}

/* ------------------------------------------------------------------------- samples */

/* A recorded request holds its body in itself: that is what is spoilt. */
static struct sl_text body_in(const struct sl_json *root, struct sl_text whole)
{
	const struct sl_json *body = sl_json_get(root, "headers") ? sl_json_get(root, "body") : NULL;
	return body ? sl_json_raw(body) : whole;
}

static void spoil_file(struct vendor *vendor, const char *file)
{
	struct sample sample = { .vendor = vendor, .file = file, .arena = arena_new() };
	struct buf text = sample_content(vendor->folder, file);
	struct sl_text whole = { text.at ? text.at : "", text.len };
	struct sl_document *document = sl_json_read(whole, NULL, 0);
	sample.headers = sample_headers(vendor->folder, file);
	spoil(&sample, body_in(sl_json_root(document), whole));
	vendor->samples++;
	sl_json_free(&document);
	buf_free(&text);
	buf_free(&sample.headers);
	arena_free(&sample.arena);
}

static bool is_body(const char *name)
{
	return *name != '.' && !strstr(name, ".headers.") && !strstr(name, ".tsv") && strrchr(name, '.');
}

static void spoil_vendor(const char *name)
{
	struct vendor vendor;
	if (!vendor_begin(&vendor, name))
		return;
	DIR *folder = opendir(vendor.folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		if (is_body(entry->d_name))
			spoil_file(&vendor, entry->d_name);
	closedir(folder);
	print_message("%s: %zu samples, %zu bodies, %zu mapped, %zu of them dead\n", name, vendor.samples, vendor.spoilt,
		vendor.mapped, vendor.failed);
	vendor_end(&vendor);
}

static void whatever_comes_nothing_breaks(void **state)
{
	const char *source = getenv("SLUICE_SOURCE");
	char path[512];
	snprintf(path, sizeof(path), "%s/plugins", source ? source : ".");
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		if (*entry->d_name != '.')
			spoil_vendor(entry->d_name);
	closedir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_comes_nothing_breaks) };
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
