/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h - messages between the master and its children.
 *
 * A message is one JSON object; on the wire it is its length (32 bits, little
 * endian) and its text.  Both ends of the socketpair use the same struct.  At most
 * 64 MB a message; a peer that breaks the form is treated as gone.
 *
 *     master to child                       child to master
 *     {"do":"start", ...its part}           {"say":"ready"}
 *     {"do":"part", ...its new part}        {"say":"status", ...}
 *     {"do":"ask","id":7,"what":"...",...}  {"say":"answer","id":7, ...}
 *     {"do":"stop"}                         {"say":"fatal","why":"...","final":true}
 *
 * "final": starting it again will not help until something changes (a plugin
 * that does not load, a cursor that another daemon moved).
 */
#ifndef IO_CHANNEL_H
#define IO_CHANNEL_H

#include <uv.h>

#include "base/buf.h"
#include "sdk/json.h"

struct channel;

/* `message` is freed when the function returns.  NULL: the peer is gone; that is
 * said once, and the last. */
typedef void channel_heard(struct channel *channel, const struct sl_json *message, void *data);

struct channel *channel_open(uv_loop_t *loop, int fd, channel_heard *heard, void *data);
void channel_send(struct channel *channel, const struct buf *message); /* copied */
size_t channel_waiting(const struct channel *channel);                 /* bytes not yet taken by the peer */
void channel_close(struct channel **channel);                          /* what waits is still tried once */

#endif
