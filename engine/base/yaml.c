/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - a YAML file as a small tree in which every value knows its place. */
#include "base/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "sdk/pile.h"

#define MOST_BYTES ((size_t)1024 * 1024)
#define MOST_NODES 20000
#define MOST_DEPTH 32

/* In a flow list or map a plain ${NAME} would end at its brace.  While libyaml
 * reads, two code points that no text may hold (U+10FFFE, U+10FFFF) stand in for
 * the braces: one character for one, so that columns stay true. */
#define MASK_LEN 4
#define MASK_STEM "\xf4\x8f\xbf"
#define MASK_OPEN MASK_STEM "\xbe"
#define MASK_CLOSE MASK_STEM "\xbf"

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct arena *arena;
	struct why *why;
	struct sl_text masked;
	size_t nodes;
	int depth;
};

/* --------------------------------------------------------------- the text */

static size_t variable_length(struct sl_text left)
{
	if (left.len < 4 || left.at[0] != '$' || left.at[1] != '{')
		return 0;
	for (size_t i = 2; i < left.len && !strchr("\n\r,\"'{", left.at[i]); i++)
		if (left.at[i] == '}')
			return i + 1;
	return 0;
}

static void mask(struct sl_text text, struct buf *out)
{
	for (const char *dollar; (dollar = memchr(text.at, '$', text.len));) {
		struct sl_text left = { dollar, text.len - (size_t)(dollar - text.at) };
		size_t len = variable_length(left);
		buf_add(out, text.at, (size_t)(dollar - text.at) + 1);
		if (len) {
			buf_string(out, MASK_OPEN);
			buf_add(out, left.at + 2, len - 3);
			buf_string(out, MASK_CLOSE);
		}
		len += !len;
		text = (struct sl_text){ left.at + len, left.len - len };
	}
	buf_add(out, text.at, text.len);
}

static struct sl_text unmask(struct arena *arena, const char *at, size_t len)
{
	char *text = arena_bytes(arena, len + 1);
	size_t used = 0;
	for (size_t i = 0; i < len;) {
		bool masked = len - i >= MASK_LEN && memcmp(at + i, MASK_STEM, MASK_LEN - 1) == 0;
		char open_or_close = masked ? at[i + MASK_LEN - 1] : 0;
		text[used++] = !masked ? at[i] : open_or_close == MASK_OPEN[MASK_LEN - 1] ? '{'
											  : '}';
		i += masked ? MASK_LEN : 1;
	}
	text[used] = '\0';
	return (struct sl_text){ text, used };
}

/* -------------------------------------------------------------- sentences */

static void place(struct reader *r, yaml_mark_t mark)
{
	why_within(r->why, "%s:%zu:%zu", r->file, mark.line + 1, mark.column + 1);
}

static void *refuse(struct reader *r, yaml_mark_t mark, const char *sentence)
{
	why_say(r->why, "%s", sentence);
	place(r, mark);
	return NULL;
}

