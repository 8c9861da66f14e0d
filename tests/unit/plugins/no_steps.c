/* SPDX-License-Identifier: Apache-2.0 */
/* no_steps.c - a plugin that is refused: it offers nothing. */
#include "plugin.h"

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "no_steps",
	.version = "1.0",
	.summary = "it offers nothing.",
};
