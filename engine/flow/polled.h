/* SPDX-License-Identifier: Apache-2.0 */
/* polled.h - an event that a poll emitted, as it travels to the ingress and lies in the log.
 *
 *     {"id":"42@1763763019","type":"card","subject":"42","time":1763763019123,"data":{...}}
 *
 * With "run":"RUN" it is one of a snapshot (flow/poller.h), or tells of one: then its id ends
 * in "#RUN", so that each run has events of its own.
 *
 * With "again":"RUN" it is known already, and handed in once more because a person
 * wanted everything again: routes take such an id once for each RUN.
 *
 * `id` is never left out or empty; type, subject and time (milliseconds since 1970)
 * may be; `data` is any JSON value.  Its record has LOG_EVENT among its flags, the
 * source's name, and this object, byte for byte, as its body; nothing else.
 *
 * Types that begin with "sluice." are the engine's own: a plugin cannot emit them.
 */
#ifndef FLOW_POLLED_H
#define FLOW_POLLED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "sdk/json.h"

#define POLLED_WORD ((size_t)1024)       /* bytes of an id, a type, a subject, at most */
#define POLLED_RUN ((size_t)63)           /* bytes of a run's name: letters, digits, and -_. */
#define POLLED_SIZE ((size_t)16 << 20)   /* bytes of an event, at most */
#define POLLED_SYNC "sluice.sync"        /* the type of the events that tell of a poll's run */
#define POLLED_SYNC_TABLE "sluice_sync"  /* where a schema has it, they become its rows */

/* `event->data` is JSON, or empty: then {} is written.  `again`: NULL, or the run that
 * brings it once more. */
void polled_write(const struct sl_event *event, const char *again, struct buf *out);

/* Whether it is one.  The sentence names what is wrong with it. */
bool polled_check(const struct sl_json *json, struct why *why);

/* Checks it and reads it into `event`: id, type, subject, time, run, data, json.  Only `json` is the
 * document's: the others are copied into the arena. */
bool polled_read(const struct sl_json *json, struct arena *arena, struct sl_event *event, struct why *why);

bool polled_of_run(const char *id, const char *run); /* the id ends in "#RUN" */
const char *polled_again(const struct sl_json *json); /* the run, or NULL */
bool polled_own(const char *type); /* one of the engine's own */
bool polled_sync(const char *type); /* tells of a run */

#endif
