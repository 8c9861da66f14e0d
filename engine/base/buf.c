/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - text that grows, and JSON written into it. */
#include "base/buf.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void buf_free(struct buf *buf)
{
	free(buf->at);
	*buf = (struct buf){ 0 };
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->comma = false;
	if (buf->at)
		buf->at[0] = '\0';
}

static void grow(struct buf *buf, size_t need)
{
	size_t room = buf->room ? buf->room : 128;
	while (room < need)
		room *= 2;
	buf->at = must_grow(buf->at, room);
	buf->room = room;
}

static inline void reserve(struct buf *buf, size_t more)
{
	size_t need = buf->len + more + 1;
	if (need > buf->room)
		grow(buf, need);
}

void buf_reserve(struct buf *buf, size_t more)
{
	reserve(buf, more);
}

void buf_add(struct buf *buf, const void *at, size_t len)
{
	reserve(buf, len);
	if (len)
		memcpy(buf->at + buf->len, at, len);
	buf->len += len;
	buf->at[buf->len] = '\0';
}

void buf_string(struct buf *buf, const char *string)
{
	buf_add(buf, string, strlen(string));
}

void buf_char(struct buf *buf, char c)
{
	reserve(buf, 1);
	buf->at[buf->len++] = c;
	buf->at[buf->len] = '\0';
}

void buf_format(struct buf *buf, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	int len = vsnprintf(NULL, 0, form, values);
	va_end(values);
	if (len < 0)
		return;
	buf_reserve(buf, (size_t)len);
	va_start(values, form);
	vsnprintf(buf->at + buf->len, (size_t)len + 1, form, values);
	va_end(values);
	buf->len += (size_t)len;
}

static void json_separate(struct buf *buf)
{
	if (buf->comma)
		buf_char(buf, ',');
	buf->comma = true;
}

void json_open(struct buf *buf, char bracket)
{
	json_separate(buf);
	buf_char(buf, bracket);
	buf->comma = false;
}

void json_close(struct buf *buf, char bracket)
{
	buf_char(buf, bracket);
	buf->comma = true;
}

/* Length of the UTF-8 character at `at`, 0 if it is none (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	unsigned char a = at[0], low = 0x80, high = 0xbf;
	size_t length = a < 0x80         ? 1
		: a >= 0xc2 && a <= 0xdf ? 2
		: a >= 0xe0 && a <= 0xef ? 3
		: a >= 0xf0 && a <= 0xf4 ? 4 : 0;
	if (length < 2)
		return length;
	if (length > left)
		return 0;
	if (a == 0xe0)
		low = 0xa0;
	else if (a == 0xed)
		high = 0x9f;
	else if (a == 0xf0)
		low = 0x90;
	else if (a == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void json_escaped(struct buf *buf, unsigned char c)
{
	static const char short_form[128] = { ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	if (c < 128 && short_form[c])
		buf_format(buf, "\\%c", short_form[c]);
	else
		buf_format(buf, "\\u%04x", c);
}

/* Most text is nothing but bytes that stand for themselves; eight are looked at
 * together. */
static bool plain_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
	uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\', del = word ^ ones * 0x7f;
	uint64_t odd = word | (word - ones * ' ') | (quote - ones) | (slash - ones) | (del - ones);
	return !(odd & high);
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static bool copy_eight(char *to, const char *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	memcpy(to, &word, sizeof(word));
	return plain_word(word);
}

/* Copies as long as all of it is plain.  The last eight, or four, overlap with what is
 * copied already. */
static bool copy_plain(char *to, const char *at, size_t len)
{
	uint32_t first, last;
	size_t i = 0;
	for (; i + 8 <= len; i += 8)
		if (!copy_eight(to + i, at + i))
			return false;
	if (len >= 8)
		return copy_eight(to + len - 8, at + len - 8);
	if (len >= 4) {
		memcpy(&first, at, sizeof(first));
		memcpy(&last, at + len - sizeof(last), sizeof(last));
		memcpy(to, &first, sizeof(first));
		memcpy(to + len - sizeof(last), &last, sizeof(last));
		return plain_word((uint64_t)first << 32 | last);
	}
	for (; i < len && is_plain((unsigned char)at[i]); i++)
		to[i] = at[i];
	return i == len;
}

/* Text of which nothing has to be escaped, at once: between quotes, and `behind` if it
 * is not 0.  False, and nothing is written: it is no such text. */
