-- SPDX-License-Identifier: Apache-2.0
-- manual.lua - what people note: a call, a meeting, a list of last year's orders.
--
-- A request is one JSON object, or lines of JSON, or a CSV whose first line names its columns. Each becomes an event. What
-- is sent twice counts once; the same id with other content is a correction.

local manual = {
  version = "1.0",
  summary = "Events that people enter: JSON, lines of JSON, or CSV.",
  options = { { "secret", "secret", help = "The token that senders give." } },
  webhook = {
    auth = "bearer", proof = "header:Authorization", prefix = "Bearer ", secret = "secret",
    id = "sha256(body)", type = "body:/event_name", time = "body:/occurred_at",
  },
}

-- Where a CSV has a column for them: the person's, and the group's.
local PERSON, GROUP = { "email", "phone", "user_id" }, { "shop_id", "myshopify_domain", "company", "domain" }

-- The id says what it says: so the same is known when it comes again, and a correction is something new.
local function tell(data, where)
  local content = json.encode(data)
  local id = type(data.id) == "string" and data.id ~= "" and data.id or nil
  if not id and not data.unreadable then data.id = uuid.v5("oid", content) end
  emit {
    id = (id or data.id or where) .. "@" .. hash.sha256(content):sub(1, 16),
    type = type(data.event_name) == "string" and data.event_name or "manual", subject = id, data = data,
    time = time.parse(type(data.occurred_at) == "string" and data.occurred_at or nil),
  }
end

local function unreadable(where, why)
  tell({ unreadable = where .. " " .. why }, where)
end

------------------------------------------------------------------------------------------------------------------ CSV

-- The fields of a record, and where the next begins. Quotes are doubled inside of quotes (RFC 4180).
local function record(body, at)
  local fields = {}
  repeat
    local field, stop
    if body:sub(at, at) == '"' then
      local quoted = at + 1
      local close = quoted
      while true do
        close = body:find('"', close, true)
        if not close then return nil end
        if body:sub(close + 1, close + 1) ~= '"' then break end
        close = close + 2
      end
      field, at = body:sub(quoted, close - 1):gsub('""', '"'), close + 1
    else
      stop = body:find("[,\r\n]", at) or #body + 1
      field, at = body:sub(at, stop - 1), stop
    end
    fields[#fields + 1] = field
    local separator = body:sub(at, at)
    at = at + 1
  until separator ~= ","
  return fields, body:match("^[\r\n]*()", at) or at
end

local function party(row, names)
  local found = {}
  for _, name in ipairs(names) do
    found[name], row[name] = row[name], nil
  end
  return next(found) and json.array { found } or nil
end

-- Columns that are none of ours stay where they are: the mapping passes them over, and raw has them.
local function from_columns(row)
  local persons, groups = party(row, PERSON), party(row, GROUP)
  if row.identifiers then
    row.identifiers = json.decode(row.identifiers)
  elseif persons or groups then
    row.identifiers = { persons = persons, groups = groups }
  end
  return row
end

local function read_csv(body)
  local names, at = record(body, 1)
  local line = 1
  if not names then return fail("a CSV whose first record does not end: " .. body:sub(1, 200)) end
  if at > #body then return drop("a CSV without lines") end
  while at <= #body do
    local fields, after = record(body, at)
    line = line + 1
    if not fields or #fields ~= #names then return unreadable("record " .. line, "has not the fields of the first one") end
    local row = {}
    for i, name in ipairs(names) do
      if fields[i] ~= "" then row[text.trim(name)] = fields[i] end
    end
    tell(from_columns(row), "record " .. line)
    at = after
  end
end

----------------------------------------------------------------------------------------------------------------- JSON

local function read_lines(body)
  for number, line in ipairs(text.lines(body)) do
    if text.trim(line) ~= "" then
      local data, why = json.decode(line)
      if type(data) == "table" and not data[1] then
        tell(data, "line " .. number)
      else
        unreadable("line " .. number, why or "is no object")
      end
    end
  end
end

function manual.decode(event)
  local body = event.request.body
  if json.kind(event.data) == "object" then return tell(json.copy(event.data), event.id) end
  if json.kind(event.data) == "array" then
    for place, one in ipairs(event.data) do
      if json.kind(one) == "object" then
        tell(json.copy(one), "element " .. place)
      else
        unreadable("element " .. place, "is no object")
      end
    end
  elseif body:match("^%s*%[") then
    return fail("a list that is no JSON: " .. body:sub(1, 200))
  elseif body:match("^%s*{") then
    read_lines(body)
  elseif (event.request.headers["content-type"] or ""):find("csv") or body:match("^[^\r\n]*event_name") then
    read_csv(body:gsub("^\xEF\xBB\xBF", ""))
  else
    return fail("neither JSON, nor lines of JSON, nor a CSV with a column event_name: " .. body:sub(1, 200))
  end
end

return manual
