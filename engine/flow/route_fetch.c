/* SPDX-License-Identifier: Apache-2.0 */
/* route_fetch.c - before a piece of a batch is gathered the records of the next are read, and their events found.
 *
 * Only of a backlog: where a whole batch waits behind what was just read.  What is found is taken if it is what comes
 * next, and forgotten otherwise: the route reads it when it is due then, as it does what is damaged, gone, or cannot
 * be read.  In pieces, since what was parsed takes as much memory as all else of an event.
 *
 * Who does it is who has the time.  The loop and the sink's work in the pool keep two processors busy; a third
 * thread would take one away from that of the two which all wait for.  So with two processors it is the pool
 * while the sink waits for the loop, and the loop while it waits for the sink, or for a piece.  With more the pool
 * begins at once; with one, too: somebody always has something to do there while the other waits for the disk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/route_fetch.h"

#define LITTER_MOST 2048
#define STRETCH 64 /* records that the loop looks at before it has its turn */
#define LOOK 4     /* records between two looks at the clock */

struct litter {
	struct sl_document *at[LITTER_MOST];
	size_t count;
};

struct fetch {
	struct route *route;
	struct log_reader *log; /* another than the route's */
	struct arena *arena;    /* of the slice, whose records point into it */
	struct log_slice slice;
	struct fetched *records;
	uint64_t from;
	size_t most, bytes;
	size_t done;            /* records that were looked at */
	unsigned processors;    /* that the process may have */
	bool here;              /* the loop does it, a stretch in each turn */
	struct arena_spares spares; /* on their way to the pool, and back */
	struct litter litter, swept; /* documents that nobody needs any more: the loop's, the pool's */
	bool sweeping;          /* there will be a next one, to free them */
	uv_work_t work;
	bool working, forgotten;
	bool good;
};

static void forget_records(struct fetch *it)
{
	for (size_t i = 0; it->records && i < it->slice.count; i++) {
		sl_json_free(&it->records[i].document);
		arena_free(&it->records[i].arena);
	}
	it->good = it->here = false;
	it->records = NULL;
	arena_free(&it->arena);
}

static void sweep(struct litter *litter)
{
	while (litter->count)
		sl_json_free(&litter->at[--litter->count]);
}

void fetch_litter(struct route *route, struct sl_document **document)
{
	struct fetch *it = route->fetch;
	if (it && it->sweeping && it->litter.count < LITTER_MOST) {
		it->litter.at[it->litter.count++] = *document;
		*document = NULL;
	} else {
		sl_json_free(document);
	}
}

static void end(struct fetch **it)
{
	forget_records(*it);
	sweep(&(*it)->litter);
	sweep(&(*it)->swept);
	log_reader_close(&(*it)->log);
	free(*it);
	*it = NULL;
}

/* ----------------------------------------------------------------- requests */

static const struct sl_pair *const *read_headers(struct arena *arena, struct sl_text kept)
{
	size_t count = 0, at = 0;
	for (size_t i = 0; i < kept.len; i++)
		count += kept.at[i] == '\n';
	const struct sl_pair **headers = arena_bytes(arena, (count + 1) * sizeof(*headers));
	struct sl_pair *pairs = arena_bytes(arena, (count + 1) * sizeof(*pairs));
	char *row = arena_copy(arena, kept.at, kept.len), *end = row + kept.len;
	for (char *line_end; (line_end = memchr(row, '\n', (size_t)(end - row))); row = line_end + 1) {
		char *colon = memchr(row, ':', (size_t)(line_end - row)); /* no name has one */
		*line_end = '\0';
		if (!colon || colon[1] != ' ')
			continue;
		*colon = '\0';
		pairs[at] = (struct sl_pair){ row, colon + 2 };
		headers[at] = &pairs[at];
		at++;
	}
	headers[at] = NULL;
	return headers;
}

struct sl_request *fetch_request(struct arena *arena, const struct log_record *record)
{
	struct sl_request *request = arena_alloc(arena, sizeof(*request));
	request->method = arena_copy(arena, record->method.at, record->method.len);
	request->url = record->query.len ? arena_format(arena, "%.*s?%.*s", (int)record->path.len, record->path.at,
						   (int)record->query.len, record->query.at)
					 : arena_copy(arena, record->path.at, record->path.len);
	request->headers = read_headers(arena, record->headers);
	request->body = record->body;
	return request;
}

/* ------------------------------------------------------------------ records */

static void fetch_one(struct fetched *to, const struct log_record *from, const struct source *source)
{
	to->arena = arena_new();
	log_record_copy(to->arena, &to->record, from);
	to->document = webhook_read(&to->record, to->arena, &to->data, NULL, 0);
	if (to->record.flags & LOG_EVENT || !source->webhook)
		return;
	const struct sl_json *json = to->document ? sl_json_root(to->document) : NULL;
	to->request = fetch_request(to->arena, &to->record);
	to->found = arena_alloc(to->arena, sizeof(*to->found));
	webhook_find(source->webhook, &to->record, json, to->arena, to->found);
	to->found->event.source = source->name;
}

static void fetch_slice(struct fetch *it)
{
	struct log_slice *slice = &it->slice;
	struct why unheard;
	it->done = 0;
	it->arena = arena_new();
	it->good = log_read(it->log, it->arena, it->from, it->most, it->bytes, slice, &unheard) == LOG_READ && slice->count;
	if (it->good)
		it->records = arena_alloc(it->arena, slice->count * sizeof(*it->records));
}

static bool is_fetched(const struct fetch *it)
{
	return !it->good || it->done == it->slice.count;
}

