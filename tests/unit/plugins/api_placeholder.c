/* SPDX-License-Identifier: Apache-2.0 */
/* api_placeholder.c - a plugin whose api cannot be. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const char *const headers[] = { "Authorization: Bearer {token}", NULL };
static const struct sl_api api = { .base = "https://x", .headers = headers };

SL_PLUGIN(.name = "api_placeholder", .version = "1", .summary = "Its api cannot be.",
	.transform = transform, .api = &api);
