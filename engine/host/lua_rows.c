/* SPDX-License-Identifier: Apache-2.0 */
/* lua_rows.c - what a sink in Lua is handed: a list of rows, looked into when asked. */
#include <string.h>

#include "host/lua_host.h"
#include "sdk/time.h"

/* In the registry: the metatable. */
static const char row_key;

/* A row's userdata: the view names the pointer in the batch, so that its number is known too. */
struct row_view {
	struct view view;
	size_t number; /* from 1 */
};

const struct sl_row *lua_row_at(lua_State *lua, int index)
{
	return lua_thing_at(lua, index, &row_key);
}

size_t lua_row_number(lua_State *lua, int index)
{
	return lua_row_at(lua, index) ? ((struct row_view *)lua_touserdata(lua, index))->number : 0;
}

/* ------------------------------------------------------------------------ cells */

static void push_text(lua_State *lua, struct sl_text text)
{
	lua_pushlstring(lua, text.at ? text.at : "", text.len);
}

static void push_bool(lua_State *lua, const struct sl_cell *cell)
{
	lua_pushboolean(lua, cell->number != 0);
}

static void push_int(lua_State *lua, const struct sl_cell *cell)
{
	lua_pushinteger(lua, cell->number);
}

static void push_timestamp(lua_State *lua, const struct sl_cell *cell)
{
	char text[SL_TIME_SIZE];
	size_t len = sl_time_write(cell->number, text);
	lua_pushlstring(lua, text, len);
}

static void push_date(lua_State *lua, const struct sl_cell *cell)
{
	char text[SL_TIME_SIZE];
	size_t len = sl_date_write(cell->number, text);
	lua_pushlstring(lua, text, len);
}

static void push_json(lua_State *lua, const struct sl_cell *cell)
{
	lua_verb_count(lua, cell->text.len);
	const struct sl_json *value = call_json(script_of(lua)->seat->call, cell->text, NULL);
	if (value)
		lua_view_push(lua, value);
	else
		push_text(lua, cell->text);
}

static void push_cell(lua_State *lua, const struct sl_column *column, const struct sl_cell *cell)
{
	static void (*const pushes[])(lua_State *, const struct sl_cell *) = {
		[SL_COLUMN_INT] = push_int,
		[SL_COLUMN_BOOL] = push_bool,
		[SL_COLUMN_TIMESTAMP] = push_timestamp,
		[SL_COLUMN_DATE] = push_date,
		[SL_COLUMN_JSON] = push_json,
	};
	if (cell->kind == SL_CELL_NULL)
		lua_null_push(lua);
	else if (cell->kind == SL_CELL_TEXT && column->type != SL_COLUMN_JSON)
		push_text(lua, cell->text);
	else if (column->type <= SL_COLUMN_JSON && pushes[column->type])
		pushes[column->type](lua, cell);
	else
		push_int(lua, cell);
}

static void push_cells(lua_State *lua, const struct sl_table *table, const struct sl_cell *cells)
{
	lua_createtable(lua, 0, (int)table->column_count);
	for (size_t i = 0; i < table->column_count; i++) {
		if (cells[i].kind == SL_CELL_NONE)
			continue;
		push_cell(lua, table->columns[i], &cells[i]);
		lua_setfield(lua, -2, table->columns[i]->name);
	}
}

/* ----------------------------------------------------------------------- fields */

static void push_table(lua_State *lua, const struct sl_row *row)
{
	lua_pushstring(lua, row->table ? row->table->name : row->event ? row->event->type
								       : NULL);
}

static void push_mode(lua_State *lua, const struct sl_row *row)
{
	static const char *const names[] = {
		[SL_APPEND] = "append",
		[SL_ONCE] = "once",
		[SL_UPSERT] = "upsert",
		[SL_REPLACE] = "replace",
		[SL_PATCH] = "patch",
		[SL_DELETE] = "delete",
	};
	if (!row->table)
		lua_pushstring(lua, row->event ? row->event->mode : NULL);
	else
		lua_pushstring(lua, row->mode < sizeof(names) / sizeof(names[0]) ? names[row->mode] : NULL);
}

