/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_events.h - how the events of polls come into the log.
 *
 * The log has one writer, so a source process hands its events to the ingress, over
 * the unix socket DATA/events.sock (mode 0600).  The master opens it and hands the
 * listening descriptor on ("events":{"fd":N} in the ingress's part), so it outlives
 * an ingress; a connection ends with either of its two ends, and with it whatever was
 * half said.  Messages have the form of io/channel.h.  The first says who comes, and
 * shows the key of that source, which only the master gives away, to its process: a
 * plugin of another process may open the socket, but hands in nothing.
 *
 *     {"source":"boards","key":"9f86..."}
 *     {"id":1,"source":"boards","events":[{...},{...}]}      see flow/polled.h
 *     {"id":1,"first":41,"last":42}                          on disk, all of them
 *     {"id":1,"error":"event 42 has no data"}                none was taken, and asking again will not help
 *     {"id":1,"error":"...","later":true}                    nor this: but the source may be known soon
 *
 * There is no other answer: while the log has no room a message is kept unanswered,
 * and taken when there is.  Until then the source says nothing further: one message
 * may wait, a second one ends the connection.  Who was not answered, because the
 * ingress ended, says the same again to the next one; routes know an id they have met.
 */
#ifndef FLOW_INGEST_EVENTS_H
#define FLOW_INGEST_EVENTS_H

#include "flow/polled.h"
#include "sdk/sign.h"

#define EVENTS_MOST 512                  /* in a message */
#define EVENTS_SIZE ((size_t)1 << 20)    /* bytes of a message, about; a single event may have more */
#define EVENTS_KEY (2 * SL_DIGEST_MOST)  /* characters of a key, at most */

/* The key of a source, from that of the daemon ("events_key" in the ingress's part). */
void events_key(struct sl_text daemon, struct sl_text source, char key[EVENTS_KEY + 1]);

#endif
