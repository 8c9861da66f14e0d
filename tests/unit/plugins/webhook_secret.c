/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_secret.c - a plugin that is refused: its webhook names a secret that is no option. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_webhook webhook = { .auth = SL_HMAC_SHA256, .proof = "header:X", .secret = "word" };

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "webhook_secret",
	.version = "1.0",
	.summary = "its webhook names a secret that is no option.",
	.webhook = &webhook,
	.transform = transform,
};
