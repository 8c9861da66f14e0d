/* SPDX-License-Identifier: Apache-2.0 */
/* secret.c - what a call knows in confidence goes into no sentence and no log line.
 *
 * Vendors quote what they were sent, and plugins quote vendors: "Proxy says: no leave for Bearer a1b2...".  So what is
 * said of a call is looked through for the secrets among its plugin's options, those of its source's api, and what its
 * requests had in headers that grant something, which a script may have fetched itself.  Quotations are cut
 * somewhere: the beginning of a secret is hidden too.
 */
#include <string.h>
#include <strings.h>

#include "host/inside.h"
#include "host/net.h"

#define SHORTEST 8 /* a shorter one is part of too many words */
#define PIECE 12   /* bytes of the beginning of one */

struct told {
	const char *secret;
	struct told *next;
};

/* ------------------------------------------------------------------- one secret */

static size_t in_common(const char *a, const char *b)
{
	size_t len = 0;
	while (a[len] && a[len] == b[len])
		len++;
	return len;
}

/* In place: what comes instead is shorter. */
static void mask(char *text, const char *secret)
{
	size_t whole = strlen(secret);
	if (whole < SHORTEST)
		return;
	for (char *at = text; (at = strchr(at, *secret)); at++) {
		size_t len = in_common(at, secret);
		if (len < whole && len < PIECE)
			continue;
		memset(at, '*', 3);
		memmove(at + 3, at + len, strlen(at + len) + 1);
		at += 2;
	}
}

static void mask_all(char *text, const char *const *secrets)
{
	for (; secrets && *secrets; secrets++)
		mask(text, *secrets);
}

static void mask_api(char *text, const struct net_api *api)
{
	if (!api)
		return;
	mask_all(text, api->hidden);
	mask_all(text, api->secrets);
}

static void mask_options(char *text, const struct instance *instance)
{
	const struct sl_option *option = instance->plugin->face->options;
	for (; option && option->name; option++)
		if (option->type == SL_SECRET)
			mask_all(text, *(const char *const *const *)(const void *)((const char *)instance->options + option->at));
}

/* ----------------------------------------------------------------------- a call */

static bool grants(const char *header)
{
	static const char *const words[] = { "authorization", "token", "secret", "key", "cookie", "password" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(header, words[i]))
			return true;
	return false;
}

void call_told(struct call *call, const char *header, const char *value)
{
	struct running *running = (struct running *)call;
	const char *space = strchr(value, ' '); /* "Bearer a1b2..." */
	if (!grants(header))
		return;
	struct told *told = arena_alloc(call->arena, sizeof(*told));
	*told = (struct told){ arena_string(call->arena, space ? space + 1 : value), running->told };
	running->told = told;
}

void call_mask(const struct call *call, char *text)
{
	const struct running *running = (const struct running *)call;
	for (const struct told *told = running->told; told; told = told->next)
		mask(text, told->secret);
	mask_options(text, call->instance);
	mask_api(text, call->instance->settings.api);
	mask_api(text, call->source_api);
}
