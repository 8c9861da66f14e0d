/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_fuzz.c - any request to any of the vendors' webhooks that come with us.
 *
 * "VENDOR WAY QUERY LF HEADERS LF LF BODY", the first two a byte each.  WAY 1 signs the
 * request as the vendor would; one that is not signed is never genuine.
 */
#include <dirent.h>

#include "flow/webhook.h"
#include "fuzz.h"
#include "host/host.h"

#define NOW INT64_C(1732226419000)
#define SECRETS "[\"whsec_c2x1aWNlc2x1aWNlc2x1aWNlc2x1aWNl\",\"another secret of some length\"]"
#define CALLBACK "https://hooks.example/in/boards"

static struct vendor {
	struct webhook *webhook, *unchecked;
	bool open;
} vendors[16];
static size_t vendor_count;

/* ---------------------------------------------------------------- the vendors */

static void add_vendor(const char *name)
{
	struct why why = { "" };
	struct buf json = { 0 };
	char path[1024];
	snprintf(path, sizeof(path), "%s/plugins/%s/%s.lua", fuzz_source(), name, name);
	if (access(path, R_OK) != 0)
		snprintf(path, sizeof(path), "%s/share/sluice/plugins/%s/%s.so", fuzz_build(), name, name);
	fuzz_pin(path);
	struct plugin *plugin = access(path, R_OK) == 0 ? plugin_load(path, &why) : NULL;
	if (!plugin)
		return;
	plugin_describe(plugin, &json);
	struct sl_document *document = sl_json_read((struct sl_text){ json.at, json.len }, NULL, 0);
	struct sl_document *secrets = sl_json_read(sl_text_of(SECRETS), NULL, 0);
	const struct sl_json *form = sl_json_get(sl_json_root(document), "webhook");
	if (form && sl_json_kind(form) == SL_KIND_OBJECT) {
		struct vendor *vendor = &vendors[vendor_count++];
		vendor->webhook = webhook_new(form, sl_json_root(secrets), CALLBACK, &why);
		vendor->unchecked = webhook_unchecked(form, &why);
		must_why(vendor->webhook && vendor->unchecked, name, &why);
		vendor->open = webhook_open_door(vendor->webhook);
	}
	sl_json_free(&document);
	sl_json_free(&secrets);
	buf_free(&json);
	plugin_free(&plugin);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[512];
	struct dirent **entries;
	fuzz_begin();
	snprintf(folder, sizeof(folder), "%s/plugins", fuzz_source());
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			add_vendor(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	must(vendor_count > 4, "the vendors' plugins are found");
	return 0;
}

/* ---------------------------------------------------------------- the request */

/* "name: value\n" lines, names in small letters, as the server hands them on. */
static struct sl_text headers_of(struct sl_text text, struct buf *out)
{
	struct feed feed = { text.at, text.len };
	buf_string(out, "");
	while (feed.left) {
		struct sl_text line = feed_until(&feed, "\n");
		const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
		if (!colon || colon == line.at || memchr(line.at, '\0', line.len) || memchr(line.at, '\r', line.len))
			continue;
		for (size_t i = 0; i < line.len; i++) {
			bool large = line.at + i < colon && line.at[i] >= 'A' && line.at[i] <= 'Z';
			buf_char(out, (char)(line.at[i] | (large ? 32 : 0)));
		}
		buf_char(out, '\n');
	}
	return (struct sl_text){ out->at, out->len };
}

static bool sign(const struct vendor *vendor, struct log_record *record, struct buf *headers, struct buf *query,
	struct arena *arena)
{
	struct webhook_proof proof;
	struct why why;
	if (!webhook_sign(vendor->webhook, record, 1, NOW, arena, &proof, &why))
		return false;
	for (size_t i = 0; i < proof.header_count; i++) {
		for (const char *at = proof.headers[i].name; *at; at++)
			buf_char(headers, (char)(*at | (*at >= 'A' && *at <= 'Z' ? 32 : 0)));
		buf_format(headers, ": %s\n", proof.headers[i].value);
	}
	if (proof.query)
		buf_format(query, "%s%s", query->len ? "&" : "", proof.query);
	record->headers = (struct sl_text){ headers->at, headers->len };
	record->query = (struct sl_text){ query->at, query->len };
	return true;
}

static void look_into(const struct vendor *vendor, const struct log_record *record, struct arena *arena)
{
	struct buf headers = { 0 }, query = { 0 }, told = { 0 };
	struct webhook_found found;
	struct sl_text data;
	char why[200];
	struct sl_document *document = webhook_read(record, arena, &data, why, sizeof(why));
	webhook_find(vendor->unchecked, record, document ? sl_json_root(document) : NULL, arena, &found);
	must(found.event.id && *found.event.id && found.event.type, "an event has an id and a type");
	webhook_keep(vendor->webhook, record, &headers, &query);
	must(headers.len <= record->headers.len && query.len <= record->query.len, "no more is kept than came");
	webhook_explain(vendor->webhook, record, NOW, NULL, 0, &told);
	sl_json_free(&document);
	buf_free(&headers);
	buf_free(&query);
	buf_free(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	const struct vendor *vendor = &vendors[feed_number(&feed, 1) % vendor_count];
	uint64_t way = feed_number(&feed, 1);
	static const char *const methods[] = { "POST", "GET", "HEAD", "PUT" };
	struct buf headers = { 0 }, query = { 0 };
	struct arena *arena = arena_new();
	struct webhook_check check;
	struct sl_text asked = feed_until(&feed, "\n");
	buf_string(&query, "");
	buf_add(&query, asked.at, asked.len);
	struct log_record record = { .seq = 41, .received = NOW, .source = sl_text_of("boards") };
	record.method = sl_text_of(methods[way >> 1 & 3]);
	record.path = sl_text_of("/in/boards");
	record.query = (struct sl_text){ query.at, query.len };
	record.headers = headers_of(feed_until(&feed, "\n\n"), &headers);
	record.body = feed_rest(&feed);
	bool is_signed = way & 1 && sign(vendor, &record, &headers, &query, arena);
	webhook_check(vendor->webhook, &record, NOW, arena, &check);
	must(is_signed || vendor->open || check.verdict != WEBHOOK_GENUINE, "what is not signed is not genuine");
	must(check.verdict != WEBHOOK_GENUINE || check.secret < webhook_secrets(vendor->webhook), "a secret verified it");
	look_into(vendor, &record, arena);
	buf_free(&headers);
	buf_free(&query);
	arena_free(&arena);
	return 0;
}
