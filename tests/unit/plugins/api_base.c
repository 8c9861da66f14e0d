/* SPDX-License-Identifier: Apache-2.0 */
/* api_base.c - a plugin whose api cannot be. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_api api = { .base = "ftp://example.com" };

SL_PLUGIN(.name = "api_base", .version = "1", .summary = "Its api cannot be.", .transform = transform, .api = &api);
