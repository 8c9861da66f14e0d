/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - a route's own file: what lies beside the destination. */
#include "flow/keep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/place.h"
#include "flow/keep_stand.h"
#include "sdk/text.h"
#include "sdk/time.h"
#include "store/state.h"

#define SEEN_KEPT 1100000 /* ids: some more than the window holds */

static const char insert_seen[] = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)";

#define PRESSES ((size_t)4 << 20) /* bytes of answers that are not left to wait for an occasion */

static const char *const steps[] = {
	"CREATE TABLE seen (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, entries BLOB NOT NULL);"
	"CREATE TABLE copy (seq INTEGER, part INTEGER, received INTEGER, flags INTEGER, source TEXT, method TEXT,"
	" path TEXT, query TEXT, headers TEXT, body BLOB, PRIMARY KEY (seq, part));"
	"CREATE TABLE history (seq INTEGER, part INTEGER, at INTEGER, reason TEXT);"
	"CREATE INDEX history_seq ON history (seq, part);"
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;",
	answers_table,
	stand_marked,
	NULL,
};

/* A try that ended badly, noted until the next job is written; without a reason: a
 * copy that nobody needs any more. */
struct note {
	uint64_t seq;
	uint32_t part;
	int64_t at;
	char *reason;
	struct note *next;
};

struct keep {
	struct state *state;
	bool fresh; /* there was none */
	struct note *notes, **notes_end;
	struct stand_file *stand;
	struct state *reader;      /* for what is looked up while a job is written */
	struct answers *answers;
	uint64_t oldest, dropped;  /* where the log begins; and did when answers were last let go of */
};

/* Ids are hashed with the log's id: those of another log say nothing. */
static bool same_log(struct keep *keep, const char *log_id, struct why *why)
{
	struct arena *arena = arena_new();
	const char *known = keep_get(keep, "log", arena);
	bool same = known && strcmp(known, log_id) == 0;
	keep->fresh = !known;
	arena_free(&arena);
	if (same)
		return true;
	return state_run(keep->state, why, "DELETE FROM seen", "") && state_run(keep->state, why, "DELETE FROM copy", "") &&
		state_run(keep->state, why, "DELETE FROM history", "") && answers_drop_all(keep->state, why) &&
		keep_set(keep, "log", log_id, why);
}

static bool open_readers(struct keep *keep, const char *path, struct why *why)
{
	keep->reader = state_look(path, why);
	return keep->reader && (keep->answers = answers_open(path, why));
}

struct keep *keep_open(const char *data, const char *route, const char *log_id, int64_t wait_ms, struct why *why)
{
	struct keep *keep = must_alloc(sizeof(*keep));
	struct arena *arena = arena_new();
	const char *folder = arena_format(arena, "%s/routes", data), *path = arena_format(arena, "%s/%s.db", folder, route);
	keep->notes_end = &keep->notes;
	keep->state = place_make(folder, why) ? state_open(path, steps, wait_ms, why) : NULL;
	bool opened = keep->state && (keep->stand = stand_file_new(keep->state, why)) && same_log(keep, log_id, why) &&
		open_readers(keep, path, why);
	arena_free(&arena);
	if (opened) {
		if (state_made_anew(keep->state))
			line(SL_ERROR, "the route's own file was damaged and is made anew: repeats of older events are not known");
		return keep;
	}
	keep_close(&keep);
	return NULL;
}

bool keep_fresh(const struct keep *keep)
{
	return keep->fresh;
}

bool keep_moved(const struct keep *keep)
{
	return state_moved(keep->state);
}

static void free_notes(struct note **notes)
{
	while (*notes) {
		struct note *note = *notes;
		*notes = note->next;
		free(note->reason);
		free(note);
	}
}

void keep_close(struct keep **keep)
{
	if (!*keep)
		return;
	free_notes(&(*keep)->notes);
	answers_close(&(*keep)->answers);
	state_close(&(*keep)->reader);
	stand_file_free(&(*keep)->stand);
	if ((*keep)->state)
		state_close(&(*keep)->state);
	free(*keep);
	*keep = NULL;
}

/* ----------------------------------------------------------------- ids seen */

static void take_entries(struct seen *seen, sqlite3_stmt *rows)
{
	const char *bytes = sqlite3_column_blob(rows, 0);
	size_t size = (size_t)sqlite3_column_bytes(rows, 0);
	struct seen_entry entry;
	for (size_t at = 0; at + sizeof(entry) <= size; at += sizeof(entry)) {
		memcpy(&entry, bytes + at, sizeof(entry));
		if (entry.seq)
			seen_add(seen, &entry);
	}
}

/* The oldest batch that is still of use to the window. */
static int64_t seen_from(struct keep *keep, struct why *why)
{
	int64_t from = 0, ids = 0;
	sqlite3_stmt *rows = state_ask(keep->state, why, "SELECT last, length(entries) FROM seen ORDER BY last DESC", "");
	while (rows && state_row(keep->state, rows, why) == STATE_ROW) {
		from = sqlite3_column_int64(rows, 0);
		ids += sqlite3_column_int64(rows, 1) / (int64_t)sizeof(struct seen_entry);
		if (ids >= SEEN_KEPT) {
			sqlite3_reset(rows);
			break;
		}
	}
	return from;
}

