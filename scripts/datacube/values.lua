-- SPDX-License-Identifier: Apache-2.0
-- values.lua - what a column of monday.com says, as a column of ours.
--
-- The API says a value as { type, text, value, ...}, a webhook as an object of another form, with older names of types.
-- nil: it says nothing; values.unread: it says something that only the API can tell in words.

local values = { unread = {} }

-- What the far side sent is a view, what json.decode made is a table.
local function object(value)
  local kind = json.kind(value)
  return (kind == "object" or kind == "table") and value or {}
end

local function list(value)
  local kind = json.kind(value)
  return (kind == "array" or kind == "table") and value or {}
end

local function filled(value)
  if type(value) == "string" and value ~= "" and value ~= "null" then return value end
  if type(value) == "number" then return tostring(value) end
end

values.object, values.list, values.filled = object, list, filled

-- "a" or 7 becomes text; ids are numbers in webhooks and texts in the API.
function values.id(value)
  if type(value) == "string" and value ~= "" then return value end
  if math.type(value) == "integer" then return tostring(value) end
end

-- `labels`: by id, as the board's settings say.
local function label(labels, id, otherwise)
  id = values.id(id)
  return id and filled(object(labels)[id]) or filled(otherwise)
end

-- Of a dropdown: what was chosen, called `name` there.
local function chosen(all, name, labels)
  local words = {}
  for _, one in ipairs(list(all)) do
    words[#words + 1] = label(labels, object(one).id, object(one)[name])
  end
  if #words > 0 then return table.concat(words, ", ") end
end

---------------------------------------------------------------------------------------------- as the API says it

local SHOWN = { mirror = true, board_relation = true, dependency = true, subtasks = true, formula = true,
  lookup = true }

local function decoded(value)
  return type(value) == "string" and object(json.decode(value)) or object(value)
end

local api = {}

function api.status(value, labels)
  return label(labels, values.id(value.index) or decoded(value.value).index, filled(value.label) or value.text)
end

function api.dropdown(value, labels)
  return chosen(value.values, "label", labels) or filled(value.text)
end

function api.numbers(value)
  return filled(value.text) or filled(json.raw(value, "number"))
end

function api.date(value)
  return filled(value.date) or filled(decoded(value.value).date) or filled(value.text)
end

function api.checkbox(value)
  if type(value.checked) == "boolean" then return value.checked and "yes" or "no" end
  return filled(value.text)
end

function api.file(value)
  local files = decoded(value.value).files
  return list(files)[1] and files or nil
end

function values.of_api(value, labels)
  local kind = value.type
  if SHOWN[kind] then return filled(value.display_value) end
  return (api[kind] or function(it) return filled(it.text) end)(value, labels)
end

-- The first item that a connect column leads to.
function values.link(value)
  local id = values.id(list(value.linked_item_ids)[1])
  id = id or values.id(object(list(decoded(value.value).linkedPulseIds)[1]).linkedPulseId)
  if id then return id end
  if not SHOWN[value.type] then return filled(value.text) end
end

-------------------------------------------------------------------------------------------- as a webhook says it

-- By the member that such a value has; the first that is there counts.
local MEMBERS = { "value", "date", "text", "url", "email", "phone", "address", "countryName", "rating", "name",
  "timezone" }

function values.of_webhook(value, labels)
  if json.kind(value) ~= "object" then return filled(value) end
  if json.kind(value.label) == "object" then return label(labels, value.label.index, value.label.text) end
  if type(value.label) == "string" then return filled(value.label) end
  if value.label == json.null then return nil end
  if list(value.chosenValues)[1] then return chosen(value.chosenValues, "name", labels) end
  if type(value.checked) == "boolean" then return value.checked and "yes" or "no" end
  if value.value ~= nil and type(value.value) == "number" then return json.raw(value, "value") end
  if filled(value.url) and filled(value.text) then return value.text .. " - " .. value.url end -- as the API's text
  for _, member in ipairs(MEMBERS) do
    if value[member] ~= nil then return filled(value[member]) end
  end
  for member in pairs(value) do
    if member ~= "changed_at" and member ~= "post_id" and member ~= "icon" then return values.unread end
  end
end

------------------------------------------------------------------------------------------------ as our columns are

local fit = {}

function fit.text(said)
  if type(said) == "string" then return said end
end

function fit.json(said)
  return said
end

-- "£1,234.50" is 1234.50; what is no number is null, and told.
function fit.decimal(said)
  if type(said) ~= "string" then return nil end
  local plain, currency = number.parse(said)
  if not plain then plain, currency = number.parse((said:gsub("%%%s*$", ""))) end
  if not plain then log("warning", "no number: " .. said:sub(1, 60)) end
  return plain, currency
end

function fit.int(said)
  local plain = fit.decimal(said)
  return plain and math.tointeger(tonumber(number.round(plain, 0)))
end

-- Days from the first word to the end; a text that is no number is counted as what does not fit.
function fit.gestation(said)
  local days = fit.int(said)
  if days and (days < 0 or days > 999) then return days .. " days: not 0 to 999" end
  return days
end

function fit.date(said, formats)
  if type(said) ~= "string" then return nil end
  local day = text.trim(said)
  for _, format in ipairs(formats) do
    local moment = time.parse(day, format) or time.parse(day:sub(1, 10), format)
    if moment then return time.date(moment) end
  end
  log("warning", "no date: " .. said:sub(1, 60))
end

fit.link = fit.text

-- nil becomes null: a whole row says all of its columns.
function values.fit(kind, said, formats)
  local value = said ~= nil and fit[kind](said, formats)
  if value == nil or value == false then return json.null end
  return value
end

return values
