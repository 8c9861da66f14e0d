/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_covers.c - what an hmac is over: "{timestamp}.{body}", read and gathered. */
#include <string.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

static const struct {
	const char *name;
	enum piece_kind kind;
} fillers[] = {
	{ "body", PIECE_BODY },
	{ "callback", PIECE_CALLBACK },
	{ "path", PIECE_PATH },
	{ "timestamp", PIECE_TIMESTAMP },
};

static bool read_filler(struct sl_text name, struct arena *arena, struct piece *piece, struct why *why)
{
	struct place place;
	char *text = arena_copy(arena, name.at, name.len);
	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++) {
		piece->kind = fillers[i].kind;
		if (strcmp(text, fillers[i].name) == 0)
			return true;
	}
	if (strncmp(text, "header:", 7) != 0 || strchr(text, ';') || !place_read(text, arena, &place, NULL))
		return why_say(why, "{%s} is not known: there are {body}, {callback}, {path}, {timestamp} and {header:NAME}",
			text);
	*piece = (struct piece){ PIECE_HEADER, sl_text_of(place.name) };
	return true;
}

static bool read_piece(const char **at, struct arena *arena, struct piece *piece, struct why *why)
{
	const char *from = *at, *end;
	*piece = (struct piece){ PIECE_TEXT, { NULL, 0 } };
	if (*from != '{') {
		*at += strcspn(from, "{");
		piece->text = (struct sl_text){ arena_copy(arena, from, (size_t)(*at - from)), (size_t)(*at - from) };
		return true;
	}
	end = strchr(from, '}');
	if (!end)
		return why_say(why, "a { has no }");
	*at = end + 1;
	return read_filler((struct sl_text){ from + 1, (size_t)(end - from - 1) }, arena, piece, why);
}

bool covers_read(const char *text, struct arena *arena, struct covers *covers, struct why *why)
{
	covers->count = 0;
	while (*text) {
		if (covers->count == PIECES_MOST)
			return why_say(why, "more than %d pieces", PIECES_MOST);
		if (!read_piece(&text, arena, &covers->pieces[covers->count++], why))
			return false;
	}
	return true;
}

bool covers_uses(const struct covers *covers, enum piece_kind kind)
{
	for (size_t i = 0; i < covers->count; i++)
		if (covers->pieces[i].kind == kind)
			return true;
	return false;
}

size_t covers_gather(const struct webhook *webhook, const struct covers *covers, const struct log_record *record,
	struct sl_text stamp, struct sl_text parts[PIECES_MOST])
{
	const struct sl_text given[] = {
		[PIECE_BODY] = record->body,
		[PIECE_CALLBACK] = webhook->callback,
		[PIECE_PATH] = record->path,
		[PIECE_TIMESTAMP] = stamp,
	};
	for (size_t i = 0; i < covers->count; i++) {
		const struct piece *piece = &covers->pieces[i];
		if (piece->kind == PIECE_TEXT)
			parts[i] = piece->text;
		else if (piece->kind == PIECE_HEADER)
			parts[i] = record_header(record, piece->text.at);
		else
			parts[i] = given[piece->kind];
	}
	return covers->count;
}
