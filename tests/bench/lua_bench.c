/* SPDX-License-Identifier: Apache-2.0 */
/* lua_bench.c - what a mapping in Lua costs: a 2 KiB document is read, 20 of its
 * fields are looked at, one row is emitted.
 *
 *     lua_bench [--json] [CALLS]
 *
 * Beside it, in the same run and by turns, so that both have the same machine: the
 * same mapping in a plain Lua with lua-cjson, which decodes all of the document and
 * encodes the row.  Each figure is the best of several rounds.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/buf.h"
#include "host/host.h"

#define ROUNDS 10

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

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
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

static double plain_call(lua_State *lua, struct sl_text text, size_t calls)
{
	double begin = now();
	for (size_t i = 0; i < calls; i++) {
		lua_pushvalue(lua, -1);
		lua_pushlstring(lua, text.at, text.len);
		if (lua_pcall(lua, 1, 1, 0) != LUA_OK)
			exit(1);
		lua_pop(lua, 1);
	}
	return (now() - begin) / (double)calls;
}

/* ------------------------------------------------------------------------- rounds */

static double parse_only(struct sl_text text, size_t calls)
{
	double begin = now();
	for (size_t i = 0; i < calls; i++) {
		struct sl_document *parsed = sl_json_read(text, NULL, 0);
		sl_json_free(&parsed);
	}
	return (now() - begin) / (double)calls;
}

static double whole_call(struct instance *into, struct sl_text text, size_t calls)
{
	double begin = now();
	for (size_t i = 0; i < calls; i++)
		if (!run_once(into, text, false))
			exit(1);
	return (now() - begin) / (double)calls;
}

struct figures {
	double parse, call, cjson;
};

static void best(double *figure, double time)
{
	*figure = *figure == 0 || time < *figure ? time : *figure;
}

static struct figures measure(struct instance *into, lua_State *lua, struct sl_text text, size_t calls)
{
	struct figures figures = { 0 };
	for (int round = 0; round < ROUNDS; round++) {
		best(&figures.call, whole_call(into, text, calls / ROUNDS));
		best(&figures.parse, parse_only(text, calls / ROUNDS));
		if (lua)
			best(&figures.cjson, plain_call(lua, text, calls / ROUNDS));
	}
	return figures;
}

static void print_words(size_t bytes, const struct figures *figures)
{
	printf("lua: %zu bytes, 20 fields, one row: parse %.2f us, whole call %.2f us", bytes, figures->parse,
		figures->call);
	if (figures->cjson > 0)
		printf("; cjson decode + map + encode %.2f us, %.1f times as long\n", figures->cjson,
			figures->cjson / figures->call);
	else
		printf("; lua-cjson is not installed, so there is nothing beside it\n");
}

static void print_json(size_t bytes, const struct figures *figures)
{
	printf("{\"bench\":\"lua\",\"bytes\":%zu,\"parse_us\":%.2f,\"call_us\":%.2f,", bytes, figures->parse,
		figures->call);
	printf(figures->cjson > 0 ? "\"cjson_us\":%.2f}\n" : "\"cjson_us\":null}\n", figures->cjson);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	size_t calls = argc > 1 + json ? (size_t)atol(argv[1 + json]) : 200000;
	uv_loop_t loop;
	char *text = document();
	struct sl_text whole = { text, strlen(text) };
	uv_loop_init(&loop);
	struct instance *into = instance(&loop);
	if (!into || !run_once(into, whole, getenv("SHOW") != NULL))
		return 1;
	lua_State *lua = plain();
	const struct figures figures = measure(into, lua, whole, calls);
	(json ? print_json : print_words)(whole.len, &figures);
	instance_free(&into);
	uv_loop_close(&loop);
	if (lua)
		lua_close(lua);
	free(text);
	return 0;
}
