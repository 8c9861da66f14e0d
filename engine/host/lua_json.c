/* SPDX-License-Identifier: Apache-2.0 */
/* lua_json.c - Lua values to JSON text and back.
 *
 * What is written is the same for the same values: members stand in the order
 * of their names, so that a retry writes what the first try wrote.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

#define DEEPEST LUA_DEEPEST_JSON
#define FEW 32                         /* members that are put in order without more memory */
#define MOST_NAMED 8                   /* levels of a path in a message */
#define LARGEST_KEPT ((size_t)1 << 20) /* a buffer larger than this is not used again */

static const char array_key, box_key; /* in the registry: the metatables of arrays and of boxes */

/* ----------------------------------------------------------------------- lists */

void lua_json_list(lua_State *lua)
{
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key);
	lua_setmetatable(lua, -2);
}

/* -------------------------------------------------------------------- decoding */

/* A document whose memory goes with a userdata, so that no error leaks it. */
static int box_free(lua_State *lua)
{
	sl_json_free(lua_touserdata(lua, 1));
	return 0;
}

static struct sl_document **box_push(lua_State *lua)
{
	struct sl_document **box = lua_newuserdatauv(lua, sizeof(*box), 0);
	*box = NULL;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &box_key);
	lua_setmetatable(lua, -2);
	return box;
}

/* json.decode(text): tables, or nil and what is wrong. */
static int json_decode(lua_State *lua)
{
	char why[256] = "";
	struct sl_text text;
	text.at = luaL_checklstring(lua, 1, &text.len);
	luaL_argcheck(lua, text.len <= LUA_LARGEST_JSON, 1, "more than 16 MB of JSON");
	struct sl_document **box = box_push(lua);
	*box = sl_json_read(text, why, sizeof(why));
	if (!*box) {
		lua_pushnil(lua);
		lua_pushstring(lua, why);
		return 2;
	}
	lua_json_tables(lua, sl_json_root(*box));
	sl_json_free(box);
	return 1;
}

/* -------------------------------------------------------------------- encoding */

struct encoding {
	lua_State *lua;
	struct buf *out;
	int depth;
	const char *path[DEEPEST + 1]; /* names on the way down; NULL: an element */
};

static void encode(struct encoding *encoding, int index);

static int refuse(struct encoding *encoding, const char *what)
{
	luaL_Buffer words;
	luaL_buffinit(encoding->lua, &words);
	for (int i = 0; i < encoding->depth && i < MOST_NAMED; i++) {
		luaL_addstring(&words, i ? "." : "");
		luaL_addstring(&words, encoding->path[i] ? encoding->path[i] : "[]");
	}
	luaL_addstring(&words, !encoding->depth ? "" : encoding->depth > MOST_NAMED ? "...: "
										    : ": ");
	luaL_addstring(&words, what);
	luaL_pushresult(&words);
	luaL_where(encoding->lua, 1);
	lua_insert(encoding->lua, -2);
	lua_concat(encoding->lua, 2);
	return lua_error(encoding->lua);
}

struct member {
	struct sl_text name;
	uint64_t head;   /* the first eight bytes of the name, as a number that sorts like them */
	size_t from, to; /* where it stands in the text */
};

static uint64_t head_of(struct sl_text name)
{
	uint64_t head = 0;
	if (name.len >= sizeof(head))
		memcpy(&head, name.at, sizeof(head));
	else if (name.len)
		memcpy(&head, name.at, name.len);
	return be64toh(head);
}

