/* SPDX-License-Identifier: Apache-2.0 */
/* test_cover.c - lines that ran in any child, per file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/test_command.h"

enum { CAN_RUN = 1,
	HAS_RUN = 2 };

#define MOST_LINES 1000000

struct covered {
	const char *path;
	unsigned char *lines; /* in the arena; line 0 is none */
	size_t room;
	struct covered *next;
};

struct cover {
	struct arena *arena;
	struct covered *first; /* in order of the alphabet */
};

struct cover *cover_new(struct arena *arena)
{
	struct cover *cover = arena_alloc(arena, sizeof(*cover));
	cover->arena = arena;
	return cover;
}

/* ------------------------------------------------------------ put together */

static struct covered *file_of(struct cover *cover, const char *path)
{
	struct covered **at = &cover->first;
	while (*at && strcmp((*at)->path, path) < 0)
		at = &(*at)->next;
	if (*at && strcmp((*at)->path, path) == 0)
		return *at;
	struct covered *file = arena_alloc(cover->arena, sizeof(*file));
	file->path = arena_string(cover->arena, path);
	file->next = *at;
	return *at = file;
}

static void mark(struct cover *cover, struct covered *file, const struct sl_json *list, unsigned char what)
{
	int64_t line;
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at)) {
		if (!sl_json_integer(at, &line) || line <= 0 || line > MOST_LINES)
			continue;
		if ((size_t)line >= file->room) {
			unsigned char *more = arena_alloc(cover->arena, (size_t)line * 2);
			if (file->room)
				memcpy(more, file->lines, file->room);
			file->lines = more;
			file->room = (size_t)line * 2;
		}
		file->lines[line] |= what;
	}
}

void cover_add(struct cover *cover, const struct sl_json *list)
{
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at)) {
		const char *path = test_string(at, "file");
		if (!path)
			continue;
		struct covered *file = file_of(cover, path);
		mark(cover, file, sl_json_get(at, "lines"), CAN_RUN);
		mark(cover, file, sl_json_get(at, "ran"), CAN_RUN | HAS_RUN);
	}
}

/* -------------------------------------------------------------------- telling */

static size_t count_lines(const struct covered *file, unsigned char what)
{
	size_t count = 0;
	for (size_t line = 1; line < file->room; line++)
		count += (file->lines[line] & what) == what;
	return count;
}

static bool is_missed(const struct covered *file, size_t line)
{
	return line < file->room && file->lines[line] == CAN_RUN;
}

/* Whether nothing that can run stands between two lines that were missed. */
static size_t end_of_missed(const struct covered *file, size_t line)
{
	size_t end = line;
	for (size_t at = line + 1; at < file->room && !(file->lines[at] & HAS_RUN); at++)
		if (is_missed(file, at))
			end = at;
	return end;
}

/* "12, 20-24" */
static void missed_words(const struct covered *file, struct buf *out)
{
	const char *comma = ": ";
	for (size_t line = 1; line < file->room; line++) {
		if (!is_missed(file, line))
			continue;
		size_t end = end_of_missed(file, line);
		buf_format(out, end > line ? "%s%zu-%zu" : "%s%zu", comma, line, end);
		comma = ", ";
		line = end;
	}
}

const char *test_path(const char *path)
{
	char here[4096];
	size_t len = getcwd(here, sizeof(here)) ? strlen(here) : 0;
	return len && strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

void cover_words(const struct cover *cover, struct buf *out)
{
	buf_string(out, "\nlines that ran\n");
	for (const struct covered *file = cover->first; file; file = file->next) {
		size_t can = count_lines(file, CAN_RUN), ran = count_lines(file, HAS_RUN);
		buf_format(out, "%5.1f %%  %s  %zu of %zu", can ? 100.0 * (double)ran / (double)can : 100.0,
			test_path(file->path), ran, can);
		if (ran < can)
			buf_string(out, "; not");
		missed_words(file, out);
		buf_char(out, '\n');
	}
	buf_char(out, '\n');
}

void cover_json(const struct cover *cover, struct buf *out)
{
	json_open(out, '[');
	for (const struct covered *file = cover->first; file; file = file->next) {
		json_open(out, '{');
		json_member_string(out, "file", test_path(file->path));
		json_member_uint(out, "lines", count_lines(file, CAN_RUN));
		json_member_uint(out, "ran", count_lines(file, HAS_RUN));
		json_key(out, "missed"), json_open(out, '[');
		for (size_t line = 1; line < file->room; line++)
			if (is_missed(file, line))
				json_uint(out, line);
		json_close(out, ']');
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* ----------------------------------------------------------------------- lcov */

static void lcov_file(const struct covered *file, struct buf *out)
{
	buf_format(out, "SF:%s\n", file->path);
	for (size_t line = 1; line < file->room; line++)
		if (file->lines[line])
			buf_format(out, "DA:%zu,%d\n", line, file->lines[line] & HAS_RUN ? 1 : 0);
	buf_format(out, "LF:%zu\nLH:%zu\nend_of_record\n", count_lines(file, CAN_RUN), count_lines(file, HAS_RUN));
}

bool cover_lcov(const struct cover *cover, const char *path, struct why *why)
{
	struct buf out = { 0 };
	FILE *file = fopen(path, "we");
	for (const struct covered *at = cover->first; at; at = at->next)
		lcov_file(at, &out);
	bool fine = file && (!out.len || fwrite(out.at, 1, out.len, file) == out.len);
	if (file && fclose(file) != 0)
		fine = false;
	buf_free(&out);
	return fine || why_errno(why, "%s cannot be written", path);
}
