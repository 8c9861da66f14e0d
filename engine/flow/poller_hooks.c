/* SPDX-License-Identifier: Apache-2.0 */
/* poller_hooks.c - hooks and discover: what a person or a gap check asks of the plugin, beside the walks.
 *
 * An errand is one such call.  One goes after the other, so that of two that register
 * the second sees what the first has made.  What it advances to is kept in the source's
 * file: for a vendor that cannot be asked what is there, that text is all that is known of it.
 * One that changes something is kept as it goes, before its next request and however it ends:
 * who is killed between a request and its answer knows afterwards what was under way.  Nothing is
 * handed in meanwhile, because that is a transaction of the same file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "flow/poller.h"
#include "sdk/text.h"

#define ERRANDS_MOST 16

static const char cursor_name[] = "hooks"; /* in the file */

struct errand {
	struct errand *next;
	enum step step;
	char *verb, *hook; /* or NULL */
	errand_done *done;
	void *data;
	struct call *call; /* NULL: its turn has not come */
	bool ended;
};

/* ------------------------------------------------------------------------ ends */

static void errand_free(struct errand *errand)
{
	call_free(&errand->call);
	free(errand->verb);
	free(errand->hook);
	free(errand);
}

/* Its successor may be asked for within `done`, so it leaves the list before. */
static void conclude(struct poller *poller, const char *why)
{
	struct errand *errand = poller->errands;
	poller->errands = errand->next;
	errand->done(poller, why ? NULL : errand->call, why, errand->data);
	errand_free(errand);
	if (poller->errands && poller->state == POLLER_RUNNING)
		poller_turn(poller, 0);
}

static bool keeps_cursor(const struct errand *errand)
{
	return errand->step == STEP_HOOKS && errand->call->outcome == SL_DONE && errand->call->advanced;
}

static bool changes(const struct errand *errand)
{
	return errand->step == STEP_HOOKS && strcmp(errand->verb, "list") != 0;
}

bool errand_keeps(const struct poller *poller)
{
	return poller->errands && poller->errands->call && changes(poller->errands);
}

static bool keep_cursor(struct poller *poller, const char *cursor, struct why *why)
{
	struct book *book = poller->book;
	if (book_begin(book, BOOK_NOW, why) && book_set(book, cursor_name, cursor, why) && book_commit(book, why))
		return true;
	book_rollback(book);
	return why_within(why, "what the plugin has to remember of its hooks could not be kept");
}

/* Not while something is being handed in: it would share that one's transaction. */
static void finish(struct poller *poller)
{
	struct errand *errand = poller->errands;
	struct why why = { "" };
	if (keeps_cursor(errand) && poller->handing)
		return;
	if (errand->call->outcome != SL_DONE)
		conclude(poller, errand->call->why.text);
	else if (keeps_cursor(errand) && !keep_cursor(poller, errand->call->advanced, &why))
		conclude(poller, why.text);
	else
		conclude(poller, NULL);
}

/* What cannot be kept is told, and tried once more at its end. */
static void advances(struct call *call, void *data)
{
	struct why why = { "" };
	if (!keep_cursor(data, call->advanced, &why))
		line(SL_ERROR, "%s", why.text);
}

static void ended(struct call *call, void *data)
{
	struct poller *poller = data;
	poller->errands->ended = true;
	poller_turn(poller, 0);
}

/* ---------------------------------------------------------------------- begins */

static bool begin(struct poller *poller, struct errand *errand, struct why *why)
{
	const char *cursor = NULL;
	struct call *call = call_new(poller->instance, errand->step);
	errand->call = call;
	if (!book_setting(poller->book, cursor_name, call->arena, &cursor, why))
		return false;
	call->pub.cursor = errand->step == STEP_HOOKS ? cursor : NULL;
	call->pub.verb = errand->verb;
	call->pub.hook = errand->hook;
	call->advances = changes(errand) ? advances : NULL;
	call->advances_data = poller;
	call->pub.callback = sl_json_string(sl_json_get(sl_json_root(poller->part), "callback")).at;
	errand->ended = call_run(call, ended, poller) != SL_WAIT;
	return true;
}

void errand_turn(struct poller *poller)
{
	struct errand *first = poller->errands;
	struct why why = { "" };
	if (first && !first->call && changes(first) && poller->handing)
		return;
	if (first && !first->call && !begin(poller, first, &why))
		conclude(poller, why.text);
	else if (first && first->ended)
		finish(poller);
}

