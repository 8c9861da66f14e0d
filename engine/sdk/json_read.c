/* SPDX-License-Identifier: Apache-2.0 */
/* json_read.c - a text is checked once, and becomes an index over itself. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/json_inside.h"

#define DEEPEST 512
#define LONGEST ((size_t)256 << 20) /* so that a span fits its bits */

struct level {
	struct sl_json *container, *child; /* child: the last one so far, or NULL */
	char closer;
};

struct reader {
	const char *text, *end;
	char *copy;                       /* of the text, where strings are made ready */
	const uint32_t *mark, *marks_end; /* where tokens begin; mark: the current one */
	struct sl_json *next;             /* the next free node */
	const char *backslash;            /* the next one in the text, or `end` */
	const char *wrong, *wrong_at;     /* why it is not JSON, and where */
	uint32_t depth;
	struct level levels[DEEPEST];
};

/* Hardly ever called, so it is kept out of the way of what is. */
__attribute__((cold, noinline)) static bool refuse(struct reader *r, const char *at, const char *words)
{
	r->wrong = words;
	r->wrong_at = at;
	return false;
}

/* -------------------------------------------------------------------- tokens */

static const char *token(const struct reader *r)
{
	return r->text + *r->mark; /* behind the last one stands the end */
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The end of the string, number or word at `at`, which is the current token:
 * only white space stands between it and the next one. */
static inline const char *token_end(const struct reader *r, const char *at)
{
	const char *end = r->text + r->mark[1];
	while (end - at > 1 && is_blank(end[-1]))
		end--;
	return end;
}

static const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* One digit or more from `at` on: behind them; else NULL. */
static const char *some_digits(const char *at, const char *end)
{
	const char *behind = digits(at, end);
	return behind > at ? behind : NULL;
}

static bool is_number(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	const char *whole = at;
	at = some_digits(at, end);
	if (!at || (*whole == '0' && at - whole > 1))
		return false;
	if (at < end && *at == '.')
		at = some_digits(at + 1, end);
	if (at && at < end && (*at | 0x20) == 'e') {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at = some_digits(at, end);
	}
	return at == end;
}

static bool is_word(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);
	return (size_t)(end - at) == len && memcmp(at, word, len) == 0;
}

/* ------------------------------------------------------------------- strings */

static const char *find_backslash(const char *from, const char *end)
{
	const char *found = memchr(from, '\\', (size_t)(end - from));
	return found ? found : end;
}

/* Between the quotes of a string with a backslash.  No escape is shorter than
 * what it stands for, so it fits where its copy is. */
__attribute__((cold, noinline)) static bool escaped_string(struct reader *r, const char *at, const char *end, char *to,
	uint32_t *len)
{
	char *from = to;
	while (at < end) {
		const char *escape = find_backslash(at, end);
		size_t plain = (size_t)(escape - at);
		memcpy(to, at, plain);
		to += plain;
		at = escape + 1;
		if (escape < end && !json_unescape(&at, end, &to))
			return refuse(r, escape, "a wrong escape");
	}
	r->backslash = find_backslash(end, r->end);
	*to = '\0';
	*len = (uint32_t)(to - from);
	return true;
}

/* The string from its quote at `at` up to behind the other one at `end`. */
static inline bool string(struct reader *r, const char *at, const char *end, const char **text, uint32_t *len)
{
	char *copy = r->copy + (at + 1 - r->text);
	if (end - at < 2 || end[-1] != '"')
		return refuse(r, at, "a string is not closed");
	*text = copy;
	if (r->backslash < end)
		return escaped_string(r, at + 1, end - 1, copy, len);
	*len = (uint32_t)(end - at - 2);
	copy[*len] = '\0';
	return true;
}

/* -------------------------------------------------------------------- values */

/* A value that is no container.  Its first character tells its kind. */
static bool scalar(struct reader *r, struct sl_json *node, const char *at)
{
	const char *end = token_end(r, at);
	node->raw_len = (uint32_t)(end - at);
	switch (*at) {
	case '"':
		node->kind = SL_KIND_STRING;
		return string(r, at, end, &node->text, &node->count);
	case '-':
	case '0' ... '9':
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
		return refuse(r, at, at == r->end ? "it ends too early" : "a value is missing");
	}
}

static bool open_container(struct reader *r, struct sl_json *node, bool object)
{
	if (r->depth == DEEPEST)
		return refuse(r, node->raw, "it is more than 512 levels deep");
	node->kind = object ? SL_KIND_OBJECT : SL_KIND_ARRAY;
	node->recent = NULL;
	r->levels[r->depth++] = (struct level){ node, NULL, object ? '}' : ']' };
	return true;
}

static void close_container(struct reader *r, const struct level *here)
{
	struct sl_json *node = here->container;
	node->raw_len = (uint32_t)(token(r) + 1 - node->raw);
	node->span = (uint32_t)(r->next - node) & 0xfffffff;
	if (here->child)
		here->child->last = 1;
	r->depth--;
	r->mark++;
}

/* The value at the current token gets the next node. */
static bool value(struct reader *r)
{
	const char *at = token(r);
	struct sl_json *node = r->next++;
	node->raw = at;
	node->count = 0;
	node->last = 0;
	node->span = 1;
	if (!(*at == '{' || *at == '[' ? open_container(r, node, *at == '{') : scalar(r, node, at)))
		return false;
	r->mark++;
	return true;
}

