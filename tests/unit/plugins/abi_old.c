/* SPDX-License-Identifier: Apache-2.0 */
/* abi_old.c - a plugin that is refused: it was built for another major version. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = 3,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "abi_old",
	.version = "1.0",
	.summary = "it was built for another major version.",
	.transform = transform,
};
