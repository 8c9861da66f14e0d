/* SPDX-License-Identifier: Apache-2.0 */
/* missive_walk.c - mailbox by mailbox, page by page, from the newest activity back to what is known.
 *
 * There is no "changed since": a list begins with the newest, and `until` is the time of
 * the oldest row that is had, inclusive and in whole seconds. So a page begins with rows of the
 * one before; those that are done are known by their ids. A list ends where a page brings nothing new:
 * its length says nothing, it may be longer than was asked for. But a page holds all of its last second: one that
 * is full and brings nothing new is a second of which there was more than a page, and the list goes on before it.
 *
 * A conversation that something happens to meanwhile goes to the top, past us; it is above the
 * newest that this run began with, and the next one finds it there.  So a mailbox's mark moves
 * only when the run has come down to the old one.
 *
 * The cursor: {"marks":{MAILBOX:MICROSECONDS},"known":..}, and on the way
 * {..,"mailbox":NAME,"until":TEXT,"top":MICROSECONDS,"ties":IDS,"done":N}.  `known` are conversations within the
 * overlap that were looked into: they are not looked into again before something happens to them.
 */
#include "missive.h"

#include <stdlib.h>
#include <string.h>

#include "sign.h"
#include "text.h"

#define LIMIT 50    /* the most that may be asked for */
#define LETTERS 100 /* so many messages wait for their bodies, then the call comes to its end */
#define FEW 10      /* conversations of a mailbox that the next mailbox need not wait for */
#define KNOWN 100   /* conversations, of each mailbox */
#define SECOND 1000000
#define DAY (86400 * (int64_t)SECOND)

static sl_step list_arrived, page_done;

static struct walk *walk_of(const struct sl_call *call)
{
	return call->local;
}

static const char *const *mailboxes(const struct sl_call *call)
{
	const struct missive *opt = call->options;
	return opt->mailboxes;
}

static size_t mailbox_count(const struct sl_call *call)
{
	size_t count = 0;
	while (mailboxes(call) && mailboxes(call)[count] && count < MOST_MAILBOXES)
		count++;
	return count;
}

bool trashed(const struct sl_call *call)
{
	return strcmp(mailboxes(call)[walk_of(call)->mailbox], "trashed") == 0;
}

/* ------------------------------------------------------------------------------ cursor */

static int64_t number(const struct sl_call *call, const struct sl_json *value, int64_t otherwise)
{
	int64_t found;
	return call->host->integer(value, &found) ? found : otherwise;
}

static void words_begin(struct sl_call *call, struct sl_words *words, struct sl_text text)
{
	*words = (struct sl_words){ .call = call };
	sl_words_add(words, text.at ? text : (struct sl_text){ "", 0 });
}

static void mailbox_begin(struct sl_call *call, bool first)
{
	const struct missive *opt = call->options;
	struct walk *walk = walk_of(call);
	walk->floor = walk->marks[walk->mailbox] - (first ? 0 : opt->overlap * 1000);
	walk->top = walk->marks[walk->mailbox];
	walk->until = (struct sl_text){ "", 0 };
	words_begin(call, &walk->ties, (struct sl_text){ "", 0 });
}

static void read_marks(struct sl_call *call, const struct sl_json *cursor)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	struct sl_text box = host->string(host->at(cursor, "/mailbox"));
	for (size_t i = 0; i < mailbox_count(call); i++)
		walk->marks[i] = call->since * 1000;
	const struct sl_json *mark = host->first(host->at(cursor, "/marks"));
	for (; mark; mark = host->next(mark))
		for (size_t i = 0; i < mailbox_count(call); i++)
			if (sl_text_is(host->name(mark), mailboxes(call)[i]))
				walk->marks[i] = number(call, mark, walk->marks[i]);
	for (size_t i = 0; box.len && i < mailbox_count(call); i++)
		if (sl_text_is(box, mailboxes(call)[i]))
			walk->mailbox = i;
}

