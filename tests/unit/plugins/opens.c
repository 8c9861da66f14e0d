/* SPDX-License-Identifier: Apache-2.0 */
/* opens.c - a source that begins once its file is there: until then its open step waits, and is told to come again. */
#include <unistd.h>

#include "plugin.h"

struct options {
	const char *file;
};

static const struct sl_option table[] = {
	SL_OPTION(PATH, struct options, file, .help = "What has to be there."),
	{ 0 },
};

static enum sl_outcome look(struct sl_call *call)
{
	const struct options *options = call->options;
	_Bool *opened = call->state;
	*opened = access(options->file, R_OK) == 0;
	return *opened ? SL_DONE : call->host->retry(call, 0, "the shop has not opened yet");
}

static enum sl_outcome open_shop(struct sl_call *call)
{
	return call->host->sleep(call, 10, look);
}

static enum sl_outcome poll_shop(struct sl_call *call)
{
	const _Bool *opened = call->state;
	if (!*opened)
		return call->host->fail(call, "nobody opened the shop");
	if (!call->cursor)
		call->host->emit(call, &(struct sl_event){ .id = "1", .type = "new", .data = { "{\"n\":1}", 7 } });
	call->host->advance(call, "1");
	return SL_DONE;
}

SL_PLUGIN(.name = "opens", .version = "1", .summary = "Begins once its file is there.", .options = table,
	.options_size = sizeof(struct options), .state_size = sizeof(_Bool), .open = open_shop, .poll = poll_shop);
