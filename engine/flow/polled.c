/* SPDX-License-Identifier: Apache-2.0 */
/* polled.c - an event that a poll emitted, as it travels to the ingress and lies in the log. */
#include "flow/polled.h"

#include <string.h>

void polled_write(const struct sl_event *event, const char *again, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "id", event->id);
	if (event->type)
		json_member_string(out, "type", event->type);
	if (event->subject)
		json_member_string(out, "subject", event->subject);
	if (event->time)
		json_member_int(out, "time", event->time);
	if (event->run)
		json_member_string(out, "run", event->run);
	if (again)
		json_member_string(out, "again", again);
	json_key(out, "data");
	json_raw(out, event->data.len ? event->data.at : "{}", event->data.len ? event->data.len : 2);
	json_close(out, '}');
}

/* A text of bounded length without a zero byte, or nothing. */
static bool check_word(const struct sl_json *json, const char *name, struct why *why)
{
	const struct sl_json *value = sl_json_get(json, name);
	struct sl_text text = sl_json_string(value);
	if (sl_json_kind(value) == SL_KIND_NULL)
		return true;
	if (!text.at)
		return why_say(why, "an event's %s is no text", name);
	if (text.len > POLLED_WORD)
		return why_say(why, "an event's %s has %zu bytes; the most is %zu", name, text.len, POLLED_WORD);
	if (memchr(text.at, '\0', text.len))
		return why_say(why, "an event's %s holds a zero byte", name);
	return true;
}

bool polled_of_run(const char *id, const char *run)
{
	size_t len = strlen(id), tail = strlen(run);
	return len > tail && id[len - tail - 1] == '#' && strcmp(id + len - tail, run) == 0;
}

/* It names a load in the destination, and says which events belong together. */
static bool check_run(const struct sl_json *json, struct why *why)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	const struct sl_json *value = sl_json_get(json, "run");
	const char *id = sl_json_string(sl_json_get(json, "id")).at;
	struct sl_text run = sl_json_string(value);
	if (sl_json_kind(value) == SL_KIND_NULL)
		return true;
	if (!run.len || run.len > POLLED_RUN || strspn(run.at, chars) != run.len)
		return why_say(why, "the run of event %s is no name of a run", id);
	if (polled_own(sl_json_string(sl_json_get(json, "type")).at) || polled_of_run(id, run.at))
		return true;
	return why_say(why, "event %s is of the run %s, but its id does not end in #%s", id, run.at, run.at);
}

bool polled_check(const struct sl_json *json, struct why *why)
{
	static const char *const words[] = { "id", "type", "subject", "again" };
	const struct sl_json *time = sl_json_get(json, "time");
	int64_t moment;
	if (sl_json_kind(json) != SL_KIND_OBJECT)
		return why_say(why, "an event is no JSON object");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!check_word(json, words[i], why))
			return false;
	if (!sl_json_string(sl_json_get(json, "id")).len)
		return why_say(why, "an event has no id; without one a repetition of it cannot be known");
	if (sl_json_kind(time) != SL_KIND_NULL && !sl_json_integer(time, &moment))
		return why_say(why, "the time of event %s is no whole number of milliseconds",
			sl_json_string(sl_json_get(json, "id")).at);
	if (!sl_json_get(json, "data"))
		return why_say(why, "event %s has no data", sl_json_string(sl_json_get(json, "id")).at);
	if (!check_run(json, why))
		return false;
	if (sl_json_raw(json).len > POLLED_SIZE)
		return why_say(why, "event %s has %zu MB; the most is %zu MB", sl_json_string(sl_json_get(json, "id")).at,
			sl_json_raw(json).len >> 20, POLLED_SIZE >> 20);
	return true;
}

static const char *own_word(const struct sl_json *json, const char *name, struct arena *arena)
{
	return arena_string(arena, sl_json_string(sl_json_get(json, name)).at);
}

bool polled_read(const struct sl_json *json, struct arena *arena, struct sl_event *event, struct why *why)
{
	if (!polled_check(json, why))
		return false;
	*event = (struct sl_event){
		.id = own_word(json, "id", arena),
		.type = own_word(json, "type", arena),
		.subject = own_word(json, "subject", arena),
		.run = own_word(json, "run", arena),
		.json = sl_json_get(json, "data"),
	};
	sl_json_integer(sl_json_get(json, "time"), &event->time);
	event->data = arena_text(arena, sl_json_raw(event->json));
	return true;
}

const char *polled_again(const struct sl_json *json)
{
	return sl_json_string(sl_json_get(json, "again")).at;
}

bool polled_own(const char *type)
{
	return type && strncmp(type, "sluice.", strlen("sluice.")) == 0;
}

bool polled_sync(const char *type)
{
	return type && strcmp(type, POLLED_SYNC) == 0;
}
