/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzzers share: taking an input apart, a folder, saying what must hold.
 *
 * A fuzzer is one file NAME_fuzz.c with LLVMFuzzerInitialize, which makes what
 * lasts, and LLVMFuzzerTestOneInput.  With libFuzzer it is fuzzed (`./dev fuzz NAME
 * SECONDS`); without, replay.c runs it over corpus/NAME and found/NAME.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/line.h"
#include "base/why.h"
#include "sdk/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static inline void must_why(bool holds, const char *what, const struct why *why)
{
	if (!holds)
		fprintf(stderr, "%s\n", why->text);
	must(holds, what);
}

/* ------------------------------------------------------------- taking apart */

struct feed {
	const char *at;
	size_t left;
};

static inline struct feed feed_of(const uint8_t *data, size_t size)
{
	return (struct feed){ size ? (const char *)data : "", size };
}

static inline struct sl_text feed_take(struct feed *feed, size_t len)
{
	struct sl_text part = { feed->at, len < feed->left ? len : feed->left };
	feed->at += part.len;
	feed->left -= part.len;
	return part;
}

static inline uint64_t feed_number(struct feed *feed, size_t bytes)
{
	struct sl_text part = feed_take(feed, bytes);
	uint64_t number = 0;
	for (size_t i = 0; i < part.len; i++)
		number |= (uint64_t)(unsigned char)part.at[i] << 8 * i;
	return number;
}

/* Up to a mark, which is passed over; all of it if there is none. */
static inline struct sl_text feed_until(struct feed *feed, const char *mark)
{
	const char *end = memmem(feed->at, feed->left, mark, strlen(mark));
	if (!end)
		return feed_take(feed, feed->left);
	struct sl_text part = feed_take(feed, (size_t)(end - feed->at));
	feed_take(feed, strlen(mark));
	return part;
}

static inline struct sl_text feed_rest(struct feed *feed)
{
	return feed_take(feed, feed->left);
}

/* ------------------------------------------------------------------- places */

static char fuzz_folder[64];

static inline void fuzz_leave(void)
{
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", fuzz_folder);
	if (system(command) != 0)
		fprintf(stderr, "%s could not be removed\n", fuzz_folder);
}

static inline void fuzz_silent(enum sl_level level, const struct about *about, const char *text)
{
}

/* A folder in memory if there is such a place; log lines go nowhere. */
static inline void fuzz_begin(void)
{
	strcpy(fuzz_folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/sluice-fuzz-XXXXXX" : "/tmp/sluice-fuzz-XXXXXX");
	must(mkdtemp(fuzz_folder) != NULL, "there is a folder");
	atexit(fuzz_leave);
	line_divert(fuzz_silent);
}

static inline const char *fuzz_put(const char *name, struct sl_text text)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", fuzz_folder, name);
	FILE *file = fopen(path, "we");
	must(file && fwrite(text.at, 1, text.len, file) == text.len && fclose(file) == 0, "a file is written");
	return path;
}

/* A plugin in C stays where it is loaded: libFuzzer counts in it. */
static inline void fuzz_pin(const char *path)
{
	const char *end = strrchr(path, '.');
	if (end && strcmp(end, ".so") == 0)
		dlopen(path, RTLD_NOW | RTLD_NODELETE);
}

/* In the tree, or in what was built of it. */
static inline const char *fuzz_source(void)
{
	const char *source = getenv("SLUICE_SOURCE");
	return source ? source : ".";
}

static inline const char *fuzz_build(void)
{
	const char *build = getenv("SLUICE_BUILD");
	return build ? build : "build-fuzz";
}

#endif
