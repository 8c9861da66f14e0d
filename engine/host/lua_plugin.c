/* SPDX-License-Identifier: Apache-2.0 */
/* lua_plugin.c - the table that a script returns becomes a struct sl_plugin.
 *
 * The file is read once and run in a state of its own, which then goes; the
 * states of instances run the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "host/lua_field.h"

/* All of this runs in a protected call; what it makes is in the plugin's arena. */
struct reading {
	struct plugin *plugin;
	struct sl_plugin *face;
};

/* ----------------------------------------------------------------------- options */

static const char *element(lua_State *lua, int index, const char *what)
{
	if (lua_rawgeti(lua, -1, index) != LUA_TSTRING)
		luaL_error(lua, "options: a row is { \"name\", \"type\", initial = ..., help = ... }; its %s is missing", what);
	const char *text = lua_tostring(lua, -1);
	lua_pop(lua, 1); /* the table keeps it */
	return text;
}

static enum sl_type type_of(lua_State *lua, const char *name, const char *word)
{
	for (int type = SL_BOOL; type <= SL_PATH; type++)
		if (strcmp(option_type_name((enum sl_type)type), word) == 0)
			return (enum sl_type)type;
	luaL_error(lua,
		"options: %s has the type '%s'; there are bool, int, text, secret, duration, choice, list, map, path", name,
		word);
	return SL_TEXT;
}

/* The initial value as it would stand in the configuration. */
static const char *initial(lua_State *lua, struct arena *arena, enum sl_type type)
{
	const char *text = NULL;
	lua_getfield(lua, -1, "initial");
	if (lua_istable(lua, -1))
		text = type == SL_LIST && lua_rawlen(lua, -1) == 0 ? "[]" : arena_string(arena, lua_json_encode(lua, -1).at);
	else if (!lua_isnil(lua, -1))
		text = arena_string(arena, luaL_tolstring(lua, -1, NULL)), lua_pop(lua, 1);
	lua_pop(lua, 1);
	return text;
}

static const char *const *choices(lua_State *lua, struct arena *arena)
{
	const char **list = NULL;
	if (lua_getfield(lua, -1, "choices") == LUA_TTABLE) {
		lua_Unsigned count = lua_rawlen(lua, -1);
		list = arena_alloc(arena, ((size_t)count + 1) * sizeof(*list));
		for (lua_Unsigned i = 0; i < count; i++)
			list[i] = arena_string(arena, element(lua, (int)i + 1, "choice"));
	}
	lua_pop(lua, 1);
	return list;
}

static void read_option(lua_State *lua, struct arena *arena, struct sl_option *option)
{
	static const char *const names[] = { "initial", "min", "max", "choices", "help", NULL };
	if (!lua_istable(lua, -1))
		luaL_error(lua, "options: a row has to be a table");
	option->name = arena_string(arena, element(lua, 1, "name"));
	option->type = type_of(lua, option->name, element(lua, 2, "type"));
	lua_field_known(lua, "options: ", names, 2);
	option->initial = initial(lua, arena, option->type);
	option->min = lua_field_whole(lua, "options: ", "min");
	option->max = lua_field_whole(lua, "options: ", "max");
	option->choices = choices(lua, arena);
	option->help = lua_field_text(lua, arena, "options: ", "help");
}

/* options = { completed = { ... } } would be no options at all. */
static void refuse_names(lua_State *lua, size_t count)
{
	size_t members = 0;
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
		members++;
	if (members > count)
		luaL_error(lua, "options: has to be a list of rows, { { \"name\", \"type\", ... }, ... }");
}

