/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_size.c - a plugin that is refused: its constant is shorter than its version says. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = 40,
	.option_size = sizeof(struct sl_option),
	.name = "wrong_size",
	.version = "1.0",
	.summary = "its constant is shorter than its version says.",
	.transform = transform,
};
