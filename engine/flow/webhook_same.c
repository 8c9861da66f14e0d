/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_same.c - what a request says twice has to be the same: "header:X-Shop = body:/shop". */
#include <string.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

#define PAIRS_MOST 8

static const char *side(struct sl_text text, struct arena *arena)
{
	text = sl_text_trim(text);
	return arena_copy(arena, text.at, text.len);
}

static bool pair_read(struct sl_text text, struct arena *arena, struct pair *pair, struct why *why)
{
	const char *equals = memchr(text.at, '=', text.len);
	if (!equals)
		return why_say(why, "\"%s\" is no pair; write header:NAME = body:POINTER", side(text, arena));
	size_t left = (size_t)(equals - text.at);
	const char *a = side((struct sl_text){ text.at, left }, arena);
	const char *b = side((struct sl_text){ equals + 1, text.len - left - 1 }, arena);
	if (!*a || !*b)
		return why_say(why, "nothing stands on one side of =");
	pair->shown = arena_format(arena, "%s = %s", a, b);
	return selector_read(a, arena, &pair->left, why) && selector_read(b, arena, &pair->right, why);
}

bool same_read(const char *text, struct arena *arena, struct same *same, struct why *why)
{
	*same = (struct same){ .pairs = text ? arena_alloc(arena, PAIRS_MOST * sizeof(struct pair)) : NULL };
	while (text && *text) {
		size_t length = strcspn(text, ",");
		if (same->count == PAIRS_MOST)
			return why_say(why, "more than %d pairs", PAIRS_MOST);
		if (!pair_read((struct sl_text){ text, length }, arena, &same->pairs[same->count++], why))
			return false;
		text += length + (text[length] == ',');
	}
	return true;
}

/* A header that is there twice says two things, and each reader may take another one. */
static bool doubled(const struct selector *selector, const struct sight *sight)
{
	struct sl_text values[2];
	bool twice = false, any = false;
	for (size_t i = 0; i < selector->count; i++)
		for (size_t j = 0; j < selector->lists[i].count; j++) {
			const struct place *place = &selector->lists[i].places[j];
			bool sent = place->kind == PLACE_HEADER || place->kind == PLACE_QUERY;
			any |= sent && place_all(place, sight, values, 2, &twice) && twice;
		}
	return any;
}

static bool agrees(const struct pair *pair, const struct sight *sight)
{
	struct sl_text left, right = selector_find(&pair->right, sight);
	if (!right.at)
		return true;
	left = selector_find(&pair->left, sight);
	return !doubled(&pair->left, sight) && sl_same(left.at, left.len, right.at, right.len);
}

const struct pair *same_broken(const struct same *same, const struct log_record *record, struct arena *arena)
{
	const struct pair *broken = NULL;
	struct sl_document *document = same->count ? webhook_read(record, arena, NULL, NULL, 0) : NULL;
	struct sight sight = { record, sl_json_root(document), arena };
	for (size_t i = 0; i < same->count && !broken; i++)
		broken = agrees(&same->pairs[i], &sight) ? NULL : &same->pairs[i];
	sl_json_free(&document);
	return broken;
}
