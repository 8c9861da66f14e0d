-- SPDX-License-Identifier: Apache-2.0
-- told.lua - values as somebody told them: what is not what it should be is as if it were not there.
local told = {}

function told.object(value)
  return json.kind(value) == "object" and value or {}
end

-- The elements, an empty list if it is none.
function told.list(value)
  return json.kind(value) == "array" and value or {}
end

function told.string(value)
  if type(value) == "string" and value ~= "" then return value end
end

-- An id is a text or a whole number, and "none" is 0.
function told.id(value)
  local text = math.type(value) == "integer" and tostring(value) or told.string(value)
  if text ~= "0" then return text end
end

function told.int(value)
  if type(value) == "number"
    or (type(value) == "string" and #value < 20) then return math.tointeger(tonumber(value)) end
end

-- A moment of ISO 8601, or nil.
function told.moment(value)
  return (time.parse(told.string(value)))
end

-- Seconds since 1970, perhaps with a fraction.
function told.seconds(value)
  if type(value) ~= "number" or value <= 0 or value > 1e11 then return nil end
  return math.tointeger(value * 1000 // 1)
end

-- "2026-08-03", "2026-08-03T00:00:00Z" or "20260803".
function told.date(value)
  local text = told.string(value)
  if not text then return nil end
  local year, month, day = text:match("^(%d%d%d%d)%-?(%d%d)%-?(%d%d)")
  local plain = year and year .. "-" .. month .. "-" .. day
  if time.parse(plain) then return plain end
end

function told.strings(values)
  local found = json.array {}
  for _, value in ipairs(told.list(values)) do
    if told.string(value) then table.insert(found, value) end
  end
  return found
end

return told
