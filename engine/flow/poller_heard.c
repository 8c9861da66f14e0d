/* SPDX-License-Identifier: Apache-2.0 */
/* poller_heard.c - what webhooks told of is part of a scope, too.
 *
 * A thing may come to be, be told of by a webhook, and be gone before any run sees it; if the webhook of its
 * end is lost then nobody would miss it.  So before a call's sweeps the log is read on from where that ended
 * last time: the subject of each request of ours whose description says a `scope` stands in the file as if a run
 * that began when it came had seen it.  A run that began after that, and did not see it, finds it gone.
 *
 * That is done in slices, as parts of the call's transaction: killed in between, it is done again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/line.h"
#include "flow/poller.h"
#include "flow/webhook.h"
#include "sdk/text.h"
#include "store/log.h"
#include "store/state.h"

#define SLICE_RECORDS 512
#define SLICE_BYTES (1 << 20)
#define LAG 1000 /* ms that a vendor's list may be behind its webhooks */

bool heard_begin(struct heard *heard, const struct sl_json *part, struct why *why)
{
	const struct sl_json *form = sl_json_get(part, "webhook");
	if (sl_json_kind(form) != SL_KIND_OBJECT)
		return true;
	heard->webhook = webhook_unchecked(form, why);
	if (heard->webhook && !webhook_scopes(heard->webhook))
		webhook_free(&heard->webhook);
	else if (!heard->webhook)
		return false;
	return true;
}

void heard_end(struct heard *heard)
{
	log_reader_close(&heard->log);
	webhook_free(&heard->webhook);
}

/* ---------------------------------------------------------------------- where it ended */

/* "ID SEQ": of another log nothing was read yet. */
static bool recall(struct poller *poller, struct arena *arena, struct why *why)
{
	struct heard *heard = &poller->heard;
	const char *id = log_reader_id(heard->log), *text;
	size_t len = strlen(id);
	uint64_t next;
	if (!book_setting(poller->book, "heard", arena, &text, why))
		return false;
	heard->next = 1;
	if (text && strncmp(text, id, len) == 0 && sscanf(text + len, " %" SCNu64, &next) == 1)
		heard->next = next;
	heard->upto = log_reader_end(heard->log);
	return true;
}

static bool note_next(struct poller *poller, struct arena *arena, struct why *why)
{
	const struct heard *heard = &poller->heard;
	const char *text = arena_format(arena, "%s %" PRIu64, log_reader_id(heard->log), heard->next);
	return book_set(poller->book, "heard", text, why);
}

/* -------------------------------------------------------------------------- a slice */

static bool note_request(struct walk *walk, const struct log_record *record, struct arena *arena, struct why *why)
{
	const struct webhook *webhook = walk->poller->heard.webhook;
	struct sl_document *document = webhook_read(record, arena, NULL, NULL, 0);
	const struct sl_json *json = document ? sl_json_root(document) : NULL;
	struct webhook_found found = { 0 };
	webhook_find(webhook, record, json, arena, &found);
	const char *scope = webhook_scope(webhook, record, json, arena);
	bool noted = !scope || !found.event.subject ||
		sweep_heard(walk, found.event.subject, scope, record->received + LAG, why);
	sl_json_free(&document);
	return noted;
}

static bool note_slice(struct walk *walk, const struct log_slice *slice, struct arena *arena, struct why *why)
{
	for (size_t i = 0; i < slice->count; i++) {
		const struct log_record *record = &slice->records[i];
		if (!(record->flags & LOG_EVENT) && sl_text_is(record->source, walk->poller->name) &&
			!note_request(walk, record, arena, why))
			return false;
	}
	return true;
}

/* A log that cannot be read keeps no sweep from what runs have seen. */
static bool read_on(struct walk *walk, struct arena *arena, bool *through, struct why *why)
{
	struct heard *heard = &walk->poller->heard;
	struct log_slice slice = { 0 };
	struct why broken = { "" };
	enum log_read got = heard->next > heard->upto
		? LOG_AT_END
		: log_read(heard->log, arena, heard->next, SLICE_RECORDS, SLICE_BYTES, &slice, &broken);
	*through = got != LOG_READ;
	if (got == LOG_BROKEN)
		line(SL_WARNING, "what webhooks told of is not looked for in this run: %s", broken.text);
	if (got != LOG_READ)
		return note_next(walk->poller, arena, why);
	heard->next = slice.next;
	return note_slice(walk, &slice, arena, why);
}

static bool open_log(struct poller *poller, struct arena *arena)
{
	struct heard *heard = &poller->heard;
	struct why why = { "" };
	if (!heard->log)
		heard->log = log_reader_open(arena_format(arena, "%s/log", poller->data), &why);
	if (!heard->log)
		line(SL_WARNING, "what webhooks told of is not looked for in this run: %s", why.text);
	return heard->log;
}

bool heard_slice(struct walk *walk, bool *through, struct why *why)
{
	struct poller *poller = walk->poller;
	struct arena *arena;
	bool done = true;
	*through = true;
	if (!poller->heard.webhook)
		return true;
	arena = arena_new();
	if (open_log(poller, arena))
		done = (walk->hears || recall(poller, arena, why)) && read_on(walk, arena, through, why);
	walk->hears = !*through;
	arena_free(&arena);
	return done;
}
