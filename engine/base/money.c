/* SPDX-License-Identifier: Apache-2.0 */
/* money.c - what a price says: its sign, its currency, and which of its dots are decimal. */
#include "base/money.h"

#include <string.h>

#include "sdk/text.h"

/* --------------------------------------------------------------- what there is in it */

/* Longer ones first: "US$" before "$". */
static const struct currency {
	const char *sign, *code;
} currencies[] = {
	{ "US$", "USD" }, { "CA$", "CAD" }, { "AU$", "AUD" }, { "NZ$", "NZD" }, { "HK$", "HKD" }, { "MX$", "MXN" }, { "C$", "CAD" },
	{ "A$", "AUD" }, { "S$", "SGD" }, { "R$", "BRL" }, { "$", "USD" }, { "€", "EUR" }, { "£", "GBP" }, { "CN¥", "CNY" },
	{ "¥", "JPY" }, { "₹", "INR" }, { "₽", "RUB" }, { "₺", "TRY" }, { "₩", "KRW" }, { "₪", "ILS" }, { "₫", "VND" },
	{ "₴", "UAH" }, { "₱", "PHP" }, { "฿", "THB" }, { "₦", "NGN" }, { "₸", "KZT" }, { "₾", "GEL" }, { "zł", "PLN" },
	{ "Kč", "CZK" }, { "Ft", "HUF" }, { "lei", "RON" }, { "SFr.", "CHF" }, { "Fr.", "CHF" }, { "kr.", "" }, { "kr", "" },
};

static const char *const spaces[] = { " ", "\t", "\u00a0", "\u202f", "\u2009" };
static const char *const apostrophes[] = { "'", "\u2019" };
static const char *const dashes[] = { "-", "\u2212", "\u2013", "\u2014" };

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static bool take(struct sl_text *text, const char *word)
{
	size_t len = strlen(word);
	if (text->len < len || memcmp(text->at, word, len) != 0)
		return false;
	text->at += len, text->len -= len;
	return true;
}

static bool take_one(struct sl_text *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (take(text, words[i]))
			return true;
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0xc3;
}

static bool is_digit(const struct sl_text *text)
{
	return text->len && *text->at >= '0' && *text->at <= '9';
}

/* ---------------------------------------------------------------------- around the digits */

struct around {
	bool minus, brackets, closed, named;
	char currency[4];
};

static bool ends_word(const struct sl_text *text, char last)
{
	return !is_letter(last) || !text->len || !is_letter(*text->at);
}

static bool take_sign(struct sl_text *text, struct around *around)
{
	for (size_t i = 0; i < COUNT(currencies); i++) {
		struct sl_text rest = *text;
		const char *sign = currencies[i].sign;
		if (!take(&rest, sign) || !ends_word(&rest, sign[strlen(sign) - 1]))
			continue;
		strcpy(around->currency, currencies[i].code);
		*text = rest;
		return true;
	}
	return false;
}

/* Three letters, and no fourth. */
static bool take_code(struct sl_text *text, struct around *around)
{
	for (size_t i = 0; i < 3; i++) {
		char c = i < text->len ? text->at[i] : '0';
		if (!is_letter(c) || (unsigned char)c >= 0x80)
			return false;
		around->currency[i] = (char)(c & ~0x20);
	}
	text->at += 3, text->len -= 3;
	around->currency[3] = '\0';
	return !text->len || !is_letter(*text->at);
}

static bool take_currency(struct sl_text *text, struct around *around)
{
	if (around->named)
		return false;
	around->named = take_sign(text, around) || take_code(text, around);
	return around->named;
}

static bool take_minus(struct sl_text *text, struct around *around)
{
	if (around->minus || !take_one(text, dashes, COUNT(dashes)))
		return false;
	return around->minus = true;
}

static bool take_bracket(struct sl_text *text, struct around *around, bool before)
{
	bool *flag = before ? &around->brackets : &around->closed;
	if (*flag || !take(text, before ? "(" : ")"))
		return false;
	return *flag = true;
}

static void take_around(struct sl_text *text, struct around *around, bool before)
{
	bool plus = !before;
	for (;;) {
		if (take_one(text, spaces, COUNT(spaces)) || take_bracket(text, around, before) || take_minus(text, around))
			continue;
		if (!plus && take(text, "+")) {
			plus = true;
			continue;
		}
		if (is_digit(text) || !text->len || !take_currency(text, around))
			return;
	}
}

/* ----------------------------------------------------------------------------- the digits */

#define MOST_GROUPS 24

struct groups {
	char digits[DECIMAL_SIZE]; /* of all groups */
	size_t len;
	size_t sizes[MOST_GROUPS]; /* of each */
	char signs[MOST_GROUPS];   /* behind each but the last: '.' ',' ' ' or '\'' */
	size_t count;
};

