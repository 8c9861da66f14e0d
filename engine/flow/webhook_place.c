/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_place.c - selectors: where in a request something stands. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define LISTS_MOST 8
#define PLACES_MOST 8
#define SECONDS_END INT64_C(100000000000)         /* a larger number counts milliseconds */
#define MILLISECONDS_END INT64_C(100000000000000) /* and this one microseconds */

/* ------------------------------------------------------------ headers, query */

bool header_next(struct sl_text *rest, struct header_line *line)
{
	if (!rest->len)
		return false;
	const char *end = memchr(rest->at, '\n', rest->len);
	size_t length = end ? (size_t)(end - rest->at) : rest->len;
	const char *colon = memchr(rest->at, ':', length);
	size_t name = colon ? (size_t)(colon - rest->at) : length;
	size_t skip = colon != NULL;
	if (colon && name + 1 < length && colon[1] == ' ')
		skip++;
	line->name = (struct sl_text){ rest->at, name };
	line->value = (struct sl_text){ rest->at + name + skip, length - name - skip };
	line->whole = (struct sl_text){ rest->at, length + (end != NULL) };
	rest->at += line->whole.len;
	rest->len -= line->whole.len;
	return true;
}

bool header_named(struct sl_text rest, struct sl_text name)
{
	return rest.len > name.len && rest.at[name.len] == ':' && memcmp(rest.at, name.at, name.len) == 0;
}

bool header_find(struct sl_text *rest, struct sl_text name, struct header_line *line)
{
	while (rest->len) {
		if (header_named(*rest, name))
			return header_next(rest, line);
		const char *end = memchr(rest->at, '\n', rest->len);
		size_t length = end ? (size_t)(end - rest->at) + 1 : rest->len;
		rest->at += length;
		rest->len -= length;
	}
	return false;
}

