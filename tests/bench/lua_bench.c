/* SPDX-License-Identifier: Apache-2.0 */
/* lua_bench.c - what a mapping in Lua costs: a 2 KiB document is read, 20 of its
 * fields are looked at, one row is emitted.
 *
 *     lua_bench [--json] [CALLS]
 *
 * The bound is 15 us.  Beside it, by turns, so that both have the same machine: the
 * same mapping in a plain Lua with lua-cjson, which decodes all of the document and
 * encodes the row.  CALLS are those of all rounds together.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/buf.h"
#include "host/host.h"

#include "measure.h"

#define BOUND 15 /* us a mapping */

static const char script[] =
	"local t = { summary = 'Twenty fields of a card that was moved.' }\n"
	"function t.transform(event, opt)\n"
	"  local action = event.data.action\n"
	"  local data, card, who = action.data, action.data.card, action.memberCreator\n"
	"  if not card then return drop('not about a card') end\n"
	"  emit { type = 'trello_events', time = event.time, data = {\n"
	"    event_id = action.id, action_type = action.type, action_date = action.date,\n"
	"    card_id = card.id, card_name = card.name, card_number = card.idShort, card_link = card.shortLink,\n"
	"    board_id = data.board.id, board_name = data.board.name, board_link = data.board.shortLink,\n"
	"    list_before_id = data.listBefore and data.listBefore.id,\n"
	"    list_before_name = data.listBefore and data.listBefore.name,\n"
	"    list_after_id = data.listAfter and data.listAfter.id,\n"
	"    list_after_name = data.listAfter and data.listAfter.name,\n"
	"    member_id = who.id, member_name = who.fullName, member_login = who.username,\n"
	"    hook_id = event.data.webhook.id, model_id = event.data.model.id,\n"
	"    is_list_transition = data.listAfter ~= nil or action.type == 'createCard',\n"
	"  } }\n"
	"end\n"
	"return t\n";

static const char document_head[] =
	"{\"model\":{\"id\":\"54c2f73c734b5b084777d1aa\",\"name\":\"A board of ours\",\"desc\":\"%s\",\"closed\":false,"
	"\"idOrganization\":null,\"prefs\":{\"permissionLevel\":\"private\",\"voting\":\"disabled\","
	"\"comments\":\"members\","
	"\"invitations\":\"members\",\"selfJoin\":true,\"cardCovers\":true,\"background\":\"blue\"},"
	"\"labelNames\":{\"green\":\"ready\",\"yellow\":\"waiting\",\"orange\":\"\","
	"\"red\":\"late\",\"purple\":\"\",\"blue\":\"\"}},"
	"\"action\":{\"id\":\"55900c950fbd86334d5c4071\",\"idMemberCreator\":\"50e853a3a98492ed05002257\",\"data\":{"
	"\"listAfter\":{\"name\":\"In work\",\"id\":\"5514564da07f76c2633f07f0\"},"
	"\"listBefore\":{\"name\":\"To do\",\"id\":\"550def1c239fb24e102559c0\"},"
	"\"board\":{\"shortLink\":\"7hs3uLZE\",\"name\":\"A board of ours\",\"id\":\"54c2f73c734b5b084777d1aa\"},"
	"\"card\":{\"shortLink\":\"aI4od6Yd\",\"idShort\":11,\"name\":\"A card that moves from list to list\","
	"\"id\":\"550df104f244348fb46ce2b5\",\"idList\":\"5514564da07f76c2633f07f0\"},"
	"\"old\":{\"idList\":\"550def1c239fb24e102559c0\"}},\"type\":\"updateCard\",\"date\":\"2015-06-28T15:02:45.235Z\","
	"\"memberCreator\":{\"id\":\"50e853a3a98492ed05002257\",\"avatarHash\":\"00000000000000000000000000000000\","
	"\"fullName\":\"A Person\",\"initials\":\"AP\",\"username\":\"aperson\"}},"
	"\"webhook\":{\"id\":\"55900c950fbd86334d5c4072\",\"active\":true}}";

static char *document(void)
{
	char padding[1024];
	struct buf text = { 0 };
	size_t want = 2048 - sizeof(document_head) + 3;
	memset(padding, 'x', sizeof(padding));
	padding[want < sizeof(padding) ? want : sizeof(padding) - 1] = '\0';
	buf_format(&text, document_head, padding);
	return text.at;
}

static struct instance *instance(uv_loop_t *loop)
{
	char path[] = "/tmp/sluice-bench-XXXXXX.lua";
	const struct host_settings settings = { .loop = loop };
	struct why why = { 0 };
	int fd = mkstemps(path, 4);
	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		return NULL;
	close(fd);
	struct plugin *plugin = plugin_load(path, &why);
	unlink(path);
	struct instance *made = plugin ? instance_new(&settings, plugin, "bench", NULL, &why) : NULL;
	if (!made)
		fprintf(stderr, "%s\n", why.text);
	plugin_free(&plugin);
	return made;
}

static bool run_once(struct instance *into, struct sl_text text, bool show)
{
	struct call *call = call_new(into, STEP_TRANSFORM);
	struct sl_event event = {
		.source = "boards",
		.id = "55900c950fbd86334d5c4071",
		.type = "updateCard",
		.subject = "550df104f244348fb46ce2b5",
		.time = 1435503765235,
		.received = 1435503765999,
		.data = text,
	};
	call->pub.event = &event;
	bool fine = call_run(call, NULL, NULL) == SL_DONE && call->emitted_count == 1;
	if (!fine)
		fprintf(stderr, "%s\n", call->why.text);
	if (show)
		fprintf(stderr, "%s\n", call->emitted[0].event.data.at);
	call_free(&call);
	return fine;
}