static bool member_name(struct reader *r, struct sl_json *node)
{
	const char *at = token(r);
	if (*at != '"')
		return refuse(r, at, at == r->end ? "it ends too early" : "the name of a member is missing");
	if (!string(r, at, token_end(r, at), &node->name, &node->name_len))
		return false;
	r->mark++;
	at = token(r);
	if (*at != ':')
		return refuse(r, at, "a colon is missing");
	r->mark++;
	return true;
}

/* One child of the innermost open container, or its end. */
static bool child(struct reader *r)
{
	struct level *here = &r->levels[r->depth - 1];
	const char *at = token(r);
	if (*at == here->closer) {
		close_container(r, here);
		return true;
	}
	if (here->child) {
		if (*at != ',')
			return refuse(r, at, at == r->end ? "it ends too early" : "a comma is missing");
		r->mark++;
	}
	struct sl_json *node = r->next;
	node->name = NULL;
	node->name_len = here->container->count++;
	if (here->closer == '}' && !member_name(r, node))
		return false;
	here->child = node;
	return value(r);
}

static bool walk(struct reader *r)
{
	struct sl_json *root = r->next;
	root->name = NULL;
	root->name_len = 0;
	if (!value(r))
		return false;
	while (r->depth > 0)
		if (!child(r))
			return false;
	root->last = 1;
	return r->mark == r->marks_end || refuse(r, token(r), "something follows the document");
}

/* ----------------------------------------------------------------- documents */

/* No more nodes than this can be needed: beside each value, but for the first of a
 * container, stands a comma, and each container that is not open any more has an end.
 * One more is begun when something is found to be wrong. */
static size_t most_nodes(size_t marks)
{
	size_t open = marks < DEEPEST ? marks : DEEPEST;
	return (marks + open + 1) / 2 + 2;
}

static void *on_heap(void *of, size_t size)
{
	void *at = malloc(size);
	if (!at)
		sl_no_memory();
	return at;
}

static const struct json_room heap = { on_heap, NULL };

/* How many nodes there are is known at the end: until then they stand in a draft.  A document may be held for
 * long and gets no more than it needs; the copy is right because nothing points to a node yet. */
static void keep_nodes(struct sl_document *document, const struct sl_json *nodes, size_t count,
	const struct json_room *room)
{
	size_t size = count * sizeof(*nodes);
	document->nodes = room->take(room->of, size);
	memcpy(document->nodes, nodes, size);
	document->nodes_size = size;
	document->size += size;
}

/* The document, its text, and the copy behind it are one block. */
static struct sl_document *copy_text(const char *at, size_t len, const struct json_room *room)
{
	size_t size = sizeof(struct sl_document) + 2 * (len + JSON_PADDING);
	struct sl_document *document = room->take(room->of, size);
	*document = (struct sl_document){ .size = size, .text = (char *)(document + 1) };
	char *copy = document->text + len + JSON_PADDING;
	if (len) {
		memcpy(document->text, at, len);
		memcpy(copy, at, len);
	}
	memset(document->text + len, 0, JSON_PADDING);
	return document;
}

/* Fills the nodes.  NULL, or what is wrong, and where if that is known. */
static const char *build(struct sl_document *document, size_t len, ptrdiff_t *at, const struct json_room *room)
{
	const uint32_t *marks;
	size_t count;
	const char *wrong = json_marks(document->text, len, &marks, &count);
	if (wrong)
		return wrong;
	struct sl_json *nodes = json_draft(most_nodes(count));
	struct reader r; /* not zeroed: most of its levels are never used */
	r.text = document->text;
	r.end = r.text + len;
	r.mark = marks;
	r.marks_end = marks + count;
	r.next = nodes;
	r.copy = document->text + len + JSON_PADDING;
	r.backslash = find_backslash(r.text, r.end);
	r.depth = 0;
	document->escaped = r.backslash < r.end;
	if (walk(&r))
		keep_nodes(document, nodes, (size_t)(r.next - nodes), room);
	else
		wrong = r.wrong, *at = r.wrong_at - r.text;
	return wrong;
}

static void explain(char *why, size_t room, const char *words, ptrdiff_t at)
{
	if (!why || !room)
		return;
	if (at < 0)
		snprintf(why, room, "not JSON: %s", words);
	else
		snprintf(why, room, "not JSON: %s at byte %td", words, at);
}

struct sl_document *json_read_into(struct sl_text text, char *why, size_t why_size, const struct json_room *room)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t skip = text.len >= 3 && memcmp(text.at, mark, 3) == 0 ? 3 : 0;
	if (text.len > LONGEST) {
		explain(why, why_size, "the text is longer than 256 MB", -1);
		return NULL;
	}
	struct sl_document *document = copy_text(skip ? text.at + skip : text.at, text.len - skip, room);
	ptrdiff_t at = -1;
	const char *wrong = build(document, text.len - skip, &at, room);
	if (wrong) {
		explain(why, why_size, wrong, at < 0 ? at : at + (ptrdiff_t)skip);
		if (room == &heap)
			sl_json_free(&document);
		document = NULL;
	}
	return document;
}

struct sl_document *sl_json_read(struct sl_text text, char *why, size_t why_size)
{
	return json_read_into(text, why, why_size, &heap);
}

void sl_json_free(struct sl_document **document)
{
	if (!*document)
		return;
	free((*document)->nodes);
	free(*document);
	*document = NULL;
}

const struct sl_json *sl_json_root(const struct sl_document *document)
{
	return document ? document->nodes : NULL;
}

int sl_json_escaped(const struct sl_document *document)
{
	return document && document->escaped;
}

size_t sl_json_size(const struct sl_document *document)
{
	return document ? document->size : 0;
}
