/* SPDX-License-Identifier: Apache-2.0 */
/* stamp.c - each event with a stamp on it: when it was, and an HMAC of its name. */
#include "plugin.h"
#include "sign.h"
#include "text.h"
#include "time.h"

#include <time.h>

struct settings {
	const char *const *key;
};

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct settings, key, .help = "What stamps are made with."),
	{ 0 },
};

_Static_assert(sizeof(time_t) >= 4, "<time.h> is the system's, \"time.h\" is Sluice's");

static enum sl_outcome transform(struct sl_call *call)
{
	const struct settings *opt = call->options;
	const struct sl_text id = sl_text_of(call->event->id);
	unsigned char mac[SL_DIGEST_MOST];
	char hex[2 * SL_DIGEST_MOST + 1], when[SL_TIME_SIZE];
	size_t len = sl_hmac(SL_SHA256, sl_text_of(opt->key[0]), &id, 1, mac);
	sl_hex(mac, len, hex);
	sl_time_write(call->event->time * 1000, when);
	struct sl_event event = {
		.type = "stamps",
		.data = call->host->format(call, "{\"id\":%s,\"at\":\"%s\",\"stamp\":\"%s\"}", call->host->quote(call, id).at,
			when, hex),
	};
	call->host->emit(call, &event);
	return SL_DONE;
}

SL_PLUGIN(
	.name = "stamp",
	.version = "1.0",
	.summary = "Events with a stamp on them.",
	.options = options,
	.options_size = sizeof(struct settings),
	.transform = transform);
