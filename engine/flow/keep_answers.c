/* SPDX-License-Identifier: Apache-2.0 */
/* keep_answers.c - what was asked for an event and answered, inside a route's own file. */
#include "flow/keep_answers.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

#include "base/line.h"

#define BUCKETS 1024
#define NOTED_MOST ((size_t)64 << 20) /* bytes in memory at once */
#define TEXT_MOST ((int64_t)64 << 20) /* of one answer, unpacked: the file may be damaged */
#define LEVEL 1                       /* of zlib: 6 takes 1.7 times as long for a tenth less */

const char answers_table[] =
	"CREATE TABLE answer (seq INTEGER NOT NULL, part INTEGER NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL,"
	" packed BLOB NOT NULL, PRIMARY KEY (seq, part, key));";

struct answer {
	uint64_t seq;
	uint32_t part;
	char key[ANSWER_KEY_SIZE];
	struct answer *next;    /* noted after it */
	struct answer *chained; /* in its bucket */
	size_t len;
	char text[];
};

struct answers {
	struct state *file; /* NULL: there is none yet */
	uint64_t known;     /* the file may hold answers for events up to this one */
	struct answer *buckets[BUCKETS];
	struct answer *first, **end; /* not collected yet */
	size_t noted;
	bool full; /* and that was said */
};

/* ------------------------------------------------------------------ opening */

static bool find_known(struct answers *answers, struct why *why)
{
	sqlite3_stmt *rows = state_ask(answers->file, why, "SELECT max(seq) FROM answer", "");
	if (!rows || state_row(answers->file, rows, why) != STATE_ROW)
		return false;
	answers->known = (uint64_t)sqlite3_column_int64(rows, 0);
	sqlite3_reset(rows);
	return true;
}

struct answers *answers_open(const char *path, struct why *why)
{
	struct answers *answers = must_alloc(sizeof(*answers));
	answers->end = &answers->first;
	answers->file = state_look(path, why);
	if (!answers->file || !find_known(answers, why))
		answers_close(&answers);
	return answers;
}

void answers_close(struct answers **at)
{
	struct answers *answers = *at;
	if (!answers)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (answers->buckets[i]) {
			struct answer *answer = answers->buckets[i];
			answers->buckets[i] = answer->chained;
			free(answer);
		}
	state_close(&answers->file);
	free(answers);
	*at = NULL;
}

void answers_again(struct answers *answers, uint64_t seq)
{
	if (seq > answers->known)
		answers->known = seq;
}

/* ------------------------------------------------------------------ packing */

/* What does not get smaller is kept as it is: its size says so. */
static struct sl_text pack(const struct answer *answer, struct arena *arena)
{
	uLongf len = compressBound(answer->len);
	char *packed = arena_bytes(arena, len);
	if (compress2((Bytef *)packed, &len, (const Bytef *)answer->text, answer->len, LEVEL) != Z_OK || len >= answer->len)
		return (struct sl_text){ answer->text, answer->len };
	return (struct sl_text){ packed, len };
}

static struct sl_text unpack(struct sl_text packed, int64_t size, struct arena *arena)
{
	if (size < 0 || size > TEXT_MOST || !packed.at)
		return (struct sl_text){ NULL, 0 };
	if (packed.len == (size_t)size)
		return arena_text(arena, packed);
	uLongf len = (uLongf)size;
	char *text = arena_alloc(arena, (size_t)size + 1);
	bool whole = uncompress((Bytef *)text, &len, (const Bytef *)packed.at, packed.len) == Z_OK && len == (uLongf)size;
	return (struct sl_text){ whole ? text : NULL, whole ? len : 0 };
}

/* ------------------------------------------------------------------ finding */

static struct answer **bucket_of(struct answers *answers, uint64_t seq, uint32_t part, const char *key)
{
	return &answers->buckets[XXH3_64bits_withSeed(key, strlen(key), seq ^ (uint64_t)part << 48) % BUCKETS];
}

static const struct answer *find_noted(struct answers *answers, uint64_t seq, uint32_t part, const char *key)
{
	const struct answer *at = *bucket_of(answers, seq, part, key);
	while (at && (at->seq != seq || at->part != part || strcmp(at->key, key) != 0))
		at = at->chained;
	return at;
}

