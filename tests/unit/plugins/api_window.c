/* SPDX-License-Identifier: Apache-2.0 */
/* api_window.c - a plugin whose api cannot be. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_api api = { .base = "https://x", .requests = 5 };

SL_PLUGIN(.name = "api_window", .version = "1", .summary = "Its api cannot be.", .transform = transform, .api = &api);
