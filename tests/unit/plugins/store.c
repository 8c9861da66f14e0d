/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - a sink that keeps nothing, for tests of what leads to one. */
#include "plugin.h"

struct store {
	const char *path;
};

static const struct sl_option options[] = {
	SL_OPTION(PATH, struct store, path, .help = "the file"),
	{ 0 },
};

static enum sl_outcome deliver(struct sl_call *call)
{
	return SL_DONE;
}

SL_PLUGIN(.name = "store", .version = "1.0", .summary = "Keeps nothing.", .options = options,
	.options_size = sizeof(struct store), .deliver = deliver);