/* The ids up to `after` of the batch that ends behind it.  Its first seq; 0: there is none. */
static int64_t split_batch(struct keep *keep, int64_t after, struct buf *entries, struct why *why)
{
	struct seen_entry entry;
	int64_t first = 0;
	sqlite3_stmt *rows = state_ask(keep->state, why,
		"SELECT first, entries FROM seen WHERE last > ?1 AND first <= ?1 ORDER BY last LIMIT 1", "i", after);
	if (!rows || state_row(keep->state, rows, why) != STATE_ROW)
		return 0;
	struct sl_text all = state_text(rows, 1);
	first = sqlite3_column_int64(rows, 0);
	for (size_t at = 0; at + sizeof(entry) <= all.len; at += sizeof(entry)) {
		memcpy(&entry, all.at + at, sizeof(entry));
		if (entry.seq <= (uint64_t)after)
			buf_add(entries, &entry, sizeof(entry));
	}
	sqlite3_reset(rows);
	return first;
}

static bool forget_all(struct keep *keep, int64_t after, struct why *why)
{
	struct buf entries = { 0 };
	int64_t first = split_batch(keep, after, &entries, why);
	bool well = state_run(keep->state, why, "DELETE FROM seen WHERE last > ?", "i", after) &&
		state_run(keep->state, why, "DELETE FROM copy WHERE seq > ?", "i", after) &&
		state_run(keep->state, why, "DELETE FROM history WHERE seq > ?", "i", after);
	if (well && entries.len)
		well = state_run(keep->state, why, insert_seen, "iib", after, first,
			(struct sl_text){ entries.at, entries.len });
	buf_free(&entries);
	return well;
}

bool keep_forget(struct keep *keep, uint64_t after, struct why *why)
{
	keep->fresh = false;
	if (state_begin(keep->state, why) && forget_all(keep, (int64_t)after, why) && state_commit(keep->state, why))
		return true;
	state_rollback(keep->state);
	return false;
}

bool keep_begin(struct keep *keep, uint64_t cursor, struct seen *seen, struct why *why)
{
	enum state_got got = STATE_FAILED;
	if (!keep_forget(keep, cursor, why) ||
		!state_run(keep->state, why, "DELETE FROM seen WHERE last < ?", "i", seen_from(keep, why)))
		return false;
	sqlite3_stmt *rows = state_ask(keep->state, why, "SELECT entries FROM seen ORDER BY last", "");
	while (rows && (got = state_row(keep->state, rows, why)) == STATE_ROW)
		take_entries(seen, rows);
	return got == STATE_END;
}

/* -------------------------------------------------------------------- a job */

bool keep_job_empty(const struct keep_job *job)
{
	return !job->seen.len && !job->copy_count && !job->stand_count && !job->notes && !job->answers &&
		!job->answers_before;
}

static bool write_copy(struct keep *keep, const struct keep_body *copy, struct why *why)
{
	const struct log_record *record = copy->record;
	return state_run(keep->state, why, "INSERT OR REPLACE INTO copy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"iiiixxxxxb", (int64_t)record->seq, (int64_t)copy->part, record->received, (int64_t)record->flags,
		record->source, record->method, record->path, record->query, record->headers,
		record->body.at ? record->body : sl_text_of(""));
}

static bool write_gone(struct keep *keep, const struct note *note, struct why *why)
{
	int64_t seq = (int64_t)note->seq, part = note->part;
	return state_run(keep->state, why, "DELETE FROM copy WHERE seq = ? AND part = ?", "ii", seq, part) &&
		state_run(keep->state, why, "DELETE FROM history WHERE seq = ? AND part = ?", "ii", seq, part);
}

static bool write_history(struct keep *keep, const struct note *note, struct why *why)
{
	return state_run(keep->state, why, "INSERT INTO history VALUES (?, ?, ?, ?)", "iiit", (int64_t)note->seq,
		(int64_t)note->part, note->at, note->reason);
}

static bool write_notes(struct keep *keep, const struct note *notes, struct why *why)
{
	bool well = true;
	for (const struct note *at = notes; well && at; at = at->next)
		well = at->reason ? write_history(keep, at, why) : write_gone(keep, at, why);
	return well;
}

static bool write_all(struct keep *keep, const struct keep_job *job, struct why *why)
{
	bool well = true;
	if (job->seen.len)
		well = state_run(keep->state, why, insert_seen, "iib", (int64_t)job->last, (int64_t)job->first, job->seen);
	for (size_t i = 0; well && i < job->copy_count; i++)
		well = write_copy(keep, &job->copies[i], why);
	for (size_t i = 0; well && i < job->stand_count; i++)
		well = stand_file_write(keep->stand, job->stand[i], why);
	return well && answers_write(keep->state, job->answers, why) &&
		(!job->answers_before || answers_drop_before(keep->state, job->answers_before, why));
}

