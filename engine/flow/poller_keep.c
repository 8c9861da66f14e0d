/* SPDX-License-Identifier: Apache-2.0 */
/* poller_keep.c - a source's own file: how far it has come, and what it emitted lately.
 *
 * DATA/sources/NAME.db, SQLite, held by a flock on NAME.db.lock.  One transaction a
 * call: begun when the call has ended, committed when the ingress has answered.
 *
 * Such a commit is not waited for until it is on the disk: a flush of these many pages took
 * longer than all the rest of a call.  A kill loses none.  After a power failure the file may be
 * as it was some calls ago, cursors and all that belongs to them together: what was handed
 * in since is asked for again.  What must not be forgotten is committed BOOK_NOW.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/line.h"
#include "base/place.h"
#include "flow/poller.h"
#include "sdk/sign.h"
#include "store/state.h"

#define EMITTED_KEPT "100000" /* ids */
#define ID_SIZE 9

static const char *const steps[] = {
	"CREATE TABLE walk (name TEXT PRIMARY KEY, cursor TEXT, since INTEGER, going INTEGER, number INTEGER,"
	" run TEXT, full INTEGER, told INTEGER, began INTEGER, events INTEGER, unchanged INTEGER) WITHOUT ROWID;"
	"CREATE TABLE emitted (turn INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, content BLOB NOT NULL);"
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;",
	"ALTER TABLE walk ADD COLUMN anew INTEGER NOT NULL DEFAULT 0;",
	"ALTER TABLE walk RENAME COLUMN \"full\" TO kind;",
	"ALTER TABLE walk ADD COLUMN oldest INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE walk ADD COLUMN newest INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE walk ADD COLUMN done INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE walk ADD COLUMN total INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE scope (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE part (subject TEXT NOT NULL, scope INTEGER NOT NULL, seen INTEGER NOT NULL,"
	" PRIMARY KEY (subject, scope)) WITHOUT ROWID;"
	"CREATE INDEX part_seen ON part (scope, seen);"
	"CREATE TABLE gone (turn INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE);",
	NULL,
};

struct book {
	struct state *state;
	enum book_care care; /* of the transaction, or the last one */
	char id[ID_SIZE];
};

/* ---------------------------------------------------------------- open, close */

/* Runs are numbered within a file, and named after it too: one that was lost does
 * not give an old name to a new run. */
static bool name_book(struct book *book, struct why *why)
{
	unsigned char bytes[(ID_SIZE - 1) / 2];
	sqlite3_stmt *rows = state_ask(book->state, why, "SELECT value FROM setting WHERE name = 'id'", "");
	if (rows && state_row(book->state, rows, why) == STATE_ROW) {
		struct sl_text known = state_text(rows, 0);
		strncpy(book->id, known.at ? known.at : "", sizeof(book->id) - 1);
		sqlite3_reset(rows);
		return true;
	}
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return why_errno(why, "no random bytes");
	sl_hex(bytes, sizeof(bytes), book->id);
	return state_run(book->state, why, "INSERT INTO setting VALUES ('id', ?)", "t", book->id);
}

struct book *book_open(const char *data, const char *source, int64_t wait_ms, struct why *why)
{
	struct book *book = must_alloc(sizeof(*book));
	struct arena *arena = arena_new();
	const char *folder = arena_format(arena, "%s/sources", data);
	if (place_make(folder, why))
		book->state = state_open(arena_format(arena, "%s/%s.db", folder, source), steps, wait_ms, why);
	arena_free(&arena);
	if (!book->state || !name_book(book, why))
		book_close(&book);
	else if (state_made_anew(book->state))
		line(SL_ERROR, "the source's own file was damaged and is made anew: it is asked from the beginning");
	return book;
}

void book_close(struct book **book)
{
	if (!*book)
		return;
	if ((*book)->state) {
		state_rollback((*book)->state);
		state_close(&(*book)->state);
	}
	free(*book);
	*book = NULL;
}

struct state *book_state(const struct book *book)
{
	return book->state;
}

const char *book_id(const struct book *book)
{
	return book->id;
}

/* --------------------------------------------------------------------- walks */

static void take_place(struct place *place, sqlite3_stmt *row)
{
	struct sl_text cursor = state_text(row, 0), run = state_text(row, 4);
	unsigned kind = (unsigned)sqlite3_column_int(row, 5);
	free(place->cursor);
	place->cursor = cursor.at ? must_string(cursor.at) : NULL;
	place->since = sqlite3_column_int64(row, 1);
	place->on = sqlite3_column_int(row, 2);
	place->number = (uint64_t)sqlite3_column_int64(row, 3);
	strncpy(place->run.id, run.at ? run.at : "", sizeof(place->run.id) - 1);
	place->run.kind = kind <= RUN_SNAPSHOT ? (enum run_kind)kind : RUN_FULL;
	place->run.told = sqlite3_column_int(row, 6);
	place->run.began = sqlite3_column_int64(row, 7);
	place->run.events = (uint64_t)sqlite3_column_int64(row, 8);
	place->run.unchanged = (uint64_t)sqlite3_column_int64(row, 9);
	place->anew = sqlite3_column_int64(row, 10);
	place->run.oldest = sqlite3_column_int64(row, 11);
	place->run.newest = sqlite3_column_int64(row, 12);
	place->run.done = (uint64_t)sqlite3_column_int64(row, 13);
	place->run.total = (uint64_t)sqlite3_column_int64(row, 14);
}

