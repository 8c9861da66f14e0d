/* SPDX-License-Identifier: Apache-2.0 */
/* lua_plugin_test.c - a script's table becomes a plugin; its own modules are found, others not. */
#include "script.h"

static const char *refusal(const char *text)
{
	static struct why why;
	struct plugin *plugin = plugin_load(script_write("bad.lua", text), &why);
	if (plugin)
		plugin_free(&plugin);
	else
		return why.text + strlen(script_folder) + (strstr(why.text, "bad.lua: ") ? strlen("/bad.lua: ") : 1);
	return "it was accepted";
}

#define assert_refused(text, why) assert_string_equal(refusal(text), why)

static char *described(const char *text)
{
	struct why why;
	struct buf out = { 0 };
	struct plugin *plugin = plugin_load(script_write("cards.lua", text), &why);
	if (!plugin)
		fail_msg("%s", why.text);
	plugin_describe(plugin, &out);
	plugin_free(&plugin);
	return out.at;
}

static void assert_at(const char *json, const char *pointer, const char *raw)
{
	struct sl_document *document = sl_json_read((struct sl_text){ json, strlen(json) }, NULL, 0);
	struct sl_text found = sl_json_raw(sl_json_at(sl_json_root(document), pointer));
	if (found.len != strlen(raw) || memcmp(found.at, raw, found.len) != 0)
		fail_msg("%s is %.*s, not %s, in %s", pointer, (int)found.len, found.at ? found.at : "", raw, json);
	sl_json_free(&document);
}

static void a_script_describes_itself(void **state)
{
	char *json = described(
		"return { version = '2.1', summary = 'Cards as rows.', options = {\n"
		"{ 'completed', 'list', initial = { 'Done', 'Shipped' }, help = 'Lists that mean finished.' },\n"
		"{ 'page', 'int', initial = 1000, min = 1, max = 1000 }, { 'deep', 'bool', initial = true },\n"
		"{ 'mode', 'choice', initial = 'a', choices = { 'a', 'b' } }, { 'secret', 'secret' } },\n"
		"webhook = { auth = 'hmac-sha1', proof = 'header:X-Trello-Webhook', encoding = 'base64',\n"
		"covers = '{body}{callback}', secret = 'secret', head = true, id = 'body:/action/id',\n"
		"tolerance_ms = 300000 },\n"
		"transform = function() end }");
	assert_at(json, "/name", "\"cards\"");
	assert_at(json, "/version", "\"2.1\"");
	assert_at(json, "/summary", "\"Cards as rows.\"");
	assert_at(json, "/steps", "[\"transform\"]");
	assert_at(json, "/options/0/name", "\"completed\"");
	assert_at(json, "/options/0/type", "\"list\"");
	assert_at(json, "/options/0/help", "\"Lists that mean finished.\"");
	assert_at(json, "/options/1/max", "1000");
	assert_at(json, "/options/3/choices/1", "\"b\"");
	assert_at(json, "/options/4/required", "true");
	assert_at(json, "/webhook/auth", "\"hmac-sha1\"");
	assert_at(json, "/webhook/head", "true");
	assert_at(json, "/webhook/tolerance_ms", "300000");
	free(json);
}

static void a_script_says_how_its_far_side_is_asked(void **state)
{
	char *json = described(
		"return { summary = 's', every = '5m', options = { { 'token', 'secret' } },\n"
		"api = { base = 'https://api.example.com', headers = { Authorization = 'Bearer {token}', Accept = 'x' },\n"
		"query = { key = '{token}', a = '1' }, credential = '{token}', requests = 100, window = '10s',\n"
		"points = 1000, points_window = 60000, at_once = 5, points_flow = true },\n"
		"poll = print, hooks = print, discover = print, open = print, close = print }");
	assert_at(json, "/steps", "[\"open\",\"poll\",\"hooks\",\"discover\"]");
	assert_at(json, "/every_ms", "300000");
	assert_at(json, "/api/base", "\"https://api.example.com\"");
	assert_at(json, "/api/headers", "[\"Accept: x\",\"Authorization: Bearer {token}\"]");
	assert_at(json, "/api/credential", "\"{token}\"");
	assert_at(json, "/api/at_once", "5");
	assert_at(json, "/api/points_flow", "true");
	free(json);
}

