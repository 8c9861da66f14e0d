/* SPDX-License-Identifier: Apache-2.0 */
/* noted.c - a request as somebody noted it down in a file. */
#include "main/noted.h"

#include <ctype.h>
#include <string.h>

#include "io/ask.h"
#include "sdk/json.h"
#include "sdk/text.h"

void noted_free(struct noted *noted)
{
	buf_free(&noted->headers);
}

static bool has_any(struct sl_text text, const char *characters)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text.at[i] || strchr(characters, text.at[i]))
			return true;
	return false;
}

bool noted_header(struct buf *headers, struct sl_text name, struct sl_text value, struct why *why)
{
	name = sl_text_trim(name);
	value = sl_text_trim(value);
	if (!name.len || has_any(name, " \t\r\n:") || has_any(value, "\r\n"))
		return why_say(why, "\"%.*s\" cannot be the name of a header, or its value not a value", (int)name.len,
			name.at);
	for (size_t i = 0; i < name.len; i++)
		buf_char(headers, (char)tolower((unsigned char)name.at[i]));
	buf_string(headers, ": ");
	buf_add(headers, value.at, value.len);
	buf_char(headers, '\n');
	return true;
}

/* -------------------------------------------------------------------- JSON */

static struct sl_text value_text(const struct sl_json *value)
{
	struct sl_text text = sl_json_string(value);
	return text.at ? text : sl_json_raw(value);
}

static bool add_member(struct buf *headers, const struct sl_json *member, struct why *why)
{
	struct sl_text name = sl_json_name(member);
	if (sl_json_kind(member) != SL_KIND_ARRAY)
		return noted_header(headers, name, value_text(member), why);
	for (const struct sl_json *value = sl_json_first(member); value; value = sl_json_next(value))
		if (!noted_header(headers, name, value_text(value), why))
			return false;
	return true;
}

static bool add_pair(struct buf *headers, const struct sl_json *pair, struct why *why)
{
	if (sl_json_kind(pair) != SL_KIND_ARRAY || sl_json_count(pair) != 2)
		return why_say(why, "a list of headers has to hold pairs of name and value");
	return noted_header(headers, value_text(sl_json_element(pair, 0)), value_text(sl_json_element(pair, 1)), why);
}

static bool read_json(struct sl_text text, struct noted *noted, struct why *why)
{
	char trouble[160];
	bool fine = true;
	struct sl_document *document = sl_json_read(text, trouble, sizeof(trouble));
	if (!document)
		return why_say(why, "begins like JSON and is %s", trouble);
	const struct sl_json *root = sl_json_root(document), *inner = sl_json_get(root, "headers");
	if (sl_json_kind(inner) == SL_KIND_OBJECT || sl_json_kind(inner) == SL_KIND_ARRAY)
		root = inner;
	bool pairs = sl_json_kind(root) == SL_KIND_ARRAY;
	for (const struct sl_json *at = sl_json_first(root); fine && at; at = sl_json_next(at))
		fine = (pairs ? add_pair : add_member)(&noted->headers, at, why);
	sl_json_free(&document);
	return fine;
}

/* ------------------------------------------------------------------- lines */

/* The next line, without its end; false behind the last. */
static bool next_line(struct sl_text *rest, struct sl_text *line)
{
	if (!rest->len)
		return false;
	const char *end = memchr(rest->at, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->at) : rest->len, step = len + (end != NULL);
	*line = (struct sl_text){ rest->at, len && rest->at[len - 1] == '\r' ? len - 1 : len };
	rest->at += step;
	rest->len -= step;
	return true;
}

/* "POST /in/boards?x=1 HTTP/1.1" */
static bool request_line(struct sl_text line, struct arena *arena, struct noted *noted)
{
	const char *space = memchr(line.at, ' ', line.len), *end = line.at + line.len;
	const char *version = memmem(line.at, line.len, " HTTP/", 6);
	if (!space || !version || version == space || memchr(line.at, ':', (size_t)(space - line.at)))
		return false;
	const char *target = arena_copy(arena, space + 1, (size_t)(version - space - 1));
	noted->method = (struct sl_text){ line.at, (size_t)(space - line.at) };
	target = *target == '/' ? target : ask_path(target);
	noted->path = (struct sl_text){ target, strcspn(target, "?") };
	noted->query = sl_text_of(target[noted->path.len] ? target + noted->path.len + 1 : "");
	return end > version;
}

static bool is_first_line(struct sl_text line, struct arena *arena, struct noted *noted)
{
	return (line.len >= 5 && memcmp(line.at, "HTTP/", 5) == 0) || request_line(line, arena, noted);
}

static bool header_line(struct noted *noted, struct sl_text line, size_t number, struct why *why)
{
	const char *colon = memchr(line.at, ':', line.len);
	if (!colon)
		return why_say(why, "line %zu is no \"Name: value\"", number);
	struct sl_text name = { line.at, (size_t)(colon - line.at) };
	struct sl_text value = { colon + 1, line.len - name.len - 1 };
	return noted_header(&noted->headers, name, value, why) || why_within(why, "line %zu", number);
}

static bool read_lines(struct sl_text rest, struct arena *arena, struct noted *noted, struct why *why)
{
	struct sl_text line;
	for (size_t number = 1; next_line(&rest, &line); number++) {
		if (number == 1 && is_first_line(line, arena, noted))
			continue;
		if (!line.len) {
			noted->body = rest.len ? rest : (struct sl_text){ NULL, 0 };
			return true;
		}
		if (!header_line(noted, line, number, why))
			return false;
	}
	return true;
}

bool noted_read(struct sl_text text, struct arena *arena, struct noted *noted, struct why *why)
{
	struct sl_text rest = text;
	*noted = (struct noted){ 0 };
	while (rest.len && isspace((unsigned char)*rest.at)) {
		rest.at++;
		rest.len--;
	}
	bool json = rest.len && (*rest.at == '{' || *rest.at == '[');
	if (json ? read_json(rest, noted, why) : read_lines(rest, arena, noted, why))
		return true;
	noted_free(noted);
	return false;
}
