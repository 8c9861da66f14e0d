/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork_poll.c - tasks that were changed, and those that were deleted, since the last time.
 *
 * Tasks are asked for in the order of their changes.  The next page is not "page 2" but
 * "changed since the last of this one", from page 1 again: a task that is changed
 * meanwhile goes to the end, and in numbered pages all behind it would move up, one
 * of them past us.  It is also how one gets beyond the 50 000 tasks that one query
 * reaches.  Only where a whole page has one time, or a site does not keep to the
 * order, pages are counted; and then, where there is an order, read once more from the
 * last to the first: what has moved up meanwhile is on one of those.
 *
 * The cursor: {"changed":TIME,"deleted":TIME}, the newest that are known, and on the way
 * {..,"from":TIME,"page":N,"top":TIME,"done":N}: of the query under way, what it is asked for and the newest it
 * brought.  That may be older than what is known: a run looks back.  Deleted tasks come from a query of their own:
 * in the first one a site does not show them.
 *
 * The API has whole seconds, and does not say whether "after" includes them: so all
 * queries begin a second early, and a run looks back `overlap` behind what it knows.
 */
#include "teamwork.h"

#include <string.h>

#include "text.h"
#include "time.h"

#define SECOND 1000000
#define DAY (86400 * (int64_t)SECOND)
#define REACH 50000   /* tasks that one query gives, on all its pages */
#define MOST_QUERY 16 /* pairs of one */

/* In call->local. */
struct walk {
	int64_t changed, deleted; /* microseconds: the newest known */
	int64_t from, page;       /* of the query under way; a page below 0: on the way back to the first */
	int64_t top;              /* the newest that it has brought so far */
	int64_t gone;             /* the newest deleted one so far */
	int64_t done;             /* tasks */
	int64_t deleted_page;
};
_Static_assert(sizeof(struct walk) <= LOCAL_SIZE, "it lies in call->local");

static sl_step changed_arrived, deleted_arrived;

/* ------------------------------------------------------------------------------ cursor */

static int64_t read_time(const struct sl_call *call, const struct sl_json *cursor, const char *pointer,
	int64_t otherwise)
{
	int64_t time;
	return sl_time_read(call->host->string(call->host->at(cursor, pointer)), &time) ? time : otherwise;
}

static int64_t read_number(const struct sl_call *call, const struct sl_json *cursor, const char *pointer)
{
	int64_t number;
	bool fits = call->host->integer(call->host->at(cursor, pointer), &number) && number > -REACH;
	return fits ? number : 0;
}

static struct walk *walk_read(struct sl_call *call)
{
	const struct teamwork *opt = call->options;
	struct walk *walk = call->local;
	const struct sl_json *cursor = call->host->json(call, sl_text_of(call->cursor));
	int64_t since = call->since * 1000;
	walk->changed = read_time(call, cursor, "/changed", since);
	walk->deleted = read_time(call, cursor, "/deleted", since);
	walk->gone = walk->deleted;
	walk->page = read_number(call, cursor, "/page");
	walk->done = read_number(call, cursor, "/done");
	walk->from = read_time(call, cursor, "/from", !cursor ? since : walk->changed - opt->overlap * 1000);
	walk->top = read_time(call, cursor, "/top", walk->from);
	if (!walk->page)
		walk->page = 1;
	return walk;
}

static const char *stamp(struct sl_call *call, int64_t time)
{
	char *out = call->host->alloc(call, SL_TIME_SIZE);
	sl_time_write(time > 0 ? time : 0, out);
	return out;
}

static const char *walk_text(struct sl_call *call, const struct walk *walk, bool ends)
{
	const struct sl_host *host = call->host;
	const char *rest = "";
	if (!ends)
		rest = host->format(call, ",\"from\":\"%s\",\"page\":%lld,\"top\":\"%s\",\"done\":%lld",
				   stamp(call, walk->from),
				   (long long)walk->page, stamp(call, walk->top), (long long)walk->done)
			       .at;
	return host->format(call, "{\"changed\":\"%s\",\"deleted\":\"%s\"%s}", stamp(call, walk->changed),
			   stamp(call, walk->deleted), rest)
		.at;
}

