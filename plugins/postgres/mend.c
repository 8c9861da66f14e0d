/* SPDX-License-Identifier: Apache-2.0 */
/* mend.c - what Postgres' texts cannot hold becomes U+FFFD.
 *
 * A text has no U+0000 and no lone surrogates; nor has what jsonb's escapes stand for.
 */
#include <string.h>

#include "core.h"
#include "text.h"

/* U+FFFD, and as an escape; without a NUL. */
static const char replacement[3] = "\xEF\xBF\xBD", replacement_escape[6] = "\\ufffd";

/* -------------------------------------------------------------------- looking */

/* ASCII without a NUL, which most texts are: eight bytes at a time. */
static bool plain(struct sl_text text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t i = 0;
	for (uint64_t word; i + sizeof(word) <= text.len; i += sizeof(word)) {
		memcpy(&word, text.at + i, sizeof(word));
		if ((word | (word - ones)) & tops)
			return false;
	}
	for (; i < text.len; i++)
		if ((unsigned char)(text.at[i] - 1) >= 0x7f)
			return false;
	return true;
}

static int hex_digit(char sign)
{
	if (sign >= '0' && sign <= '9')
		return sign - '0';
	sign |= 0x20;
	return sign >= 'a' && sign <= 'f' ? sign - 'a' + 10 : -1;
}

/* The number of a \uXXXX; -1: it is none. */
static int escape(const char *at, const char *end)
{
	int number = 0;
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		number = number * 16 + digit;
	}
	return number;
}

/* How many bytes the escape at a backslash has; `bad` tells what is wrong with it, MENDS: nothing. */
static size_t step_over(const char *at, const char *end, enum mend *bad)
{
	int number = escape(at, end), next;
	*bad = MENDS;
	if (number < 0)
		return end - at > 1 ? 2 : 1;
	if (number == 0)
		*bad = MEND_NUL;
	else if (number >= 0xd800 && number <= 0xdbff && (next = escape(at + 6, end)) >= 0xdc00 && next <= 0xdfff)
		return 12;
	else if (number >= 0xd800 && number <= 0xdfff)
		*bad = MEND_SURROGATE;
	return 6;
}

static bool escapes_fine(struct sl_text text)
{
	const char *at = text.at, *end = text.at + text.len;
	enum mend bad = MENDS;
	while (bad == MENDS && (at = memchr(at, '\\', (size_t)(end - at))))
		at += step_over(at, end, &bad);
	return bad == MENDS;
}

bool mend_fine(struct sl_text text, bool json)
{
	if (!text.len)
		return true;
	if (!plain(text) && (memchr(text.at, '\0', text.len) || !sl_utf8(text)))
		return false;
	return !json || escapes_fine(text);
}

/* -------------------------------------------------------------------- mending */

/* How many bytes a well-formed sign has that begins here; 0: none does. */
static size_t sign(const char *at, const char *end)
{
	unsigned char first = (unsigned char)*at;
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (len > (size_t)(end - at) || !sl_utf8((struct sl_text){ at, len }))
		return 0;
	return len;
}

static bool surrogate(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	return end - at >= 3 && byte[0] == 0xed && byte[1] >= 0xa0 && byte[1] <= 0xbf && (byte[2] & 0xc0) == 0x80;
}

static size_t mend_bytes(struct sl_text text, char *out, uint64_t mends[MENDS])
{
	const char *at = text.at, *end = text.at + text.len;
	char *to = out;
	while (at < end) {
		size_t len = *at ? sign(at, end) : 0;
		if (len) {
			memcpy(to, at, len);
			to += len;
			at += len;
			continue;
		}
		enum mend mend = !*at ? MEND_NUL : surrogate(at, end) ? MEND_SURROGATE : MEND_BYTES;
		mends[mend]++;
		memcpy(to, replacement, sizeof(replacement));
		to += sizeof(replacement);
		at += mend == MEND_SURROGATE ? 3 : 1;
	}
	return (size_t)(to - out);
}

static void mend_escapes(char *at, const char *end, uint64_t mends[MENDS])
{
	while ((at = memchr(at, '\\', (size_t)(end - at)))) {
		enum mend bad;
		size_t len = step_over(at, end, &bad);
		if (bad != MENDS) {
			memcpy(at, replacement_escape, sizeof(replacement_escape));
			mends[bad]++;
		}
		at += len;
	}
}

struct sl_text mend_text(struct sl_pile *pile, struct sl_text text, bool json, uint64_t mends[MENDS])
{
	char *out = sl_pile_take(pile, text.len * MEND_GROWTH + 1);
	size_t len = mend_bytes(text, out, mends);
	if (json)
		mend_escapes(out, out + len, mends);
	return (struct sl_text){ out, len };
}