static void slips_in_the_api_are_told(void **state)
{
	static const char *const slips[][2] = {
		{ "api = 7", "api has to be a table" },
		{ "api = {}", "api: base is missing: \"https://api.example.com\"" },
		{ "api = { bas = 'x' }", "api: unknown key 'bas'; did you mean 'base'?" },
		{ "api = { base = 'https://x', window = 'ten' }",
			"api: window has to be a text such as \"90s\" or \"15m\", or whole milliseconds" },
		{ "api = { base = 'https://x', headers = { 'a: b' } }",
			"api: headers has to be a table of texts by name: { name = \"text\" }" },
		{ "api = { base = 'https://x', query = 'a=b' }", "api: query has to be a table, not a string" },
		{ "every = '5 minutes'",
			"every has to be a text such as \"90s\" or \"15m\", or whole milliseconds" },
		{ "batch = 500", "batch has to be a table: { rows = 500, bytes = 1000000 }" },
		{ "batch = { rows = -1 }", "batch: rows and bytes cannot be less than 0" },
		{ "close = 5", "close has to be a function" },
		{ "webhook = { auth = 'none', head = 1 }", "webhook: head has to be true or false" },
	};
	char text[256];
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		snprintf(text, sizeof(text), "return { summary = 's', transform = print, %s }", slips[i][0]);
		assert_refused(text, slips[i][1]);
	}
}

static void slips_in_the_table_are_told(void **state)
{
	assert_refused(
		"return { summary = 's', transfrom = print }",
		"the table that the script returns: unknown key 'transfrom'; did you mean 'transform'?");
	assert_refused(
		"return { transform = print }",
		"summary is missing: one sentence that says what the script does");
	assert_refused(
		"return { summary = 's' }",
		"it offers nothing: no webhook, decode, poll, transform or deliver");
	assert_refused("return { summary = 's', transform = {} }", "transform has to be a function");
	assert_refused("local x = 1", "it has to end with: return { summary = ..., transform = ... }");
	assert_refused("local x = = 1", "bad.lua:1: unexpected symbol near '='");
	assert_refused("local x\nx.y = 1", "bad.lua:2: attempt to index a nil value (local 'x')");
}

static void slips_in_options_and_webhook_are_told(void **state)
{
	assert_refused(
		"return { summary = 's', transform = print, options = { { 'a' } } }",
		"options: a row is { \"name\", \"type\", initial = ..., help = ... }; its type is missing");
	assert_refused(
		"return { summary = 's', transform = print, options = { { 'a', 'txet' } } }",
		"options: a has the type 'txet'; there are bool, int, text, secret, duration, choice, list, map, path");
	assert_refused(
		"return { summary = 's', transform = print, options = { { 'a', 'text', init = 1 } } }",
		"options: unknown key 'init'; did you mean 'initial'?");
	assert_non_null(strstr(refusal("return { summary = 's', transform = print, options = {"
				       "{ 'a', 'int', initial = 'x' } } }"),
		"a"));
	assert_non_null(strstr(refusal(
				       "return { summary = 's', transform = print,"
				       "options = { { 'a', 'text' }, { 'a', 'text' } } }"),
		"a"));
	assert_refused(
		"return { summary = 's', transform = print, options = { { 'use', 'text' } } }",
		"its option use can never be given: in the configuration, use: names the plugin");
	assert_refused(
		"return { summary = 's', webhook = { auth = 'hmac' } }",
		"webhook: auth 'hmac' does not exist");
	assert_refused(
		"return { summary = 's', webhook = { auth = 'bearer', secrt = 'x' } }",
		"webhook: unknown key 'secrt'; did you mean 'secret'?");
	assert_refused(
		"return { summary = 's', webhook = { auth = 'bearer', secret = 'x' } }",
		"its webhook's secret is x, but it has no option of type secret with that name");
}