static uint64_t mark(const char *cursor)
{
	uint64_t mark = 14695981039346656037u;
	for (; cursor && *cursor; cursor++)
		mark = (mark ^ (unsigned char)*cursor) * 1099511628211u;
	return mark;
}

/* ----------------------------------------------------------------------------- queries */

struct query {
	struct sl_pair pairs[MOST_QUERY];
	const struct sl_pair *rows[MOST_QUERY + 1];
	size_t count;
};

static void add(struct query *query, const char *name, const char *value)
{
	query->pairs[query->count] = (struct sl_pair){ name, value };
	query->rows[query->count] = &query->pairs[query->count];
	query->count++;
}

/* Whole seconds, one early. */
static const char *after(struct sl_call *call, int64_t time)
{
	char *out = (char *)stamp(call, time - SECOND);
	memcpy(out + strlen("2026-11-21T22:10:19"), "Z", 2);
	return out;
}

static enum sl_outcome ask(struct sl_call *call, const char *since, int64_t from, int64_t page, bool deleted,
	sl_step *next)
{
	static const char *const all[] = { "includeCompletedTasks", "showCompletedLists", "includeArchivedProjects",
		"includeTasksFromDeletedLists", NULL };
	const struct teamwork *opt = call->options;
	const struct memory *memory = call->state;
	const struct sl_host *host = call->host;
	struct query query = { .count = 0 };
	add(&query, since, after(call, from));
	add(&query, "orderBy", memory->older ? "dateupdated" : "updatedat");
	add(&query, "orderMode", "asc");
	for (const char *const *name = all; *name; name++)
		add(&query, *name, "true");
	if (deleted)
		add(&query, "showDeleted", "true");
	add(&query, "include", "projects,tasklists,users,teams,companies,tags");
	add(&query, "pageSize", host->format(call, "%lld", (long long)opt->page).at);
	add(&query, "page", host->format(call, "%lld", (long long)page).at);
	return host->http(call, &(struct sl_http){ .url = "/projects/api/v3/tasks.json", .query = query.rows }, next);
}

static enum sl_outcome ask_changed(struct sl_call *call)
{
	const struct walk *walk = call->local;
	const int64_t page = walk->page < 0 ? -walk->page : walk->page;
	return ask(call, "updatedAfter", walk->from, page, false, changed_arrived);
}

static enum sl_outcome ask_deleted(struct sl_call *call)
{
	const struct teamwork *opt = call->options;
	const struct walk *walk = call->local;
	return ask(call, "deletedAfter", walk->deleted - opt->overlap * 1000, walk->deleted_page, true,
		deleted_arrived);
}

/* ------------------------------------------------------------------------------- pages */

struct page {
	int64_t newest; /* microseconds, 0: nothing on it has a time */
	int64_t count;
	bool more, ordered;
};

/* Emits what is on it; of the query for deleted ones only these. */
static enum sl_outcome page_take(struct sl_call *call, bool deleted, struct page *page)
{
	const struct sl_host *host = call->host;
	const struct sl_json *root = call->response->json, *tasks = host->at(root, "/tasks");
	const struct sl_json *included = host->at(root, "/included");
	const int64_t tomorrow = sl_far_now(call) + DAY;
	*page = (struct page){ .ordered = true };
	if (host->kind(tasks) != SL_KIND_ARRAY)
		return host->retry(call, 0, "the list of tasks has no `tasks`: %.*s",
			(int)(call->response->body.len < 200 ? call->response->body.len : 200),
			call->response->body.at);
	for (const struct sl_json *task = host->first(tasks); task; task = host->next(task), page->count++) {
		if (host->kind(task) != SL_KIND_OBJECT || (deleted && !task_deleted(host, task)))
			continue;
		int64_t at = task_emit(call, task, included);
		if (at > tomorrow)
			at = 0; /* a time that nothing will ever come after */
		page->ordered = page->ordered && at && at >= page->newest;
		page->newest = at > page->newest ? at : page->newest;
	}
	page->more = page->count && sl_text_is(host->raw(host->at(root, "/meta/page/hasMore")), "true");
	return SL_DONE;
}