static int by_name(const void *left, const void *right)
{
	const struct member *l = left, *r = right;
	const struct sl_text *a = &l->name, *b = &r->name;
	if (l->head != r->head)
		return l->head < r->head ? -1 : 1;
	int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void add_member(struct buf *scratch, const struct buf *out, const struct member *member)
{
	if (scratch->len)
		buf_char(scratch, ',');
	buf_add(scratch, out->at + member->from, member->to - member->from);
}

static void add_few(struct buf *scratch, const struct buf *out, const struct member *members, size_t count)
{
	const struct member *order[FEW];
	for (size_t i = 0; i < count; i++) {
		size_t to = i;
		for (; to && by_name(order[to - 1], &members[i]) > 0; to--)
			order[to] = order[to - 1];
		order[to] = &members[i];
	}
	for (size_t i = 0; i < count; i++)
		add_member(scratch, out, order[i]);
}

/* The members were written as the table has them; now they are put in order. */
static void put_in_order(struct buf *out, struct buf *scratch, struct member *members, size_t count)
{
	size_t begin = members[0].from;
	buf_clear(scratch);
	if (count <= FEW) {
		add_few(scratch, out, members, count);
	} else {
		qsort(members, count, sizeof(*members), by_name);
		for (size_t i = 0; i < count; i++)
			add_member(scratch, out, &members[i]);
	}
	out->len = begin;
	buf_add(out, scratch->at, scratch->len);
}

static struct member *more_room(lua_State *lua, struct member *members, size_t *room)
{
	struct member *more = lua_newuserdatauv(lua, *room * 2 * sizeof(*more), 0);
	memcpy(more, members, *room * sizeof(*more));
	*room *= 2;
	return more;
}

/* A number that a changed document brought goes out as it stands there: 45.00. */
static bool encode_as_it_came(struct encoding *encoding, const struct sl_json *was)
{
	if (!was || sl_json_kind(was) != SL_KIND_NUMBER)
		return false;
	lua_view_push(encoding->lua, was);
	bool same = lua_rawequal(encoding->lua, -1, -2);
	struct sl_text raw = sl_json_raw(was);
	lua_pop(encoding->lua, 1);
	if (same)
		json_raw(encoding->out, raw.at, raw.len);
	return same;
}

static void encode_value(struct encoding *encoding, const struct sl_json *was)
{
	if (!encode_as_it_came(encoding, was))
		encode(encoding, lua_gettop(encoding->lua));
}

static void encode_member(struct encoding *encoding, struct member *member, const struct sl_json *origin)
{
	lua_State *lua = encoding->lua;
	if (lua_type(lua, -2) != LUA_TSTRING)
		refuse(encoding, "a name has to be a text; use tostring(), or leave no holes in a list");
	member->name.at = lua_tolstring(lua, -2, &member->name.len);
	member->head = head_of(member->name);
	encoding->out->comma = false;
	member->from = encoding->out->len;
	json_key_text(encoding->out, member->name);
	encoding->path[encoding->depth++] = member->name.at;
	encode_value(encoding, origin ? sl_json_get_text(origin, member->name) : NULL);
	encoding->depth--;
	member->to = encoding->out->len;
}

static void encode_object(struct encoding *encoding, int index, const struct sl_json *origin)
{
	lua_State *lua = encoding->lua;
	struct member first[FEW], *members = first;
	size_t count = 0, room = FEW;
	int scratch = lua_gettop(lua) + 1;
	lua_pushnil(lua); /* a place for more members, should there be more */
	json_open(encoding->out, '{');
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
		if (count == room) {
			members = more_room(lua, members, &room);
			lua_replace(lua, scratch);
		}
		encode_member(encoding, &members[count++], origin);
	}
	if (count)
		put_in_order(encoding->out, &script_of(lua)->sorted, members, count);
	json_close(encoding->out, '}');
	lua_settop(lua, scratch - 1);
}

static void encode_array(struct encoding *encoding, int index, size_t count, const struct sl_json *origin)
{
	json_open(encoding->out, '[');
	encoding->path[encoding->depth++] = NULL;
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(encoding->lua, index, (lua_Integer)i);
		encode_value(encoding, origin ? sl_json_element(origin, i - 1) : NULL);
		lua_pop(encoding->lua, 1);
	}
	encoding->depth--;
	json_close(encoding->out, ']');
}

/* A table with a first element is a list, and then has nothing else. */
static bool is_list(struct encoding *encoding, int index, size_t *count)
{
	lua_State *lua = encoding->lua;
	bool marked = false;
	if (lua_getmetatable(lua, index)) {
		lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key);
		marked = lua_rawequal(lua, -1, -2);
		lua_pop(lua, 2);
	}
	*count = lua_rawlen(lua, index);
	if (!*count)
		return marked;
	size_t elements = 0;
	bool names = false;
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1), elements++)
		names |= !lua_isinteger(lua, -2);
	if (names || elements != *count)
		refuse(encoding, "a list has holes or names; put json.null where nothing is, or use two tables");
	return true;
}

/* `origin`: the place of a document that the table stands for, or NULL. */
static void encode_table(struct encoding *encoding, int index, const struct sl_json *origin)
{
	size_t count;
	luaL_checkstack(encoding->lua, 16, "nested too deeply for JSON");
	if (encoding->depth >= DEEPEST)
		refuse(encoding, "nested deeper than 100 levels; does it hold itself?");
	if (is_list(encoding, index, &count))
		encode_array(encoding, index, count, origin);
	else
		encode_object(encoding, index, origin);
}

static void encode_number(struct encoding *encoding, int index)
{
	lua_Number number = lua_tonumber(encoding->lua, index);
	if (lua_isinteger(encoding->lua, index))
		json_int(encoding->out, lua_tointeger(encoding->lua, index));
	else if (number - number == 0)
		json_double(encoding->out, number);
	else
		refuse(encoding, "JSON has no form for an infinite number, or for one that is none");
}

