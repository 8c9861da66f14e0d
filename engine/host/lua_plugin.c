/* SPDX-License-Identifier: Apache-2.0 */
/* lua_plugin.c - the table that a script returns becomes a struct sl_plugin.
 *
 * The file is read once and run in a state of its own, which then goes; the
 * states of instances run the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "host/lua_host.h"

/* All of this runs in a protected call; what it makes is in the plugin's arena. */
struct reading {
	struct plugin *plugin;
	struct sl_plugin *face;
};

/* ------------------------------------------------------------------ small values */

static const char *text_field(lua_State *lua, struct arena *arena, const char *where, const char *name)
{
	const char *text = NULL;
	int type = lua_getfield(lua, -1, name);
	if (type == LUA_TSTRING)
		text = arena_string(arena, lua_tostring(lua, -1));
	else if (type != LUA_TNIL)
		luaL_error(lua, "%s%s has to be a text, not a %s", where, name, luaL_typename(lua, -1));
	lua_pop(lua, 1);
	return text;
}

static int64_t whole_field(lua_State *lua, const char *where, const char *name)
{
	int whole = 1;
	lua_Integer number = 0;
	if (lua_getfield(lua, -1, name) != LUA_TNIL)
		number = lua_tointegerx(lua, -1, &whole);
	if (!whole)
		luaL_error(lua, "%s%s has to be a whole number", where, name);
	lua_pop(lua, 1);
	return number;
}

static bool known(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

/* Names a slip instead of passing over it; numbers are let through to `from`. */
static void refuse_unknown(lua_State *lua, const char *where, const char *const *names, lua_Integer from)
{
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
		if (lua_isinteger(lua, -2) && lua_tointeger(lua, -2) >= 1 && lua_tointeger(lua, -2) <= from)
			continue;
		if (lua_type(lua, -2) != LUA_TSTRING || !known(lua_tostring(lua, -2), names))
			luaL_error(lua, "%sunknown key '%s'", where, luaL_tolstring(lua, -2, NULL));
	}
}

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
	luaL_error(lua, "options: %s has the type '%s', which does not exist", name, word);
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
	refuse_unknown(lua, "options: ", names, 2);
	option->initial = initial(lua, arena, option->type);
	option->min = whole_field(lua, "options: ", "min");
	option->max = whole_field(lua, "options: ", "max");
	option->choices = choices(lua, arena);
	option->help = text_field(lua, arena, "options: ", "help");
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
	};
	webhook->auth = auth_of(lua, text_field(lua, arena, "webhook: ", "auth"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i].to = text_field(lua, arena, "webhook: ", texts[i].name);
	webhook->tolerance_ms = whole_field(lua, "webhook: ", "tolerance_ms");
	webhook->repeat_ms = whole_field(lua, "webhook: ", "repeat_ms");
	webhook->status = (int)whole_field(lua, "webhook: ", "status");
	lua_getfield(lua, -1, "head");
	webhook->head = lua_toboolean(lua, -1);
	lua_pop(lua, 1);
}

static void read_webhook(lua_State *lua, struct reading *reading)
{
	static const char *const names[] = { "auth", "proof", "prefix", "encoding", "covers", "timestamp", "audience",
		"secret", "id", "type", "subject", "time", "challenge", "tolerance_ms", "repeat_ms", "status", "head", NULL };
	if (lua_getfield(lua, -1, "webhook") == LUA_TTABLE) {
		struct sl_webhook *webhook = arena_alloc(reading->plugin->arena, sizeof(*webhook));
		refuse_unknown(lua, "webhook: ", names, 0);
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

static const char *file_name(struct arena *arena, const char *file)
{
	return arena_copy(arena, file, strlen(file) - strlen(".lua"));
}

static int read_table(lua_State *lua)
{
	static const char *const names[] = {
		"name", "version", "summary", "options", "webhook", "transform", "decode", NULL
	};
	struct reading *reading = lua_touserdata(lua, 1);
	struct arena *arena = reading->plugin->arena;
	struct sl_plugin *face = reading->face;
	script_table_push(lua);
	refuse_unknown(lua, "the table that the script returns: ", names, 0);
	face->name = text_field(lua, arena, "", "name");
	face->version = text_field(lua, arena, "", "version");
	face->summary = text_field(lua, arena, "", "summary");
	face->name = face->name ? face->name : file_name(arena, ((struct lua_source *)reading->plugin->handle)->file);
	face->version = face->version ? face->version : "0";
	if (!face->summary)
		return luaL_error(lua, "summary is missing: one sentence that says what the script does");
	read_options(lua, reading);
	read_webhook(lua, reading);
	lua_fill_face(face, offers(lua, "transform"), offers(lua, "decode"));
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