static yaml_mark_t mark_of_offset(struct sl_text text, size_t offset)
{
	yaml_mark_t mark = { 0 };
	for (size_t i = 0; i < text.len && i < offset; i++) {
		if (text.at[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((text.at[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static char character_at(struct sl_text text, yaml_mark_t mark)
{
	const char *at = text.at, *end = text.at + text.len;
	for (size_t line = 0; line < mark.line && at; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	for (size_t column = 0; at && at < end && *at != '\n' && column < mark.column; column++)
		for (at++; at < end && (*at & 0xc0) == 0x80; at++)
			;
	return at && at < end ? *at : '\0';
}

/* What libyaml says, with the place, and the remedy of the commonest mistake. */
static void *not_yaml(struct reader *r)
{
	yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		sl_no_memory();
	if (p->error == YAML_READER_ERROR)
		return refuse(r, mark_of_offset(r->masked, p->problem_offset),
			"this is not text in UTF-8 without control characters");
	if (character_at(r->masked, p->problem_mark) == '\t')
		return refuse(r, p->problem_mark, "a tab cannot stand here; indent with spaces");
	why_say(r->why, "%s", p->problem ? p->problem : "this is not YAML");
	if (p->context && p->context_mark.line != p->problem_mark.line)
		why_say(r->why, "%s, %s that began in line %zu", p->problem, p->context, p->context_mark.line + 1);
	else if (p->context)
		why_say(r->why, "%s, %s", p->problem, p->context);
	place(r, p->problem_mark);
	return NULL;
}

/* --------------------------------------------------------------- the tree */

static bool next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return true;
	not_yaml(r);
	return false;
}

static struct yaml_node *new_node(struct reader *r, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node = arena_alloc(r->arena, sizeof(*node));
	node->kind = kind;
	node->file = r->file;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	node->text.at = "";
	if (++r->nodes > MOST_NODES)
		return refuse(r, event->start_mark, "there are more than 20000 values; this is no configuration");
	return node;
}

static struct yaml_node *read_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *at = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct yaml_node *node = new_node(r, event, YAML_SCALAR);
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse(r, event->start_mark, "anchors (&) and tags (!) are not understood; put the value in quotes");
	if (memchr(at, '\0', len))
		return refuse(r, event->start_mark, "a value cannot hold a NUL");
	if (!node)
		return NULL;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = unmask(r->arena, at, len);
	return node;
}

static struct yaml_node *read_value(struct reader *r, yaml_event_t *event);

static void append(struct yaml_node *parent, struct yaml_node ***last, struct yaml_node *node)
{
	**last = node;
	*last = &node->next;
	parent->count++;
}

static struct yaml_node *read_list(struct reader *r, struct yaml_node *list)
{
	struct yaml_node **last = &list->first, *node;
	for (;;) {
		yaml_event_t event;
		if (!next_event(r, &event))
			return NULL;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return list;
		}
		if (!(node = read_value(r, &event)))
			return NULL;
		append(list, &last, node);
	}
}

static bool key_is_new(struct reader *r, const struct yaml_node *map, const struct yaml_node *key)
{
	const struct yaml_node *first;
	if (key->kind != YAML_SCALAR)
		return yaml_why(key, r->why, "a key must be a word, not a list or a map");
	if ((first = yaml_get(map, key->text.at)))
		return yaml_why(key, r->why, "`%s` was given before, in line %u; remove one of them", key->text.at,
			first->key->line);
	return true;
}

static struct yaml_node *read_map(struct reader *r, struct yaml_node *map)
{
	struct yaml_node **last = &map->first, *node, *key;
	for (;;) {
		yaml_event_t event;
		if (!next_event(r, &event))
			return NULL;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return map;
		}
		if (!(key = read_value(r, &event)) || !key_is_new(r, map, key))
			return NULL;
		if (!next_event(r, &event) || !(node = read_value(r, &event)))
			return NULL;
		node->key = key;
		append(map, &last, node);
	}
}

static struct yaml_node *read_collection(struct reader *r, const yaml_event_t *event)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	struct yaml_node *node = new_node(r, event, map ? YAML_MAP : YAML_LIST);
	if (anchor || tag)
		return refuse(r, event->start_mark, "anchors (&) and tags (!) are not understood; write it out");
	if (r->depth == MOST_DEPTH)
		return refuse(r, event->start_mark, "lists and maps may not lie more than 32 deep");
	if (!node)
		return NULL;
	r->depth++;
	node = map ? read_map(r, node) : read_list(r, node);
	r->depth--;
	return node;
}

/* Takes the event over. */
static struct yaml_node *read_value(struct reader *r, yaml_event_t *event)
{
	struct yaml_node *node;
	if (event->type == YAML_SCALAR_EVENT)
		node = read_scalar(r, event);
	else if (event->type == YAML_ALIAS_EVENT)
		node = refuse(r, event->start_mark, "aliases (*) are not understood; write it out, or put the value in quotes");
	else
		node = read_collection(r, event);
	yaml_event_delete(event);
	return node;
}

/* ----------------------------------------------------------- the document */

/* The next event that is not about the stream; its type, or YAML_NO_EVENT. */
static yaml_event_type_t first_event(struct reader *r, yaml_event_t *event)
{
	for (;;) {
		if (!next_event(r, event))
			return YAML_NO_EVENT;
		if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT &&
			event->type != YAML_DOCUMENT_END_EVENT)
			return event->type;
		yaml_event_delete(event);
	}
}

static struct yaml_node *read_document(struct reader *r)
{
	yaml_event_t event;
	yaml_event_type_t type = first_event(r, &event);
	struct yaml_node *root;
	if (type == YAML_NO_EVENT)
		return NULL;
	if (type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&event);
		return new_node(r, &event, YAML_MAP);
	}
	if (!(root = read_value(r, &event)) || (type = first_event(r, &event)) == YAML_NO_EVENT)
		return NULL;
	if (type != YAML_STREAM_END_EVENT)
		root = refuse(r, event.start_mark, "a second document begins here; a file holds one");
	yaml_event_delete(&event);
	return root;
}

static struct yaml_node *parse(struct reader *r)
{
	struct yaml_node *root;
	if (!yaml_parser_initialize(&r->parser))
		sl_no_memory();
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->masked.at, r->masked.len);
	root = read_document(r);
	yaml_parser_delete(&r->parser);
	return root;
}

struct yaml_node *yaml_read_text(const char *file, struct sl_text text, struct arena *arena, struct why *why)
{
	struct buf masked = { 0 };
	struct reader r = { .file = arena_string(arena, file), .arena = arena, .why = why };
	const char *stranger = text.len ? memmem(text.at, text.len, MASK_STEM, MASK_LEN - 1) : NULL;
	struct yaml_node *root = NULL;
	if (text.len > MOST_BYTES) {
		why_say(why, "%s:1:1: the file is larger than 1 MB; this is no configuration", file);
		return NULL;
	}
	if (stranger)
		return refuse(&r, mark_of_offset(text, (size_t)(stranger - text.at)),
			"this is a code point that no text holds (U+10FFC0 to U+10FFFF)");
	if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		text = (struct sl_text){ text.at + 3, text.len - 3 };
	mask(text, &masked);
	r.masked = (struct sl_text){ masked.at ? masked.at : "", masked.len };
	root = parse(&r);
	buf_free(&masked);
	return root;
}

/* All of it, or so much that it is too much. */
static bool read_most(FILE *file, struct buf *text)
{
	char part[8192];
	size_t len;
	while (text->len <= MOST_BYTES && (len = fread(part, 1, sizeof(part), file)))
		buf_add(text, part, len);
	return !ferror(file);
}

struct yaml_node *yaml_read_file(const char *path, struct arena *arena, struct why *why)
{
	struct buf text = { 0 };
	FILE *file = fopen(path, "re");
	struct yaml_node *root = NULL;
	if (!file) {
		why_errno(why, "%s cannot be opened", path);
		return NULL;
	}
	errno = 0;
	if (read_most(file, &text))
		root = yaml_read_text(path, (struct sl_text){ text.at ? text.at : "", text.len }, arena, why);
	else
		why_errno(why, "%s cannot be read", path);
	buf_free(&text);
	fclose(file);
	return root;
}
