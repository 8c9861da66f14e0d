/* SPDX-License-Identifier: Apache-2.0 */
/* schema_views.c - views, written beside the tables in the dialect of a destination. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define FILE_MOST ((size_t)1024 * 1024)
#define VIEWS_MOST 500
#define REFRESH INT64_C(3600000) /* ms, where none is given */
#define REFRESH_LEAST INT64_C(60000)
#define REFRESH_MOST (INT64_C(365) * 86400000)

/* What every destination of rows gets, whatever the schema. */
static const struct sl_view dead_letters = {
	.name = "sluice_dead",
	.sql = "SELECT route, seq, part, source, event_id, type, subject, reason, tries, first_at, last_at\n"
	       "FROM _sluice_open WHERE state = 'dead'",
};

struct reading {
	struct schema *schema;
	const char *path;
	struct sl_view *views; /* VIEWS_MOST of them */
	struct why *why;
};

/* ------------------------------------------------------------- substitution */

static const char *literal(struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->schema->option_count; i++)
		if (strcmp(r->schema->option_names[i], name) == 0)
			return r->schema->literals[i];
	return NULL;
}

static bool unknown(struct reading *r, unsigned line, const char *name)
{
	char room[MEANT_SIZE];
	return why_say(r->why, "%s:%u: ${%.40s} is no option of the schema%s", r->path, line, name,
		meant(name, r->schema->option_names, room));
}

/* Puts the options' values in place of ${NAME}, each as a literal of its own. */
static bool substitute(struct reading *r, unsigned line, struct sl_text sql, struct buf *out)
{
	for (size_t i = 0; i < sql.len; i++) {
		line += sql.at[i] == '\n';
		if (sql.at[i] != '$' || i + 1 == sql.len || sql.at[i + 1] != '{') {
			buf_char(out, sql.at[i]);
			continue;
		}
		const char *begin = sql.at + i + 2, *end = memchr(begin, '}', sql.len - i - 2);
		if (!end)
			return why_say(r->why, "%s:%u: ${ is never closed", r->path, line);
		char *name = arena_copy(r->schema->arena, begin, (size_t)(end - begin));
		const char *value = literal(r, name);
		if (!value)
			return unknown(r, line, name);
		buf_string(out, value);
		i = (size_t)(end - sql.at);
	}
	return true;
}

/* ----------------------------------------------------------------- sections */

static const char marker[] = "-- view:";

static bool is_marker(const char *line)
{
	return strncmp(line, marker, sizeof(marker) - 1) == 0;
}