bool keep_write(struct keep *keep, const struct keep_job *job, struct why *why)
{
	if (!state_begin(keep->state, why))
		return false;
	if (write_all(keep, job, why) && write_notes(keep, job->notes, why) && state_commit(keep->state, why))
		return true;
	state_rollback(keep->state);
	return why_within(why, "the route's own file");
}

/* ------------------------------------------------------------------ history */

static void add_note(struct keep *keep, struct note values)
{
	struct note *note = must_alloc(sizeof(*note));
	*note = values;
	*keep->notes_end = note;
	keep->notes_end = &note->next;
}

void keep_history(struct keep *keep, uint64_t seq, uint32_t part, int64_t at, const char *reason)
{
	add_note(keep, (struct note){ .seq = seq, .part = part, .at = at, .reason = must_string(reason) });
}

void keep_gone(struct keep *keep, uint64_t seq, uint32_t part)
{
	add_note(keep, (struct note){ .seq = seq, .part = part });
}

/* A job takes what was noted until now; it is gone once it is written. */
void keep_collect(struct keep *keep, struct keep_job *job)
{
	job->notes = keep->notes;
	keep->notes = NULL;
	keep->notes_end = &keep->notes;
	job->answers = answers_collect(keep->answers);
	if (keep->oldest > keep->dropped)
		job->answers_before = keep->dropped = keep->oldest;
}

void keep_job_free(struct keep *keep, struct keep_job *job)
{
	free_notes(&job->notes);
	answers_done(keep->answers, &job->answers);
}

void keep_history_json(struct keep *keep, uint64_t seq, uint32_t part, struct buf *out)
{
	char at[SL_TIME_SIZE];
	sqlite3_stmt *rows = state_ask(keep->state, NULL,
		"SELECT at, reason FROM history WHERE seq = ? AND part = ? ORDER BY rowid", "ii", (int64_t)seq, (int64_t)part);
	json_open(out, '[');
	while (rows && state_row(keep->state, rows, NULL) == STATE_ROW) {
		sl_time_write(sqlite3_column_int64(rows, 0) * 1000, at);
		json_open(out, '{');
		json_member_string(out, "at", at);
		json_key(out, "reason");
		json_text(out, state_text(rows, 1));
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* ------------------------------------------------------------------ answers */

struct answers *keep_answers(struct keep *keep)
{
	return keep->answers;
}

void keep_log_begins(struct keep *keep, uint64_t oldest)
{
	keep->oldest = oldest;
}

bool keep_presses(const struct keep *keep)
{
	return answers_noted(keep->answers) > PRESSES;
}

bool keep_ask_again(struct keep *keep, uint64_t seq, uint32_t part, struct why *why)
{
	answers_unnote(keep->answers, seq, part);
	return answers_drop(keep->state, seq, part, why);
}

bool keep_ask_all_again(struct keep *keep, uint64_t after, struct why *why)
{
	answers_unnote(keep->answers, after, ANSWER_BEHIND);
	return answers_drop_behind(keep->state, after, why);
}

/* --------------------------------------------------------- copies, settings */

static struct sl_text column(sqlite3_stmt *rows, int at, struct arena *arena)
{
	const char *bytes = sqlite3_column_blob(rows, at);
	size_t len = (size_t)sqlite3_column_bytes(rows, at);
	return (struct sl_text){ arena_copy(arena, bytes ? bytes : "", len), len };
}

bool keep_copy(struct keep *keep, uint64_t seq, uint32_t part, struct arena *arena, struct log_record *record)
{
	sqlite3_stmt *rows = state_ask(keep->reader, NULL,
		"SELECT received, flags, source, method, path, query, headers, body FROM copy WHERE seq = ? AND part = ?",
		"ii", (int64_t)seq, (int64_t)part);
	if (!rows || state_row(keep->reader, rows, NULL) != STATE_ROW)
		return false;
	*record = (struct log_record){
		.seq = seq,
		.received = sqlite3_column_int64(rows, 0),
		.flags = (uint32_t)sqlite3_column_int64(rows, 1),
		.source = column(rows, 2, arena),
		.method = column(rows, 3, arena),
		.path = column(rows, 4, arena),
		.query = column(rows, 5, arena),
		.headers = column(rows, 6, arena),
		.body = column(rows, 7, arena),
	};
	sqlite3_reset(rows);
	return true;
}

bool keep_set(struct keep *keep, const char *name, const char *value, struct why *why)
{
	return state_run(keep->state, why, "INSERT OR REPLACE INTO setting VALUES (?, ?)", "tt", name, value);
}

const char *keep_get(struct keep *keep, const char *name, struct arena *arena)
{
	sqlite3_stmt *rows = state_ask(keep->state, NULL, "SELECT value FROM setting WHERE name = ?", "t", name);
	if (!rows || state_row(keep->state, rows, NULL) != STATE_ROW)
		return NULL;
	const char *value = column(rows, 0, arena).at;
	sqlite3_reset(rows);
	return value;
}

bool keep_recall(struct keep *keep, const struct sl_table *table, keep_row *row, void *data, struct why *why)
{
	return stand_file_recall(keep->stand, table, row, data, why);
}
