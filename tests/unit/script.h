/* SPDX-License-Identifier: Apache-2.0 */
/* script.h - for tests: a Lua text becomes an instance, an event a call. */
#ifndef TESTS_UNIT_SCRIPT_H
#define TESTS_UNIT_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host.h"

static uv_loop_t script_loop;
static int64_t script_budget; /* of the instances to come; 0: as always */
static struct net *script_net;            /* of the instances to come, or NULL */
static const struct net_api *script_api; /* likewise */
static char script_folder[64];

/* A temporary folder for the whole program. */
static inline int script_setup(void **state)
{
	strcpy(script_folder, "/tmp/sluice-lua-XXXXXX");
	return !mkdtemp(script_folder) || uv_loop_init(&script_loop);
}

static inline int script_teardown(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", script_folder);
	uv_run(&script_loop, UV_RUN_DEFAULT);
	return system(command) || uv_loop_close(&script_loop);
}

static inline const char *script_write(const char *name, const char *text)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", script_folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

/* An instance of a script; `options` is JSON or NULL. */
static inline struct instance *script_instance(const char *text, const char *options, size_t memory)
{
	const struct host_settings settings = {
		.loop = &script_loop,
		.script_memory = memory,
		.script_budget = script_budget,
		.net = script_net,
		.api = script_api,
	};
	struct why why = { 0 };
	struct plugin *plugin = plugin_load(script_write("test.lua", text), &why);
	struct sl_document *document = NULL;
	if (!plugin)
		fail_msg("%s", why.text);
	if (options)
		document = sl_json_read((struct sl_text){ options, strlen(options) }, why.text, sizeof(why.text));
	struct instance *instance = instance_new(&settings, plugin, "test", sl_json_root(document), &why);
	if (!instance)
		fail_msg("%s", why.text);
	sl_json_free(&document);
	plugin_free(&plugin);
	return instance;
}

/* An instance of "transform" with this body, and with what stands before it. */
static inline struct instance *script_transform(const char *before, const char *body)
{
	struct buf text = { 0 };
	buf_format(&text, "%s\nlocal t = { summary = 'test' }\nfunction t.transform(event, opt)\n%s\nend\nreturn t\n",
		before, body);
	struct instance *instance = script_instance(text.at, NULL, 0);
	buf_free(&text);
	return instance;
}

static inline void script_finished(struct call *call, void *data)
{
	*(bool *)data = true;
}

/* A call with `json` as its event's data, run to its end, waits included. */
static inline struct call *script_call(struct instance *instance, const char *json)
{
	bool finished = false;
	struct call *call = call_new(instance, STEP_TRANSFORM);
	struct sl_event *event = arena_alloc(call->arena, sizeof(*event));
	*event = (struct sl_event){
		.source = "boards",
		.id = "e1",
		.type = "updateCard",
		.subject = "card1",
		.time = 1700000000123,
		.received = 1700000000456,
		.data = { json, json ? strlen(json) : 0 },
	};
	call->pub.event = event;
	if (call_run(call, script_finished, &finished) == SL_WAIT)
		while (!finished)
			uv_run(&script_loop, UV_RUN_ONCE);
	return call;
}

static inline const char *script_outcome(const struct call *call)
{
	static const char *const words[] = { "done", "wait", "retry", "fail" };
	return words[call->outcome];
}

/* Runs one transform over `json`; its outcome and what came of it as one text:
 * "done TYPE DATA; TYPE DATA", "dropped REASON", "fail WHY", "retry WHY". */
static inline const char *script_try(const char *body, const char *json)
{
	static char text[8192];
	struct instance *instance = script_transform("", body);
	struct call *call = script_call(instance, json);
	if (call->outcome != SL_DONE)
		snprintf(text, sizeof(text), "%s %s", script_outcome(call), call->why.text);
	else if (call->dropped)
		snprintf(text, sizeof(text), "dropped %s", call->dropped);
	else
		text[0] = '\0';
	for (size_t i = 0; i < call->emitted_count; i++) {
		size_t used = strlen(text);
		const struct sl_event *event = &call->emitted[i].event;
		snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? "; " : "", event->type, event->data.at);
	}
	call_free(&call);
	instance_free(&instance);
	return text;
}

/* What a transform with this body makes of `json`, as script_try tells it. */
#define assert_becomes(body, json, expected) assert_string_equal(script_try(body, json), expected)

#endif