static void push_event_data(lua_State *lua, const struct sl_event *event)
{
	struct call *call = script_of(lua)->seat->call;
	const struct sl_json *value = event ? event->json : NULL;
	if (event && !value && event->data.at)
		value = call_json(call, event->data, NULL);
	lua_view_push(lua, value);
}

/* Made once: a script looks at its columns one by one. */
static void push_data(lua_State *lua, const struct sl_row *row)
{
	if (lua_getiuservalue(lua, 1, 1) != LUA_TNIL)
		return;
	if (row->table)
		push_cells(lua, row->table, row->cells);
	else
		push_event_data(lua, row->event);
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, 1, 1);
}

static void push_rows(lua_State *lua, const struct sl_row *row)
{
	if (row->mode != SL_REPLACE || !row->table) {
		lua_pushnil(lua);
		return;
	}
	if (lua_getiuservalue(lua, 1, 2) != LUA_TNIL)
		return;
	lua_createtable(lua, (int)row->set_count, 0);
	for (size_t i = 0; i < row->set_count; i++) {
		push_cells(lua, row->table, row->set[i]->cells);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	lua_json_list(lua);
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, 1, 2);
}

static void push_key(lua_State *lua, const struct sl_row *row)
{
	lua_pushstring(lua, row->idempotency);
}

static void push_event(lua_State *lua, const struct sl_row *row)
{
	const struct sl_event *event = row->event;
	if (!event) {
		lua_pushnil(lua);
		return;
	}
	const struct {
		const char *name, *value;
	} words[] = {
		{ "id", event->id },
		{ "type", event->type },
		{ "subject", event->subject },
		{ "source", event->source },
	};
	lua_createtable(lua, 0, 5);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		lua_pushstring(lua, words[i].value);
		lua_setfield(lua, -2, words[i].name);
	}
	lua_pushinteger(lua, event->time);
	lua_setfield(lua, -2, "time");
}

static int row_text(lua_State *lua)
{
	struct buf *out = &script_of(lua)->out;
	const struct sl_row *row = lua_row_at(lua, 1);
	luaL_argexpected(lua, row, 1, "row: write row:json()");
	buf_clear(out);
	row_json(row, out);
	lua_pushlstring(lua, out->at, out->len);
	return 1;
}

static void push_method(lua_State *lua, const struct sl_row *row)
{
	lua_pushcfunction(lua, row_text);
}

static int row_index(lua_State *lua)
{
	static const struct {
		const char *name;
		void (*push)(lua_State *, const struct sl_row *);
	} fields[] = {
		{ "data", push_data },
		{ "table", push_table },
		{ "mode", push_mode },
		{ "rows", push_rows },
		{ "key", push_key },
		{ "event", push_event },
		{ "json", push_method },
	};
	const struct sl_row *row = lua_thing(lua, 1);
	const char *name = luaL_tolstring(lua, 2, NULL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].push(lua, row), 1;
	return luaL_error(lua, "a row has no '%s'; it has data, table, mode, rows, key, event and json()", name);
}

static int row_write(lua_State *lua)
{
	return luaL_error(lua, "a row cannot be changed: write into json.copy(row.data)");
}

static void push_row(lua_State *lua, const struct sl_row *row, size_t number)
{
	struct row_view *view = lua_newuserdatauv(lua, sizeof(*view), 2);
	struct seat *seat = script_of(lua)->seat;
	*view = (struct row_view){ { .thing = row, .seat = seat, .serial = seat->serial }, number };
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &row_key);
	lua_setmetatable(lua, -2);
}

void lua_rows_push(lua_State *lua, struct call *call)
{
	lua_createtable(lua, (int)call->pub.row_count, 0);
	for (size_t i = 0; i < call->pub.row_count; i++) {
		push_row(lua, call->pub.rows[i], i + 1);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	lua_json_list(lua);
}

void lua_rows_open(lua_State *lua)
{
	static const luaL_Reg row[] = {
		{ "__index", row_index },
		{ "__newindex", row_write },
		{ "__tostring", row_text },
		{ NULL, NULL },
	};
	lua_view_kind(lua, &row_key, "row", row);
}
