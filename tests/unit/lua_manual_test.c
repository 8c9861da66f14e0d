/* SPDX-License-Identifier: Apache-2.0 */
/* lua_manual_test.c - all that scripts may call stands in docs/lua.md and docs/lua/sluice.lua, and nothing else. */
#include "script.h"

/* Everything global that Lua itself did not bring: "http", "http.get", "json.null". */
static const char names[] =
	"local own, there = {}, {}\n"
	"for name in ('_G _VERSION assert coroutine error getmetatable ipairs load math next pairs pcall rawequal'\n"
	"  .. ' rawget rawlen rawset require select setmetatable string table tonumber tostring type utf8 xpcall')\n"
	"  :gmatch('%S+') do\n"
	"  own[name] = true\n"
	"end\n"
	"for name, value in pairs(_G) do\n"
	"  if not own[name] then there[name] = value end\n"
	"  for member, inner in pairs(not own[name] and type(value) == 'table' and value or {}) do\n"
	"    there[name .. '.' .. member] = inner\n"
	"  end\n"
	"end\n";

static const char check[] =
	"local guide, types, wrong, count = event.data.guide, '\\n' .. event.data.types, {}, 0\n"
	"local function has(text, part) return text:find(part, 1, true) ~= nil end\n"
	"for name, value in pairs(there) do\n"
	"  count = count + 1\n"
	"  local named = '`' .. name\n"
	"  local told = has(guide, named .. '(') or has(guide, named .. '`') or has(guide, named .. ' {')\n"
	"  if type(value) ~= 'table' and not told then wrong[#wrong + 1] = 'docs/lua.md lacks ' .. name end\n"
	"  local typed = has(types, '\\nfunction ' .. name .. '(') or has(types, '\\n' .. name .. ' = ')\n"
	"  if not typed and name ~= 'print' then wrong[#wrong + 1] = 'docs/lua/sluice.lua lacks ' .. name end\n"
	"end\n"
	"for name in types:gmatch('\\nfunction ([%w_.]+)%(') do\n"
	"  if there[name] == nil then wrong[#wrong + 1] = 'docs/lua/sluice.lua tells of ' .. name end\n"
	"end\n"
	"local fine, why = load(event.data.types, '=sluice.lua')\n"
	"if not fine then wrong[#wrong + 1] = why end\n"
	"if #wrong > 0 or count < 80 then fail(count .. ' names; ' .. table.concat(wrong, '; ')) end\n"
	"drop('fine')\n";

static void add_file(struct buf *out, const char *key, const char *name)
{
	char path[512], *text = calloc(1, 1 << 20);
	const char *folder = getenv("SLUICE_SOURCE");
	snprintf(path, sizeof(path), "%s/%s", folder ? folder : ".", name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	json_member_string(out, key, text);
	free(text);
}

static void both_manuals_tell_of_what_there_is(void **state)
{
	struct buf manuals = { 0 };
	json_open(&manuals, '{');
	add_file(&manuals, "guide", "docs/lua.md");
	add_file(&manuals, "types", "docs/lua/sluice.lua");
	json_close(&manuals, '}');
	struct instance *instance = script_transform(names, check);
	struct call *call = script_call(instance, manuals.at);
	if (call->outcome != SL_DONE)
		fail_msg("%s", call->why.text);
	call_free(&call);
	instance_free(&instance);
	buf_free(&manuals);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(both_manuals_tell_of_what_there_is) };
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