/* Every value has eight bytes, though a script never sees the struct. */
static void read_options(lua_State *lua, struct reading *reading)
{
	struct arena *arena = reading->plugin->arena;
	if (lua_getfield(lua, -1, "options") == LUA_TTABLE) {
		size_t count = (size_t)lua_rawlen(lua, -1);
		refuse_names(lua, count);
		struct sl_option *options = arena_alloc(arena, (count + 1) * sizeof(*options));
		for (size_t i = 0; i < count; i++) {
			lua_rawgeti(lua, -1, (lua_Integer)i + 1);
			read_option(lua, arena, &options[i]);
			options[i].at = i * sizeof(int64_t);
			lua_pop(lua, 1);
		}
		reading->face->options = options;
		reading->face->options_size = count * sizeof(int64_t);
	} else if (!lua_isnil(lua, -1)) {
		luaL_error(lua, "options has to be a table of rows");
	}
	lua_pop(lua, 1);
}

/* ----------------------------------------------------------------------- webhook */

static enum sl_auth auth_of(lua_State *lua, const char *word)
{
	for (size_t i = 0; word && i < auth_count; i++)
		if (strcmp(auth_names[i], word) == 0)
			return (enum sl_auth)i;
	if (!word)
		luaL_error(lua, "webhook: auth is missing: none, hmac-sha256, bearer or another");
	luaL_error(lua, "webhook: auth '%s' does not exist", word);
	return SL_AUTH_NONE;
}

