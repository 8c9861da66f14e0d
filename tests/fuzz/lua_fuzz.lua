-- SPDX-License-Identifier: Apache-2.0
-- lua_fuzz.lua - makes calls out of bytes: which function, how many arguments, and each of them.
local libraries = { "time", "number", "text", "html", "find", "base64", "hex", "hash", "uuid", "url", "json", "string",
	"table", "math", "utf8" }
local skipped = { ["table.move"] = true, ["string.rep"] = true, ["string.dump"] = true }

local functions = {}
for _, library in ipairs(libraries) do
	local names = {}
	for name, value in pairs(_G[library] or {}) do
		if type(value) == "function" and not skipped[library .. "." .. name] then
			names[#names + 1] = name
		end
	end
	table.sort(names)
	for _, name in ipairs(names) do
		functions[#functions + 1] = _G[library][name]
	end
end
for _, name in ipairs { "emit", "log", "tostring", "tonumber", "select", "next", "rawlen", "advance", "progress", "sweep", "settle" } do
	functions[#functions + 1] = _G[name]
end

local bytes, at

local function byte()
	at = at + 1
	return bytes:byte(at) or 0
end

local function some_text()
	local len = byte()
	local part = bytes:sub(at + 1, at + len)
	at = at + len
	return part
end

local words = { "Europe/Berlin", "2026-11-21T22:10:19Z", "%Y-%m-%d %H:%M", "sha256", "year", "+44", "45.00", "dns",
	"https://a.example/x?y=z", "1h30m", "type", "data", "links", "decimal", "{\"a\":[1,null]}", "raw", "month", "days" }
local numbers = { 0, -1, 1, 0.5, -0.0, 1 / 0, -1 / 0, 0 / 0, math.maxinteger, math.mininteger, 1e15, 1e300, 1700000000123 }

local some
local makers = {
	function() return nil end,
	function() return byte() % 2 == 0 end,
	some_text,
	some_text,
	function() return words[byte() % #words + 1] end,
	function() return byte() + byte() * 256 - 32768 end,
	function() return numbers[byte() % #numbers + 1] end,
	function() return json.null end,
	function(last) return last end,
	function(last, event) return event.data end,
	function(last, event) return event end,
	function(last, event, depth)
		local made = {}
		for index = 1, byte() % 5 do
			made[index] = some(last, event, depth + 1)
		end
		return made
	end,
	function(last, event, depth)
		local made = {}
		for _ = 1, byte() % 4 do
			local key = some(last, event, depth + 1)
			if key ~= nil and key == key then
				made[key] = some(last, event, depth + 1)
			end
		end
		return made
	end,
	function(last) return json.decode(some_text()) end,
	function(last) return json.array { last } end,
}

function some(last, event, depth)
	local kind = byte() % #makers + 1
	if depth > 4 and kind > 10 then
		return nil
	end
	return makers[kind](last, event, depth)
end

local fuzz = { summary = "Calls functions with whatever arguments." }

function fuzz.transform(event)
	local last
	bytes, at = hex.decode(event.data.bytes), 0
	for _ = 1, 30 do
		if at >= #bytes then
			break
		end
		local call = functions[byte() % #functions + 1]
		local arguments, count = {}, byte() % 5
		for index = 1, count do
			arguments[index] = some(last, event, 0)
		end
		local fine, result = pcall(call, table.unpack(arguments, 1, count))
		if fine then
			last = result
		end
	end
	pcall(emit, { type = "fuzzed", data = { last = last } })
end

return fuzz