/* ------------------------------------------------------------------------- asked */

static bool offers(const struct poller *poller, enum step step)
{
	const struct sl_plugin *face = instance_face(poller->instance);
	return step == STEP_HOOKS ? face->hooks != NULL : face->discover != NULL;
}

/* Why none can be sent now; NULL: nothing is against it. */
static const char *objection(const struct poller *poller, enum step step)
{
	size_t count = 0;
	for (const struct errand *errand = poller->errands; errand; errand = errand->next)
		count++;
	if (!offers(poller, step))
		return step == STEP_HOOKS ? "its plugin cannot look after webhooks at the vendor"
					  : "its plugin cannot tell what its credential may see";
	if (poller->state == POLLER_STOPPING)
		return "the source's process ends";
	if (!poller->opened && poller->open_why.text[0])
		return poller->open_why.text;
	return count < ERRANDS_MOST ? NULL : "too much is asked of this source already";
}

void errand_ask(struct poller *poller, enum step step, const char *verb, const char *hook, errand_done *done,
	void *data)
{
	const char *why = objection(poller, step);
	struct errand **place = &poller->errands;
	if (why) {
		done(poller, NULL, why, data);
		return;
	}
	while (*place)
		place = &(*place)->next;
	*place = must_alloc(sizeof(**place));
	**place = (struct errand){ .step = step, .done = done, .data = data };
	(*place)->verb = verb ? must_string(verb) : NULL;
	(*place)->hook = hook ? must_string(hook) : NULL;
	poller_turn(poller, 0);
}

void errand_refuse(struct poller *poller, const char *why)
{
	while (poller->errands && !poller->errands->call)
		conclude(poller, why);
}

void errand_end(struct poller *poller)
{
	while (poller->errands)
		conclude(poller, "the source's process ends");
}

/* ----------------------------------------------------------------- by the master */

struct asker {
	int64_t id;
	bool changes; /* what is registered */
};

/* A plugin in C may emit anything at all; what is no JSON is left out. */
static void write_data(struct call *call, struct emitted *emitted, struct buf *out)
{
	struct sl_text data = emitted->event.data;
	json_key(out, "data");
	if (data.len && emitted_json(call, emitted, NULL))
		json_raw(out, data.at, data.len);
	else
		json_null(out);
}

static void write_events(struct call *call, struct buf *out)
{
	json_key(out, "events");
	json_open(out, '[');
	for (size_t i = 0; i < call->emitted_count; i++) {
		const struct sl_event *event = &call->emitted[i].event;
		json_open(out, '{');
		json_member_string(out, "id", event->id);
		json_member_string(out, "type", event->type);
		json_member_string(out, "subject", event->subject);
		write_data(call, &call->emitted[i], out);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void answer_events(struct poller *poller, struct call *call, const char *why, void *data)
{
	struct asker *asker = data;
	struct buf out = { 0 };
	if (why) {
		tell_end(poller, asker->id, why);
	} else {
		json_open(&out, '{');
		json_member_string(&out, "say", "answer");
		json_member_int(&out, "id", asker->id);
		json_member_bool(&out, "ok", true);
		write_events(call, &out);
		json_close(&out, '}');
		channel_send(poller->channel, &out);
		buf_free(&out);
	}
	if (asker->changes)
		gap_look_again(poller);
	free(asker);
}

static struct asker *asker_new(int64_t id, bool changes)
{
	struct asker *asker = must_alloc(sizeof(*asker));
	asker->id = id;
	asker->changes = changes;
	return asker;
}

void errand_answer_hooks(struct poller *poller, int64_t id, const struct sl_json *message)
{
	static const char *const verbs[] = { "list", "register", "remove" };
	struct sl_text verb = sl_json_string(sl_json_get(message, "verb"));
	const char *hook = sl_json_string(sl_json_get(message, "hook")).at;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (sl_text_is(verb, verbs[i])) {
			errand_ask(poller, STEP_HOOKS, verbs[i], hook, answer_events, asker_new(id, i > 0));
			return;
		}
	tell_end(poller, id, "hooks takes a verb: \"list\", \"register\" or \"remove\"");
}

void errand_answer_discover(struct poller *poller, int64_t id, const struct sl_json *message)
{
	errand_ask(poller, STEP_DISCOVER, NULL, NULL, answer_events, asker_new(id, false));
}
