/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - text that grows. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inside.h"

#define FIRST_ROOM 200

struct words words_new(struct sl_pile *pile)
{
	return (struct words){ pile, sl_pile_take(pile, FIRST_ROOM), 0, FIRST_ROOM };
}

/* Room for so many more bytes and a NUL.  What is left behind ends with the pile. */
static char *more(struct words *words, size_t len)
{
	if (words->room - words->len <= len) {
		char *old = words->at;
		words->room = (words->room + len) * 2;
		words->at = sl_pile_take(words->pile, words->room);
		memcpy(words->at, old, words->len);
	}
	return words->at + words->len;
}

void words_bytes(struct words *words, const char *at, size_t len)
{
	char *to = more(words, len);
	if (len)
		memcpy(to, at, len);
	to[len] = '\0';
	words->len += len;
}

void words_add(struct words *words, const char *text)
{
	words_bytes(words, text, strlen(text));
}

void words_format(struct words *words, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	int len = vsnprintf(NULL, 0, form, values);
	va_end(values);
	char *to = more(words, len > 0 ? (size_t)len : 0);
	va_start(values, form);
	vsnprintf(to, len > 0 ? (size_t)len + 1 : 1, form, values);
	va_end(values);
	words->len += len > 0 ? (size_t)len : 0;
}

/* Between quotes, with the signs among `marks` doubled. */
static void quoted(struct words *words, char quote, const char *marks, const char *text)
{
	words_bytes(words, &quote, 1);
	for (const char *at = text; *at; at++) {
		if (strchr(marks, *at))
			words_bytes(words, at, 1);
		words_bytes(words, at, 1);
	}
	words_bytes(words, &quote, 1);
}

void words_name(struct words *words, const char *name)
{
	quoted(words, '"', "\"", name);
}

void words_literal(struct words *words, const char *text)
{
	if (!text) {
		words_add(words, "NULL");
		return;
	}
	if (strchr(text, '\\')) /* whatever standard_conforming_strings says */
		words_add(words, "E");
	quoted(words, '\'', "'\\", text);
}

void words_json(struct words *words, const char *text)
{
	if (!text) {
		words_add(words, "null");
		return;
	}
	words_add(words, "\"");
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			words_format(words, "\\%c", *at);
		else if (*at == '\n' || *at == '\t')
			words_add(words, *at == '\n' ? "\\n" : "\\t");
		else if (*at < ' ')
			words_format(words, "\\u%04x", *at);
		else
			words_bytes(words, (const char *)at, 1);
	}
	words_add(words, "\"");
}

void words_target(struct words *words, const struct job *job, const char *name)
{
	words_name(words, job->sink->options->namespace);
	words_add(words, ".");
	words_name(words, name);
}

static void words_columns(struct words *words, const struct sl_table *table, const char *prefix,
	const struct sl_column *(*next)(const struct sl_table *, int, size_t *))
{
	const struct sl_column *column;
	for (int place = 1; (column = next(table, place, NULL)); place++) {
		words_format(words, "%s%s", place > 1 ? ", " : "", prefix);
		words_name(words, column->name);
	}
}

void words_key(struct words *words, const struct sl_table *table, const char *prefix)
{
	words_columns(words, table, prefix, sl_key_column);
}

void words_parent(struct words *words, const struct sl_table *table, const char *prefix)
{
	words_columns(words, table, prefix, sl_parent_column);
}