/* Before it is written: JSON text is not in the script's memory. */
static struct sl_text fitting(struct encoding *encoding, struct sl_text text)
{
	if (encoding->out->len + text.len > LUA_LARGEST_JSON)
		refuse(encoding, "more than 16 MB of JSON");
	return text;
}

static void encode_view(struct encoding *encoding, const struct view *view)
{
	struct sl_text raw;
	if (lua_change_inside(encoding->lua, view->thing, view->seat)) {
		lua_change_make(encoding->lua, view);
		encode_table(encoding, lua_gettop(encoding->lua), view->thing);
		lua_pop(encoding->lua, 1);
		return;
	}
	raw = fitting(encoding, sl_json_raw(view->thing));
	json_raw(encoding->out, raw.at, raw.len);
}

static void encode_other(struct encoding *encoding, int index)
{
	const struct view *view = lua_view_whole(encoding->lua, index);
	const struct sl_row *row;
	char words[64];
	if (view) {
		encode_view(encoding, view);
	} else if (lua_is_none(encoding->lua, index)) {
		json_null(encoding->out);
	} else if ((row = lua_row_at(encoding->lua, index))) {
		row_json(row, encoding->out);
		fitting(encoding, (struct sl_text){ 0 });
	} else {
		snprintf(words, sizeof(words), "a %s has no form in JSON", luaL_typename(encoding->lua, index));
		refuse(encoding, words);
	}
}

static void encode(struct encoding *encoding, int index)
{
	struct sl_text text;
	switch (lua_type(encoding->lua, index)) {
	case LUA_TSTRING:
		text.at = lua_tolstring(encoding->lua, index, &text.len);
		json_text(encoding->out, fitting(encoding, text));
		break;
	case LUA_TNUMBER:
		encode_number(encoding, index);
		break;
	case LUA_TBOOLEAN:
		json_bool(encoding->out, lua_toboolean(encoding->lua, index));
		break;
	case LUA_TTABLE:
		encode_table(encoding, index, NULL);
		break;
	default:
		encode_other(encoding, index);
	}
}

struct sl_text lua_json_encode(lua_State *lua, int index)
{
	struct encoding encoding = { .lua = lua, .out = &script_of(lua)->out };
	if (encoding.out->room > LARGEST_KEPT)
		buf_free(encoding.out), buf_free(&script_of(lua)->sorted);
	buf_clear(encoding.out);
	encode(&encoding, lua_absindex(lua, index));
	return (struct sl_text){ encoding.out->at, encoding.out->len };
}

static int json_encode(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	struct sl_text text = lua_json_encode(lua, 1);
	lua_pushlstring(lua, text.at, text.len);
	return 1;
}

/* -------------------------------------------------------------------- the rest */

static int json_copy(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	lua_json_copy(lua, 1);
	return 1;
}

/* json.array(t): so that t is [] even when it is empty. */
static int json_array(lua_State *lua)
{
	if (lua_isnoneornil(lua, 1))
		lua_settop(lua, 0), lua_newtable(lua);
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 1);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key);
	lua_setmetatable(lua, 1);
	return 1;
}

/* json.raw(view, name): the text a member has in the document: "45.00". */
static int json_raw_member(lua_State *lua)
{
	const struct sl_json *value = lua_view_at(lua, 1);
	luaL_argexpected(lua, value, 1, "JSON object or array");
	if (lua_isinteger(lua, 2))
		value = sl_json_element(value, (size_t)lua_tointeger(lua, 2) - 1);
	else if (!lua_isnoneornil(lua, 2))
		value = sl_json_get(value, luaL_checkstring(lua, 2));
	struct sl_text raw = sl_json_raw(value);
	if (value)
		lua_pushlstring(lua, raw.at, raw.len);
	else
		lua_pushnil(lua);
	return 1;
}

/* json.kind(value): "object", "array", "null", else Lua's own type(). */
static int json_kind(lua_State *lua)
{
	const struct sl_json *value = lua_view_at(lua, 1);
	if (value)
		lua_pushstring(lua, sl_json_kind(value) == SL_KIND_ARRAY ? "array" : "object");
	else if (lua_is_none(lua, 1) && !lua_isnoneornil(lua, 1))
		lua_pushliteral(lua, "null");
	else
		lua_pushstring(lua, luaL_typename(lua, 1));
	return 1;
}

void lua_json_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "decode", json_decode },
		{ "encode", json_encode },
		{ "copy", json_copy },
		{ "array", json_array },
		{ "raw", json_raw_member },
		{ "kind", json_kind },
		{ NULL, NULL },
	};
	luaL_newlib(lua, functions);
	lua_null_push(lua);
	lua_setfield(lua, -2, "null");
	lua_setglobal(lua, "json");

	lua_newtable(lua);
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &array_key);

	lua_newtable(lua);
	lua_pushcfunction(lua, box_free);
	lua_setfield(lua, -2, "__gc");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &box_key);
}