bool book_recall(struct book *book, struct walk *walk, struct why *why)
{
	sqlite3_stmt *rows = state_ask(book->state, why,
		"SELECT cursor, since, going, number, run, kind, told, began, events, unchanged, anew,"
		" oldest, newest, done, total FROM walk WHERE name = ?", "t", walk->name);
	enum state_got got = rows ? state_row(book->state, rows, why) : STATE_FAILED;
	if (got != STATE_ROW)
		return got == STATE_END;
	take_place(&walk->at, rows);
	sqlite3_reset(rows);
	return true;
}

bool book_walk(struct book *book, const struct walk *walk, const struct place *place, struct why *why)
{
	const struct run *run = &place->run;
	return state_run(book->state, why,
		"INSERT OR REPLACE INTO walk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "ttiiitiiiiiiiiii",
		walk->name, place->cursor, place->since, (int64_t)place->on, (int64_t)place->number, run->id,
		(int64_t)run->kind, (int64_t)run->told, run->began, (int64_t)run->events, (int64_t)run->unchanged,
		place->anew, run->oldest, run->newest, (int64_t)run->done, (int64_t)run->total);
}

/* ------------------------------------------------------------ what was emitted */

static void add_word(XXH3_state_t *sum, const char *word)
{
	XXH3_128bits_update(sum, word ? word : "", word ? strlen(word) + 1 : 1);
}

static struct sl_text content_of(const struct sl_event *event, XXH128_canonical_t *room)
{
	XXH3_state_t *sum = XXH3_createState();
	XXH3_128bits_reset(sum);
	add_word(sum, event->type);
	add_word(sum, event->subject);
	XXH3_128bits_update(sum, event->data.at, event->data.len);
	XXH128_canonicalFromHash(room, XXH3_128bits_digest(sum));
	XXH3_freeState(sum);
	return (struct sl_text){ (const char *)room->digest, sizeof(room->digest) };
}

int64_t book_turn(struct book *book, struct why *why)
{
	sqlite3_stmt *rows = state_ask(book->state, why, "SELECT coalesce(max(turn), 0) + 1 FROM emitted", "");
	if (!rows || state_row(book->state, rows, why) != STATE_ROW)
		return 0;
	int64_t turn = sqlite3_column_int64(rows, 0);
	sqlite3_reset(rows);
	return turn;
}

enum book_seen book_event(struct book *book, const struct sl_event *event, int64_t anew, struct why *why)
{
	XXH128_canonical_t id_room, content_room;
	enum book_seen seen = BOOK_NEW;
	XXH128_canonicalFromHash(&id_room, XXH3_128bits(event->id, strlen(event->id)));
	struct sl_text id = { (const char *)id_room.digest, sizeof(id_room.digest) };
	struct sl_text content = content_of(event, &content_room);
	sqlite3_stmt *rows = state_ask(book->state, why, "SELECT content FROM emitted WHERE id = ? AND turn >= ?",
		"bi", id, anew);
	enum state_got got = rows ? state_row(book->state, rows, why) : STATE_FAILED;
	if (got == STATE_FAILED)
		return BOOK_FAILED;
	if (got == STATE_ROW) {
		struct sl_text known = state_text(rows, 0);
		seen = known.len == content.len && memcmp(known.at, content.at, content.len) == 0 ? BOOK_SAME : BOOK_OTHER;
		sqlite3_reset(rows);
	}
	if (seen == BOOK_SAME)
		return seen;
	return state_run(book->state, why, "INSERT OR REPLACE INTO emitted (id, content) VALUES (?, ?)", "bb", id, content)
		? seen
		: BOOK_FAILED;
}

/* ------------------------------------------------------------------- settings */

bool book_setting(struct book *book, const char *name, struct arena *arena, const char **text, struct why *why)
{
	sqlite3_stmt *rows = state_ask(book->state, why, "SELECT value FROM setting WHERE name = ?", "t", name);
	enum state_got got = rows ? state_row(book->state, rows, why) : STATE_FAILED;
	*text = NULL;
	if (got != STATE_ROW)
		return got == STATE_END;
	struct sl_text value = state_text(rows, 0);
	*text = value.at ? arena_copy(arena, value.at, value.len) : NULL;
	sqlite3_reset(rows);
	return true;
}

bool book_set(struct book *book, const char *name, const char *text, struct why *why)
{
	return state_run(book->state, why, "INSERT OR REPLACE INTO setting VALUES (?, ?)", "tt", name, text);
}

/* --------------------------------------------------------------- transactions */

/* A commit that flushes the WAL flushes all that was committed before, too. */
bool book_begin(struct book *book, enum book_care care, struct why *why)
{
	static const char *const pragmas[] = {
		[BOOK_SOON] = "PRAGMA synchronous = NORMAL",
		[BOOK_NOW] = "PRAGMA synchronous = FULL",
	};
	sqlite3 *db = state_sqlite(book->state);
	/* Not one of the kept statements: it counts when it is prepared. */
	if (book->care != care && sqlite3_exec(db, pragmas[care], NULL, NULL, NULL) != SQLITE_OK)
		return why_say(why, "%s: %s", pragmas[care], sqlite3_errmsg(db));
	book->care = care;
	return state_begin(book->state, why);
}

bool book_commit(struct book *book, struct why *why)
{
	return state_run(book->state, why,
		"DELETE FROM emitted WHERE turn <= (SELECT max(turn) FROM emitted) - " EMITTED_KEPT, "") &&
		sweep_prune(book->state, why) && state_commit(book->state, why);
}

void book_rollback(struct book *book)
{
	state_rollback(book->state);
}
