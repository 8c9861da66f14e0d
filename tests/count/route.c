/* SPDX-License-Identifier: Apache-2.0 */
/* route.c - records are read into documents and searched; events are mapped in Lua. */
#include <stdio.h>

#include "count.h"
#include "flow/webhook.h"
#include "host/host.h"
#include "sdk/text.h"

#define ROUNDS 32
#define EVENTS (ROUNDS * BODIES)

/* -------------------------------------------------------------------- decode */

static struct webhook *webhook;

static const char form[] =
	"{\"auth\":\"none\",\"id\":\"body:/action/id\",\"type\":\"header:X-Topic | body:/action/type\","
	"\"subject\":\"body:/action/data/card/id | body:/action/data/board/id\",\"time\":\"body:/action/date\"}";

static void begin_decode(const char *folder)
{
	struct sl_document *given = read_json(form);
	struct why why = { "" };
	webhook = webhook_new(sl_json_root(given), NULL, NULL, &why);
	must(webhook != NULL, form, &why);
	sl_json_free(&given);
}

static void decode_one(const struct log_record *stored)
{
	struct arena *arena = arena_new();
	struct log_record record;
	struct webhook_found found = { 0 };
	struct sl_text data;
	log_record_copy(arena, &record, stored);
	struct sl_document *document = webhook_read(&record, arena, &data, NULL, 0);
	must(document != NULL, "a body is JSON", NULL);
	webhook_find(webhook, &record, sl_json_root(document), arena, &found);
	must(found.event.subject && found.event.time, "the selectors find something", NULL);
	sl_json_free(&document);
	arena_free(&arena);
}

static void run_decode(void)
{
	for (size_t i = 0; i < EVENTS; i++)
		decode_one(&(struct log_record){
			.seq = i + 1,
			.received = 1732226419000,
			.source = sl_text_of("boards"),
			.method = sl_text_of("POST"),
			.path = sl_text_of("/in/boards"),
			.headers = sl_text_of("host: hooks.example.com\ncontent-type: application/json; charset=utf-8\n"
				"user-agent: example/1.0\nx-request-id: 7d0e7f1c-6f8b-4d53-9a57-3f3f0d7c1e5b\n"),
			.body = body_of(i),
		});
}

static void end_decode(void)
{
	webhook_free(&webhook);
}

const struct workload decode = { "decode", EVENTS, begin_decode, run_decode, end_decode };

/* ------------------------------------------------------------------- mapping */

static uv_loop_t loop;
static struct instance *instance;

static const char script[] =
	"local t = { summary = 'Twenty fields of a card that was moved.' }\n"
	"function t.transform(event, opt)\n"
	"  local action = event.data.action\n"
	"  local data, card, who = action.data, action.data.card, action.memberCreator\n"
	"  if not card then return drop('not about a card') end\n"
	"  emit { type = 'moves', time = event.time, data = {\n"
	"    event_id = action.id, action_type = action.type, action_date = action.date,\n"
	"    card_id = card.id, card_name = text.trim(card.name), card_number = card.idShort, card_link = card.shortLink,\n"
	"    board_id = data.board.id, board_name = data.board.name, board_link = data.board.shortLink,\n"
	"    list_before_id = data.listBefore and data.listBefore.id,\n"
	"    list_before_name = data.listBefore and data.listBefore.name,\n"
	"    list_after_id = data.listAfter and data.listAfter.id,\n"
	"    list_after_name = data.listAfter and data.listAfter.name,\n"
	"    member_id = who.id, member_name = who.fullName:upper(), member_login = who.username,\n"
	"    position = card.pos, raw = action.data,\n"
	"    is_list_transition = data.listAfter ~= nil or action.type == 'createCard',\n"
	"  } }\n"
	"end\n"
	"return t\n";

static void begin_mapping(const char *folder)
{
	char path[200];
	const struct host_settings settings = { .loop = &loop };
	struct why why = { "" };
	snprintf(path, sizeof(path), "%s/moves.lua", folder);
	FILE *out = fopen(path, "w");
	must(out && fputs(script, out) >= 0 && fclose(out) == 0, path, NULL);
	uv_loop_init(&loop);
	struct plugin *plugin = plugin_load(path, &why);
	instance = plugin ? instance_new(&settings, plugin, "moves", NULL, &why) : NULL;
	must(instance != NULL, path, &why);
	plugin_free(&plugin);
}

static void map_one(const struct sl_event *event)
{
	struct call *call = call_new(instance, STEP_TRANSFORM);
	call->pub.event = event;
	must(call_run(call, NULL, NULL) == SL_DONE && call->emitted_count == 1, "mapping", &call->why);
	must(emitted_json(call, &call->emitted[0], &call->why) != NULL, "what was emitted", &call->why);
	call_free(&call);
}

static void run_mapping(void)
{
	for (size_t i = 0; i < EVENTS; i++) {
		struct sl_document *document = sl_json_read(body_of(i), NULL, 0);
		map_one(&(struct sl_event){
			.source = "boards",
			.id = "55900c950fbd86334d5c4071",
			.type = "updateCard",
			.subject = "550df104f244348fb46ce2b5",
			.time = 1435503765235,
			.received = 1435503765999,
			.data = body_of(i),
			.json = sl_json_root(document),
		});
		sl_json_free(&document);
	}
}

static void end_mapping(void)
{
	instance_free(&instance);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

const struct workload mapping = { "mapping", EVENTS, begin_mapping, run_mapping, end_mapping };