static bool json_plain(struct buf *buf, struct sl_text text, char behind)
{
	reserve(buf, text.len + 4);
	char *to = buf->at + buf->len;
	if (buf->comma)
		*to++ = ',';
	*to++ = '"';
	bool plain = copy_plain(to, text.at, text.len);
	to += text.len;
	if (!plain) {
		buf->at[buf->len] = '\0';
		return false;
	}
	*to++ = '"';
	if (behind)
		*to++ = behind;
	*to = '\0';
	buf->len = (size_t)(to - buf->at);
	buf->comma = !behind;
	return true;
}

static size_t plain_run(const unsigned char *at, size_t len)
{
	size_t i = 0;
	for (uint64_t word; i + 8 <= len; i += 8) {
		memcpy(&word, at + i, sizeof(word));
		if (!plain_word(word))
			break;
	}
	while (i < len && is_plain(at[i]))
		i++;
	return i;
}

static void json_escaping(struct buf *buf, struct sl_text text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	size_t from = 0, i = plain_run(at, text.len);
	json_separate(buf);
	buf_reserve(buf, text.len + 2);
	buf_char(buf, '"');
	while (i < text.len) {
		size_t length = utf8_length(at + i, text.len - i);
		if (length > 1) {
			i += length;
		} else {
			buf_add(buf, at + from, i - from);
			if (length)
				json_escaped(buf, at[i]);
			else
				buf_string(buf, "\xef\xbf\xbd");
			from = ++i;
		}
		i += plain_run(at + i, text.len - i);
	}
	buf_add(buf, at + from, i - from);
	buf_char(buf, '"');
}

void json_text(struct buf *buf, struct sl_text text)
{
	if (!json_plain(buf, text, 0))
		json_escaping(buf, text);
}

void json_string(struct buf *buf, const char *string)
{
	if (string)
		json_text(buf, (struct sl_text){ string, strlen(string) });
	else
		json_null(buf);
}

void json_key_text(struct buf *buf, struct sl_text name)
{
	if (json_plain(buf, name, ':'))
		return;
	json_escaping(buf, name);
	buf_char(buf, ':');
	buf->comma = false;
}

void json_key(struct buf *buf, const char *name)
{
	json_key_text(buf, (struct sl_text){ name, strlen(name) });
}

void json_int(struct buf *buf, int64_t number)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (number < 0)
		*--at = '-';
	json_raw(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void json_uint(struct buf *buf, uint64_t number)
{
	json_separate(buf);
	buf_format(buf, "%" PRIu64, number);
}

/* Digits, a point, and as many digits as the number has behind it: at least one more stands before it. */
static void put_amount(struct buf *buf, bool below, int64_t number, int decimals)
{
	char digits[24], *end = digits + sizeof(digits), *at = end;
	for (int i = 0; number || i <= decimals; i++, number /= 10) {
		if (i == decimals)
			*--at = '.';
		*--at = (char)('0' + number % 10);
	}
	if (below)
		*--at = '-';
	json_raw(buf, at, (size_t)(end - at));
}

/* Most are amounts: a whole number of tenths, hundredths, thousandths or ten-thousandths.  Dividing one by such a
 * scale gives the very number that reading its digits does. */
static bool json_amount(struct buf *buf, double number)
{
	static const double scales[] = { 10, 100, 1000, 10000 };
	double size = fabs(number);
	if (size > 1e9 || size < 1e-4)
		return false;
	if (size == (double)(int64_t)size) {
		json_int(buf, (int64_t)number);
		return true;
	}
	for (int decimals = 1; decimals <= 4; decimals++) {
		int64_t whole = (int64_t)(size * scales[decimals - 1] + 0.5);
		if ((double)whole / scales[decimals - 1] == size) {
			put_amount(buf, number < 0, whole, decimals);
			return true;
		}
	}
	return false;
}

/* The shortest form that reads back as the same number. */
void json_double(struct buf *buf, double number)
{
	char text[32];
	if (!isfinite(number)) {
		json_null(buf);
		return;
	}
	if (json_amount(buf, number))
		return;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	json_separate(buf);
	buf_string(buf, text);
}

void json_bool(struct buf *buf, bool value)
{
	json_raw(buf, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct buf *buf)
{
	json_raw(buf, "null", 4);
}

void json_raw(struct buf *buf, const char *at, size_t len)
{
	json_separate(buf);
	buf_add(buf, at, len);
}

void json_member_string(struct buf *buf, const char *name, const char *string)
{
	json_key(buf, name);
	json_string(buf, string);
}

void json_member_int(struct buf *buf, const char *name, int64_t number)
{
	json_key(buf, name);
	json_int(buf, number);
}

void json_member_uint(struct buf *buf, const char *name, uint64_t number)
{
	json_key(buf, name);
	json_uint(buf, number);
}

void json_member_bool(struct buf *buf, const char *name, bool value)
{
	json_key(buf, name);
	json_bool(buf, value);
}