static void options_are_checked_and_completed(void **state)
{
	const struct host_settings settings = { .loop = &script_loop };
	struct why why;
	struct plugin *plugin = plugin_load(script_write("opt.lua",
						    "return { summary = 's', transform = print, options = {"
						    "{ 'page', 'int', initial = 5 }, { 'word', 'text' } } }"),
		&why);
	assert_non_null(plugin);
	assert_null(instance_new(&settings, plugin, "cards", NULL, &why));
	assert_non_null(strstr(why.text, "word"));
	struct sl_document *values = sl_json_read((struct sl_text){ "{\"word\":\"x\",\"page\":\"y\"}", 23 }, NULL, 0);
	assert_null(instance_new(&settings, plugin, "cards", sl_json_root(values), &why));
	assert_non_null(strstr(why.text, "page"));
	sl_json_free(&values);
	plugin_free(&plugin);
}

/* --------------------------------------------------------------------- modules */

static void link_into(const char *name, const char *target)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", script_folder, name);
	assert_int_equal(symlink(target, path), 0);
}

static void folder(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", script_folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void modules_come_from_the_scripts_folder(void **state)
{
	folder("lib");
	script_write("lib/names.lua",
		"local deeper = require 'lib.deeper_1'\nreturn { join = function(t) return deeper .. t end }");
	script_write("lib/deeper_1.lua", "return 'deep '");
	script_write("quiet.lua", "loaded_times = (loaded_times or 0) + 1");
	struct instance *instance = script_transform(
		"local names = require 'lib.names' require 'quiet' require 'quiet'",
		"emit { type = names.join('x'), data = { loaded_times, require('lib.names') == names, require 'quiet' } }");
	struct call *call = script_call(instance, "{}");
	assert_string_equal(call->emitted[0].event.type, "deep x");
	assert_string_equal(call->emitted[0].event.data.at, "[1,true,true]");
	call_free(&call);
	instance_free(&instance);
}

static void modules_from_elsewhere_are_refused(void **state)
{
	static const char *const names[] = { "../x", "/etc/passwd", "a..b", ".a", "a.", "", "A", "a/b", "a\\0b", "a b" };
	char text[256];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "require '%s' return {}", names[i]);
		assert_non_null(strstr(refusal(text), "a module's name is words of a-z, 0-9 and _"));
	}
	script_write("../sluice-outside.lua", "return 1");
	link_into("outside.lua", "/tmp/sluice-outside.lua");
	link_into("root", "/");
	assert_non_null(strstr(refusal("require 'outside'"), "leads out of the script's folder"));
	assert_non_null(strstr(refusal("require 'root.tmp.sluice-outside'"), "a module's name"));
	assert_non_null(strstr(refusal("require 'missing'"), "No such file"));
	folder("folder.lua");
	assert_non_null(strstr(refusal("require 'folder'"), "cannot be read"));
	unlink("/tmp/sluice-outside.lua");
}

static void modules_have_faults_too(void **state)
{
	script_write("loop_a.lua", "return require 'loop_b'");
	script_write("loop_b.lua", "return require 'loop_a'");
	assert_non_null(strstr(refusal("require 'loop_a'"), "the module requires itself"));
	script_write("wrong.lua", "\n\nlocal = 5");
	assert_non_null(strstr(refusal("require 'wrong'"), "wrong.lua:3:"));
	struct instance *instance = script_transform("", "require 'quiet'");
	struct call *call = script_call(instance, "{}");
	assert_non_null(strstr(call->why.text, "belongs to the top of the file"));
	call_free(&call);
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_describes_itself),
		cmocka_unit_test(a_script_says_how_its_far_side_is_asked),
		cmocka_unit_test(slips_in_the_api_are_told),
		cmocka_unit_test(slips_in_the_table_are_told),
		cmocka_unit_test(slips_in_options_and_webhook_are_told),
		cmocka_unit_test(options_are_checked_and_completed),
		cmocka_unit_test(modules_come_from_the_scripts_folder),
		cmocka_unit_test(modules_from_elsewhere_are_refused),
		cmocka_unit_test(modules_have_faults_too),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
