/* SPDX-License-Identifier: Apache-2.0 */
/* check_test.c - a plugin's description with one thing wrong is refused, and the sentence names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/option.h"
#include "host/inside.h"

struct options {
	const char *shop;
	const char *const *token;
	const char *const *boards;
};

/* A description that is fine, in parts that a case may spoil. */
static struct sl_option options[4];
static struct sl_webhook webhook;
static struct sl_api api;
static struct sl_plugin face;
static const char *headers[2];
static struct sl_pair pair;
static const struct sl_pair *query[2];

static enum sl_outcome step(struct sl_call *call)
{
	return SL_DONE;
}

static void close_state(void *state)
{
}

static int begin(void **state)
{
	options[0] = (struct sl_option){ "shop", SL_TEXT, offsetof(struct options, shop), .help = "x" };
	options[1] = (struct sl_option){ "token", SL_SECRET, offsetof(struct options, token), .help = "x" };
	options[2] = (struct sl_option){ "boards", SL_LIST, offsetof(struct options, boards), .help = "x" };
	options[3] = (struct sl_option){ 0 };
	webhook = (struct sl_webhook){ .auth = SL_JWT_HS256, .proof = "header:Authorization", .encoding = "hex",
		.audience = "shop", .secret = "token", .id = "body:/id", .status = 204 };
	headers[0] = "Authorization: Bearer {token}";
	pair = (struct sl_pair){ "key", "{basic:token}" };
	query[0] = &pair;
	api = (struct sl_api){ .base = "https://{shop}", .headers = headers, .query = query, .credential = "{token}",
		.requests = 10, .window_ms = 1000 };
	face = (struct sl_plugin){ .name = "shop", .version = "1", .summary = "s", .options_size = sizeof(struct options),
		.options = options, .state_size = 8, .webhook = &webhook, .api = &api, .close = close_state, .deliver = step,
		.recall = step, .schema = step, .upkeep = step };
	return 0;
}

static void refused(const char *words)
{
	struct why why = { 0 };
	if (plugin_check(&face, &why))
		fail_msg("nothing is wrong with it, though \"%s\"", words);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	begin(NULL);
}

/* One assignment to the description that is fine, and what is said of it. */
#define WRONG(assignment, words) \
	do { \
		assignment; \
		refused(words); \
	} while (0)

static void what_is_fine_is_taken(void **state)
{
	struct why why;
	assert_true(plugin_check(&face, &why));
	webhook.audience = "{callback}";
	webhook.auth = SL_AUTH_NONE, webhook.secret = NULL;
	api.query = NULL, api.headers = NULL, api.credential = NULL;
	assert_true(plugin_check(&face, &why));
	face.webhook = NULL, face.api = NULL, face.options = NULL;
	assert_true(plugin_check(&face, &why));
}

static void a_plugin_says_who_it_is_and_what_it_offers(void **state)
{
	WRONG(face.name = NULL, ".name, .version and .summary");
	WRONG(face.name = "", ".name, .version and .summary");
	WRONG(face.version = NULL, ".name, .version and .summary");
	WRONG(face.summary = NULL, ".name, .version and .summary");
	WRONG(face.options_size = (size_t)17 << 20, "larger than 16 MB");
	WRONG(face.state_size = SIZE_MAX, "larger than 16 MB");
	WRONG(face.local_size = (size_t)17 << 20, "larger than 16 MB");
	WRONG(face.every_ms = -1, "every_ms is below zero");
	WRONG(face.deliver = NULL, "recall but not deliver");
	WRONG(face.deliver = face.recall = NULL, "schema but not deliver");
	WRONG(face.deliver = face.recall = face.schema = NULL, "upkeep but not deliver");
	WRONG(face.state_size = 0, "close but has no state");
}

static void options_are_those_of_the_configuration(void **state)
{
	WRONG(options[0].name = "use", "option use can never be given");
	WRONG(options[0].type = SL_PATH + 1, "has type 10, which this engine does not know");
	WRONG(options[0].type = OPTION_SIZE, "option shop has a type that is not for plugins");
	WRONG(options[1].at = 4, "option token lies outside");
	WRONG(options[2].at = options[1].at, "options token and boards share one field");
}

static void a_webhook_can_be_verified(void **state)
{
	WRONG(webhook.auth = SL_QUERY_TOKEN + 1, "auth is 9, which is none that exists");
	WRONG(webhook.encoding = "base32", "encoding is \"base32\"; it must be hex or base64");
	WRONG(webhook.tolerance_ms = -1, "a time below zero");
	WRONG(webhook.repeat_ms = -1, "a time below zero");
	WRONG(webhook.status = 199, "status is 199");
	WRONG(webhook.status = 302, "status is 302");
	WRONG(webhook.secret = NULL, "signed but names no secret");
	WRONG(webhook.secret = "shop", "no option of type secret with that name");
	WRONG(webhook.audience = "host", "audience is host, which is neither {callback} nor an option");
	WRONG(webhook.audience = "token", "audience is token, which is neither {callback} nor an option");
	WRONG(webhook.time = "/time", "its webhook's time is \"/time\"");
}

static void an_api_can_be_asked(void **state)
{
	WRONG(api.base = NULL, "base is \"\"");
	WRONG(api.base = "ftp://{shop}", "base is \"ftp://{shop}\"");
	WRONG(api.base = "https://{shop", "says \"https://{shop\", but there is no option shop");
	WRONG(api.base = "{boards}", "the option boards holds more than one value");
	WRONG(api.credential = "{secret}", "no option secret");
	WRONG(headers[0] = "Authorization", "write it as \"Name: value\"");
	WRONG(headers[0] = ": x", "write it as \"Name: value\"");
	WRONG(headers[0] = "A: b\r\nC: d", "write it as \"Name: value\"");
	WRONG(headers[0] = "A: {nothing}", "no option nothing");
	WRONG(pair.value = NULL, "a row without a name or a value");
	WRONG(pair.name = NULL, "a row without a name or a value");
	WRONG(pair.value = "{basic:nothing}", "no option nothing");
	WRONG(api.requests = -1, "requests is below zero");
	WRONG(api.window_ms = -1, "requests is below zero");
	WRONG(api.points_window_ms = -1, "points is below zero");
	WRONG(api.points = 5, "5 points in no window");
	WRONG(api.at_once = -1, "at_once is below zero");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_fine_is_taken, begin),
		cmocka_unit_test_setup(a_plugin_says_who_it_is_and_what_it_offers, begin),
		cmocka_unit_test_setup(options_are_those_of_the_configuration, begin),
		cmocka_unit_test_setup(a_webhook_can_be_verified, begin),
		cmocka_unit_test_setup(an_api_can_be_asked, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
