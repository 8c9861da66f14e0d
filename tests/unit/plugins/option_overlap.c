/* SPDX-License-Identifier: Apache-2.0 */
/* option_overlap.c - a plugin that is refused: two options share one field. */
#include "plugin.h"

struct options {
	const char *word;
	int64_t number;
};

static enum sl_outcome transform(struct sl_call *call)
{
	return SL_DONE;
}

static const struct sl_option table[] = {
	SL_OPTION(TEXT, struct options, word, .initial = ""),
	{ .name = "other", .type = SL_INT, .at = 0, .initial = "1" },
	{ 0 },
};

__attribute__((visibility("default"))) const struct sl_plugin sl_plugin = {
	.abi = SL_ABI,
	.size = sizeof(struct sl_plugin),
	.option_size = sizeof(struct sl_option),
	.name = "option_overlap",
	.version = "1.0",
	.summary = "two options share one field.",
	.transform = transform,
	.options = table,
	.options_size = sizeof(struct options),
};
