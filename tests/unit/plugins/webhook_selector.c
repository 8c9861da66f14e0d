/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_selector.c - a plugin that is refused: its webhook has a selector that is none. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_webhook webhook = { .id = "/action/id" };

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "webhook_selector",
	.version = "1.0",
	.summary = "its webhook has a selector that is none.",
	.webhook = &webhook,
	.transform = transform,
};
