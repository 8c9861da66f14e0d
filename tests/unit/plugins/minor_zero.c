/* SPDX-License-Identifier: Apache-2.0 */
/* minor_zero.c - a plugin as it was built for interface 1.0, when struct sl_plugin ended with batch_rows. */
#include "plugin.h"

static enum sl_outcome transform(struct sl_call *call)
{
	call->host->drop(call, "seen");
	return SL_DONE;
}

struct plugin_1_0 {
	uint32_t abi, size;
	const char *name, *version, *summary;
	const struct sl_option *options;
	size_t option_size, options_size, state_size, local_size;
	const struct sl_webhook *webhook;
	sl_step *open;
	void (*close)(void *state);
	sl_step *decode, *poll, *transform, *deliver;
	sl_step *recall;
	const char *dialect;
	size_t batch_rows;
};

__attribute__((visibility("default"))) const struct plugin_1_0 sl_plugin = {
	.abi = 1 << 16,
	.size = sizeof(struct plugin_1_0),
	.option_size = sizeof(struct sl_option),
	.name = "minor_zero",
	.version = "1",
	.summary = "Knows of nothing that came later.",
	.transform = transform,
};
