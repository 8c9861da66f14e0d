/* SPDX-License-Identifier: Apache-2.0 */
/* minor_one.c - a plugin as it was built for interface 1.1: its structs end before what came later. */
#include "plugin.h"

/* What lies behind the event of 1.1 is anything, here. */
struct event_1_1 {
	const char *source, *id, *type, *subject, *mode;
	int64_t time, received;
	struct sl_text data;
	const struct sl_json *json;
	uintptr_t behind;
};

static enum sl_outcome transform(struct sl_call *call)
{
	static const struct event_1_1 event = { .type = "seen", .behind = 1 };
	call->host->emit(call, (const struct sl_event *)(const void *)&event);
	return SL_DONE;
}

static enum sl_outcome deliver(struct sl_call *call)
{
	return SL_DONE;
}

/* And behind these. */
static const struct webhook_1_1 {
	enum sl_auth auth;
	const char *proof, *prefix, *encoding, *covers, *timestamp;
	int64_t tolerance_ms;
	const char *audience, *secret, *id, *type, *subject, *time;
	int64_t repeat_ms;
	const char *challenge;
	int head, status;
	uintptr_t behind[4];
} webhook = { .id = "body:/id", .status = 202, .behind = { 1, 1, 1, 1 } };

static const struct api_1_1 {
	const char *base;
	const char *const *headers;
	const struct sl_pair *const *query;
	const char *credential;
	int64_t requests, window_ms, points, points_window_ms, at_once;
	int behind[3];
} api = { .base = "https://api.example", .at_once = 7, .behind = { 1, 1, 1 } };

struct plugin_1_1 {
	uint32_t abi, size;
	const char *name, *version, *summary;
	const struct sl_option *options;
	size_t option_size, options_size, state_size, local_size;
	const struct webhook_1_1 *webhook;
	sl_step *open;
	void (*close)(void *state);
	sl_step *decode, *poll, *transform, *deliver;
	sl_step *recall;
	const char *dialect;
	size_t batch_rows;
	const struct api_1_1 *api;
	sl_step *hooks, *discover;
	int64_t every_ms;
	size_t batch_bytes;
	uintptr_t behind;
};

__attribute__((visibility("default"))) const struct plugin_1_1 sl_plugin = {
	.abi = 1 << 16 | 1,
	.size = offsetof(struct plugin_1_1, behind),
	.option_size = sizeof(struct sl_option),
	.name = "minor_one",
	.version = "1",
	.summary = "Knows of nothing that came later.",
	.webhook = &webhook,
	.api = &api,
	.transform = transform,
	.deliver = deliver,
	.behind = 1,
};
