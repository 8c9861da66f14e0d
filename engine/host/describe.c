/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - what a plugin says of itself, as JSON. */
#include "base/option.h"
#include "host/inside.h"

const char *const auth_names[] = {
	[SL_AUTH_NONE] = "none",
	[SL_HMAC_SHA1] = "hmac-sha1",
	[SL_HMAC_SHA256] = "hmac-sha256",
	[SL_HMAC_SHA512] = "hmac-sha512",
	[SL_JWT_HS256] = "jwt-hs256",
	[SL_STANDARD_WEBHOOKS] = "standard-webhooks",
	[SL_BASIC] = "basic",
	[SL_BEARER] = "bearer",
	[SL_QUERY_TOKEN] = "query-token",
};
const size_t auth_count = sizeof(auth_names) / sizeof(auth_names[0]);

static void member_string(struct buf *out, const char *name, const char *value)
{
	if (value)
		json_member_string(out, name, value);
}

static void member_int(struct buf *out, const char *name, int64_t value)
{
	if (value)
		json_member_int(out, name, value);
}

static void describe_webhook(const struct sl_webhook *webhook, struct buf *out)
{
	json_key(out, "webhook");
	json_open(out, '{');
	json_member_string(out, "auth", auth_names[webhook->auth]);
	member_string(out, "proof", webhook->proof);
	member_string(out, "prefix", webhook->prefix);
	member_string(out, "encoding", webhook->encoding);
	member_string(out, "covers", webhook->covers);
	member_string(out, "timestamp", webhook->timestamp);
	member_int(out, "tolerance_ms", webhook->tolerance_ms);
	member_string(out, "audience", webhook->audience);
	member_string(out, "secret", webhook->secret);
	member_string(out, "id", webhook->id);
	member_string(out, "type", webhook->type);
	member_string(out, "subject", webhook->subject);
	member_string(out, "time", webhook->time);
	member_int(out, "repeat_ms", webhook->repeat_ms);
	member_string(out, "same", webhook->same);
	member_string(out, "challenge", webhook->challenge);
	if (webhook->head)
		json_member_bool(out, "head", true);
	if (webhook->notice)
		json_member_bool(out, "notice", true);
	member_string(out, "scope", webhook->scope);
	member_int(out, "status", webhook->status);
	json_close(out, '}');
}

static void describe_api(const struct sl_api *api, struct buf *out)
{
	json_key(out, "api");
	json_open(out, '{');
	json_member_string(out, "base", api->base);
	json_key(out, "headers");
	json_open(out, '[');
	for (const char *const *header = api->headers; header && *header; header++)
		json_string(out, *header);
	json_close(out, ']');
	json_key(out, "query");
	json_open(out, '[');
	for (const struct sl_pair *const *pair = api->query; pair && *pair; pair++) {
		json_open(out, '[');
		json_string(out, (*pair)->name);
		json_string(out, (*pair)->value);
		json_close(out, ']');
	}
	json_close(out, ']');
	member_string(out, "credential", api->credential);
	member_int(out, "requests", api->requests);
	member_int(out, "window", api->window_ms);
	member_int(out, "points", api->points);
	member_int(out, "points_window", api->points_window_ms);
	member_int(out, "at_once", api->at_once);
	if (api->points_flow)
		json_member_bool(out, "points_flow", true);
	json_close(out, '}');
}

static void describe_steps(const struct sl_plugin *face, struct buf *out)
{
	const struct {
		bool offered;
		const char *name;
	} steps[] = {
		{ face->open, "open" },
		{ face->decode, "decode" },
		{ face->poll, "poll" },
		{ face->transform, "transform" },
		{ face->deliver, "deliver" },
		{ face->recall, "recall" },
		{ face->hooks, "hooks" },
		{ face->discover, "discover" },
		{ face->schema, "schema" },
		{ face->upkeep, "upkeep" },
	};
	json_key(out, "steps");
	json_open(out, '[');
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].offered)
			json_string(out, steps[i].name);
	json_close(out, ']');
}

void plugin_describe(const struct plugin *plugin, struct buf *out)
{
	const struct sl_plugin *face = plugin->face;
	json_open(out, '{');
	json_member_string(out, "name", face->name);
	json_member_string(out, "version", face->version);
	json_member_string(out, "summary", face->summary);
	json_member_string(out, "path", plugin->path);
	json_member_int(out, "minor", plugin_minor(face));
	describe_steps(face, out);
	json_key(out, "options");
	option_describe(face->options, OPTION_ROW, out);
	if (face->webhook)
		describe_webhook(face->webhook, out);
	if (face->api)
		describe_api(face->api, out);
	member_int(out, "every_ms", face->every_ms);
	member_string(out, "dialect", face->dialect);
	json_close(out, '}');
}
