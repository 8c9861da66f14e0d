# SPDX-License-Identifier: Apache-2.0
# hostile.py - scripts that do what they should not, for the tests and the bench of what comes of it.
import json

# What the process itself ends: the call fails, its process goes on.
ENDED = {
    "loop": ("while true do end", "instructions"),
    "loop in a coroutine": ("coroutine.wrap(function() while true do end end)()", "instructions"),
    "loop in __close": ("local t <close> = setmetatable({}, { __close = function() while true do end end })",
                        "instructions"),
    "loop in the metatable of strings": ("getmetatable('').__index = function() while true do end end", "attempt to index"),
    "count to 1e15": ("local x = 0 for i = 1, 1e15 do x = x + i end", "instructions"),
    "rep": ("local s = ('x'):rep(1e9)", "memory"),
    "table that grows": ("local t = {} while true do t[#t + 1] = { #t } end", "memory"),
    "array of 2^26": ("local a = {} for i = 1, 2^26 do a[i] = i end", "memory"),
    "pcall that catches its end": ("while true do pcall(function() while true do end end) end", "instructions"),
    "coroutines that churn": ("while true do coroutine.wrap(function() for i = 1, 500 do end end)() end", "instructions"),
    "xpcall with a handler that loops": ("xpcall(error, function() while true do end end)", "instructions"),
    "finaliser": ("setmetatable({}, { __gc = function() while true do end end })", "__gc"),
    "collectgarbage": ("collectgarbage()", "collectgarbage"),
    "string that grows by copies": ("local s = ('x'):rep(1e6) while true do s = s .. 'b' end", "instructions"),
    "table.move": ("table.move({ 1 }, 1, 1e15, 2)", "instructions"),
    "log": ("while true do log('again') end", "instructions"),
    "bytecode": ("load(string.dump(function() end), 'b', 'b')()", "dump"),
    "bytecode by hand": ("load('\\27Lua')()", "attempt to call a nil value"),
    "recursion": ("local function f() return 1 + f() end f()", "bad.lua:"),
    "error that is no text": ("error(setmetatable({}, { __tostring = function() while true do end end }))", ""),
    "error of 50 MB": ("error(('x'):rep(5e7))", ""),
    "emit without end": ("local s = ('x'):rep(1e6) while true do emit { data = { s } } end", "more than 64 MB in one call"),
    "files": ("io.open('/etc/passwd')", "io"),
    "commands": ("os.execute('true')", "os"),
    "libraries": ("package.loadlib('libc.so.6', '*')", "package"),
    "debug": ("debug.getregistry()", "debug"),
    "a script from elsewhere": ("require('/etc/passwd')", "passwd"),
    "a script from above": ("require('../notes')", "notes"),
}

# What hangs within one function of C: the master ends the process.
HANGING = {
    "pattern": "string.find(('a'):rep(50000), ('a-'):rep(50) .. 'b')",
    "gsub": "string.gsub(('a'):rep(1e6), '.-b', '')",
}

SCRIPT = """\
local deeds = {{}}
{deeds}
return {{
	summary = "does what it should not",
	transform = function(event)
		local note = event.data
		if note.does then deeds[note.does]() end
		emit {{ type = "notes", data = {{ id = note.id, card = note.card, text = note.text }} }}
	end,
}}
"""


def script(deeds):
    lines = (f"deeds[{json.dumps(name)}] = function() {body} end" for name, body in deeds.items())
    return SCRIPT.format(deeds="\n".join(lines))
