/* SPDX-License-Identifier: Apache-2.0 */
/* try.h - a route's steps, walked for trial: decode, transforms, schema.  Nothing is delivered or written.
 *
 * A process of `sluice try`; argv[0] "sluice: try", argv[1] the route's name.
 * Descriptors: 2 log lines, 3 a socket, 4 the shared page.  It reads its part from the
 * socket until the other end is shut: a route's (main/config.h) and in it
 *
 *     "try":{"from":SEQ,"last":N,"fresh":false}      from 0: the last N there are
 *
 * and writes lines of JSON to it, those of one event as soon as it is known what
 * becomes of it, events in order, one at a time: what crashes is the one behind the
 * last that was told.
 *
 *     {"from":SEQ,"left":N}                    where it begins, and how many there may be
 *     {"seq":7,"part":0,"source":..,"id":..,"type":..,"subject":..,
 *      "outcome":"rows|dropped|failed|retry","why":..,
 *      "rows":[{"table":..,"mode":..,"key":{..},"row":{..}}],
 *      "drops":["reason"],"asked":[{"request":"GET host/path","how":"kept|asked|not sent"}]}
 *     {"done":7}                               all of the record 7 has been told
 *     {"error":"..."}                          the last: it cannot begin, or go on
 *     {"end":true}                             the last
 *
 * What an event asked before and got is answered out of the route's own file.  Without
 * "fresh" nothing is sent at all; with it requests that change nothing are, as those of a
 * backfill.
 */
#ifndef FLOW_TRY_H
#define FLOW_TRY_H

int try_main(int argc, char **argv);

#endif
