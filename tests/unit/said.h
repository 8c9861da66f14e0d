/* SPDX-License-Identifier: Apache-2.0 */
/* said.h - for tests of libraries for scripts: expressions in Lua and what they are. */
#ifndef TESTS_UNIT_SAID_H
#define TESTS_UNIT_SAID_H

#include "script.h"

struct said {
	const char *expression, *is; /* values joined with " | ", tables as JSON, errors as "error: ..." */
};

static const char said_show[] =
	"local function show(ok, ...)\n"
	"  if not ok then return 'error: ' .. tostring(...):gsub('^test%.lua:%d+: ', '') end\n"
	"  local words = {}\n"
	"  for i = 1, math.max(select('#', ...), 1) do\n"
	"    local value = select(i, ...)\n"
	"    words[i] = type(value) == 'table' and json.encode(value) or tostring(value)\n"
	"  end\n"
	"  return table.concat(words, ' | ')\n"
	"end\n"
	"local wrong = {}\n"
	"local function check(expression, is, ...)\n"
	"  local got = show(...)\n"
	"  if got ~= is then wrong[#wrong + 1] = expression .. ' is ' .. got .. ', not ' .. is end\n"
	"end\n";

/* All of them in one script; what is wrong is told together. */
static inline void said_check(const struct said *rows, size_t count, const char *json)
{
	struct buf text = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_format(&text, "check([==[%s]==], [==[%s]==], pcall(function() return %s end))\n", rows[i].expression,
			rows[i].is, rows[i].expression);
	buf_string(&text, "if #wrong > 0 then fail(table.concat(wrong, ' ;; ')) end drop('fine')");
	struct instance *instance = script_transform(said_show, text.at);
	struct call *call = script_call(instance, json);
	if (call->outcome != SL_DONE)
		fail_msg("%s", call->why.text);
	call_free(&call);
	instance_free(&instance);
	buf_free(&text);
}

#define SAID_DATA "{\"null\":null,\"list\":[1,2],\"object\":{\"a\":1}}" /* what event.data is */
#define said(rows) said_check(rows, sizeof(rows) / sizeof(*(rows)), SAID_DATA)

#endif
