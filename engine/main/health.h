/* SPDX-License-Identifier: Apache-2.0 */
/* health.h - how the daemon is, as one JSON object.
 *
 *     state     green   everything is delivered
 *               yellow  a person should look: dead letters, a pause, a log half full
 *               red     something is not taken in, or not delivered
 *     why       a sentence for each thing that keeps it from green, the gravest first
 *     pid version began
 *     log       bytes limit begin end; held: bytes that are not delivered yet,
 *               held_by: the route that needs the oldest event
 *     ingress   state pid restarts error, requests accepted refused ...
 *     routes    name state pid restarts error, behind seconds_behind waiting dead
 *               outage_since, cursor delivered dropped ...
 *     sources   name accepted refused last; polls, if it does (else null): state pid
 *               restarts error, last next (poll), events, rests, backfill (since events)
 *     reload    null, or why (error) and when (at) the last one was refused
 *
 * Health follows deliveries, not processes: one that died and is up again within
 * seconds is no more than yellow.
 */
#ifndef MAIN_HEALTH_H
#define MAIN_HEALTH_H

#include "base/buf.h"

struct child;
struct master;

enum health { HEALTH_GREEN, HEALTH_YELLOW, HEALTH_RED };

const char *health_name(enum health health);
enum health health_of(const struct master *master);

/* Writes the object; false if the state is red. */
bool health_write(const struct master *master, struct buf *out);

/* How far a route is behind the log's end, in events. */
uint64_t health_behind(const struct master *master, const struct child *route);
/* Do both know by now where they stand?  Before, nothing can be said of behind. */
bool health_stands(const struct master *master, const struct child *route);

#endif
