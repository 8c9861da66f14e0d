/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_serve.c - a request: found, checked, appended or refused. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"

#define CHALLENGES_A_MINUTE 60 /* monday.com sends one for each board and event */
#define MINUTE 60000

static void count_refused(struct ingest *ingest, struct ingest_source *source)
{
	page_add(ingest->page, COUNTER_requests, 1);
	page_add(ingest->page, COUNTER_refused, 1);
	ingest->changed = true;
	if (source)
		source->refused++;
}

static void refuse(struct ingest *ingest, struct http_request *request, struct ingest_source *source, int status,
	const char *headers, const char *reason)
{
	count_refused(ingest, source);
	refused_add(ingest->refused, status, source ? source->name : request->path, request->peer, reason);
	http_refuse(request, status, headers, "%s", reason);
}

/* --------------------------------------------------------------------- head */

/* True: there is room for a record with so much body. */
static bool room_for(struct ingest *ingest, struct http_request *request, struct ingest_source *source, size_t body)
{
	size_t more = source->name.len + strlen(request->method);
	more += request->path.len + request->query.len + request->text.len;
	enum log_room room = log_room(ingest->log, body + more);
	if (room == LOG_ROOM)
		return true;
	tell_no_room(ingest, room, body + more);
	source->turned_away++;
	refuse(ingest, request, source, 503, "Retry-After: 30\r\n", room_words(room));
	return false;
}

static void refuse_method(struct ingest *ingest, struct http_request *request, struct ingest_source *source)
{
	char header[64], reason[80];
	snprintf(header, sizeof(header), "Allow: %s\r\n", webhook_allow(source->webhook));
	snprintf(reason, sizeof(reason), "only %s is taken here", webhook_allow(source->webhook));
	refuse(ingest, request, source, 405, header, reason);
}

/* Whether `method` is one of "HEAD, POST, PUT". */
static bool listed(const char *method, const char *list)
{
	size_t len = strlen(method), step;
	for (; *list; list += step + strspn(list + step, ", ")) {
		step = strcspn(list, ",");
		if (step == len && memcmp(list, method, len) == 0)
			return true;
	}
	return false;
}

/* Before a byte of the body is read: is it for us, and would it find room? */
static bool on_head(struct http_request *request, void *data)
{
	struct ingest *ingest = data;
	struct ingest_source *source = table_find(ingest->table, request->path);
	if (!source) {
		refuse(ingest, request, NULL, 404, NULL, "there is no such source here");
		return false;
	}
	if (probe_answered(ingest, request))
		return false;
	if (!listed(request->method, webhook_allow(source->webhook))) {
		refuse_method(ingest, request, source);
		return false;
	}
	return room_for(ingest, request, source, request->length > 0 ? (size_t)request->length : 0);
}

/* ----------------------------------------------------------------- verdicts */

/* A request while it is decided upon. */
struct visit {
	struct ingest *ingest;
	struct http_request *request;
	struct ingest_source *source;
	struct log_record record;
	struct webhook_check check;
};

static void take_in(struct visit *visit)
{
	struct ingest *ingest = visit->ingest;
	struct log_record *record = &visit->record;
	if (!room_for(ingest, visit->request, visit->source, record->body.len))
		return;
	buf_clear(&ingest->headers);
	buf_clear(&ingest->query);
	webhook_keep(visit->source->webhook, record, &ingest->headers, &ingest->query);
	record->headers = (struct sl_text){ ingest->headers.at, ingest->headers.len };
	record->query = (struct sl_text){ ingest->query.at, ingest->query.len };
	record->flags = visit->source->flags | (visit->check.secret ? LOG_SECOND : 0);
	log_append(ingest->log, record);
	visit->source->accepted++;
	visit->source->last = visit->source->pushed = record->received;
	ingest->changed = true;
	page_add(ingest->page, COUNTER_requests, 1);
	commit_park(ingest,
		&(struct parked){ .request = visit->request, .status = webhook_status(visit->source->webhook) }, 1,
		record->body.len);
}

static void refuse_forged(struct visit *visit)
{
	refuse(visit->ingest, visit->request, visit->source, 401, NULL, visit->check.reason);
}

/* Somebody looks on while the vendor is being set up: nothing of it is kept. */
static void let_pass(struct visit *visit)
{
	static const char ok[] = "{\"ok\":true}\n";
	page_add(visit->ingest->page, COUNTER_requests, 1);
	page_add(visit->ingest->page, COUNTER_handshakes, 1);
	http_answer(visit->request, 200, NULL, (struct sl_text){ ok, sizeof(ok) - 1 });
}

static void answer_handshake(struct visit *visit)
{
	page_add(visit->ingest->page, COUNTER_requests, 1);
	page_add(visit->ingest->page, COUNTER_handshakes, 1);
	http_answer(visit->request, 200, NULL, visit->check.answer);
}

/* Anybody may send one, so it must not become a way to make work. */
static void answer_challenge(struct visit *visit)
{
	struct ingest_source *source = visit->source;
	int64_t now = clock_ticks();
	if (!source->minute || now - source->minute >= MINUTE) {
		source->minute = now;
		source->challenges = 0;
	}
	if (source->challenges++ < CHALLENGES_A_MINUTE)
		answer_handshake(visit);
	else
		refuse(visit->ingest, visit->request, source, 429, "Retry-After: 60\r\n", "too many challenges in a minute");
}

static void refuse_other(struct visit *visit)
{
	refuse_method(visit->ingest, visit->request, visit->source);
}

static void (*const verdicts[])(struct visit *) = {
	[WEBHOOK_GENUINE] = take_in,
	[WEBHOOK_FORGED] = refuse_forged,
	[WEBHOOK_STALE] = refuse_forged,
	[WEBHOOK_CHALLENGE] = answer_challenge,
	[WEBHOOK_HEAD] = answer_handshake,
	[WEBHOOK_METHOD] = refuse_other,
};

/* ------------------------------------------------------------------- handle */

/* The wall clock is read once for all that the loop handles at its own time, which is in milliseconds too. */
static int64_t received_now(struct ingest *ingest)
{
	uint64_t turn = uv_now(&ingest->loop);
	if (ingest->turn != turn || !ingest->received) {
		ingest->turn = turn;
		ingest->received = clock_wall();
	}
	return ingest->received;
}

static void on_request(struct http_request *request, void *data)
{
	struct ingest *ingest = data;
	/* Looked for again: the table may be another one since the head was read. */
	struct visit visit = { .ingest = ingest, .request = request, .source = table_find(ingest->table, request->path) };
	if (!visit.source) {
		refuse(ingest, request, NULL, 404, NULL, "there is no such source here");
		return;
	}
	visit.record = (struct log_record){
		.received = received_now(ingest),
		.source = visit.source->name,
		.method = sl_text_of(request->method),
		.path = request->path,
		.query = request->query,
		.headers = request->text,
		.body = request->body,
	};
	arena_reset(ingest->arena);
	webhook_check(visit.source->webhook, &visit.record, visit.record.received, ingest->arena, &visit.check);
	if (door_passes(ingest, visit.source, &visit.record, &visit.check))
		let_pass(&visit);
	else
		verdicts[visit.check.verdict](&visit);
}

static void on_refused(const struct http_request *request, int status, const char *sentence, void *data)
{
	struct ingest *ingest = data;
	struct ingest_source *source = request->path.at ? table_find(ingest->table, request->path) : NULL;
	count_refused(ingest, source);
	refused_add(ingest->refused, status, source ? source->name : request->path, request->peer, sentence);
}

const struct http_service ingest_service = { .head = on_head, .handle = on_request, .refused = on_refused };
