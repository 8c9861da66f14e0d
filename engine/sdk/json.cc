/* SPDX-License-Identifier: Apache-2.0 */
/* json.cc - a document is checked once, into an index over its own text.
 *
 * The only C++ file.  simdjson's first stage finds where every token begins and
 * checks UTF-8, quotes and control characters; walk() below checks the grammar
 * and makes a node of each value.  The nodes of a document are one array in the
 * order of the text: behind a container come its children, and a node's `span`
 * says how many nodes to skip to the one beside it.
 */
#include <cfloat>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

#include "sdk/json.h"

namespace {

constexpr uint32_t deepest = 512;
constexpr size_t longest = 256u << 20; /* so that a span fits its bits */
constexpr size_t kept_room = 1u << 20; /* a thread keeps an indexer for texts up to this */
constexpr size_t block = 16;           /* strings are copied in steps of this */
constexpr size_t padding = simdjson::SIMDJSON_PADDING + block;

} /* namespace */

struct sl_json {
	const char *raw;
	union {
		const char *text;      /* of a string: unescaped, a NUL behind */
		const sl_json *recent; /* of an array: the element that was asked for last */
	};
	const char *name; /* of a member: unescaped, a NUL behind */
	uint32_t raw_len;
	uint32_t name_len; /* of an element: its index */
	uint32_t count;    /* children; of a string: its bytes */
	uint32_t kind : 3, last : 1, span : 28;
};

struct sl_document {
	size_t size;
	sl_json *nodes;
	char *text; /* padded; the strings' room begins behind it */
};