static void fetch_record(struct fetch *it)
{
	const struct log_record *record = &it->slice.records[it->done];
	struct fetched *to = &it->records[it->done++];
	const struct source *source = route_source(it->route, record->source);
	to->pooled = !it->here;
	if (source)
		fetch_one(to, record, source);
}

/* -------------------------------------------------------------------- pool */

static void fetch_in_pool(uv_work_t *work)
{
	struct fetch *it = work->data;
	arena_spares_join(&it->spares);
	sweep(&it->swept);
	fetch_slice(it);
	while (!is_fetched(it))
		fetch_record(it);
	it->spares = arena_spares_leave();
}

static void fetched(uv_work_t *work, int status)
{
	struct fetch *it = work->data;
	struct route *route = it->route;
	arena_spares_join(&it->spares);
	it->working = false;
	if (it->forgotten) {
		end(&route->fetch);
		if (uv_is_closing((uv_handle_t *)&route->turning))
			return; /* the process only waited for this */
	}
	route_turn(route);
}

/* -------------------------------------------------------------------- loop */

/* Its log is opened with each beginning of the route: it may be another one. */
static struct fetch *fetch_of(struct route *route)
{
	struct why unheard;
	struct log_reader *log = route->fetch ? NULL : log_reader_open(route->log_path, &unheard);
	if (log) {
		route->fetch = must_alloc(sizeof(*route->fetch));
		*route->fetch = (struct fetch){ .route = route, .log = log, .processors = uv_available_parallelism() };
		route->fetch->work.data = route->fetch;
	}
	return route->fetch;
}

static bool is_backlog(const struct route *route)
{
	return route->state == ROUTE_RUNNING && !route->paused && !route->once && !route->trying && !route->rewinding &&
		!route_alone(route) && route->open_count < route->policy.open_limit && /* else nothing is taken */
		log_reader_end(route->log) >= route->read_to + route->policy.batch_events;
}

/* The pool does nothing for now that it could free litter with. */
static void rest(struct fetch *it)
{
	if (!it)
		return;
	it->sweeping = false;
	sweep(&it->litter);
}

static void hand_over_litter(struct fetch *it)
{
	it->sweeping = true;
	memcpy(it->swept.at, it->litter.at, it->litter.count * sizeof(*it->litter.at));
	it->swept.count = it->litter.count;
	it->litter.count = 0;
}

static void begin(struct fetch *it)
{
	const struct route *route = it->route;
	forget_records(it);
	it->from = route->read_to + 1;
	size_t pieces = route->policy.batch_events < ROUTE_PIECES ? 1 : ROUTE_PIECES;
	it->most = route->policy.batch_events / pieces;
	it->bytes = route->policy.batch_bytes / pieces;
}

static void begin_in_pool(struct fetch *it)
{
	begin(it);
	it->spares = arena_spares_leave();
	hand_over_litter(it);
	it->working = true;
	uv_queue_work(it->route->loop, &it->work, fetch_in_pool, fetched);
}

static void begin_here(struct fetch *it)
{
	rest(it);
	begin(it);
	fetch_slice(it);
	it->here = it->good;
}

static void stretch(struct fetch *it)
{
	int64_t begun = clock_ticks();
	for (unsigned count = 1; !is_fetched(it) && count <= STRETCH; count++) {
		fetch_record(it);
		if (count % LOOK == 0 && clock_ticks() - begun >= ROUTE_SLICE)
			break;
	}
}

/* The loop is; else it waits, for the sink or for what transforms ask for. */
static bool is_at_work(const struct route *route)
{
	return route->gathering->undecoded || (route->run_first && route->running < route->policy.calls);
}

static void begin_somewhere(struct fetch *it)
{
	const struct route *route = it->route;
	bool busy = route_sink_busy(route), works = is_at_work(route);
	if (it->processors != 2 || (!busy && (works || route->gathering->busy)))
		begin_in_pool(it);
	else if (!works && (busy || batch_may_grow(route->gathering)))
		begin_here(it);
}

bool fetch_next(struct route *route)
{
	if (fetch_awaited(route))
		return false;
	if (!route->gathering || !is_backlog(route)) {
		rest(route->fetch);
		return false;
	}
	struct fetch *it = fetch_of(route);
	if (!it || it->working || it->forgotten) /* perhaps from where the route was before it was set back */
		return false;
	if (it->from != route->read_to + 1)
		begin_somewhere(it);
	if (!it->here || is_fetched(it))
		return false;
	stretch(it);
	return true;
}

bool fetch_awaited(const struct route *route)
{
	const struct fetch *it = route->fetch;
	return it && it->working && !it->forgotten && it->from == route->read_to + 1;
}

static bool is_of_this_log(const struct fetch *it)
{
	return strcmp(log_reader_id(it->log), it->route->log_id) == 0;
}

bool fetch_follows(const struct route *route)
{
	const struct fetch *it = route->fetch;
	if (!it || it->forgotten || !is_backlog(route))
		return false;
	/* While it works, the log is the pool's. */
	return it->working || (is_of_this_log(it) && (it->from != route->read_to + 1 || it->good));
}

const struct log_slice *fetch_taken(struct route *route, struct fetched **records)
{
	struct fetch *it = route->fetch;
	bool fits = it && !it->working && it->good && it->from == route->read_to + 1 && !route_alone(route) &&
		is_of_this_log(it);
	*records = fits ? it->records : NULL;
	return fits ? &it->slice : NULL;
}

void fetch_used(struct route *route)
{
	forget_records(route->fetch);
}

void fetch_forget(struct route *route)
{
	if (route->fetch && route->fetch->working)
		route->fetch->forgotten = true;
	else if (route->fetch)
		end(&route->fetch);
}
