/* SPDX-License-Identifier: Apache-2.0 */
/* signed_samples_test.c - the vendors' signed deliveries are genuine as they are, and nothing else is. */
#include "sample_bed.h"

/* What the signatures of the samples were made with: names in them were replaced, so they had to be made anew. */
static const struct {
	const char *vendor, *secret;
} signers[] = {
	{ "shopify", "fixture-shopify-secret" },
	{ "teamwork", "fixture-teamwork-token" },
	{ "missive", "fixture-missive-secret" },
};

static struct webhook *webhook_with(const struct plugin *plugin, const char *secret)
{
	struct buf form = { 0 }, list = { 0 };
	struct why why = { "" };
	plugin_describe(plugin, &form);
	json_open(&list, '['), json_string(&list, secret), json_close(&list, ']');
	struct sl_document *document = sl_json_read((struct sl_text){ form.at, form.len }, NULL, 0);
	struct sl_document *secrets = sl_json_read((struct sl_text){ list.at, list.len }, NULL, 0);
	struct webhook *webhook = webhook_new(sl_json_get(sl_json_root(document), "webhook"), sl_json_root(secrets),
		"https://hooks.example.com/in/x", &why);
	if (!webhook)
		fail_msg("%s: %s", plugin->face->name, why.text);
	sl_json_free(&document);
	sl_json_free(&secrets);
	buf_free(&form);
	buf_free(&list);
	return webhook;
}

static enum webhook_verdict verdict(const struct webhook *webhook, const struct buf *headers, const struct buf *body)
{
	struct arena *arena = arena_new();
	struct webhook_check check;
	struct log_record record = { .method = sl_text_of("POST"), .path = sl_text_of("/in/x"),
		.headers = { headers->at, headers->len }, .body = { body->at, body->len } };
	webhook_check(webhook, &record, 1000, arena, &check);
	arena_free(&arena);
	return check.verdict;
}

/* Each byte of the body (of a long one some) by another; one more, one less. */
static void alter(const struct webhook *webhook, const struct buf *headers, struct buf *body, const char *file)
{
	size_t step = body->len / 100 + 1;
	for (size_t i = 0; i < body->len; i += step) {
		body->at[i] ^= 1;
		if (verdict(webhook, headers, body) == WEBHOOK_GENUINE)
			fail_msg("%s is genuine with another byte at %zu", file, i);
		body->at[i] ^= 1;
	}
	body->len--;
	assert_int_not_equal(verdict(webhook, headers, body), WEBHOOK_GENUINE);
	body->len++;
	buf_char(body, '\n');
	assert_int_not_equal(verdict(webhook, headers, body), WEBHOOK_GENUINE);
	buf_clear(body);
	assert_int_not_equal(verdict(webhook, headers, body), WEBHOOK_GENUINE);
}

static size_t try(const struct webhook *ours, const struct webhook *theirs, const char *folder, const char *file)
{
	struct buf headers = sample_headers(folder, file), none = { 0 };
	struct buf body = headers.len ? sample_content(folder, file) : none;
	size_t count = headers.len > 0;
	if (count) {
		buf_string(&none, "x-other: 1\n");
		if (verdict(ours, &headers, &body) != WEBHOOK_GENUINE)
			fail_msg("%s/%s is refused", folder, file);
		assert_int_equal(verdict(theirs, &headers, &body), WEBHOOK_FORGED);
		assert_int_equal(verdict(ours, &none, &body), WEBHOOK_FORGED);
		alter(ours, &headers, &body, file);
	}
	buf_free(&headers);
	buf_free(&body);
	if (count)
		buf_free(&none);
	return count;
}

static void vendor_signs(const char *name, const char *secret)
{
	struct plugin *plugin = sample_plugin(name);
	char folder[SAMPLE_FOLDER];
	size_t count = 0;
	if (!plugin)
		return;
	struct webhook *ours = webhook_with(plugin, secret), *theirs = webhook_with(plugin, "another secret");
	sample_folder(name, folder);
	DIR *all = opendir(folder);
	assert_non_null(all);
	for (struct dirent *entry; (entry = readdir(all));)
		if (strstr(entry->d_name, ".json") && !strstr(entry->d_name, ".headers."))
			count += try(ours, theirs, folder, entry->d_name);
	closedir(all);
	print_message("%s: %zu signed samples\n", name, count);
	assert_true(count >= 3);
	webhook_free(&ours);
	webhook_free(&theirs);
	plugin_free(&plugin);
}

static void signed_samples_are_genuine_and_nothing_else(void **state)
{
	for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]); i++)
		vendor_signs(signers[i].vendor, signers[i].secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(signed_samples_are_genuine_and_nothing_else) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
