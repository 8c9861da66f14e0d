/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - what is asked over the admin address.
 *
 *     GET  /health        200 or 503: how everything is (main/health.h)
 *     GET  /status        the same, always 200
 *     GET  /metrics       the same as numbers, for Prometheus
 *     POST /reload        the configuration is read anew; 422 if it cannot be used
 *     POST /ask/NAME      {"what":...} to a route, to `ingress`, or as source/NAME to a
 *                         source with a process; its answer
 *
 * A unix socket is guarded by its mode, a TCP address by a bearer token.  A
 * question is answered within five seconds, or within its `patience` (ms, 10 min at
 * most): 504 otherwise, 503 if the process dies over it.  One that is just being
 * replaced is waited for.  An answer that says "ok":false, or has an "error" and no
 * "ok", comes with 422.
 */
#ifndef MAIN_ADMIN_H
#define MAIN_ADMIN_H

#include "main/child.h"

struct admin;
struct master;

struct admin *admin_open(struct master *master, struct why *why);
void admin_close(struct admin **admin);

/* From the master: a child said that it is ready; something else; its process is gone; time passes. */
void admin_ready(struct admin *admin, struct child *child);
void admin_heard(struct admin *admin, struct child *child, struct sl_text say, const struct sl_json *message);
void admin_ended(struct admin *admin, struct child *child);
void admin_tick(struct admin *admin, int64_t now);

#endif
