/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - is what a plugin says of itself something to work with? */
#include <string.h>

#include "base/option.h"
#include "host/inside.h"
#include "host/net.h"

#define MOST_MEMORY ((size_t)16 << 20)

/* What a value takes in the plugin's own struct. */
static const struct field {
	size_t size, align;
} fields[] = {
	[SL_BOOL] = { sizeof(_Bool), _Alignof(_Bool) },
	[SL_INT] = { sizeof(int64_t), _Alignof(int64_t) },
	[SL_TEXT] = { sizeof(char *), _Alignof(char *) },
	[SL_SECRET] = { sizeof(char **), _Alignof(char **) },
	[SL_DURATION] = { sizeof(int64_t), _Alignof(int64_t) },
	[SL_CHOICE] = { sizeof(char *), _Alignof(char *) },
	[SL_LIST] = { sizeof(char **), _Alignof(char **) },
	[SL_MAP] = { sizeof(void *), _Alignof(void *) },
	[SL_PATH] = { sizeof(char *), _Alignof(char *) },
};

static bool overlap(const struct sl_option *a, const struct sl_option *b)
{
	return a->at < b->at + fields[b->type].size && b->at < a->at + fields[a->type].size;
}

static bool check_place(const struct sl_plugin *face, const struct sl_option *option, struct why *why)
{
	const struct field *field = &fields[option->type];
	if (option->at % field->align || option->at > face->options_size || face->options_size - option->at < field->size)
		return why_say(why, "its option %s lies outside its options struct of %zu bytes; "
				    "set .options_size = sizeof(struct ...)",
			option->name, face->options_size);
	for (const struct sl_option *other = face->options; other != option; other++)
		if (overlap(option, other))
			return why_say(why, "its options %s and %s share one field", other->name, option->name);
	return true;
}

static bool check_options(const struct sl_plugin *face, struct why *why)
{
	if (!option_check(face->options, OPTION_ROW, why))
		return why_within(why, "its option table");
	for (const struct sl_option *option = face->options; option && option->name; option++) {
		if (option->type > SL_PATH)
			return why_say(why, "its option %s has a type that is not for plugins", option->name);
		if (strcmp(option->name, "use") == 0)
			return why_say(why, "its option use can never be given: in the configuration, use: names the plugin");
		if (!check_place(face, option, why))
			return false;
	}
	return true;
}