static char take_separator(struct sl_text *text)
{
	if (take(text, "."))
		return '.';
	if (take(text, ","))
		return ',';
	if (take_one(text, spaces, COUNT(spaces)))
		return ' ';
	return take_one(text, apostrophes, COUNT(apostrophes)) ? '\'' : '\0';
}

static bool take_group(struct sl_text *text, struct groups *groups)
{
	size_t size = 0;
	if (groups->count == MOST_GROUPS)
		return false;
	for (; is_digit(text); text->at++, text->len--, size++) {
		if (groups->len == DECIMAL_MOST)
			return false;
		groups->digits[groups->len++] = *text->at;
	}
	groups->sizes[groups->count++] = size;
	return true;
}

/* "12,-" has no cents. */
static bool take_no_cents(struct sl_text *text)
{
	struct sl_text rest = *text;
	if ((!take(&rest, ".") && !take(&rest, ",")) || !take_one(&rest, dashes, COUNT(dashes)))
		return false;
	take_one(&rest, dashes, COUNT(dashes)); /* "12,--" */
	*text = rest;
	return true;
}

/* A separator belongs to the number if a digit follows. */
static bool take_groups(struct sl_text *text, struct groups *groups)
{
	if (!take_group(text, groups))
		return false;
	while (text->len && !take_no_cents(text)) {
		struct sl_text rest = *text;
		char sign = take_separator(&rest);
		if (!sign || !is_digit(&rest))
			break;
		*text = rest;
		groups->signs[groups->count - 1] = sign;
		if (!take_group(text, groups))
			return false;
	}
	return true;
}

static size_t times(const struct groups *groups, char sign)
{
	size_t found = 0;
	for (size_t i = 0; i + 1 < groups->count; i++)
		found += groups->signs[i] == sign;
	return found;
}

/* A lone dot or comma, which could be either: what it is taken for. */
static bool lone_is_decimal(const struct groups *groups, char sign)
{
	size_t before = groups->sizes[0], behind = groups->sizes[1];
	bool could_group = behind == 3 && before >= 1 && before <= 3 && groups->digits[0] != '0';
	return !could_group || sign == '.';
}

/* Whether the last separator stands before decimals. */
static bool has_decimals(const struct groups *groups, char wanted)
{
	if (groups->count < 2)
		return false;
	char last = groups->signs[groups->count - 2];
	if (wanted || (last != '.' && last != ','))
		return last == wanted;
	if (times(groups, last) > 1)
		return false;
	return groups->count > 2 || lone_is_decimal(groups, last);
}

/* The first so many groups are of three, or in India of two with three at the end,
 * with the same sign between them all. */
static bool well_grouped(const struct groups *groups, size_t whole, bool decimals)
{
	if (whole == 1)
		return groups->sizes[0] || decimals;
	size_t middle = groups->sizes[1] == 2 && whole > 2 && groups->signs[0] == ',' ? 2 : 3;
	char decimal = decimals ? groups->signs[whole - 1] : '\0';
	if (!groups->sizes[0] || groups->sizes[0] > middle || groups->sizes[whole - 1] != 3 || groups->signs[0] == decimal)
		return false;
	for (size_t i = 1; i < whole; i++)
		if (groups->signs[i - 1] != groups->signs[0] || (i + 1 < whole && groups->sizes[i] != middle))
			return false;
	return true;
}

static bool join(struct groups *groups, char wanted, struct decimal *amount)
{
	bool decimals = has_decimals(groups, wanted);
	size_t whole = groups->count - decimals;
	if (!well_grouped(groups, whole, decimals))
		return false;
	if (decimals) {
		size_t behind = groups->sizes[groups->count - 1];
		char *point = groups->digits + groups->len - behind;
		memmove(point + 1, point, behind);
		*point = '.';
		groups->len++;
	}
	return decimal_read(amount, (struct sl_text){ groups->digits, groups->len });
}

static struct sl_text trimmed(struct sl_text text)
{
	text = sl_text_trim(text);
	while (take_one(&text, spaces, COUNT(spaces)))
		;
	return text;
}

bool money_read(struct money *money, struct sl_text text, char sign)
{
	struct around around = { 0 };
	struct groups groups = { 0 };
	text = trimmed(text);
	memset(money->currency, 0, sizeof(money->currency));
	if (sign != ',' && decimal_read(&money->amount, text)) /* as programs write it, 1e3 too */
		return true;
	take_around(&text, &around, true);
	if (!take_groups(&text, &groups))
		return false;
	take_around(&text, &around, false);
	if (text.len || around.brackets != around.closed || !join(&groups, sign, &money->amount))
		return false;
	if (around.minus || around.brackets)
		decimal_negate(&money->amount);
	memcpy(money->currency, around.currency, sizeof(money->currency));
	return true;
}
