/* SPDX-License-Identifier: Apache-2.0 */
/* lua_fuzz.c - functions of the libraries for scripts, called with whatever arguments.
 *
 * The script beside it makes a call out of every few bytes; what a call gives may
 * be an argument of the next.
 */
#include "fuzz.h"
#include "host/host.h"

static uv_loop_t loop;
static struct instance *instance;

/* After an input that leaves more memory in use than before libFuzzer looks for leaks, in 20 ms; a script's garbage
 * is that after each.  What leaks is found all the same: at the end. */
static void look_for_leaks_at_the_end(int *argc, char ***argv)
{
	static char *more[64];
	if (*argc + 2 > (int)(sizeof(more) / sizeof(*more)))
		return;
	memcpy(more, *argv, (size_t)*argc * sizeof(*more));
	more[(*argc)++] = "-detect_leaks=0";
	*argv = more;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char options[] = "{}";
	struct why why = { "" };
	char path[1024];
	look_for_leaks_at_the_end(argc, argv);
	fuzz_begin();
	uv_loop_init(&loop);
	snprintf(path, sizeof(path), "%s/tests/fuzz/lua_fuzz.lua", fuzz_source());
	struct plugin *plugin = plugin_load(path, &why);
	must_why(plugin != NULL, "the script is loaded", &why);
	struct sl_document *document = sl_json_read(sl_text_of(options), NULL, 0);
	const struct host_settings settings = { .loop = &loop, .virtual_clock = true, .script_budget = 3000000 };
	instance = instance_new(&settings, plugin, "fuzz", sl_json_root(document), &why);
	must_why(instance != NULL, "there is an instance", &why);
	sl_json_free(&document);
	plugin_free(&plugin);
	return 0;
}

static void finished(struct call *call, void *data)
{
	*(bool *)data = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf json = { 0 };
	bool done = false;
	if (size > 2000)
		return 0;
	buf_string(&json, "{\"bytes\":\"");
	for (size_t i = 0; i < size; i++)
		buf_format(&json, "%02x", data[i]);
	buf_string(&json, "\"}");
	struct call *call = call_new(instance, STEP_TRANSFORM);
	struct sl_event *event = arena_alloc(call->arena, sizeof(*event));
	*event = (struct sl_event){ .source = "boards", .id = "e1", .type = "updateCard", .subject = "card1" };
	event->time = event->received = 1700000000123;
	event->data = (struct sl_text){ json.at, json.len };
	call->pub.event = event;
	if (call_run(call, finished, &done) == SL_WAIT)
		while (!done)
			uv_run(&loop, UV_RUN_ONCE);
	must(call->outcome == SL_DONE || *call->why.text, "what ends badly says why");
	for (size_t i = 0; call->outcome == SL_DONE && i < call->emitted_count; i++) {
		struct sl_text text = call->emitted[i].event.data;
		struct sl_document *document = sl_json_read(text, NULL, 0);
		must(document != NULL, "what is emitted is JSON");
		sl_json_free(&document);
	}
	call_free(&call);
	buf_free(&json);
	return 0;
}
