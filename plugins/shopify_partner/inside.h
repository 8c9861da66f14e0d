/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of this plugin share.
 *
 *     shopify_partner.c   what it is: options, api
 *     poll.c              the walk through events and transactions, the newest first
 *     events.c            what an edge is an event of
 *     ask.c               one question, and whether its answer can be used
 *     discover.c          which apps the token may see
 */
#ifndef SHOPIFY_PARTNER_INSIDE_H
#define SHOPIFY_PARTNER_INSIDE_H

#include <stdbool.h>

#include "plugin.h"
#include "time.h"

struct partner {
	const char *organization;
	const char *const *token;
	const char *const *apps;
	const char *base;
	const char *version;
	_Bool transactions;
	int64_t overlap;
};

sl_step poll_history, discover;

/* `variables`: a JSON object. */
enum sl_outcome ask(struct sl_call *call, const char *query, struct sl_text variables, sl_step *next);
/* In `next`: the answer's data, perhaps beside `errors` (the list, or NULL); NULL: `outcome` is how the call ends. */
const struct sl_json *answered(struct sl_call *call, const struct sl_json **errors, enum sl_outcome *outcome);
enum sl_outcome errors_fail(struct sl_call *call, const struct sl_json *errors, const char *what);
struct sl_text first_bytes(struct sl_text body);

struct sl_text gid_number(struct sl_text gid); /* "gid://partners/App/1234567": 1234567; empty: there is none */
const char *app_gid(struct sl_call *call, const char *app);

/* Both emit one event and say when it was; false, and `outcome` is how the call ends, if it is none. */
bool emit_event(struct sl_call *call, const struct sl_json *node, int64_t *moment, enum sl_outcome *outcome);
bool emit_transaction(struct sl_call *call, const struct sl_json *node, int64_t *moment, enum sl_outcome *outcome);

#endif
