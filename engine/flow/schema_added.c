/* SPDX-License-Identifier: Apache-2.0 */
/* schema_added.c - what came to a schema in addition to its file: one JSON object a line.
 *
 *     {"table":"people"}                                    a table that events made
 *     {"table":"orders","column":"colour","type":"text"}    a column of it, or of one in the file; or its wider type
 *
 * Processes append under a lock.  A last line without its end was never finished, and
 * counts for nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/place.h"
#include "flow/schema_inner.h"

#define FILE_MOST ((size_t)1024 * 1024)
#define LOCK_TRIES 100
#define LOCK_PAUSE 10000 /* microseconds */

bool type_widens(enum sl_column_type from, enum sl_column_type to)
{
	return (from == SL_COLUMN_INT && to == SL_COLUMN_DECIMAL) || (from == SL_COLUMN_DATE && to == SL_COLUMN_TIMESTAMP);
}

const char *growth_shown(const struct growth *growth, struct arena *arena)
{
	if (growth->kind == GROWTH_TABLE)
		return arena_format(arena, "a table %s", growth->table);
	const char *form = growth->kind == GROWTH_COLUMN ? "a column %s.%s of type %s" : "%s.%s as %s";
	return arena_format(arena, form, growth->table, growth->column, column_type_name(growth->type));
}

/* ------------------------------------------------------------------ reading */

struct lines {
	const char *path;
	struct arena *arena;
	const struct growth *first;
	struct growth **end;
	struct why *why;
};

static bool bad_line(const struct lines *lines, unsigned number, const char *what)
{
	return why_say(lines->why, "%s:%u: %s; it is written by the engine: take the line out", lines->path, number, what);
}

/* A name as it may stand in a schema file. */
static const char *name_of(const struct lines *lines, const struct sl_json *value)
{
	struct sl_text text = sl_json_string(value);
	bool good = text.at && text.len && text.len <= NAME_MOST && !memchr(text.at, '\0', text.len);
	return good ? arena_copy(lines->arena, text.at, text.len) : NULL;
}

static bool take_line(struct lines *lines, unsigned number, const struct sl_json *line)
{
	const struct sl_json *column = sl_json_get(line, "column");
	const char *type = sl_json_string(sl_json_get(line, "type")).at;
	struct growth *growth = arena_alloc(lines->arena, sizeof(*growth));
	growth->table = name_of(lines, sl_json_get(line, "table"));
	growth->column = name_of(lines, column);
	growth->kind = column ? GROWTH_COLUMN : GROWTH_TABLE;
	if (!growth->table || taken_name(growth->table))
		return bad_line(lines, number, "`table` is no name of a table");
	if (column && !growth->column)
		return bad_line(lines, number, "`column` is no name of a column");
	if (column && (!type || !column_type_read(type, &growth->type)))
		return bad_line(lines, number, "`type` is no type of a column");
	*lines->end = growth;
	lines->end = (struct growth **)&growth->next;
	return true;
}

static bool read_line(struct lines *lines, unsigned number, struct sl_text text)
{
	struct sl_document *document = sl_json_read(text, NULL, 0);
	bool good = document && sl_json_kind(sl_json_root(document)) == SL_KIND_OBJECT
		? take_line(lines, number, sl_json_root(document))
		: bad_line(lines, number, "this is no JSON object");
	sl_json_free(&document);
	return good;
}

static bool read_lines(struct lines *lines, const struct buf *text)
{
	unsigned number = 1;
	const char *at = text->at, *behind = text->at + text->len;
	for (const char *end; at && (end = memchr(at, '\n', (size_t)(behind - at))); at = end + 1, number++)
		if (end > at && !read_line(lines, number, (struct sl_text){ at, (size_t)(end - at) }))
			return false;
	return true;
}

