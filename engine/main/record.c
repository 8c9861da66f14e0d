/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - a record of the log, for people and as JSON. */
#include "main/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "main/shown.h"
#include "sdk/sign.h"
#include "sdk/text.h"
#include "sdk/time.h"

static const struct flag {
	uint32_t bit;
	const char *name;
} flags[] = {
	{ LOG_EVENT, "event" },
	{ LOG_INSECURE, "insecure" },
	{ LOG_SECOND, "second" },
};
#define FLAGS (sizeof(flags) / sizeof(*flags))

/* ------------------------------------------------------------------- words */

static void request_words(const struct log_record *record, struct buf *out)
{
	buf_string(out, "  ");
	shown_text(out, record->method);
	buf_char(out, ' ');
	shown_text(out, record->path);
	if (record->query.len) {
		buf_char(out, '?');
		shown_text(out, record->query);
	}
}

static void head_words(const struct log_record *record, struct buf *out)
{
	char received[SL_TIME_SIZE];
	sl_time_write(record->received * 1000, received);
	buf_format(out, "%" PRIu64 "  %s  ", record->seq, received);
	shown_text(out, record->source);
	if (!(record->flags & LOG_EVENT))
		request_words(record, out);
	buf_format(out, "  %zu bytes", record->body.len);
	for (size_t i = 0; i < FLAGS; i++)
		if (record->flags & flags[i].bit)
			buf_format(out, "  %s", flags[i].name);
	buf_char(out, '\n');
}

void record_words(const struct log_record *record, struct buf *out)
{
	struct sl_text body = record->body;
	head_words(record, out);
	shown_headers(out, record->headers, "  ");
	buf_char(out, '\n');
	if (sl_utf8(body))
		shown_lines(out, body);
	else
		buf_format(out, "(%zu bytes that are no text; --json and sluice log export have them)", body.len);
	buf_string(out, body.len && body.at[body.len - 1] == '\n' ? "\n" : "\n\n");
}

/* -------------------------------------------------------------------- JSON */

static void member_bytes(struct buf *out, const char *name, struct sl_text text)
{
	if (sl_utf8(text)) {
		json_key(out, name), json_text(out, text);
		return;
	}
	struct buf key = { 0 };
	char *encoded = must_alloc((text.len + 2) / 3 * 4 + 1);
	sl_base64(text.at, text.len, encoded);
	buf_format(&key, "%s_base64", name);
	json_member_string(out, key.at, encoded);
	buf_free(&key);
	free(encoded);
}

/* "name: value" as a pair; a line that is none stays whole. */
static void header_pair(struct buf *out, const char *line, const char *end)
{
	const char *colon = memmem(line, (size_t)(end - line), ": ", 2);
	json_open(out, '[');
	json_text(out, (struct sl_text){ line, (size_t)((colon ? colon : end) - line) });
	if (colon)
		json_text(out, (struct sl_text){ colon + 2, (size_t)(end - colon - 2) });
	json_close(out, ']');
}

/* A list of pairs, because a name may be there twice. */
static void member_headers(struct buf *out, struct sl_text headers)
{
	const char *at = headers.at, *end = headers.at + headers.len;
	json_key(out, "headers"), json_open(out, '[');
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop ? stop : end;
		header_pair(out, at, stop);
		at = stop + 1;
	}
	json_close(out, ']');
}

static void member_flags(struct buf *out, uint32_t set)
{
	json_key(out, "flags"), json_open(out, '[');
	for (size_t i = 0; i < FLAGS; i++)
		if (set & flags[i].bit)
			json_string(out, flags[i].name);
	json_close(out, ']');
}

void record_json(const struct log_record *record, const char *body_file, struct buf *out)
{
	char received[SL_TIME_SIZE];
	sl_time_write(record->received * 1000, received);
	json_open(out, '{');
	json_member_uint(out, "seq", record->seq);
	json_member_string(out, "received", received);
	member_bytes(out, "source", record->source);
	member_flags(out, record->flags);
	member_bytes(out, "method", record->method);
	member_bytes(out, "path", record->path);
	member_bytes(out, "query", record->query);
	if (sl_utf8(record->headers))
		member_headers(out, record->headers);
	else
		member_bytes(out, "headers", record->headers);
	if (body_file)
		json_member_string(out, "body_file", body_file);
	else
		member_bytes(out, "body", record->body);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}
