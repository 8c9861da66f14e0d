/* SPDX-License-Identifier: Apache-2.0 */
/* connect.c - what the credentials of a configuration may see, and whether vendors' addresses lead here. */
#include "main/connect.h"

#include <string.h>

#include "main/errands.h"
#include "main/shown.h"
#include "sdk/text.h"

#define CELL_MOST 40   /* columns */
#define DETAIL_MOST 80 /* bytes of one member's value */

/* ------------------------------------------------------------------------- asking */

static void ask_vendor(struct errands *errands, struct connection *one)
{
	const struct config_source *source = one->source;
	if (source->has_process && source->description && source->description->discover)
		one->seen = errand_discover(errands, source, &one->refused);
}

static void ask_address(const struct config *config, struct connection *one)
{
	const struct config_source *source = one->source;
	one->probed = source->webhook && source->callback;
	one->leads = one->probed && errand_probe(config, source->callback, source->callback_shown, &one->astray);
}

bool connect_all(struct config *config, struct connections *connections, struct why *why)
{
	struct errands *errands = errands_new(config, why);
	*connections = (struct connections){ 0 };
	if (!errands)
		return false;
	connections->daemon = errands_daemon(errands);
	connections->at = arena_alloc(config->arena, (config->source_count + 1) * sizeof(*connections->at));
	for (size_t i = 0; i < config->source_count; i++) {
		struct connection *one = &connections->at[connections->count++];
		one->source = &config->sources[i];
		ask_vendor(errands, one);
		if (connections->daemon)
			ask_address(config, one);
	}
	errands_free(&errands);
	return true;
}

void connect_free(struct connections *connections)
{
	for (size_t i = 0; i < connections->count; i++)
		sl_json_free(&connections->at[i].seen);
	connections->count = 0;
}

bool connect_good(const struct connections *connections)
{
	for (size_t i = 0; i < connections->count; i++)
		if (connections->at[i].refused.text[0] || (connections->at[i].probed && !connections->at[i].leads))
			return false;
	return true;
}

/* -------------------------------------------------------------------------- words */

static const struct sl_json *events_of(const struct connection *one)
{
	return one->seen ? sl_json_get(sl_json_root(one->seen), "events") : NULL;
}

static const char *name_of(const struct sl_json *event)
{
	return shown_word(sl_json_get(event, "data"), "name");
}

static int wider(int width, const char *text)
{
	size_t len = strlen(text);
	return len > CELL_MOST ? CELL_MOST : (int)len > width ? (int)len
							      : width;
}

static void list_words(const struct sl_json *list, struct buf *out)
{
	const char *between = "";
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at)) {
		struct sl_text text = sl_json_kind(at) == SL_KIND_STRING ? sl_json_string(at) : sl_json_raw(at);
		buf_string(out, between);
		shown_text(out, text);
		between = ", ";
	}
}

static void detail_words(const struct sl_json *value, struct buf *out)
{
	struct sl_text text = sl_json_kind(value) == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value);
	text.len = text.len < DETAIL_MOST ? text.len : DETAIL_MOST;
	if (sl_json_kind(value) == SL_KIND_ARRAY)
		list_words(value, out);
	else
		shown_text(out, text);
}

/* "expires 2027-01-01T00:00:00Z; scopes read, write": all but the name. */
static void details(const struct sl_json *data, struct buf *out)
{
	const char *between = "";
	for (const struct sl_json *at = sl_json_first(data); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at);
		if (sl_text_is(name, "name") || sl_json_kind(at) == SL_KIND_NULL || sl_json_kind(data) != SL_KIND_OBJECT)
			continue;
		buf_string(out, between);
		shown_text(out, name);
		buf_char(out, ' ');
		detail_words(at, out);
		between = "; ";
	}
}

static void seen_words(const struct sl_json *events, struct buf *out)
{
	int type = 0, id = 0, name = 0;
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event)) {
		type = wider(type, shown_word(event, "type"));
		id = wider(id, shown_word(event, "id"));
		name = wider(name, name_of(event));
	}
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event)) {
		buf_string(out, "    ");
		shown_cell(out, type, shown_word(event, "type"));
		shown_cell(out, id, shown_word(event, "id"));
		shown_cell(out, name, name_of(event));
		details(sl_json_get(event, "data"), out);
		while (out->len && out->at[out->len - 1] == ' ')
			out->len--;
		buf_char(out, '\n');
	}
}

static const char *not_asked(const struct config_source *source)
{
	bool tells = source->description && source->description->discover;
	return tells ? "not asked: a key or token is missing" : "its plugin does not tell";
}

/* Why its vendor is not asked, or what it said. */
static void source_words(const struct connection *one, struct buf *out)
{
	buf_format(out, "  %s, %s", one->source->name, one->source->use);
	if (one->refused.text[0])
		buf_string(out, ": REFUSED: "), shown_string(out, one->refused.text);
	else if (!one->seen)
		buf_format(out, ": %s", not_asked(one->source));
	buf_char(out, '\n');
	seen_words(events_of(one), out);
}

static void address_words(const struct connections *connections, struct buf *out)
{
	buf_string(out, "what vendors are told\n");
	if (!connections->daemon)
		buf_string(out, "  not asked: no daemon runs that could answer there\n");
	for (size_t i = 0; i < connections->count; i++) {
		const struct connection *one = &connections->at[i];
		if (!one->probed)
			continue;
		buf_format(out, "  %s, %s: %s", one->source->name, one->source->callback_shown,
			one->leads ? "leads here" : "LEADS ASTRAY: ");
		if (!one->leads)
			shown_string(out, one->astray.text);
		buf_char(out, '\n');
	}
}

void connect_words(const struct connections *connections, struct buf *out)
{
	buf_string(out, "what the credentials may see\n");
	for (size_t i = 0; i < connections->count; i++)
		source_words(&connections->at[i], out);
	address_words(connections, out);
}

/* --------------------------------------------------------------------------- JSON */

static void one_json(const struct connection *one, struct buf *out)
{
	struct sl_text seen = sl_json_raw(events_of(one));
	json_open(out, '{');
	json_member_string(out, "source", one->source->name);
	json_key(out, "seen");
	json_raw(out, seen.at ? seen.at : "null", seen.at ? seen.len : 4);
	json_member_string(out, "refused", one->refused.text[0] ? one->refused.text : NULL);
	json_member_string(out, "address", one->source->callback_shown);
	json_key(out, "leads_here");
	if (one->probed)
		json_bool(out, one->leads);
	else
		json_null(out);
	json_member_string(out, "astray", one->astray.text[0] ? one->astray.text : NULL);
	json_close(out, '}');
}

void connect_json(const struct connections *connections, struct buf *out)
{
	json_member_bool(out, "daemon", connections->daemon);
	json_key(out, "connected");
	json_open(out, '[');
	for (size_t i = 0; i < connections->count; i++)
		one_json(&connections->at[i], out);
	json_close(out, ']');
}
