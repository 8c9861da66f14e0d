/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.h - reads the suites of tests/unit/vectors that are text: a case a line, its parts
 * between tabs, bytes as in C (\n \r \t \\ \xNN).
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define VECTOR_PARTS 8

struct vector {
	char *parts[VECTOR_PARTS]; /* as written; the last ones may be NULL */
};

static inline const char *vector_part(const struct vector *vector, size_t at)
{
	return vector->parts[at] ? vector->parts[at] : "";
}

static inline void vector_bytes(const char *at, struct buf *out)
{
	static const char names[] = "nrt\\", bytes[] = "\n\r\t\\";
	buf_clear(out);
	for (; *at; at++) {
		const char *name = at[0] == '\\' ? strchr(names, at[1]) : NULL;
		if (at[0] == '\\' && at[1] == 'x') {
			buf_char(out, (char)strtol((char[]){ at[2], at[3], 0 }, NULL, 16));
			at += 3;
		} else if (name && *name) {
			buf_char(out, bytes[name - names]);
			at++;
		} else {
			buf_char(out, *at);
		}
	}
	buf_string(out, "");
}

static inline struct vector vector_of(char *line)
{
	struct vector vector = { 0 };
	for (size_t i = 0; line && i < VECTOR_PARTS; i++) {
		vector.parts[i] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = '\0';
	}
	return vector;
}

/* Calls `judge`, which returns how much was wrong, for each case; returns how many there are. */
static inline int vectors_each(const char *name, int (*judge)(const struct vector *vector), int *bad)
{
	const char *source = getenv("SLUICE_SOURCE");
	char path[512], *line = NULL;
	size_t room = 0;
	int count = 0;
	snprintf(path, sizeof(path), "%s/tests/unit/vectors/%s", source ? source : ".", name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	for (; getline(&line, &room, file) > 0; count++) {
		line[strcspn(line, "\n")] = '\0';
		struct vector vector = vector_of(line);
		*bad += judge(&vector);
	}
	free(line);
	fclose(file);
	return count;
}

#endif