/* -------------------------------------------------------------------------- cjson */

#define CJSON "liblua5.4-cjson.so.0" /* Debian's lua-cjson */

static const char plain_script[] =
	"local cjson = ...\n"
	"return function(text, id, time)\n"
	"  local whole = cjson.decode(text)\n"
	"  local action = whole.action\n"
	"  local data, card, who = action.data, action.data.card, action.memberCreator\n"
	"  return cjson.encode {\n"
	"    event_id = action.id, action_type = action.type, action_date = action.date,\n"
	"    card_id = card.id, card_name = card.name, card_number = card.idShort, card_link = card.shortLink,\n"
	"    board_id = data.board.id, board_name = data.board.name, board_link = data.board.shortLink,\n"
	"    list_before_id = data.listBefore and data.listBefore.id,\n"
	"    list_before_name = data.listBefore and data.listBefore.name,\n"
	"    list_after_id = data.listAfter and data.listAfter.id,\n"
	"    list_after_name = data.listAfter and data.listAfter.name,\n"
	"    member_id = who.id, member_name = who.fullName, member_login = who.username,\n"
	"    hook_id = whole.webhook.id, model_id = whole.model.id,\n"
	"    is_list_transition = data.listAfter ~= nil or action.type == 'createCard',\n"
	"  }\n"
	"end\n";

/* A plain state with the mapping on top of its stack; NULL: lua-cjson is not there. */
static lua_State *plain(void)
{
	void *library = dlopen(CJSON, RTLD_NOW | RTLD_LOCAL);
	lua_CFunction open = library ? (lua_CFunction)dlsym(library, "luaopen_cjson") : NULL;
	lua_State *lua = open ? luaL_newstate() : NULL;
	if (!lua)
		return NULL;
	luaL_openlibs(lua);
	luaL_requiref(lua, "cjson", open, 0);
	if (luaL_loadstring(lua, plain_script) != LUA_OK)
		return NULL;
	lua_insert(lua, 1);
	lua_call(lua, 1, 1);
	return lua;
}

/* ------------------------------------------------------------------------- rounds */

struct subject {
	struct instance *into;
	lua_State *plain; /* NULL: lua-cjson is not there */
	struct sl_text text;
};

static void run_parse(size_t calls, const void *data)
{
	const struct subject *subject = data;
	for (size_t i = 0; i < calls; i++) {
		struct sl_document *parsed = sl_json_read(subject->text, NULL, 0);
		sl_json_free(&parsed);
	}
}

static void run_call(size_t calls, const void *data)
{
	const struct subject *subject = data;
	for (size_t i = 0; i < calls; i++)
		if (!run_once(subject->into, subject->text, false))
			exit(1);
}

static void run_plain(size_t calls, const void *data)
{
	const struct subject *subject = data;
	lua_State *lua = subject->plain;
	for (size_t i = 0; i < calls; i++) {
		lua_pushvalue(lua, -1);
		lua_pushlstring(lua, subject->text.at, subject->text.len);
		if (lua_pcall(lua, 1, 1, 0) != LUA_OK)
			exit(1);
		lua_pop(lua, 1);
	}
}

enum { CALL, PARSE, PLAIN, KINDS };

static int measure(const struct subject *subject, size_t calls, bool json)
{
	struct kind kinds[KINDS] = {
		[CALL] = { .name = "2 KiB, 20 fields, a row", .run = run_call },
		[PARSE] = { .name = "of which reading the JSON", .run = run_parse },
		[PLAIN] = { .name = "plain Lua with lua-cjson", .run = run_plain },
	};
	size_t count = subject->plain ? KINDS : PLAIN;
	for (size_t i = 0; i < count; i++) {
		kinds[i].data = subject;
		kinds[i].calls = calls / MEASURE_ROUNDS + 1;
	}
	measure_kinds(kinds, count);
	const struct judged rows[] = {
		{ .bench = "lua", .name = kinds[CALL].name, .kind = &kinds[CALL], .bound = BOUND, .target = 1 },
		{ .bench = "lua", .name = kinds[PARSE].name, .kind = &kinds[PARSE] },
		{ .bench = "lua", .name = "beside plain Lua with lua-cjson", .kind = &kinds[CALL], .limit = &kinds[PLAIN] },
	};
	if (!subject->plain && !json)
		puts("lua-cjson is not installed, so there is nothing beside it");
	return measure_tell_all(rows, subject->plain ? 3 : 2, json);
}

int main(int argc, char **argv)
{
	bool json = measure_json(argc, argv);
	size_t calls = argc > 1 + json ? (size_t)atol(argv[1 + json]) : 200000;
	uv_loop_t loop;
	char *text = document();
	struct subject subject = { .text = { text, strlen(text) } };
	uv_loop_init(&loop);
	subject.into = instance(&loop);
	if (!subject.into || !run_once(subject.into, subject.text, getenv("SHOW") != NULL))
		return 1;
	subject.plain = plain();
	int code = measure(&subject, calls, json);
	instance_free(&subject.into);
	uv_loop_close(&loop);
	if (subject.plain)
		lua_close(subject.plain);
	free(text);
	return code;
}
