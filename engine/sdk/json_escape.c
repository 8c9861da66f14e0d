/* SPDX-License-Identifier: Apache-2.0 */
/* json_escape.c - what stands behind a backslash in a JSON string. */
#include <string.h>

#include "sdk/json_inside.h"

#define REPLACEMENT 0xfffd

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t unit = 0;
	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static char continuation(uint32_t point, int shift)
{
	return (char)(0x80 | (point >> shift & 0x3f));
}

static char *put_utf8(char *out, uint32_t point)
{
	if (point < 0x80) {
		*out++ = (char)point;
		return out;
	}
	if (point < 0x800) {
		*out++ = (char)(0xc0 | point >> 6);
	} else if (point < 0x10000) {
		*out++ = (char)(0xe0 | point >> 12);
		*out++ = continuation(point, 6);
	} else {
		*out++ = (char)(0xf0 | point >> 18);
		*out++ = continuation(point, 12);
		*out++ = continuation(point, 6);
	}
	*out++ = continuation(point, 0);
	return out;
}

static int is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static int is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* `at` stands behind \u.  Two escapes that are a pair are one character; half a
 * pair is the replacement character. */
static int unescape_unit(const char **at, const char *end, char **out)
{
	int32_t unit = hex4(*at, end);
	if (unit < 0)
		return 0;
	*at += 4;
	uint32_t point = (uint32_t)unit;
	if (is_high(point) && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
		int32_t low = hex4(*at + 2, end);
		if (low >= 0 && is_low((uint32_t)low)) {
			point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
			*at += 6;
		}
	}
	*out = put_utf8(*out, is_high(point) || is_low(point) ? REPLACEMENT : point);
	return 1;
}

int json_unescape(const char **at, const char *end, char **out)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char letter = *(*at)++;
	if (letter == 'u')
		return unescape_unit(at, end, out);
	const char *found = memchr(letters, letter, sizeof(letters) - 1);
	if (!found)
		return 0;
	*(*out)++ = bytes[found - letters];
	return 1;
}

size_t sl_json_halves(struct sl_text json)
{
	const char *at = json.at, *end = json.at + json.len;
	size_t halves = 0;
	while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
		int32_t unit = end - at > 1 && at[1] == 'u' ? hex4(at + 2, end) : -1, next = -1;
		at += unit < 0 ? 2 : 6;
		if (unit >= 0 && is_high((uint32_t)unit) && end - at > 1 && at[0] == '\\' && at[1] == 'u')
			next = hex4(at + 2, end);
		if (next >= 0 && is_low((uint32_t)next))
			at += 6;
		else
			halves += unit >= 0 && (is_high((uint32_t)unit) || is_low((uint32_t)unit));
	}
	return halves;
}