static bool read_all(int fd, const char *path, struct buf *out, struct why *why)
{
	char bytes[16384];
	ssize_t len;
	while ((len = read(fd, bytes, sizeof(bytes))) > 0 || (len < 0 && errno == EINTR)) {
		if (len > 0)
			buf_add(out, bytes, (size_t)len);
		if (out->len > FILE_MOST)
			return why_say(why, "%s has more than 1 MB", path);
	}
	return len == 0 || why_errno(why, "%s cannot be read", path);
}

bool schema_read_added(struct schema *schema, struct why *why)
{
	struct lines lines = { .path = schema->evolved, .arena = schema->arena, .why = why };
	struct buf text = { 0 };
	int fd = schema->evolved ? open(schema->evolved, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return !schema->evolved || errno == ENOENT || why_errno(why, "%s cannot be read", schema->evolved);
	lines.end = (struct growth **)&lines.first;
	bool good = read_all(fd, schema->evolved, &text, why) && read_lines(&lines, &text);
	close(fd);
	buf_free(&text);
	schema->added = lines.first;
	return good;
}

/* ------------------------------------------------------------------- noting */

static bool same_text(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

/* A wider type is news even of a column that has been noted. */
static bool noted(const struct growth *all, const struct growth *growth)
{
	for (; all; all = all->next)
		if (same_text(all->table, growth->table) && same_text(all->column, growth->column) &&
			(growth->kind != GROWTH_WIDER || all->type == growth->type))
			return true;
	return false;
}

static void put_lines(const struct growth *all, const struct growth *growth, struct buf *out)
{
	for (; growth; growth = growth->next) {
		if (noted(all, growth))
			continue;
		out->comma = false;
		json_open(out, '{');
		json_member_string(out, "table", growth->table);
		if (growth->column) {
			json_member_string(out, "column", growth->column);
			json_member_string(out, "type", column_type_name(growth->type));
		}
		json_close(out, '}');
		buf_char(out, '\n');
	}
}

/* Whole or not at all: what was half written is cut off again. */
static bool append(int fd, const char *path, size_t whole, const struct buf *more, struct why *why)
{
	if (whole + more->len > FILE_MOST)
		return why_say(why, "%s would have more than 1 MB; put what it has into the schema file (sluice schema show)",
			path);
	if (ftruncate(fd, (off_t)whole) == 0 && pwrite(fd, more->at, more->len, (off_t)whole) == (ssize_t)more->len &&
		fsync(fd) == 0)
		return true;
	why_errno(why, "%s cannot be written", path);
	if (ftruncate(fd, (off_t)whole) != 0)
		why_within(why, "and what was half written stays");
	return false;
}

static bool add_lines(int fd, const char *path, const struct growth *growth, struct why *why)
{
	struct lines lines = { .path = path, .arena = arena_new(), .why = why };
	struct buf text = { 0 }, more = { 0 };
	lines.end = (struct growth **)&lines.first;
	bool good = read_all(fd, path, &text, why) && read_lines(&lines, &text);
	size_t whole = text.len;
	while (whole && text.at[whole - 1] != '\n')
		whole--;
	put_lines(lines.first, growth, &more);
	if (good && more.len)
		good = append(fd, path, whole, &more, why);
	arena_free(&lines.arena);
	buf_free(&text);
	buf_free(&more);
	return good;
}

/* Whoever has it writes a few lines. */
static bool lock(int fd, const char *path, struct why *why)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return why_errno(why, "%s cannot be locked", path);
		usleep(LOCK_PAUSE);
	}
	return why_say(why, "%s is locked by another process", path);
}

bool schema_note(const char *evolved, const struct growth *growth, struct why *why)
{
	char *folder = must_string(evolved), *slash = strrchr(folder, '/');
	int fd = -1;
	if (slash)
		*slash = '\0';
	bool good = !slash || place_make(folder, why);
	if (good && (fd = open(evolved, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		good = why_errno(why, "%s cannot be opened", evolved);
	good = good && lock(fd, evolved, why) && add_lines(fd, evolved, growth, why) &&
		place_sync(slash ? folder : ".", why);
	if (fd >= 0)
		close(fd);
	free(folder);
	return good;
}
