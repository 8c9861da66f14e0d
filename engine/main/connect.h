/* SPDX-License-Identifier: Apache-2.0 */
/* connect.h - what the credentials of a configuration may see, and whether vendors' addresses lead here. */
#ifndef MAIN_CONNECT_H
#define MAIN_CONNECT_H

#include "main/config.h"
#include "sdk/json.h"

/* Of one source, in the configuration's order. */
struct connection {
	const struct config_source *source;
	struct sl_document *seen; /* {"events":[...]}: sdk/plugin.h, Discover; NULL: not asked, or refused */
	struct why refused;       /* "": it is not */
	bool probed, leads;       /* its address was asked; it leads to the running daemon */
	struct why astray;        /* where to instead */
};

struct connections {
	struct connection *at; /* in the configuration's arena */
	size_t count;
	bool daemon; /* one runs; without it no address can be asked */
};

/* Asks them all.  False: something is in the way of all of it; why says. */
bool connect_all(struct config *config, struct connections *connections, struct why *why);
void connect_free(struct connections *connections);
bool connect_good(const struct connections *connections); /* nothing was refused, no address leads astray */

/* For people; and as members of an object that is open. */
void connect_words(const struct connections *connections, struct buf *out);
void connect_json(const struct connections *connections, struct buf *out);

#endif
