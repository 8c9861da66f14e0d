/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - one HTTP request, and wait for its answer.
 *
 * For our own commands: they talk to the admin address, and `sluice send` to the
 * public one.  Blocking, HTTP/1.1 without TLS, no redirects.  The connection is
 * kept and used again as long as the far side keeps it.
 */
#ifndef IO_ASK_H
#define IO_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/why.h"
#include "sdk/plugin.h"

struct ask; /* a far side, connected when first asked */

struct ask_answer {
	int status;
	struct buf headers; /* "name: value\n" each, names in lower case */
	struct buf body;
};
void ask_answer_free(struct ask_answer *answer);

/* `address`: unix:PATH, HOST:PORT (io/socket.h) or http://HOST[:PORT][/...]; of
 * a URL the path is ignored here, ask_path gives it.  https is refused with a
 * sentence. */
struct ask *ask_open(const char *address, struct why *why);
void ask_close(struct ask **ask);
const char *ask_path(const char *url); /* "/in/boards?x=1" of a URL; "/" if it has none */

/* `headers`: lines ended by "\r\n", or NULL.  `path` holds the query too.  False
 * if there was no answer (whatever its status) within `timeout` ms; why says. */
bool ask(struct ask *ask, const char *method, const char *path, const char *headers, struct sl_text body,
	int64_t timeout, struct ask_answer *answer, struct why *why);

#endif
