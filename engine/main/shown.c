/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - what came from outside, as a person at a terminal may see it. */
#include "main/shown.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/yaml.h"
#include "sdk/text.h"
#include "sdk/time.h"

/* How many bytes of one character stand here; 0: none that may be shown. */
static size_t plain_character(const char *at, size_t left)
{
	unsigned char first = (unsigned char)*at;
	size_t len = 1u + (first >= 0xc0) + (first >= 0xe0) + (first >= 0xf0);
	if (first < ' ' || first == 0x7f || len > left || !sl_utf8((struct sl_text){ at, len }))
		return 0;
	return first == 0xc2 && (unsigned char)at[1] < 0xa0 ? 0 : len; /* the second set of control characters */
}

/* What ends a line, or moves within it, is shown as programs write it. */
static void show_control(struct buf *out, char control, const char *kept)
{
	static const char known[] = "\n\r\t", written[] = "nrt";
	const char *at = control ? strchr(known, control) : NULL;
	if (control && strchr(kept, control))
		buf_char(out, control);
	else if (at)
		buf_format(out, "\\%c", written[at - known]);
	else
		buf_char(out, '?');
}

static void show(struct buf *out, struct sl_text text, const char *kept)
{
	for (size_t i = 0; i < text.len;) {
		size_t len = plain_character(text.at + i, text.len - i);
		if (len)
			buf_add(out, text.at + i, len);
		else
			show_control(out, text.at[i], kept);
		i += len ? len : 1;
	}
}

void shown_text(struct buf *out, struct sl_text text)
{
	show(out, text, "");
}

void shown_lines(struct buf *out, struct sl_text text)
{
	show(out, text, "\n\t");
}

void shown_string(struct buf *out, const char *string)
{
	shown_text(out, sl_text_of(string && *string ? string : "-"));
}

void shown_cell(struct buf *out, int width, const char *string)
{
	size_t before = out->len;
	shown_string(out, string);
	int used = (int)(out->len - before);
	buf_format(out, "%*s", 2 + (used < width ? width - used : 0), "");
}

void shown_time(struct buf *out, int64_t milliseconds)
{
	char text[SL_TIME_SIZE];
	sl_time_write(milliseconds * 1000, text);
	buf_string(out, text);
}

void shown_headers(struct buf *out, struct sl_text headers, const char *before)
{
	while (headers.len) {
		const char *end = memchr(headers.at, '\n', headers.len);
		size_t len = end ? (size_t)(end - headers.at) : headers.len;
		buf_string(out, before);
		shown_text(out, (struct sl_text){ headers.at, len });
		buf_char(out, '\n');
		len += end != NULL;
		headers.at += len;
		headers.len -= len;
	}
}

const char *shown_word(const struct sl_json *object, const char *name)
{
	return sl_text_of(sl_json_string(sl_json_get(object, name)).at).at;
}

int64_t shown_number(const struct sl_json *object, const char *name)
{
	int64_t number = 0;
	sl_json_integer(sl_json_get(object, name), &number);
	return number;
}

bool shown_sure(const char *form, ...)
{
	char answer[16] = "";
	struct why question;
	va_list values;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	va_start(values, form);
	why_vsay(&question, form, values);
	va_end(values);
	fprintf(stderr, "%s [y/N] ", question.text);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\n")] = '\0';
	return strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
}

bool shown_unknown(struct why *why, const char *what, const char *name, const char *const *names)
{
	const char *nearest = yaml_nearest(name, names);
	struct buf all = { 0 };
	for (size_t i = 0; names[i]; i++)
		buf_format(&all, "%s%s", i ? ", " : "", names[i]);
	if (nearest)
		why_say(why, "there is no %s \"%.80s\"; did you mean `%s`?", what, name, nearest);
	else if (all.len)
		why_say(why, "there is no %s \"%.80s\"; there %s: %s", what, name, names[1] ? "are" : "is", all.at);
	else
		why_say(why, "there is no %s \"%.80s\", and no other", what, name);
	buf_free(&all);
	return false;
}
