/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c - any text as JSON: whatever is read can be looked at, written again and found.
 *
 * "POINTER LF SELECTOR LF TEXT"
 */
#include "flow/webhook.h"
#include "fuzz.h"
#include "sdk/json.h"

static void walk(const struct sl_json *value, int depth);

/* What is written of a string is read as the same. */
static void again(struct sl_text text)
{
	struct buf out = { 0 };
	char why[200];
	json_text(&out, text);
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, why, sizeof(why));
	must(document != NULL, "what the writer writes is JSON");
	struct sl_text back = sl_json_string(sl_json_root(document));
	must(back.len == text.len && memcmp(back.at, text.at, text.len) == 0, "a string comes back");
	sl_json_free(&document);
	buf_free(&out);
}

static void walk_members(const struct sl_json *value, int depth)
{
	size_t index = 0;
	bool object = sl_json_kind(value) == SL_KIND_OBJECT;
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at), index++) {
		if (object)
			must(sl_json_get_text(value, sl_json_name(at)) != NULL, "a member is found by its name");
		else if (index < 10)
			must(sl_json_element(value, index) == at, "an element is found by its index");
		walk(at, depth + 1);
	}
	must(sl_json_count(value) == index, "there are as many as are counted");
	must(sl_json_element(value, index) == NULL, "behind the last there is none");
}

static void walk(const struct sl_json *value, int depth)
{
	enum sl_kind kind = sl_json_kind(value);
	struct sl_text raw = sl_json_raw(value), string = sl_json_string(value);
	int64_t integer;
	double number;
	must(depth <= 512 && raw.len > 0, "a value has a text");
	must((kind == SL_KIND_STRING) == (string.at != NULL), "a string has a content");
	must(!sl_json_integer(value, &integer) || kind == SL_KIND_NUMBER, "an integer is a number");
	must(!sl_json_double(value, &number) || kind == SL_KIND_NUMBER, "so is a double");
	if (string.at)
		again(string);
	if (kind == SL_KIND_OBJECT || kind == SL_KIND_ARRAY)
		walk_members(value, depth);
}

static void check_raw(const struct sl_json *root)
{
	struct sl_text raw = sl_json_raw(root);
	struct sl_document *again = sl_json_read(raw, NULL, 0);
	must(again && sl_json_kind(sl_json_root(again)) == sl_json_kind(root), "the text of a value is that value");
	sl_json_free(&again);
}

/* A selector that reads finds something, or nothing, in any body. */
static void select_from(struct sl_text selector, struct sl_text body, const struct sl_json *root)
{
	struct buf form = { 0 };
	struct why why;
	json_open(&form, '{');
	json_member_string(&form, "auth", "none");
	json_key(&form, "id");
	json_text(&form, selector);
	json_key(&form, "subject");
	json_text(&form, selector);
	json_close(&form, '}');
	struct sl_document *document = sl_json_read((struct sl_text){ form.at, form.len }, NULL, 0);
	struct webhook *webhook = document ? webhook_unchecked(sl_json_root(document), &why) : NULL;
	if (webhook) {
		struct arena *arena = arena_new();
		struct log_record record = { .seq = 7, .source = sl_text_of("s"), .body = body };
		record.method = sl_text_of("POST");
		record.query = sl_text_of("a=b&c=%41");
		record.headers = sl_text_of("x-id: a=1,b=2\n");
		struct webhook_found found;
		webhook_find(webhook, &record, root, arena, &found);
		must(found.event.id && *found.event.id, "an id is never empty");
		arena_free(&arena);
	}
	webhook_free(&webhook);
	sl_json_free(&document);
	buf_free(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	struct sl_text pointer = feed_until(&feed, "\n"), selector = feed_until(&feed, "\n");
	char why[300] = "", *path = strndup(pointer.at, pointer.len);
	struct sl_document *document = sl_json_read((struct sl_text){ feed.at, feed.left }, why, sizeof(why));
	must(document || strncmp(why, "not JSON", 8) == 0 || *why, "a refusal says why");
	const struct sl_json *root = document ? sl_json_root(document) : NULL;
	if (root) {
		walk(root, 0);
		check_raw(root);
	}
	sl_json_kind(sl_json_at(root, path));
	select_from(selector, (struct sl_text){ feed.at, feed.left }, root);
	sl_json_free(&document);
	free(path);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_begin();
	return 0;
}