static void tell_progress(struct sl_call *call, struct walk *walk, const struct page *page)
{
	int64_t total = 0;
	walk->done += page->count;
	if (walk->page != 1 || !call->host->integer(call->host->at(call->response->json, "/meta/page/count"), &total))
		return;
	total += walk->done - page->count;
	call->host->progress(call, (uint64_t)walk->done, total > walk->done ? (uint64_t)total : (uint64_t)walk->done);
}

/* An older site knows the order by another name. */
static bool other_order(struct sl_call *call)
{
	struct memory *memory = call->state;
	const struct sl_text body = call->response->body;
	if (call->response->status != 400 || memory->older || !body.len || !strstr(body.at, "rder"))
		return false;
	memory->older = true;
	return true;
}

static enum sl_outcome go_on(struct sl_call *call)
{
	call->host->advance(call, walk_text(call, call->local, false));
	return SL_DONE;
}

/* All up to `top` are had. */
static void know(struct walk *walk)
{
	walk->changed = walk->top > walk->changed ? walk->top : walk->changed;
}

static enum sl_outcome changed_through(struct sl_call *call)
{
	struct walk *walk = call->local;
	know(walk);
	walk->deleted_page = 1;
	return ask_deleted(call);
}

static enum sl_outcome slide(struct sl_call *call)
{
	struct walk *walk = call->local;
	if (walk->top <= walk->from)
		return changed_through(call);
	know(walk);
	walk->from = walk->top;
	walk->page = 1;
	return go_on(call);
}

static enum sl_outcome more_changed(struct sl_call *call, const struct page *page)
{
	const struct teamwork *opt = call->options;
	struct walk *walk = call->local;
	if (walk->page < 0) {
		walk->page++;
		return walk->page ? go_on(call) : slide(call);
	}
	if (!page->more && (walk->page == 1 || !page->ordered))
		return changed_through(call);
	if (page->ordered && (!page->more || page->newest > walk->from)) {
		if (walk->page == 1)
			return slide(call);
		walk->page = 1 - walk->page;
		return go_on(call);
	}
	if (++walk->page * opt->page > REACH)
		return call->host->fail(call,
			"more than %d tasks were changed in one second, or the site does not order them by it: no query reaches "
			"further; take a later --since",
			REACH);
	return go_on(call);
}

static enum sl_outcome changed_arrived(struct sl_call *call)
{
	struct walk *walk = call->local;
	struct page page;
	if (other_order(call))
		return ask_changed(call);
	enum sl_outcome outcome = far_judge(call, "the list of tasks");
	if (outcome == SL_DONE)
		outcome = page_take(call, false, &page);
	if (outcome != SL_DONE)
		return outcome;
	tell_progress(call, walk, &page);
	walk->top = page.newest > walk->top ? page.newest : walk->top;
	return more_changed(call, &page);
}

/* Where nothing was new the run is at its end; else it is called once more, and has nothing to do then. */
static enum sl_outcome finish(struct sl_call *call)
{
	struct memory *memory = call->state;
	const char *cursor = walk_text(call, call->local, true);
	if (call->cursor && strcmp(cursor, call->cursor) == 0)
		return SL_DONE;
	memory->over[call->backfill] = mark(cursor);
	call->host->advance(call, cursor);
	return SL_DONE;
}

static enum sl_outcome deleted_arrived(struct sl_call *call)
{
	const struct teamwork *opt = call->options;
	struct walk *walk = call->local;
	struct page page;
	enum sl_outcome outcome = far_judge(call, "the list of deleted tasks");
	if (outcome == SL_DONE)
		outcome = page_take(call, true, &page);
	if (outcome != SL_DONE)
		return outcome;
	walk->gone = page.newest > walk->gone ? page.newest : walk->gone;
	if (page.more && ++walk->deleted_page * opt->page <= REACH)
		return ask_deleted(call);
	walk->deleted = walk->gone;
	return finish(call);
}

enum sl_outcome teamwork_poll(struct sl_call *call)
{
	struct memory *memory = call->state;
	if (!can_ask(call))
		return SL_DONE;
	walk_read(call);
	if (call->cursor && memory->over[call->backfill] == mark(call->cursor)) {
		memory->over[call->backfill] = 0;
		return SL_DONE;
	}
	return ask_changed(call);
}