static struct sl_text find_written(struct answers *answers, uint64_t seq, uint32_t part, const char *key,
	struct arena *arena)
{
	struct why why = { "" };
	struct sl_text found = { NULL, 0 };
	enum state_got got = STATE_FAILED;
	sqlite3_stmt *rows = state_ask(answers->file, &why,
		"SELECT size, packed FROM answer WHERE seq = ? AND part = ? AND key = ?", "iit", (int64_t)seq, (int64_t)part,
		key);
	if (rows)
		got = state_row(answers->file, rows, &why);
	if (got == STATE_ROW) {
		found = unpack(state_text(rows, 1), sqlite3_column_int64(rows, 0), arena);
		sqlite3_reset(rows);
	} else if (got == STATE_FAILED) {
		line(SL_WARNING, "what was answered before is asked again: %s", why.text);
	}
	return found;
}

struct sl_text answers_find(struct answers *answers, uint64_t seq, uint32_t part, const char *key, struct arena *arena)
{
	const struct answer *noted = answers->noted ? find_noted(answers, seq, part, key) : NULL;
	if (noted)
		return arena_text(arena, (struct sl_text){ noted->text, noted->len });
	if (seq > answers->known)
		return (struct sl_text){ NULL, 0 };
	return find_written(answers, seq, part, key, arena);
}

/* ------------------------------------------------------------------- noting */

static bool has_room(struct answers *answers, size_t len)
{
	bool full = answers->noted + len > NOTED_MOST;
	if (full && !answers->full)
		line(SL_WARNING, "more than %zu MB of answers wait to be written: some are not kept, but asked again",
			NOTED_MOST >> 20);
	answers->full = full;
	return !full;
}

bool answers_note(struct answers *answers, uint64_t seq, uint32_t part, const char *key, struct sl_text text)
{
	if (strlen(key) >= ANSWER_KEY_SIZE || !has_room(answers, text.len))
		return false;
	struct answer *answer = must_alloc(sizeof(*answer) + text.len + 1);
	struct answer **bucket = bucket_of(answers, seq, part, key);
	answer->seq = seq;
	answer->part = part;
	strcpy(answer->key, key);
	answer->len = text.len;
	memcpy(answer->text, text.at, text.len);
	answer->chained = *bucket;
	*bucket = answer;
	*answers->end = answer;
	answers->end = &answer->next;
	answers->noted += text.len;
	return true;
}

size_t answers_noted(const struct answers *answers)
{
	return answers->noted;
}

struct answer *answers_collect(struct answers *answers)
{
	struct answer *list = answers->first;
	answers->first = NULL;
	answers->end = &answers->first;
	return list;
}

bool answers_write(struct state *file, const struct answer *list, struct why *why)
{
	struct arena *arena = arena_new();
	bool well = true;
	for (const struct answer *at = list; well && at; at = at->next) {
		well = state_run(file, why, "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", "iitib", (int64_t)at->seq,
			(int64_t)at->part, at->key, (int64_t)at->len, pack(at, arena));
		arena_reset(arena);
	}
	arena_free(&arena);
	return well;
}

static void forget(struct answers *answers, struct answer *answer)
{
	struct answer **at = bucket_of(answers, answer->seq, answer->part, answer->key);
	while (*at != answer)
		at = &(*at)->chained;
	*at = answer->chained;
	answers->noted -= answer->len;
	free(answer);
}

void answers_done(struct answers *answers, struct answer **list)
{
	while (*list) {
		struct answer *answer = *list;
		*list = answer->next;
		forget(answers, answer);
	}
}

void answers_unnote(struct answers *answers, uint64_t seq, uint32_t part)
{
	struct answer **at = &answers->first;
	while (*at) {
		struct answer *answer = *at;
		bool meant = part == ANSWER_BEHIND ? answer->seq > seq : answer->seq == seq && answer->part == part;
		if (meant) {
			*at = answer->next;
			forget(answers, answer);
		} else {
			at = &answer->next;
		}
	}
	answers->end = at;
}

/* ----------------------------------------------------------------- dropping */

bool answers_drop_before(struct state *file, uint64_t seq, struct why *why)
{
	return state_run(file, why, "DELETE FROM answer WHERE seq < ?", "i", (int64_t)seq);
}

bool answers_drop_behind(struct state *file, uint64_t seq, struct why *why)
{
	return state_run(file, why, "DELETE FROM answer WHERE seq > ?", "i", (int64_t)seq);
}

bool answers_drop(struct state *file, uint64_t seq, uint32_t part, struct why *why)
{
	return state_run(file, why, "DELETE FROM answer WHERE seq = ? AND part = ?", "ii", (int64_t)seq, (int64_t)part);
}

bool answers_drop_all(struct state *file, struct why *why)
{
	return state_run(file, why, "DELETE FROM answer", "");
}
