/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.h - the ingress: the public HTTP server and the log's only writer.
 *
 * POST /in/NAME is checked as the source NAME describes its webhooks, appended to
 * the log, and answered once the record and all before it are on disk.  No code
 * of a plugin runs here.
 *
 *     200 ...  {"ok":true}: on disk, or a handshake
 *     401      not from the vendor                  404  no such source
 *     405      another method                       429  too many challenges
 *     503      the log is full, or the disk; with Retry-After
 *     and what the HTTP server refuses by itself (io/http.h)
 *
 * Requests that arrive while a write + fdatasync is under way share the next one.
 * After a failed write nothing is acknowledged any more: the process ends, is begun
 * again, and the log recovers.
 *
 * What source processes poll comes in over a socket of its own (flow/ingest_events.h)
 * and is acknowledged likewise.
 *
 * What it answers when the master asks:
 *
 *     {"what":"stat"}  begin end bytes limit oldest segments damaged log_id
 *     {"what":"probe"}  nonce proof: who asks an address of ours ?sluice-probe=NONCE within a
 *             minute, once, gets {"proof":"..."} from this very process
 *     {"what":"open","source":"boards","for":MS}  door: for so long, 10 min at most, what is not
 *             signed at all is answered 200 there, and nothing of it is kept.  One at a time
 *     {"what":"opened","door":N}  left (ms), seen: what came since the last look ([{time, method,
 *             query, headers, body, size, verdict}]), left_out: that there was no room for.
 *             Who has not looked for 5 s has gone, and the door is shut
 *     {"what":"shut","door":N}
 *
 * Once a second, if anything has changed, it tells how it is:
 *
 *     {"say":"status","state":"running" or "refusing","error":"...",
 *      "sources":[{"name":"...","accepted":N,"refused":N,"last":"2026-11-21T22:10:19.123Z"}]}
 *
 * Counts are since the process began.
 */
#ifndef FLOW_INGEST_H
#define FLOW_INGEST_H

/* Runs the process; called by main() with argv[0] = "sluice: ingress".
 * Descriptors: 3 the channel, 4 the shared page, 5 ... listening sockets,
 * that of polled events among them ("events":{"fd":N} of its part). */
int ingest_main(int argc, char **argv);

#endif
