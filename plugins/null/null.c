/* SPDX-License-Identifier: Apache-2.0 */
/* null.c - a sink that takes everything and keeps nothing. */
#include "plugin.h"

static enum sl_outcome deliver(struct sl_call *call)
{
	return SL_DONE; /* a row that is not settled otherwise is written */
}

SL_PLUGIN(
	.name = "null",
	.version = "1.0",
	.summary = "Takes every row and keeps none: for trying a mapping, and for measuring.",
	.deliver = deliver);
