/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_door.c - a source that is open to what is not signed, for a while.
 *
 * Some vendors send an unsigned request when a webhook is being set up, and want 200 for
 * it.  For that a person opens the source and looks on: what has no proof at all is answered
 * 200 and nothing of it is kept; what is signed goes its ordinary way, and so does what is
 * signed wrongly, which is no vendor's trial.  All of it is shown.  Whoever opened it has to
 * keep looking: a terminal that is gone leaves no door open behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"

#define OPEN_MOST 600000            /* ms */
#define LOOK_TIME 5000              /* ms without a look until it is shut */
#define BODY_SHOWN 4096             /* bytes */
#define SEEN_MOST ((size_t)1 << 18) /* bytes that wait to be looked at */

struct door {
	char *source;
	uint64_t number;
	int64_t until, looked; /* clock_ticks */
	struct buf seen;       /* the elements of an array */
	uint64_t left_out;
};

static int64_t member(const struct sl_json *question, const char *name)
{
	int64_t number = 0;
	sl_json_integer(sl_json_get(question, name), &number);
	return number;
}

static bool is_open(const struct door *door)
{
	if (!door)
		return false;
	int64_t now = clock_ticks();
	return now < door->until && now - door->looked < LOOK_TIME;
}

void door_free(struct ingest *ingest)
{
	if (!ingest->door)
		return;
	buf_free(&ingest->door->seen);
	free(ingest->door->source);
	free(ingest->door);
	ingest->door = NULL;
}

static void shut(struct ingest *ingest)
{
	line_about(SL_INFO, &(struct about){ .source = ingest->door->source },
		"requests without a signature are refused again");
	door_free(ingest);
}

void door_beat(struct ingest *ingest)
{
	if (ingest->door && !is_open(ingest->door))
		shut(ingest);
}

/* ------------------------------------------------------------------------ asked */

static struct ingest_source *asked_source(const struct ingest *ingest, const struct sl_json *question, struct why *why)
{
	struct sl_text name = sl_json_string(sl_json_get(question, "source"));
	struct ingest_source *source = ingest->table && name.len ? table_named(ingest->table, name) : NULL;
	if (source && source->webhook)
		return source;
	why_say(why, source ? "source %.*s takes no webhooks" : "there is no source \"%.*s\"", (int)name.len,
		name.at ? name.at : "");
	return NULL;
}

bool door_open(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	static uint64_t last;
	struct ingest_source *source = asked_source(ingest, question, why);
	int64_t wanted = member(question, "for"), now = clock_ticks();
	if (!source)
		return false;
	if (wanted <= 0 || wanted > OPEN_MOST)
		return why_say(why, "a source can be opened for 10 minutes at most");
	door_beat(ingest);
	if (ingest->door)
		return why_say(why, "source %s is open already, and only one may be at a time", ingest->door->source);
	ingest->door = must_alloc(sizeof(*ingest->door));
	*ingest->door = (struct door){
		.source = must_string(source->name.at), .number = ++last, .until = now + wanted, .looked = now
	};
	line_about(SL_WARNING, &(struct about){ .source = source->name.at },
		"requests without a signature are answered 200, and not kept, for %lld s", (long long)wanted / 1000);
	json_member_uint(out, "door", ingest->door->number);
	return true;
}

static struct door *asked_door(struct ingest *ingest, const struct sl_json *question, struct why *why)
{
	door_beat(ingest);
	if (ingest->door && ingest->door->number == (uint64_t)member(question, "door"))
		return ingest->door;
	why_say(why, "it is shut");
	return NULL;
}

bool door_look(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	struct door *door = asked_door(ingest, question, why);
	if (!door)
		return false;
	door->looked = clock_ticks();
	json_member_int(out, "left", door->until - door->looked);
	json_key(out, "seen");
	json_open(out, '[');
	if (door->seen.len)
		json_raw(out, door->seen.at, door->seen.len);
	json_close(out, ']');
	json_member_uint(out, "left_out", door->left_out);
	buf_free(&door->seen);
	door->left_out = 0;
	return true;
}

bool door_shut(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	if (!asked_door(ingest, question, why))
		return false;
	shut(ingest);
	return true;
}

/* ----------------------------------------------------------------------- passing */

static const char *verdict_words(const struct webhook_check *check)
{
	if (check->missing)
		return "not signed: answered 200, not kept";
	if (check->verdict == WEBHOOK_GENUINE)
		return "signed: taken in as ever";
	if (check->verdict == WEBHOOK_CHALLENGE || check->verdict == WEBHOOK_HEAD)
		return "a handshake: answered as ever";
	return check->reason;
}

/* What is itself a secret stays out, as it does in the log. */
static void write_seen(struct ingest *ingest, const struct ingest_source *source, const struct log_record *record,
	const struct webhook_check *check, struct buf *out)
{
	struct sl_text body = record->body;
	buf_clear(&ingest->headers);
	buf_clear(&ingest->query);
	webhook_keep(source->webhook, record, &ingest->headers, &ingest->query);
	body.len = body.len < BODY_SHOWN ? body.len : BODY_SHOWN;
	json_open(out, '{');
	json_member_int(out, "time", record->received);
	json_member_string(out, "method", record->method.at);
	json_key(out, "query"), json_text(out, (struct sl_text){ ingest->query.at, ingest->query.len });
	json_key(out, "headers"), json_text(out, (struct sl_text){ ingest->headers.at, ingest->headers.len });
	json_key(out, "body"), json_text(out, body);
	json_member_uint(out, "size", record->body.len);
	json_member_string(out, "verdict", verdict_words(check));
	json_close(out, '}');
}

bool door_passes(struct ingest *ingest, const struct ingest_source *source, const struct log_record *record,
	const struct webhook_check *check)
{
	struct door *door = ingest->door;
	if (!is_open(door) || !sl_text_is(source->name, door->source))
		return false;
	if (door->seen.len < SEEN_MOST)
		write_seen(ingest, source, record, check, &door->seen);
	else
		door->left_out++;
	return check->missing;
}
