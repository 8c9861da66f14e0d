/* SPDX-License-Identifier: Apache-2.0 */
/* abi_new.c - a plugin that is refused: it was built for a later minor version. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI + 7,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "abi_new",
	.version = "1.0",
	.summary = "it was built for a later minor version.",
	.transform = transform,
};