static void walk_read(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	const struct sl_json *cursor = host->json(call, sl_text_of(call->cursor));
	read_marks(call, cursor);
	mailbox_begin(call, !cursor);
	words_begin(call, &walk->known, host->string(host->at(cursor, "/known")));
	walk->last_letter = &walk->letters;
	walk->done = number(call, host->at(cursor, "/done"), 0);
	if (!host->at(cursor, "/mailbox"))
		return;
	walk->top = number(call, host->at(cursor, "/top"), walk->top);
	walk->until = sl_plain(call, host->at(cursor, "/until"));
	words_begin(call, &walk->ties, host->string(host->at(cursor, "/ties")));
}

static void add_mark(struct sl_words *words, size_t mailbox)
{
	struct sl_call *call = words->call;
	const struct sl_text name = call->host->quote(call, sl_text_of(mailboxes(call)[mailbox]));
	const long long mark = walk_of(call)->marks[mailbox];
	sl_words_add(words, call->host->format(call, "%s%s:%lld", mailbox ? "," : "", name.at, mark));
}

static const char *walk_text(struct sl_call *call, bool ends)
{
	const struct sl_host *host = call->host;
	const struct walk *walk = walk_of(call);
	struct sl_words words;
	words_begin(call, &words, sl_text_of("{\"marks\":{"));
	for (size_t i = 0; i < mailbox_count(call); i++)
		add_mark(&words, i);
	sl_words_add(&words, host->format(call, "},\"known\":%s", host->quote(call, sl_text_of(walk->known.at)).at));
	if (!ends)
		sl_words_add(&words,
			host->format(call, ",\"mailbox\":%s,\"until\":%s,\"top\":%lld,\"ties\":%s,\"done\":%lld",
				host->quote(call, sl_text_of(mailboxes(call)[walk->mailbox])).at,
				host->quote(call, walk->until).at, (long long)walk->top,
				host->quote(call, sl_text_of(walk->ties.at)).at,
				(long long)walk->done));
	sl_words_string(&words, "}");
	return words.at;
}

/* -------------------------------------------------------------- what was looked into */

static struct sl_text known_as(struct sl_call *call, const struct talk *talk)
{
	struct sl_text words = call->host->format(call, "%s@%s", talk->id.at, talk->activity.at);
	return call->host->format(call, "%zu:%016llx:%lld ", walk_of(call)->mailbox, (unsigned long long)mark_of(words),
		(long long)talk->at);
}

/* Of the mailbox under way only what the next run sees again stays. */
static void known_prune(struct sl_call *call)
{
	const struct missive *opt = call->options;
	struct walk *walk = walk_of(call);
	const int64_t floor = walk->marks[walk->mailbox] - opt->overlap * 1000;
	struct sl_words kept;
	size_t count = 0;
	words_begin(call, &kept, (struct sl_text){ "", 0 });
	for (char *at = walk->known.at, *end; (end = strchr(at, ' ')); at = end + 1) {
		const char *time = memrchr(at, ':', (size_t)(end - at));
		bool mine = strtoull(at, NULL, 10) == walk->mailbox;
		if (time && (!mine || (strtoll(time + 1, NULL, 10) >= floor && count++ < KNOWN)))
			sl_words_add(&kept, (struct sl_text){ at, (size_t)(end + 1 - at) });
	}
	walk->known = kept;
}

/* ------------------------------------------------------------------------------- lists */

/* "team_all=ID" names a part of the query with its value; "all" is all=true. */
static struct sl_pair mailbox_pair(struct sl_call *call, const char *name)
{
	const char *value = strchr(name, '=');
	if (!value)
		return (struct sl_pair){ name, "true" };
	return (struct sl_pair){ call->host->format(call, "%.*s", (int)(value - name), name).at, value + 1 };
}

