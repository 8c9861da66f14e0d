/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - how often each of a few things happened, told apart by a sentence. */
#include "base/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct tally {
	size_t count;
	struct {
		char *what;
		uint64_t times;
	} row[TALLY_MOST];
};

static size_t find(const struct tally *tally, const char *what)
{
	size_t at = 0;
	while (at < tally->count && strcmp(tally->row[at].what, what) != 0)
		at++;
	return at;
}

void tally_add(struct tally **at, const char *what, uint64_t times)
{
	struct tally *tally = *at;
	if (!tally)
		tally = *at = must_alloc(sizeof(*tally));
	size_t row = find(tally, what);
	if (row >= TALLY_MOST - 1)
		row = find(tally, what = "others");
	if (row == tally->count)
		tally->row[tally->count++].what = must_string(what);
	tally->row[row].times += times;
}

void tally_join(struct tally **tally, const struct tally *more)
{
	for (size_t i = 0; more && i < more->count; i++)
		tally_add(tally, more->row[i].what, more->row[i].times);
}

const char *tally_row(const struct tally *tally, size_t at, uint64_t *times)
{
	if (!tally || at >= tally->count)
		return NULL;
	*times = tally->row[at].times;
	return tally->row[at].what;
}

void tally_free(struct tally **at)
{
	struct tally *tally = *at;
	*at = NULL;
	for (size_t i = 0; tally && i < tally->count; i++)
		free(tally->row[i].what);
	free(tally);
}

void tally_json(const struct tally *tally, struct buf *out)
{
	json_open(out, '{');
	for (size_t i = 0; tally && i < tally->count; i++)
		json_member_uint(out, tally->row[i].what, tally->row[i].times);
	json_close(out, '}');
}
