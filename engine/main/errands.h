/* SPDX-License-Identifier: Apache-2.0 */
/* errands.h - what a source's process is sent to its vendor for: the daemon's, or one of our own.
 *
 * If a daemon runs, its master hands the question on.  If none does, the data folder is
 * locked as by a daemon, and the source's process is begun by us: with its secrets and
 * budget, but it does not poll.  It is kept, and so is the lock, until errands_free.
 */
#ifndef MAIN_ERRANDS_H
#define MAIN_ERRANDS_H

#include "main/config.h"
#include "sdk/json.h"

struct errands;

/* The configuration is whole, and outlives it.  NULL: what answers at the admin address
 * is no daemon of ours. */
struct errands *errands_new(struct config *config, struct why *why);
void errands_free(struct errands **errands);
bool errands_daemon(const struct errands *errands); /* one runs */

/* `question` is a JSON object with `what`: flow/poller.h knows which there are.  The answer's
 * document, freed by the caller; NULL: why says what is against it.  Takes minutes where
 * the vendor's budget is small. */
struct sl_document *errand_run(struct errands *errands, const struct config_source *source,
	const struct buf *question, struct why *why);
struct sl_document *errand_hooks(struct errands *errands, const struct config_source *source, const char *verb,
	const char *hook, struct why *why); /* {"events":[...]}: sdk/plugin.h, Hooks */
struct sl_document *errand_discover(struct errands *errands, const struct config_source *source, struct why *why);

/* Does an address that vendors are told lead to the running daemon?  `shown` is what a
 * message may say of it. */
bool errand_probe(const struct config *config, const char *address, const char *shown, struct why *why);

#endif