static bool is_selector(const char *selector)
{
	static const char *const kinds[] = { "body:", "header:", "query:", "sha256(body)" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(selector, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static bool check_selectors(const struct sl_webhook *webhook, struct why *why)
{
	const struct {
		const char *name, *selector;
	} all[] = {
		{ "id", webhook->id },
		{ "type", webhook->type },
		{ "subject", webhook->subject },
		{ "time", webhook->time },
		{ "timestamp", webhook->timestamp },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].selector && !is_selector(all[i].selector))
			return why_say(why,
				"its webhook's %s is \"%s\"; a selector begins with body:, header:, query: or sha256(body)",
				all[i].name, all[i].selector);
	return true;
}

static bool check_secret(const struct sl_plugin *face, struct why *why)
{
	const char *secret = face->webhook->secret;
	if (face->webhook->auth == SL_AUTH_NONE)
		return true;
	if (!secret)
		return why_say(why, "its webhook is signed but names no secret; set .secret to the option that holds it");
	for (const struct sl_option *option = face->options; option && option->name; option++)
		if (strcmp(option->name, secret) == 0 && option->type == SL_SECRET)
			return true;
	return why_say(why, "its webhook's secret is %s, but it has no option of type secret with that name", secret);
}

static bool check_audience(const struct sl_plugin *face, struct why *why)
{
	const char *audience = face->webhook->audience;
	if (!audience || strcmp(audience, "{callback}") == 0)
		return true;
	for (const struct sl_option *option = face->options; option && option->name; option++)
		if (strcmp(option->name, audience) == 0 && option->type == SL_TEXT)
			return true;
	return why_say(why, "its webhook's audience is %s, which is neither {callback} nor an option of type text",
		audience);
}

static bool check_webhook(const struct sl_plugin *face, struct why *why)
{
	const struct sl_webhook *webhook = face->webhook;
	if (!webhook)
		return true;
	if (webhook->auth > SL_QUERY_TOKEN)
		return why_say(why, "its webhook's auth is %d, which is none that exists", (int)webhook->auth);
	if (webhook->encoding && strcmp(webhook->encoding, "hex") != 0 && strcmp(webhook->encoding, "base64") != 0)
		return why_say(why, "its webhook's encoding is \"%s\"; it must be hex or base64", webhook->encoding);
	if (webhook->tolerance_ms < 0 || webhook->repeat_ms < 0)
		return why_say(why, "its webhook has a time below zero");
	if (webhook->status && (webhook->status < 200 || webhook->status > 299))
		return why_say(why, "its webhook's status is %d; what was stored is answered with 200 to 299", webhook->status);
	return check_selectors(webhook, why) && check_secret(face, why) && check_audience(face, why);
}

/* ------------------------------------------------------------------------- the api */

static const struct sl_option *option_named(const struct sl_plugin *face, const char *name, size_t len)
{
	for (const struct sl_option *option = face->options; option && option->name; option++)
		if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
			return option;
	return NULL;
}

/* Each {name} in it has to be an option that holds one word. */
static bool check_form(const struct sl_plugin *face, const char *form, struct why *why)
{
	for (const char *at = strchr(form, '{'); at; at = strchr(at + 1, '{')) {
		const char *name = at + 1 + net_api_basic(at + 1);
		size_t len = strcspn(name, "}");
		const struct sl_option *option = option_named(face, name, len);
		if (!name[len] || !option)
			return why_say(why, "its api says \"%s\", but there is no option %.*s", form, (int)len, name);
		if (option->type == SL_LIST || option->type == SL_MAP)
			return why_say(why, "its api says \"%s\", but the option %s holds more than one value", form, option->name);
	}
	return true;
}

static bool check_base(const struct sl_plugin *face, struct why *why)
{
	const char *base = face->api->base;
	if (!base || (strncmp(base, "https://", 8) != 0 && strncmp(base, "http://", 7) != 0 && base[0] != '{'))
		return why_say(why, "its api's base is \"%s\"; it begins with https://, http:// or an {option}",
			base ? base : "");
	return check_form(face, base, why) && (!face->api->credential || check_form(face, face->api->credential, why));
}

static bool check_rows(const struct sl_plugin *face, struct why *why)
{
	for (const char *const *header = face->api->headers; header && *header; header++) {
		const char *colon = strstr(*header, ": ");
		if (!colon || colon == *header || strpbrk(*header, "\r\n"))
			return why_say(why, "its api has the header \"%s\"; write it as \"Name: value\"", *header);
		if (!check_form(face, *header, why))
			return false;
	}
	for (const struct sl_pair *const *pair = face->api->query; pair && *pair; pair++) {
		if (!(*pair)->name || !(*pair)->value)
			return why_say(why, "its api's query has a row without a name or a value");
		if (!check_form(face, (*pair)->value, why))
			return false;
	}
	return true;
}

static bool check_window(const char *what, int64_t count, int64_t window, struct why *why)
{
	if (count < 0 || window < 0)
		return why_say(why, "its api's %s is below zero", what);
	if (count && !window)
		return why_say(why, "its api has %lld %s in no window; say in how many milliseconds", (long long)count, what);
	return true;
}

static bool check_api(const struct sl_plugin *face, struct why *why)
{
	const struct sl_api *api = face->api;
	if (!api)
		return true;
	if (api->at_once < 0)
		return why_say(why, "its api's at_once is below zero");
	return check_base(face, why) && check_rows(face, why) &&
	       check_window("requests", api->requests, api->window_ms, why) &&
	       check_window("points", api->points, api->points_window_ms, why);
}

/* ---------------------------------------------------------------------------- steps */

static bool check_steps(const struct sl_plugin *face, struct why *why)
{
	if (!face->webhook && !face->decode && !face->poll && !face->transform && !face->deliver)
		return why_say(why, "it offers nothing: no webhook, decode, poll, transform or deliver");
	if (face->every_ms < 0)
		return why_say(why, "its every_ms is below zero");
	if (face->recall && !face->deliver)
		return why_say(why, "it offers recall but not deliver");
	if ((face->schema || face->upkeep) && !face->deliver)
		return why_say(why, "it offers %s but not deliver", face->schema ? "schema" : "upkeep");
	if (face->close && !face->state_size)
		return why_say(why, "it offers close but has no state; set .state_size");
	return true;
}

bool plugin_check(const struct sl_plugin *face, struct why *why)
{
	if (!face->name || !*face->name || !face->version || !face->summary)
		return why_say(why, "it has to say its .name, .version and .summary");
	if (face->options_size > MOST_MEMORY || face->state_size > MOST_MEMORY || face->local_size > MOST_MEMORY)
		return why_say(why, "one of its structs is said to be larger than 16 MB");
	return check_steps(face, why) && check_options(face, why) && check_webhook(face, why) &&
	       check_api(face, why);
}
