/* SPDX-License-Identifier: Apache-2.0 */
/* net_kept.c - an answer as text: a line of JSON about it, then its body as it came. */
#include <string.h>

#include "host/net_inside.h"

#define MOST_HEADERS 200

/* A 404 says as much tomorrow; a 401 only that a token has to be changed. */
bool kept_worth(const struct wish *wish, const struct client_answer *answer, const struct judgement *judgement)
{
	bool final = (answer->status >= 200 && answer->status <= 299) || answer->status == 404 || answer->status == 410;
	return judgement->verdict == VERDICT_PASS && final && !judgement->partial && !wish->request.file;
}

void kept_write(const struct client_answer *answer, struct buf *out)
{
	json_open(out, '{');
	json_member_int(out, "status", answer->status);
	json_member_string(out, "url", answer->url);
	json_key(out, "headers");
	json_open(out, '[');
	for (const struct sl_pair *const *header = answer->headers; header && *header; header++) {
		if (strcmp((*header)->name, "set-cookie") == 0)
			continue;
		json_string(out, (*header)->name);
		json_string(out, (*header)->value);
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_char(out, '\n');
	buf_add(out, answer->body.at ? answer->body.at : "", answer->body.len);
}

static const char *string_of(const struct sl_json *value, struct arena *arena)
{
	struct sl_text text = sl_json_string(value);
	return arena_copy(arena, text.at ? text.at : "", text.len);
}

static const struct sl_pair *const *read_headers(const struct sl_json *list, struct arena *arena)
{
	size_t count = sl_json_count(list) / 2;
	count = count < MOST_HEADERS ? count : MOST_HEADERS;
	const struct sl_pair **headers = arena_alloc(arena, (count + 1) * sizeof(*headers));
	const struct sl_json *item = sl_json_first(list);
	for (size_t i = 0; i < count; i++) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		pair->name = string_of(item, arena);
		item = sl_json_next(item);
		pair->value = string_of(item, arena);
		item = sl_json_next(item);
		headers[i] = pair;
	}
	return headers;
}

static bool read_head(const struct sl_json *root, struct arena *arena, struct client_answer *answer)
{
	int64_t status = 0;
	if (!sl_json_integer(sl_json_get(root, "status"), &status) || status < 100 || status > 599)
		return false;
	answer->status = (int)status;
	answer->url = string_of(sl_json_get(root, "url"), arena);
	answer->headers = read_headers(sl_json_get(root, "headers"), arena);
	return true;
}

bool kept_read(struct sl_text text, struct arena *arena, struct client_answer *answer)
{
	const char *end = memchr(text.at, '\n', text.len);
	size_t len = end ? (size_t)(end - text.at) : text.len;
	struct sl_document *head = sl_json_read((struct sl_text){ text.at, len }, NULL, 0);
	bool fine = end && read_head(sl_json_root(head), arena, answer);
	sl_json_free(&head);
	if (fine)
		answer->body = arena_text(arena, (struct sl_text){ end + 1, text.len - len - 1 });
	return fine;
}
