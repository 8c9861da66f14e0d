/* SPDX-License-Identifier: Apache-2.0 */
/* option_endless.c - a plugin that is refused: its option table has no end. */
#include "plugin.h"

struct options {
	const char *word;
	int64_t number;
};

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_option table[300] = { [0 ... 299] = { .name = "word", .type = SL_TEXT, .initial = "" } };

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "option_endless",
	.version = "1.0",
	.summary = "its option table has no end.",
	.transform = transform,
	.options = table,
	.options_size = sizeof(struct options),
};