struct sl_text record_header(const struct log_record *record, const char *name)
{
	struct sl_text rest = record->headers;
	struct header_line line;
	return header_find(&rest, sl_text_of(name), &line) ? line.value : (struct sl_text){ NULL, 0 };
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 becomes A; what is no such thing stays as it is. */
static struct sl_text percent_decoded(struct sl_text text, struct arena *arena)
{
	if (!text.len || !memchr(text.at, '%', text.len))
		return text;
	char *out = arena_bytes(arena, text.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool escape = text.at[i] == '%' && i + 2 < text.len && hex_value(text.at[i + 1]) >= 0 &&
			hex_value(text.at[i + 2]) >= 0;
		out[len++] = escape ? (char)(hex_value(text.at[i + 1]) << 4 | hex_value(text.at[i + 2])) : text.at[i];
		i += escape ? 2 : 0;
	}
	out[len] = '\0';
	return (struct sl_text){ out, len };
}

bool query_next(struct sl_text *rest, struct arena *arena, struct query_part *part)
{
	if (!rest->len)
		return false;
	const char *end = memchr(rest->at, '&', rest->len);
	size_t length = end ? (size_t)(end - rest->at) : rest->len;
	const char *equals = memchr(rest->at, '=', length);
	size_t name = equals ? (size_t)(equals - rest->at) : length;
	size_t value = equals ? name + 1 : name;
	part->whole = (struct sl_text){ rest->at, length };
	part->name = percent_decoded((struct sl_text){ rest->at, name }, arena);
	part->value = percent_decoded((struct sl_text){ rest->at + value, length - value }, arena);
	rest->at += length + (end != NULL);
	rest->len -= length + (end != NULL);
	return true;
}

/* ------------------------------------------------------------------ reading */

static bool token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool header_place(const char *text, struct arena *arena, struct place *place, struct why *why)
{
	char *name = arena_string(arena, text), *part = strchr(name, ';');
	if (part)
		*part++ = '\0';
	if (!*name || (part && !*part))
		return why_say(why, "\"header:%s\" does not name a header", text);
	place->shown = arena_string(arena, name);
	for (char *at = name; *at; at++) {
		if (!token_char(*at))
			return why_say(why, "\"header:%s\" does not name a header", text);
		*at = (char)tolower((unsigned char)*at);
	}
	place->kind = PLACE_HEADER, place->name = name, place->part = part;
	return true;
}

static bool query_place(const char *text, struct arena *arena, struct place *place, struct why *why)
{
	if (!*text)
		return why_say(why, "\"query:\" does not name a part of the query");
	place->kind = PLACE_QUERY, place->name = place->shown = arena_string(arena, text);
	return true;
}

static bool body_place(const char *text, struct arena *arena, struct place *place, struct why *why)
{
	if (*text && *text != '/')
		return why_say(why, "\"body:%s\" is no JSON pointer: write body:/%s", text, text);
	for (const char *at = text; (at = strchr(at, '~')); at++)
		if (at[1] != '0' && at[1] != '1')
			return why_say(why, "\"body:%s\" is no JSON pointer: ~ is written ~0, and / within a name ~1", text);
	place->kind = PLACE_BODY, place->name = place->shown = arena_string(arena, text);
	return true;
}

bool place_read(const char *text, struct arena *arena, struct place *place, struct why *why)
{
	*place = (struct place){ 0 };
	if (strncmp(text, "header:", 7) == 0)
		return header_place(text + 7, arena, place, why);
	if (strncmp(text, "query:", 6) == 0)
		return query_place(text + 6, arena, place, why);
	if (strncmp(text, "body:", 5) == 0)
		return body_place(text + 5, arena, place, why);
	if (strcmp(text, "sha256(body)") != 0)
		return why_say(why,
			"\"%s\" is no selector: there are body:/..., header:..., query:... and sha256(body)", text);
	place->kind = PLACE_DIGEST, place->name = place->shown = "sha256(body)";
	return true;
}

static const char *past_blanks(const char *at)
{
	return at + strspn(at, " \t\n");
}

/* One place from *at, which is moved past it. */
static bool next_place(const char **at, struct arena *arena, struct place_list *list, struct why *why)
{
	size_t length = strcspn(*at, " \t\n|");
	if (!length)
		return why_say(why, "nothing stands on one side of |");
	if (list->count == PLACES_MOST)
		return why_say(why, "more than %d alternatives", PLACES_MOST);
	char *text = arena_copy(arena, *at, length);
	*at = past_blanks(*at + length);
	return place_read(text, arena, &list->places[list->count++], why);
}

static bool next_list(const char **at, struct arena *arena, struct place_list *list, struct why *why)
{
	*list = (struct place_list){ arena_alloc(arena, PLACES_MOST * sizeof(struct place)), 0 };
	while (next_place(at, arena, list, why)) {
		if (**at != '|')
			return true;
		*at = past_blanks(*at + 1);
	}
	return false;
}

bool selector_read(const char *text, struct arena *arena, struct selector *selector, struct why *why)
{
	const char *at = past_blanks(text ? text : "");
	*selector = (struct selector){ 0 };
	if (*at)
		selector->lists = arena_alloc(arena, LISTS_MOST * sizeof(struct place_list));
	while (*at) {
		if (selector->count == LISTS_MOST)
			return why_say(why, "more than %d parts", LISTS_MOST);
		if (!next_list(&at, arena, &selector->lists[selector->count++], why))
			return false;
	}
	return true;
}

bool selector_uses(const struct selector *selector, enum place_kind kind)
{
	for (size_t i = 0; i < selector->count; i++)
		for (size_t j = 0; j < selector->lists[i].count; j++)
			if (selector->lists[i].places[j].kind == kind)
				return true;
	return false;
}

/* ------------------------------------------------------------------ finding */

/* The values of PART in "t=1, v1=abc; v1=def". */
static size_t parts_of(struct sl_text value, const char *name, struct sl_text *values, size_t most)
{
	size_t count = 0, length;
	for (; value.len && count < most; value.at += length, value.len -= length) {
		for (length = 0; length < value.len && value.at[length] != ',' && value.at[length] != ';';)
			length++;
		struct sl_text part = sl_text_trim((struct sl_text){ value.at, length });
		const char *equals = part.len ? memchr(part.at, '=', part.len) : NULL;
		if (equals && sl_text_is((struct sl_text){ part.at, (size_t)(equals - part.at) }, name))
			values[count++] = (struct sl_text){ equals + 1, part.len - (size_t)(equals + 1 - part.at) };
		length += length < value.len;
	}
	return count;
}

static size_t header_all(const struct place *place, const struct log_record *record, struct sl_text *values,
	size_t most, bool *doubled)
{
	struct sl_text rest = record->headers;
	struct header_line line;
	size_t count = 0, lines = 0;
	while (header_find(&rest, sl_text_of(place->name), &line)) {
		lines++;
		if (place->part)
			count += parts_of(line.value, place->part, values + count, most - count);
		else if (count < most)
			values[count++] = line.value;
	}
	*doubled = lines > 1;
	return count;
}

static size_t query_all(const struct place *place, const struct sight *sight, struct sl_text *values, size_t most,
	bool *doubled)
{
	struct sl_text rest = sight->record->query;
	struct query_part part;
	size_t count = 0, seen = 0;
	while (query_next(&rest, sight->arena, &part)) {
		if (!sl_text_is(part.name, place->name))
			continue;
		if (seen++ < most)
			values[count++] = part.value;
	}
	*doubled = seen > 1;
	return count;
}

size_t place_all(const struct place *place, const struct sight *sight, struct sl_text *values, size_t most,
	bool *doubled)
{
	if (place->kind == PLACE_HEADER)
		return header_all(place, sight->record, values, most, doubled);
	return query_all(place, sight, values, most, doubled);
}

static struct sl_text sent_find(const struct place *place, const struct sight *sight)
{
	struct sl_text value = { NULL, 0 };
	bool doubled;
	return place_all(place, sight, &value, 1, &doubled) ? value : (struct sl_text){ NULL, 0 };
}

static struct sl_text body_find(const struct place *place, const struct sight *sight)
{
	const struct sl_json *value = sl_json_at(sight->json, place->name);
	switch (value ? sl_json_kind(value) : SL_KIND_NULL) {
	case SL_KIND_STRING:
		return sl_json_string(value);
	case SL_KIND_NUMBER:
	case SL_KIND_BOOL:
		return sl_json_raw(value);
	default:
		return (struct sl_text){ NULL, 0 };
	}
}

static struct sl_text digest_find(const struct place *place, const struct sight *sight)
{
	unsigned char digest[SL_DIGEST_MOST];
	size_t len = sl_hash(SL_SHA256, &sight->record->body, 1, digest);
	char *text = arena_bytes(sight->arena, 2 * len + 1);
	return (struct sl_text){ text, sl_hex(digest, len, text) };
}

struct sl_text place_find(const struct place *place, const struct sight *sight)
{
	static struct sl_text (*const finders[])(const struct place *, const struct sight *) = {
		[PLACE_HEADER] = sent_find,
		[PLACE_QUERY] = sent_find,
		[PLACE_BODY] = body_find,
		[PLACE_DIGEST] = digest_find,
	};
	struct sl_text found = finders[place->kind](place, sight);
	/* What holds a NUL would be cut short as a C string, and two ids become one. */
	if (!found.len || memchr(found.at, '\0', found.len))
		return (struct sl_text){ NULL, 0 };
	return found;
}

static struct sl_text list_find(const struct place_list *list, const struct sight *sight)
{
	struct sl_text found = { NULL, 0 };
	for (size_t i = 0; i < list->count && !found.at; i++)
		found = place_find(&list->places[i], sight);
	return found;
}

/* With a ":" between; a part that is not there leaves its place empty. */
static struct sl_text joined(const struct sl_text *found, size_t count, struct arena *arena)
{
	size_t len = count - 1;
	for (size_t i = 0; i < count; i++)
		len += found[i].len;
	char *text = arena_bytes(arena, len + 1), *at = text;
	for (size_t i = 0; i < count; i++) {
		if (i)
			*at++ = ':';
		if (found[i].len)
			memcpy(at, found[i].at, found[i].len);
		at += found[i].len;
	}
	*at = '\0';
	return (struct sl_text){ text, len };
}

struct sl_text selector_find(const struct selector *selector, const struct sight *sight)
{
	struct sl_text found[LISTS_MOST];
	bool any = false;
	for (size_t i = 0; i < selector->count; i++) {
		found[i] = list_find(&selector->lists[i], sight);
		any |= found[i].at != NULL;
	}
	return any ? joined(found, selector->count, sight->arena) : (struct sl_text){ NULL, 0 };
}

/* -------------------------------------------------------------------- times */

/* 1732226419, 1732226419123, 1732226419123456, 1732226419.123 */
static bool epoch_read(struct sl_text text, int64_t *milliseconds)
{
	int64_t whole = 0, fraction = 0, scale = 100;
	size_t i = 0;
	for (; i < text.len && i < 17 && isdigit((unsigned char)text.at[i]); i++)
		whole = whole * 10 + (text.at[i] - '0');
	if (!i)
		return false;
	bool point = i < text.len && text.at[i] == '.';
	for (i += point; point && i < text.len && isdigit((unsigned char)text.at[i]); i++, scale /= 10)
		fraction += (text.at[i] - '0') * scale;
	if (whole < SECONDS_END)
		*milliseconds = whole * 1000 + fraction;
	else
		*milliseconds = whole < MILLISECONDS_END ? whole : whole / 1000;
	return i == text.len;
}

bool moment_read(struct sl_text text, int64_t *milliseconds)
{
	int64_t microseconds;
	text = sl_text_trim(text);
	if (epoch_read(text, milliseconds))
		return true;
	if (!sl_time_read(text, &microseconds))
		return false;
	*milliseconds = microseconds >= 0 ? microseconds / 1000 : -((999 - microseconds) / 1000);
	return true;
}

/* -------------------------------------------------------------------- events */

static const char *string_of(const struct selector *selector, const struct sight *sight)
{
	return selector_find(selector, sight).at; /* joined: has its NUL */
}

/* Whether a digest of the body is part of what the selector finds: in some list
 * nothing before it was there. */
static bool content_found(const struct selector *selector, const struct sight *sight)
{
	if (!selector_uses(selector, PLACE_DIGEST))
		return false;
	for (size_t i = 0; i < selector->count; i++) {
		const struct place *at = selector->lists[i].places, *end = at + selector->lists[i].count;
		while (at < end && at->kind != PLACE_DIGEST && !place_find(at, sight).at)
			at++;
		if (at < end && at->kind == PLACE_DIGEST)
			return true;
	}
	return false;
}

static int64_t time_of(const struct webhook *webhook, const struct sight *sight)
{
	struct sl_text text = selector_find(&webhook->time, sight);
	int64_t time;
	return text.at && moment_read(text, &time) ? time : sight->record->received;
}

void webhook_find(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena, struct webhook_found *found)
{
	struct sight sight = { record, json, arena };
	const char *id = string_of(&webhook->id, &sight), *type = string_of(&webhook->type, &sight);
	*found = (struct webhook_found){
		.event = {
			.source = arena_copy(arena, record->source.at, record->source.len),
			.id = id ? id : arena_format(arena, "seq-%" PRIu64, record->seq),
			.type = type ? type : "request",
			.subject = string_of(&webhook->subject, &sight),
			.time = time_of(webhook, &sight),
			.received = record->received,
			.data = record->body,
			.json = json,
		},
		.repeat_ms = webhook->repeat_ms,
		.content = content_found(&webhook->id, &sight),
	};
}
