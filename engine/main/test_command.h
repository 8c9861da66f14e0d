/* SPDX-License-Identifier: Apache-2.0 */
/* test_command.h - sluice test on the command's side: children, words, lines covered. */
#ifndef MAIN_TEST_COMMAND_H
#define MAIN_TEST_COMMAND_H

#include "main/testing.h"

/* One run of a case, as it is told. */
struct test_report {
	const char *file, *name;
	const char *error;         /* a sentence: it could not be run to its end; else NULL */
	const struct sl_json *end; /* what the child said of it, or NULL: differences, log, calls */
	struct sl_text words;      /* what it wrote to stderr and stdout */
	int64_t ms;
	const char *updated;
};

enum test_form { TEST_WORDS,
	TEST_TAP,
	TEST_JSON };

struct testing {
	const struct command_line *line;
	struct arena *arena;
	const char *const *plugin_path;
	enum test_form form;
	bool update;
	int64_t deadline; /* ms a case may take */
	int64_t spoil;    /* damages that each case has to stand */
	size_t passed, failed;
	struct cover *cover; /* NULL: not asked for */
};

/* test_talk.c: runs one file; `path` as it is shown. */
void test_talk(struct testing *testing, const char *path);

/* test_tell.c */
void test_tell_begin(const struct testing *testing);
void test_tell(struct testing *testing, const struct test_report *report); /* counts it too */
void test_tell_file(const struct testing *testing, const char *path, size_t passed, size_t failed, int64_t ms);
void test_tell_end(const struct testing *testing);

/* test_cover.c: what children said of lines that ran, put together. */
struct cover *cover_new(struct arena *arena);
void cover_add(struct cover *cover, const struct sl_json *list);
void cover_words(const struct cover *cover, struct buf *out);
void cover_json(const struct cover *cover, struct buf *out);                   /* an array */
const char *test_path(const char *path);                                       /* as a person here would write it */
bool cover_lcov(const struct cover *cover, const char *path, struct why *why); /* a file, for editors */

#endif
