/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_body.c - what a request's body says, as a document: JSON, or a form as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

#define FIELDS_MOST 10000

/* ------------------------------------------------------------------- fields */

struct field {
	struct sl_text name, value;
	size_t at;   /* its place in the form */
	size_t next; /* the next one of the same name; 0: none */
	bool first;  /* of its name */
};

/* + is a blank here, which it is not in a path. */
static struct sl_text blanks_for_plus(struct sl_text text, struct arena *arena)
{
	if (!text.len || !memchr(text.at, '+', text.len))
		return text;
	char *out = arena_copy(arena, text.at, text.len);
	for (size_t i = 0; i < text.len; i++)
		out[i] = out[i] == '+' ? ' ' : out[i];
	return (struct sl_text){ out, text.len };
}

static size_t fields_room(struct sl_text body)
{
	size_t room = 1;
	for (size_t i = 0; i < body.len && room < FIELDS_MOST; i++)
		room += body.at[i] == '&';
	return room;
}

/* The fields in the order they came; false: too many. */
static bool fields_read(struct sl_text body, struct arena *arena, struct field *fields, size_t *count)
{
	struct query_part part;
	struct sl_text rest = blanks_for_plus(body, arena);
	for (*count = 0; query_next(&rest, arena, &part);) {
		if (!part.whole.len)
			continue;
		if (*count == FIELDS_MOST)
			return false;
		fields[*count] = (struct field){ .name = part.name, .value = part.value, .at = *count, .first = true };
		++*count;
	}
	return true;
}

static int by_name(const void *one, const void *other)
{
	const struct field *a = *(const struct field *const *)one, *b = *(const struct field *const *)other;
	size_t len = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = len ? memcmp(a->name.at, b->name.at, len) : 0;
	if (!order && a->name.len != b->name.len)
		order = a->name.len < b->name.len ? -1 : 1;
	return order ? order : a->at < b->at ? -1
					     : 1;
}

static bool same_name(const struct field *a, const struct field *b)
{
	return a->name.len == b->name.len && (!a->name.len || memcmp(a->name.at, b->name.at, a->name.len) == 0);
}

/* Those of one name become a chain that begins at the first of them. */
static void fields_chain(struct field *fields, size_t count, struct arena *arena)
{
	struct field **sorted = arena_alloc(arena, (count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &fields[i];
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < count; i++)
		if (same_name(sorted[i - 1], sorted[i])) {
			sorted[i - 1]->next = sorted[i]->at;
			sorted[i]->first = false;
		}
}

static void put_field(const struct field *fields, const struct field *field, struct buf *out)
{
	json_key_text(out, field->name);
	if (!field->next) {
		json_text(out, field->value);
		return;
	}
	json_open(out, '[');
	for (json_text(out, field->value); field->next; json_text(out, field->value))
		field = &fields[field->next];
	json_close(out, ']');
}

static bool form_as_json(struct sl_text body, struct arena *arena, struct sl_text *json)
{
	struct field *fields = arena_alloc(arena, fields_room(body) * sizeof(*fields));
	struct buf out = { 0 };
	size_t count = 0;
	bool fits = fields_read(body, arena, fields, &count);
	if (fits) {
		fields_chain(fields, count, arena);
		json_open(&out, '{');
		for (size_t i = 0; i < count; i++)
			if (fields[i].first)
				put_field(fields, &fields[i], &out);
		json_close(&out, '}');
		*json = (struct sl_text){ arena_copy(arena, out.at, out.len), out.len };
	}
	buf_free(&out);
	return fits;
}

/* ----------------------------------------------------------------- documents */

static bool is_form(const struct log_record *record)
{
	struct sl_text type = record_header(record, "content-type");
	const char *end = type.len ? memchr(type.at, ';', type.len) : NULL;
	if (end)
		type.len = (size_t)(end - type.at);
	return sl_text_is_nocase(sl_text_trim(type), "application/x-www-form-urlencoded");
}

/* No form begins so, because these are always escaped in one; curl -d says of all it
 * sends that it is a form. */
static bool looks_like_json(struct sl_text body)
{
	body = sl_text_trim(body);
	return body.len && (*body.at == '{' || *body.at == '[');
}

struct sl_document *webhook_read(const struct log_record *record, struct arena *arena, struct sl_text *data, char *why,
	size_t why_size)
{
	struct sl_text text = record->body;
	struct sl_document *document = NULL;
	bool form = is_form(record);
	if (!form || looks_like_json(text))
		document = sl_json_read(text, why, why_size);
	if (!document && form) {
		if (form_as_json(record->body, arena, &text))
			document = sl_json_read(text, why, why_size);
		else if (why)
			snprintf(why, why_size, "a form of more than %d fields", FIELDS_MOST);
	}
	if (data)
		*data = text;
	return document;
}