static enum sl_outcome ask_list(struct sl_call *call)
{
	const struct missive *opt = call->options;
	const struct walk *walk = walk_of(call);
	const struct sl_pair mailbox = mailbox_pair(call, mailboxes(call)[walk->mailbox]);
	const struct sl_pair limit = { "limit", "50" }, until = { "until", walk->until.at };
	const struct sl_pair organization = { "organization", opt->organization };
	const struct sl_pair *query[] = { &mailbox, &limit, NULL, NULL, NULL };
	size_t count = 2;
	if (walk->until.len)
		query[count++] = &until;
	if (*opt->organization)
		query[count++] = &organization;
	return call->host->http(call, &(struct sl_http){ .url = "/conversations", .query = query }, list_arrived);
}

static bool is_tie(const struct walk *walk, struct sl_text id)
{
	const char *found = strstr(walk->ties.at, id.at);
	return found && found[id.len] == ' ';
}

static bool read_row(struct sl_call *call, const struct sl_json *row, struct talk *talk)
{
	const struct sl_host *host = call->host;
	*talk = (struct talk){
		.row = row,
		.id = sl_plain(call, host->at(row, "/id")),
		.activity = sl_plain(call, host->at(row, "/last_activity_at")),
	};
	talk->at = moment(call, host->at(row, "/last_activity_at"));
	talk->guest = host->kind(row) == SL_KIND_OBJECT && host->count(row) <= 2;
	return talk->id.len && talk->at && !strchr(talk->id.at, ' ');
}

static void take_rows(struct sl_call *call, const struct sl_json *rows)
{
	const struct sl_host *host = call->host;
	struct walk *walk = walk_of(call);
	const int64_t tomorrow = sl_far_now(call) + DAY;
	struct talk talk;
	walk->read = sl_far_now(call);
	walk->talks = host->alloc(call, (host->count(rows) + 1) * sizeof(*walk->talks));
	walk->talk_count = walk->talk = 0;
	walk->last = host->count(rows) < LIMIT;
	for (const struct sl_json *row = host->first(rows); row; row = host->next(row)) {
		if (!read_row(call, row, &talk) || is_tie(walk, talk.id))
			continue;
		if (talk.at < walk->floor) {
			walk->last = true;
			continue;
		}
		walk->talks[walk->talk_count++] = talk;
		if (talk.at > walk->top && talk.at < tomorrow)
			walk->top = talk.at;
	}
	walk->last = walk->last || !walk->talk_count;
}

struct sl_text second_before(struct sl_call *call, int64_t at)
{
	return call->host->format(call, "%lld", (long long)((at - 1) / SECOND));
}

/* Many were changed at once, and nothing but them is in the page. */
static bool go_before(struct sl_call *call, const struct sl_json *rows)
{
	struct walk *walk = walk_of(call);
	struct talk talk;
	if (walk->talk_count || call->host->count(rows) < LIMIT || !read_row(call, call->host->first(rows), &talk) ||
		talk.at < walk->floor)
		return false;
	walk->until = second_before(call, talk.at);
	words_begin(call, &walk->ties, (struct sl_text){ "", 0 });
	return true;
}

static enum sl_outcome list_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	enum sl_outcome outcome = far_judge(call, "the list of conversations");
	if (outcome != SL_DONE)
		return outcome;
	const struct sl_json *rows = host->at(call->response->json, "/conversations");
	if (host->kind(rows) != SL_KIND_ARRAY)
		return far_shape(call, "the list of conversations");
	take_rows(call, rows);
	return go_before(call, rows) ? ask_list(call) : walk_on(call);
}

/* -------------------------------------------------------------------- what is emitted */

void tell(struct sl_call *call, const char *type, struct sl_text id, int64_t time, struct sl_text conversation,
	struct sl_text data)
{
	const struct sl_host *host = call->host;
	const int64_t version = sl_far_settled(time, walk_of(call)->read) / 1000;
	unsigned char digest[SL_DIGEST_MOST];
	char hex[2 * SL_DIGEST_MOST + 1];
	sl_hash(SL_SHA256, &data, 1, digest);
	sl_hex(digest, 4, hex);
	host->emit(call, &(struct sl_event){
				 .id = host->format(call, "%s@%lld/%s", id.at, (long long)version, hex).at,
				 .type = type,
				 .subject = conversation.at,
				 .scope = strcmp(type, "conversation") == 0 ? "conversations" : NULL,
				 .time = version,
				 .data = data,
			 });
}