static void read_webhook_fields(lua_State *lua, struct arena *arena, struct sl_webhook *webhook)
{
	const struct {
		const char *name, **to;
	} texts[] = {
		{ "proof", &webhook->proof },
		{ "prefix", &webhook->prefix },
		{ "encoding", &webhook->encoding },
		{ "covers", &webhook->covers },
		{ "timestamp", &webhook->timestamp },
		{ "audience", &webhook->audience },
		{ "secret", &webhook->secret },
		{ "id", &webhook->id },
		{ "type", &webhook->type },
		{ "subject", &webhook->subject },
		{ "time", &webhook->time },
		{ "challenge", &webhook->challenge },
		{ "same", &webhook->same },
		{ "scope", &webhook->scope },
	};
	webhook->auth = auth_of(lua, lua_field_text(lua, arena, "webhook: ", "auth"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i].to = lua_field_text(lua, arena, "webhook: ", texts[i].name);
	webhook->tolerance_ms = lua_field_whole(lua, "webhook: ", "tolerance_ms");
	webhook->repeat_ms = lua_field_whole(lua, "webhook: ", "repeat_ms");
	webhook->status = (int)lua_field_whole(lua, "webhook: ", "status");
	webhook->head = lua_field_flag(lua, "webhook: ", "head");
	webhook->notice = lua_field_flag(lua, "webhook: ", "notice");
}

static void read_webhook(lua_State *lua, struct reading *reading)
{
	static const char *const names[] = { "auth", "proof", "prefix", "encoding", "covers", "timestamp", "audience",
		"secret", "id", "type", "subject", "time", "challenge", "same", "tolerance_ms", "repeat_ms", "status", "head",
		"notice", "scope", NULL };
	if (lua_getfield(lua, -1, "webhook") == LUA_TTABLE) {
		struct sl_webhook *webhook = arena_alloc(reading->plugin->arena, sizeof(*webhook));
		lua_field_known(lua, "webhook: ", names, 0);
		read_webhook_fields(lua, reading->plugin->arena, webhook);
		reading->face->webhook = webhook;
	} else if (!lua_isnil(lua, -1)) {
		luaL_error(lua, "webhook has to be a table");
	}
	lua_pop(lua, 1);
}

/* -------------------------------------------------------------------- the table */

static bool offers(lua_State *lua, const char *step)
{
	int type = lua_getfield(lua, -1, step);
	if (type != LUA_TNIL && type != LUA_TFUNCTION)
		luaL_error(lua, "%s has to be a function", step);
	lua_pop(lua, 1);
	return type == LUA_TFUNCTION;
}

/* A bit for each step. */
static unsigned offered(lua_State *lua)
{
	static const enum step possible[] = {
		STEP_OPEN, STEP_DECODE, STEP_POLL, STEP_TRANSFORM, STEP_DELIVER, STEP_HOOKS, STEP_DISCOVER
	};
	unsigned steps = 0;
	for (size_t i = 0; i < sizeof(possible) / sizeof(possible[0]); i++)
		if (offers(lua, step_name(possible[i])))
			steps |= IN(possible[i]);
	offers(lua, "close");
	return steps;
}

static void read_batch(lua_State *lua, struct sl_plugin *face)
{
	static const char *const names[] = { "rows", "bytes", NULL };
	int type = lua_getfield(lua, -1, "batch");
	if (type == LUA_TTABLE) {
		lua_field_known(lua, "batch: ", names, 0);
		int64_t rows = lua_field_whole(lua, "batch: ", "rows"), bytes = lua_field_whole(lua, "batch: ", "bytes");
		if (rows < 0 || bytes < 0)
			luaL_error(lua, "batch: rows and bytes cannot be less than 0");
		face->batch_rows = (size_t)rows;
		face->batch_bytes = (size_t)bytes;
	} else if (type != LUA_TNIL) {
		luaL_error(lua, "batch has to be a table: { rows = 500, bytes = 1000000 }");
	}
	lua_pop(lua, 1);
}

static const char *file_name(struct arena *arena, const char *file)
{
	return arena_copy(arena, file, strlen(file) - strlen(".lua"));
}

static int read_table(lua_State *lua)
{
	static const char *const names[] = {
		"name", "version", "summary", "options", "webhook", "api", "every", "batch", "open", "close", "decode", "poll",
		"transform", "deliver", "hooks", "discover", NULL
	};
	struct reading *reading = lua_touserdata(lua, 1);
	struct arena *arena = reading->plugin->arena;
	struct sl_plugin *face = reading->face;
	script_table_push(lua);
	lua_field_known(lua, "the table that the script returns: ", names, 0);
	face->name = lua_field_text(lua, arena, "", "name");
	face->version = lua_field_text(lua, arena, "", "version");
	face->summary = lua_field_text(lua, arena, "", "summary");
	face->name = face->name ? face->name : file_name(arena, ((struct lua_source *)reading->plugin->handle)->file);
	face->version = face->version ? face->version : "0";
	if (!face->summary)
		return luaL_error(lua, "summary is missing: one sentence that says what the script does");
	read_options(lua, reading);
	read_webhook(lua, reading);
	face->api = lua_api_read(lua, arena);
	face->every_ms = lua_field_duration(lua, "", "every");
	read_batch(lua, face);
	lua_fill_face(face, offered(lua));
	return 0;
}

static struct lua_source *read_source(struct plugin *plugin, struct why *why)
{
	struct lua_source *source = arena_alloc(plugin->arena, sizeof(*source));
	const char *slash = strrchr(plugin->path, '/');
	char *text = lua_source_read(plugin->path, &source->len, why);
	if (!text)
		return NULL;
	source->text = arena_copy(plugin->arena, text, source->len);
	source->folder = arena_copy(plugin->arena, plugin->path, (size_t)(slash - plugin->path));
	source->file = slash + 1;
	free(text);
	return source;
}

bool lua_describe(struct plugin *plugin, struct why *why)
{
	struct sl_plugin *face = arena_alloc(plugin->arena, sizeof(*face));
	struct reading reading = { .plugin = plugin, .face = face };
	static const struct host_settings settings;
	*face = (struct sl_plugin){ .abi = SL_ABI, .size = sizeof(*face), .option_size = sizeof(struct sl_option) };
	plugin->handle = read_source(plugin, why);
	struct script *script = plugin->handle ? script_new(plugin->handle, &settings, why) : NULL;
	if (!script)
		return false;
	bool fine = script_protected(script, read_table, &reading, why);
	script_free(&script);
	plugin->face = fine ? face : NULL;
	return fine;
}
