/* SPDX-License-Identifier: Apache-2.0 */
/* NAME.c - a row for everybody who says who they are. */
#include "plugin.h"

struct settings {
	const char *greeting;
};

static const struct sl_option options[] = {
	SL_OPTION(TEXT, struct settings, greeting, .initial = "Hello", .help = "What is said to them."),
	{ 0 },
};

static struct sl_text row(struct sl_call *call, struct sl_text id, struct sl_text name, struct sl_text said)
{
	const struct sl_host *host = call->host;
	return host->format(call, "{\"id\":%s,\"name\":%s,\"said\":%s}", host->quote(call, id).at,
		host->quote(call, name).at, host->quote(call, said).at);
}

static enum sl_outcome transform(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct settings *opt = call->options;
	struct sl_text name = host->string(host->at(call->event->json, "/name"));
	if (!name.at) {
		host->drop(call, "no name");
		return SL_DONE;
	}
	struct sl_text said = host->format(call, "%s, %s", opt->greeting, name.at);
	struct sl_event event = {
		.type = "NAME", /* the table, in NAME.yaml */
		.data = row(call, host->format(call, "%s", call->event->id), name, said),
	};
	host->emit(call, &event);
	return SL_DONE;
}

SL_PLUGIN(
	.name = "NAME",
	.version = "0.1",
	.summary = "A row for everybody who says who they are.",
	.options = options,
	.options_size = sizeof(struct settings),
	.transform = transform);