static void tell_talk(struct sl_call *call, const struct talk *talk)
{
	const struct sl_text row = call->host->raw(talk->row);
	const struct sl_text data = call->host->format(call, "{\"conversation\":%.*s}", (int)row.len, row.at);
	tell(call, "conversation", talk->id, talk->at, talk->id, data);
}

/* From here the list goes on, once all that was begun is emitted. */
static void pass(struct sl_call *call, const struct talk *talk)
{
	struct walk *walk = walk_of(call);
	if (walk->until.len != talk->activity.len || memcmp(walk->until.at, talk->activity.at, talk->activity.len) != 0)
		words_begin(call, &walk->ties, (struct sl_text){ "", 0 });
	walk->until = talk->activity;
	sl_words_add(&walk->ties, talk->id);
	sl_words_string(&walk->ties, " ");
	walk->talk++;
	walk->done++;
}

/* Nothing in it, or nothing that was not read when it was as it is. */
static bool is_known(struct sl_call *call, const struct talk *talk)
{
	const struct missive *opt = call->options;
	struct walk *walk = walk_of(call);
	int64_t messages = number(call, call->host->at(talk->row, "/messages_count"), 1);
	struct sl_text name = known_as(call, talk);
	if (talk->guest || (!messages && !opt->comments))
		return true;
	if (strstr(walk->known.at, name.at))
		return true;
	bool again = talk->at >= walk->top - opt->overlap * 1000; /* the next run sees it again */
	if (again && !sl_far_open(talk->at, walk->read)) /* and it may not be another then, of the same time */
		sl_words_add(&walk->known, name);
	return false;
}

enum sl_outcome walk_on(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	while (walk->talk < walk->talk_count && walk->letter_count < LETTERS) {
		const struct talk *talk = &walk->talks[walk->talk];
		tell_talk(call, talk);
		pass(call, talk);
		if (!is_known(call, talk))
			return talk_read(call);
	}
	return letters_send(call, page_done);
}

/* -------------------------------------------------------------------------- its end */

/* Where nothing was new the run is at its end; else it is called once more, and has nothing to do then. */
static enum sl_outcome finish(struct sl_call *call)
{
	struct memory *memory = call->state;
	const char *cursor = walk_text(call, true);
	if (call->backfill && !call->since)
		call->host->sweep(call, "conversations", "conversation.gone");
	if (call->cursor && strcmp(cursor, call->cursor) == 0)
		return SL_DONE;
	memory->over[call->backfill] = mark_of(sl_text_of(cursor));
	call->host->advance(call, cursor);
	return SL_DONE;
}

static enum sl_outcome mailbox_done(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	bool few = walk->talk_count <= FEW;
	if (walk->top > walk->marks[walk->mailbox])
		walk->marks[walk->mailbox] = walk->top;
	known_prune(call);
	if (++walk->mailbox >= mailbox_count(call)) {
		walk->mailbox = 0;
		return finish(call);
	}
	mailbox_begin(call, walk->marks[walk->mailbox] == call->since * 1000);
	if (few)
		return ask_list(call);
	call->host->advance(call, walk_text(call, false));
	return SL_DONE;
}

static enum sl_outcome page_done(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	call->host->progress(call, (uint64_t)walk->done, 0);
	if (walk->last && walk->talk == walk->talk_count)
		return mailbox_done(call);
	call->host->advance(call, walk_text(call, false));
	return SL_DONE;
}

enum sl_outcome missive_poll(struct sl_call *call)
{
	struct memory *memory = call->state;
	if (!can_ask(call) || !mailbox_count(call))
		return SL_DONE;
	if (call->cursor && memory->over[call->backfill] == mark_of(sl_text_of(call->cursor))) {
		memory->over[call->backfill] = 0;
		return SL_DONE;
	}
	walk_read(call);
	return ask_list(call);
}