static const char *line_end(const char *line)
{
	const char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

/* Takes the last word off, if the text has more than one. */
static bool last_word(struct sl_text *text, struct sl_text *word)
{
	size_t at = text->len;
	while (at && text->at[at - 1] != ' ' && text->at[at - 1] != '\t')
		at--;
	*word = (struct sl_text){ text->at + at, text->len - at };
	if (!at)
		return false;
	*text = sl_text_trim((struct sl_text){ text->at, at });
	return true;
}

static bool begins(struct sl_text text, const char *with)
{
	size_t len = strlen(with);
	return text.len >= len && memcmp(text.at, with, len) == 0;
}

/* "sales materialized refresh=15m": the words behind the name. */
static bool read_words(struct reading *r, unsigned line, struct sl_text *name, struct sl_view *view)
{
	struct sl_text rest = *name, word, duration;
	bool given = last_word(&rest, &word) && begins(word, "refresh=");
	duration = (struct sl_text){ word.at + 8, given ? word.len - 8 : 0 };
	if (given)
		*name = rest;
	rest = *name;
	if (last_word(&rest, &word) && sl_text_is(word, "materialized")) {
		*name = rest;
		view->materialized = 1;
		view->refresh_ms = REFRESH;
	}
	if (given && !view->materialized)
		return why_say(r->why, "%s:%u: refresh= is for a view that is `materialized`: -- view: NAME materialized "
			"refresh=1h", r->path, line);
	if (given && (!sl_duration_read(duration, &view->refresh_ms) || view->refresh_ms < REFRESH_LEAST ||
			     view->refresh_ms > REFRESH_MOST))
		return why_say(r->why, "%s:%u: refresh= is a duration of 1m to 365d, such as 1h", r->path, line);
	return !memmem(name->at, name->len, " materialized ", 14) || why_say(r->why, "%s:%u: behind `materialized` stands "
		"nothing but refresh=1h", r->path, line);
}

static bool free_name(struct reading *r, unsigned line, const char *name)
{
	struct schema *schema = r->schema;
	for (size_t i = 0; i < schema->view_count; i++)
		if (strcasecmp(r->views[i].name, name) == 0)
			return why_say(r->why, "%s:%u: there is a view %s already", r->path, line, name);
	for (size_t i = 0; i < schema->table_count; i++)
		if (strcasecmp(schema->table_names[i], name) == 0)
			return why_say(r->why, "%s:%u: %s is a table already", r->path, line, name);
	if (taken_name(name) || strcasecmp(name, dead_letters.name) == 0)
		return why_say(r->why, "%s:%u: the name %s is taken", r->path, line, name);
	return strlen(name) <= NAME_MOST || why_say(r->why, "%s:%u: the name of a view has at most %d bytes", r->path, line,
		NAME_MOST);
}

static bool keep_view(struct reading *r, unsigned line, struct sl_text name, struct buf *sql)
{
	struct schema *schema = r->schema;
	struct sl_view *view = &r->views[schema->view_count];
	while (sql->len && strchr("; \t\r\n", sql->at[sql->len - 1]))
		sql->len--;
	if (schema->view_count == VIEWS_MOST)
		return why_say(r->why, "%s:%u: a schema has at most %d views", r->path, line, VIEWS_MOST);
	if (!read_words(r, line, &name, view))
		return false;
	if (!name.len)
		return why_say(r->why, "%s:%u: a view needs a name", r->path, line);
	if (!sql->len)
		return why_say(r->why, "%s:%u: the view %.*s is empty", r->path, line, (int)name.len, name.at);
	view->name = arena_copy(schema->arena, name.at, name.len);
	view->sql = arena_copy(schema->arena, sql->at, sql->len);
	if (!free_name(r, line, view->name))
		return false;
	schema->view_count++;
	return true;
}

/* One section, from its marker; `*at` and `*line` go on to the next one. */
static bool read_section(struct reading *r, const char **at, unsigned *line)
{
	const char *body = line_end(*at), *end = body;
	unsigned first = *line;
	struct sl_text name = sl_text_trim((struct sl_text){ *at + sizeof(marker) - 1,
		(size_t)(body - *at) - (sizeof(marker) - 1) });
	struct buf sql = { 0 };
	for (++*line; *end && !is_marker(end); ++*line)
		end = line_end(end);
	bool good = substitute(r, first + 1, (struct sl_text){ body, (size_t)(end - body) }, &sql) &&
		keep_view(r, first, name, &sql);
	buf_free(&sql);
	*at = end;
	return good;
}

static bool read_sections(struct reading *r, const char *text)
{
	unsigned line = 1;
	for (; *text && !is_marker(text); line++)
		text = line_end(text);
	while (*text)
		if (!read_section(r, &text, &line))
			return false;
	return true;
}

/* -------------------------------------------------------------------- files */

/* NULL with a sentence, or an empty text if there is no such file: a schema may
 * have no views in this dialect. */
static const char *read_whole(struct reading *r)
{
	FILE *file = fopen(r->path, "re");
	if (!file && errno == ENOENT)
		return "";
	char *text = must_alloc(FILE_MOST + 1);
	size_t len = file ? fread(text, 1, FILE_MOST + 1, file) : 0;
	const char *kept = NULL;
	if (!file || ferror(file))
		why_errno(r->why, "%s cannot be read", r->path);
	else if (len > FILE_MOST || memchr(text, '\0', len) || !sl_utf8((struct sl_text){ text, len }))
		why_say(r->why, "%s is no text of at most 1 MB", r->path);
	else
		kept = arena_copy(r->schema->arena, text, len);
	if (file)
		fclose(file);
	free(text);
	return kept;
}

/* schemas/trello.yaml has its views for SQLite in schemas/trello.sqlite.sql. */
static const char *views_path(struct schema *schema, const char *dialect)
{
	size_t stem = strlen(schema->file);
	if (stem > 5 && strcmp(schema->file + stem - 5, ".yaml") == 0)
		stem -= 5;
	return arena_format(schema->arena, "%.*s.%s.sql", (int)stem, schema->file, dialect);
}

bool schema_read_views(struct schema *schema, struct why *why)
{
	if (!schema->dialect)
		return true;
	struct reading r = { .schema = schema, .path = views_path(schema, schema->dialect), .why = why };
	const char *text = read_whole(&r);
	r.views = arena_alloc(schema->arena, (VIEWS_MOST + 1) * sizeof(*r.views));
	if (!text || !read_sections(&r, text))
		return false;
	r.views[schema->view_count++] = dead_letters;
	schema->views = arena_alloc(schema->arena, schema->view_count * sizeof(struct sl_view *));
	for (size_t i = 0; i < schema->view_count; i++)
		schema->views[i] = &r.views[i];
	return true;
}