namespace {

/* ------------------------------------------------------------- the indexer */

struct indexer {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
	size_t room = 0;
};

thread_local indexer own;

bool make_room(size_t len)
{
	if (own.stage && len <= own.room)
		return true;
	size_t room = len < 16384 ? 16384 : len;
	own.room = 0;
	if (simdjson::get_active_implementation()->create_dom_parser_implementation(room, 1, own.stage))
		return false;
	own.room = room;
	return true;
}

const char *index_error(simdjson::error_code code)
{
	static const struct {
		simdjson::error_code code;
		const char *words;
	} table[] = {
		{ simdjson::EMPTY, "the text is empty" },
		{ simdjson::UTF8_ERROR, "the text is not UTF-8" },
		{ simdjson::UNCLOSED_STRING, "a string is not closed" },
		{ simdjson::UNESCAPED_CHARS, "a control character stands in a string" },
	};
	for (const auto &row : table)
		if (row.code == code)
			return row.words;
	return simdjson::error_message(code);
}

/* ------------------------------------------------------------------ reading */

struct level {
	sl_json *container, *child;
	char closer;
};

struct reader {
	const char *text, *end;
	const uint32_t *mark, *marks_end; /* where tokens begin */
	sl_json *nodes, *next;
	char *strings;
	const char *backslash; /* the next one, or `end` */
	uint32_t depth;
	const char *wrong; /* why it is not JSON, and where */
	const char *wrong_at;
	struct level levels[deepest];
};

bool refuse(reader &r, const char *at, const char *words)
{
	r.wrong = words;
	r.wrong_at = at;
	return false;
}

const char *token(const reader &r)
{
	return r.mark < r.marks_end ? r.text + *r.mark : r.end;
}

bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The end of the string, number or word at `at`, which is the current token:
 * only white space stands between it and the next one. */
const char *token_end(const reader &r, const char *at)
{
	const char *end = r.mark + 1 < r.marks_end ? r.text + r.mark[1] : r.end;
	while (end - at > 1 && blank(end[-1]))
		end--;
	return end;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u, or -1. */
int32_t hex4(const char *at, const char *end)
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

char *put_utf8(char *out, uint32_t point)
{
	if (point < 0x80) {
		*out++ = (char)point;
	} else if (point < 0x800) {
		*out++ = (char)(0xc0 | point >> 6);
		*out++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*out++ = (char)(0xe0 | point >> 12);
		*out++ = (char)(0x80 | (point >> 6 & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	} else {
		*out++ = (char)(0xf0 | point >> 18);
		*out++ = (char)(0x80 | (point >> 12 & 0x3f));
		*out++ = (char)(0x80 | (point >> 6 & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	}
	return out;
}

/* `at` stands behind \u; goes past what belongs to the character. */
bool unescape_unit(const char *&at, const char *end, char *&out)
{
	int32_t unit = hex4(at, end);
	if (unit < 0)
		return false;
	at += 4;
	uint32_t point = (uint32_t)unit;
	if (point >= 0xd800 && point < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
		int32_t low = hex4(at + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
			at += 6;
		}
	}
	out = put_utf8(out, point >= 0xd800 && point < 0xe000 ? 0xfffd : point);
	return true;
}

bool unescape(const char *&at, const char *end, char *&out)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char letter = *at++;
	if (letter == 'u')
		return unescape_unit(at, end, out);
	const char *found = letter ? strchr(letters, letter) : nullptr;
	if (!found)
		return false;
	*out++ = bytes[found - letters];
	return true;
}

/* A string with a backslash in it.  No escape is shorter than what it means. */
bool escaped_string(reader &r, const char *at, const char *end)
{
	while (at < end) {
		const char *escape = (const char *)memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((escape ? escape : end) - at);
		memcpy(r.strings, at, plain);
		r.strings += plain;
		at += plain;
		if (escape && !unescape(++at, end, r.strings))
			return refuse(r, escape, "a wrong escape");
	}
	const char *more = (const char *)memchr(end, '\\', (size_t)(r.end - end));
	r.backslash = more ? more : r.end;
	return true;
}

/* Copies in whole blocks: both sides have that much room behind. */
void plain_string(reader &r, const char *at, size_t len)
{
	for (size_t done = 0; done < len; done += block)
		memcpy(r.strings + done, at + done, block);
	r.strings += len;
}

/* The string at the current token, up to its closing quote at `end` - 1. */
bool string(reader &r, const char *at, const char *end, const char *&text, uint32_t &len)
{
	if (end - at < 2 || end[-1] != '"')
		return refuse(r, at, "a string is not closed");
	text = r.strings;
	if (r.backslash >= end)
		plain_string(r, at + 1, (size_t)(end - at) - 2);
	else if (!escaped_string(r, at + 1, end - 1))
		return false;
	len = (uint32_t)(r.strings - text);
	*r.strings++ = 0;
	return true;
}

const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

bool is_number(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	const char *whole = at;
	at = digits(at, end);
	if (at == whole || (*whole == '0' && at - whole > 1))
		return false;
	if (at < end && *at == '.') {
		const char *fraction = ++at;
		at = digits(at, end);
		if (at == fraction)
			return false;
	}
	if (at < end && (*at | 0x20) == 'e') {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		const char *exponent = at;
		at = digits(at, end);
		if (at == exponent)
			return false;
	}
	return at == end;
}

bool is_word(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);
	return (size_t)(end - at) == len && !memcmp(at, word, len);
}

/* A value that is no container.  Its kind is told by its first character. */
bool scalar(reader &r, sl_json *node, const char *at)
{
	const char *end = token_end(r, at);
	node->raw_len = (uint32_t)(end - at);
	switch (*at) {
	case '"':
		node->kind = SL_KIND_STRING;
		return string(r, at, end, node->text, node->count);
	case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		node->kind = SL_KIND_NUMBER;
		return is_number(at, end) || refuse(r, at, "a number is written wrongly");
	case 't':
	case 'f':
		node->kind = SL_KIND_BOOL;
		return is_word(at, end, *at == 't' ? "true" : "false") || refuse(r, at, "an unknown word");
	case 'n':
		node->kind = SL_KIND_NULL;
		return is_word(at, end, "null") || refuse(r, at, "an unknown word");
	default:
		return refuse(r, at, at == r.end ? "it ends too early" : "a value is missing");
	}
}

bool open_container(reader &r, sl_json *node, char c)
{
	if (r.depth == deepest)
		return refuse(r, node->raw, "it is more than 512 levels deep");
	node->kind = c == '{' ? SL_KIND_OBJECT : SL_KIND_ARRAY;
	node->text = nullptr;
	r.levels[r.depth++] = { node, nullptr, c == '{' ? '}' : ']' };
	return true;
}

/* The value at the current token gets the next node. */
bool value(reader &r)
{
	const char *at = token(r);
	sl_json *node = r.next++;
	node->raw = at;
	node->count = 0;
	node->last = 0;
	node->span = 1;
	if (!(*at == '{' || *at == '[' ? open_container(r, node, *at) : scalar(r, node, at)))
		return false;
	r.mark++;
	return true;
}

void close_container(reader &r, const level &here)
{
	sl_json *node = here.container;
	node->raw_len = (uint32_t)(token(r) + 1 - node->raw);
	node->span = (uint32_t)(r.next - node) & 0xfffffff;
	if (here.child)
		here.child->last = 1;
	r.depth--;
	r.mark++;
}

bool member_name(reader &r, sl_json *node)
{
	const char *at = token(r);
	if (*at != '"')
		return refuse(r, at, at == r.end ? "it ends too early" : "the name of a member is missing");
	if (!string(r, at, token_end(r, at), node->name, node->name_len))
		return false;
	r.mark++;
	if (*(at = token(r)) != ':')
		return refuse(r, at, "a colon is missing");
	r.mark++;
	return true;
}

/* One child of the innermost open container, or its end. */
bool child(reader &r)
{
	level &here = r.levels[r.depth - 1];
	const char *at = token(r);
	if (*at == here.closer) {
		close_container(r, here);
		return true;
	}
	if (here.child) {
		if (*at != ',')
			return refuse(r, at, at == r.end ? "it ends too early" : "a comma is missing");
		r.mark++;
	}
	sl_json *node = r.next;
	if (here.closer == '}') {
		if (!member_name(r, node))
			return false;
	} else {
		node->name = nullptr;
		node->name_len = here.container->count;
	}
	here.child = node;
	here.container->count++;
	return value(r);
}

bool walk(reader &r)
{
	r.next->name = nullptr;
	r.next->name_len = 0;
	r.next->last = 1;
	if (!value(r))
		return false;
	while (r.depth > 0)
		if (!child(r))
			return false;
	if (r.mark < r.marks_end)
		return refuse(r, token(r), "something follows the document");
	r.nodes->last = 1;
	return true;
}

/* No more nodes than this can be needed: a token is a value unless it is
 * punctuation or a name.  One more for a string that is wrongly both. */
size_t count_nodes(const char *text, const uint32_t *marks, size_t count)
{
	size_t nodes = 2;
	for (size_t i = 0; i < count; i++) {
		char c = text[marks[i]];
		nodes += !(c == ',' || c == ':' || c == ']' || c == '}');
		nodes -= c == ':' && i > 0 && text[marks[i - 1]] == '"';
	}
	return nodes;
}

void explain(char *why, size_t room, const char *words, ptrdiff_t at)
{
	if (!why || !room)
		return;
	if (at < 0)
		snprintf(why, room, "not JSON: %s", words);
	else
		snprintf(why, room, "not JSON: %s at byte %td", words, at);
}

sl_document *copy_text(sl_text text)
{
	sl_document *document = (sl_document *)calloc(1, sizeof(*document));
	if (!document)
		return nullptr;
	document->size = 2 * (text.len + padding);
	document->text = (char *)malloc(document->size);
	if (!document->text) {
		free(document);
		return nullptr;
	}
	if (text.len)
		memcpy(document->text, text.at, text.len);
	memset(document->text + text.len, 0, padding);
	return document;
}

/* What is wrong with the document's text, or NULL; it fills the nodes. */
const char *build(sl_document *document, size_t len, ptrdiff_t *at)
{
	if (!make_room(len))
		return "out of memory";
	auto &stage = *own.stage;
	auto code = stage.stage1((const uint8_t *)document->text, len, simdjson::stage1_mode::regular);
	if (code)
		return index_error(code);
	const uint32_t *marks = stage.structural_indexes.get();
	size_t nodes = count_nodes(document->text, marks, stage.n_structural_indexes) * sizeof(sl_json);
	document->nodes = (sl_json *)malloc(nodes);
	if (!document->nodes)
		return "out of memory";
	document->size += sizeof(*document) + nodes;

	reader r;
	r.text = document->text, r.end = r.text + len;
	r.mark = marks, r.marks_end = marks + stage.n_structural_indexes;
	r.nodes = r.next = document->nodes;
	r.strings = document->text + len + padding;
	r.backslash = (const char *)memchr(r.text, '\\', len);
	if (!r.backslash)
		r.backslash = r.end;
	r.depth = 0;
	r.wrong = nullptr;
	if (!walk(r))
		*at = r.wrong_at - r.text;
	return r.wrong;
}

} /* namespace */

sl_document *sl_json_read(sl_text text, char *why, size_t why_size)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t skip = text.len >= 3 && !memcmp(text.at, mark, 3) ? 3 : 0;
	if (text.len > longest) {
		explain(why, why_size, "the text is longer than 256 MB", -1);
		return nullptr;
	}
	sl_document *document = copy_text({ text.at + skip, text.len - skip });
	ptrdiff_t at = -1;
	const char *wrong = document ? build(document, text.len - skip, &at) : "out of memory";
	if (own.room > kept_room)
		own = indexer();
	if (wrong) {
		explain(why, why_size, wrong, at < 0 ? at : at + (ptrdiff_t)skip);
		sl_json_free(&document);
	}
	return document;
}

void sl_json_free(sl_document **document)
{
	if (!*document)
		return;
	free((*document)->nodes);
	free((*document)->text);
	free(*document);
	*document = nullptr;
}

const sl_json *sl_json_root(const sl_document *document)
{
	return document ? document->nodes : nullptr;
}

size_t sl_json_size(const sl_document *document)
{
	return document ? document->size : 0;
}

/* ------------------------------------------------------------------ looking */

namespace {

bool is_container(const sl_json *value)
{
	return value && value->kind >= SL_KIND_ARRAY;
}

bool is(const sl_json *value, sl_kind kind)
{
	return value && value->kind == (unsigned)kind;
}

/* A step of a pointer against a name: ~1 means a slash, ~0 a tilde. */
bool step_is(const char *step, const char *step_end, const sl_json *member)
{
	const char *name = member->name, *name_end = name + member->name_len;
	for (; step < step_end && name < name_end; step++, name++) {
		char c = *step;
		if (c == '~' && step + 1 < step_end && (step[1] == '0' || step[1] == '1'))
			c = *++step == '0' ? '~' : '/';
		if (c != *name)
			return false;
	}
	return step == step_end && name == name_end;
}

const sl_json *step_into(const sl_json *value, const char *step, const char *end)
{
	const sl_json *found = nullptr;
	if (is(value, SL_KIND_OBJECT)) {
		for (const sl_json *member = sl_json_first(value); member; member = sl_json_next(member))
			if (step_is(step, end, member))
				found = member;
		return found;
	}
	if (!is(value, SL_KIND_ARRAY) || step == end || end - step > 9 || (*step == '0' && end - step > 1))
		return nullptr;
	size_t index = 0;
	for (; step < end; step++) {
		if (*step < '0' || *step > '9')
			return nullptr;
		index = index * 10 + (size_t)(*step - '0');
	}
	return sl_json_element(value, index);
}

/* Digits with or without a point, as whole * 10^power, where `whole` does not
 * end with a zero.  False if 64 bits do not hold it. */
bool read_digits(const char *&at, const char *end, uint64_t &whole, int64_t &power)
{
	int64_t zeros = 0;
	bool fraction = false;
	whole = 0, power = 0;
	for (; at < end && (*at | 0x20) != 'e'; at++) {
		if (*at == '.') {
			fraction = true;
			continue;
		}
		power -= fraction;
		zeros++;
		if (*at == '0')
			continue;
		for (; zeros > 0; zeros--)
			if (__builtin_mul_overflow(whole, 10, &whole))
				return false;
		if (__builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return false;
	}
	power += zeros;
	return true;
}

/* What stands behind the e; far beyond any 64-bit number it stays where it is. */
int64_t read_exponent(const char *at, const char *end)
{
	const int64_t most = (int64_t)1 << 40;
	if (at >= end)
		return 0;
	bool negative = *++at == '-';
	int64_t exponent = 0;
	for (at += negative || *at == '+'; at < end; at++)
		if (exponent < most)
			exponent = exponent * 10 + (*at - '0');
	return negative ? -exponent : exponent;
}

bool read_whole(const char *at, const char *end, uint64_t &whole)
{
	int64_t power;
	if (!read_digits(at, end, whole, power))
		return false;
	power += read_exponent(at, end);
	if (whole == 0)
		return true;
	if (power < 0)
		return false;
	for (; power > 0; power--)
		if (__builtin_mul_overflow(whole, 10, &whole))
			return false;
	return true;
}

} /* namespace */

sl_kind sl_json_kind(const sl_json *value)
{
	return value ? (sl_kind)value->kind : SL_KIND_NULL;
}

const sl_json *sl_json_at(const sl_json *value, const char *pointer)
{
	while (value && *pointer) {
		if (*pointer != '/')
			return nullptr;
		const char *step = pointer + 1;
		pointer = strchrnul(step, '/');
		value = step_into(value, step, pointer);
	}
	return value;
}

const sl_json *sl_json_get(const sl_json *value, const char *name)
{
	return sl_json_get_text(value, { name, strlen(name) });
}

const sl_json *sl_json_get_text(const sl_json *value, sl_text name)
{
	const sl_json *found = nullptr;
	if (!is(value, SL_KIND_OBJECT))
		return nullptr;
	for (const sl_json *member = sl_json_first(value); member; member = sl_json_next(member))
		if (member->name_len == name.len && (!name.len || !memcmp(member->name, name.at, name.len)))
			found = member;
	return found;
}

/* A loop over the indexes would be quadratic without remembering where the last
 * one was.  What is remembered never changes an answer, so that documents may be
 * read by several threads. */
const sl_json *sl_json_element(const sl_json *value, size_t index)
{
	if (!is(value, SL_KIND_ARRAY) || index >= value->count)
		return nullptr;
	if (value->span == value->count + 1)
		return value + 1 + index;
	const sl_json *element = __atomic_load_n(&value->recent, __ATOMIC_RELAXED);
	if (!element || element->name_len > index)
		element = value + 1;
	while (element->name_len < index)
		element += element->span;
	__atomic_store_n(&const_cast<sl_json *>(value)->recent, element, __ATOMIC_RELAXED);
	return element;
}

sl_text sl_json_string(const sl_json *value)
{
	return is(value, SL_KIND_STRING) ? sl_text{ value->text, value->count } : sl_text{ nullptr, 0 };
}

int sl_json_integer(const sl_json *value, int64_t *number)
{
	uint64_t whole;
	if (!is(value, SL_KIND_NUMBER))
		return 0;
	bool negative = *value->raw == '-';
	if (!read_whole(value->raw + negative, value->raw + value->raw_len, whole))
		return 0;
	if (whole > (uint64_t)INT64_MAX + negative)
		return 0;
	*number = (int64_t)(negative ? 0 - whole : whole);
	return 1;
}

int sl_json_double(const sl_json *value, double *number)
{
	if (!is(value, SL_KIND_NUMBER))
		return 0;
	double found = 0;
	auto result = std::from_chars(value->raw, value->raw + value->raw_len, found);
	if (result.ec == std::errc::result_out_of_range)
		found = strtod(value->raw, nullptr); /* knows too small from too large */
	if (found > DBL_MAX || found < -DBL_MAX)
		return 0;
	*number = found;
	return 1;
}

int sl_json_true(const sl_json *value)
{
	return is(value, SL_KIND_BOOL) && *value->raw == 't';
}

sl_text sl_json_raw(const sl_json *value)
{
	return value ? sl_text{ value->raw, value->raw_len } : sl_text{ nullptr, 0 };
}

size_t sl_json_count(const sl_json *value)
{
	return is_container(value) ? value->count : 0;
}

const sl_json *sl_json_first(const sl_json *value)
{
	return is_container(value) && value->count ? value + 1 : nullptr;
}

const sl_json *sl_json_next(const sl_json *value)
{
	return value && !value->last ? value + value->span : nullptr;
}

sl_text sl_json_name(const sl_json *value)
{
	return value && value->name ? sl_text{ value->name, value->name_len } : sl_text{ nullptr, 0 };
}
