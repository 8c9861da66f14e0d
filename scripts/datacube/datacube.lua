-- SPDX-License-Identifier: Apache-2.0
-- datacube.lua - monday.com's boards of projects, their subitems and hidden items, as three tables.
--
-- Tables and views: schemas/datacube.yaml. A polled item is a whole row. Of what webhooks tell, a changed column is a
-- patch of that column, a created or restored item is fetched whole, a deleted one is marked; and a project is read
-- again
-- when something changed that it mirrors, because mirrors and formulas are told by nobody.

local columns = require "columns"
local values = require "values"
local fetch = require "fetch"

local datacube = {
  version = "1.0",
  summary = "monday.com's projects, subitems and hidden items as rows.",
  options = {
    { "projects", "text", initial = "1825117125", help = "Id of the board of projects." },
    { "subitems", "text", initial = "1825117144", help = "Id of the board of their subitems." },
    { "hidden_items", "text", initial = "1825138260", help = "Id of the board of hidden items." },
    { "columns", "map", initial = "",
      help = "Ids of columns that are other ones or have none: { projects.funding: text_mkr5wya6 }." },
    { "labels", "map", initial = "",
      help = "Other words for labels, by column and the label's id: { status4__1/2: Lost }." },
    { "won", "list", initial = "['Won - Closed (Invoiced)', 'Won - Open (Order Received)', 'Won Via Other Ref']",
      help = "Pipeline stages that mean won." },
    { "lost", "list", initial = "[Lost]", help = "Pipeline stages that mean lost." },
    { "bands", "list", initial = "[10000, 50000, 100000]", help = "Limits of value_band, rising." },
    { "dates", "list", initial = "['%Y-%m-%d', '%d/%m/%Y', '%m/%d/%Y']",
      help = "Forms of dates, the likeliest first." },
    { "fetch", "bool", initial = true, help = "Ask the source's API for what webhooks do not tell." },
  },
}

local object, list = values.object, values.list

-- Read off the options once.
local setup

local function known_of(opt)
  if not setup then
    setup = columns.resolved(opt.columns)
    setup.tables = { [opt.projects] = "projects", [opt.subitems] = "subitems", [opt.hidden_items] = "hidden_items" }
  end
  return setup
end

------------------------------------------------------------------------------------------------------- one row

-- The labels of a column: the option's words before the board's.
local function labels_of(opt, labels, id)
  local own = object(object(labels)[id])
  return setmetatable({}, { __index = function(_, label) return opt.labels[id .. "/" .. label] or own[label] end })
end

local function read_value(value, column, opt, labels)
  if column.type == "link" then return values.link(value) end
  return values.of_api(value, labels_of(opt, labels, column.id))
end

-- Of column_values: what is said, by our names.
local function said_by(item, known, opt, labels)
  local said = {}
  for _, value in ipairs(list(item.column_values)) do
    local column = known.by_id[object(value).id]
    if column then said[column.name] = read_value(value, column, opt, labels) end
  end
  return said
end

-- The items that a connect column leads to, where they came along.
local function linked_of(item)
  for _, value in ipairs(list(item.column_values)) do
    local linked = list(object(value).linked_items)
    if linked[1] then return linked end
  end
  return {}
end

-- A subitem says what it has, else what its hidden item has.
local function subitem_said(item, known, opt, labels)
  local said = said_by(item, known.subitems, opt, labels)
  for _, linked in ipairs(linked_of(item)) do
    local theirs = said_by(object(linked), known.linked, opt)
    for _, column in ipairs(known.linked.list) do
      said[column.name] = said[column.name] or theirs[column.name]
    end
  end
  return said
end

local function category_of(stage, opt)
  for _, word in ipairs(opt.won) do if stage == word then return "Won" end end
  for _, word in ipairs(opt.lost) do if stage == word then return "Lost" end end
  return "Open"
end

local function band_of(value, opt)
  if type(value) ~= "string" then return json.null end
  local below
  for _, limit in ipairs(opt.bands) do
    if number.compare(value, limit) < 0 then return below and below .. "-" .. limit or "<" .. limit end
    below = limit
  end
  return below and ">=" .. below or json.null
end

-- What its subitems say together: the first account by id, each product type once, the sum of values.
local function mirrored(item, known, opt, labels)
  local subitems, out, seen, types = {}, {}, {}, {}
  for _, subitem in ipairs(list(item.subitems)) do subitems[#subitems + 1] = object(subitem) end
  table.sort(subitems, function(a, b) return (tonumber(a.id) or 0) < (tonumber(b.id) or 0) end)
  for _, subitem in ipairs(subitems) do
    local said = subitem_said(subitem, known, opt, labels)
    local value = values.fit("decimal", said.new_enquiry_value)
    out.account = out.account or said.account
    if said.product_type and not seen[said.product_type] then
      seen[said.product_type], types[#types + 1] = true, said.product_type
    end
    if value ~= json.null then out.new_enquiry_value = number.add(out.new_enquiry_value or "0", value) end
  end
  out.product_type = types[1] and table.concat(types, ", ")
  return out
end

local function fit_all(known, said, opt, row)
  for _, column in ipairs(known.list) do
    row[column.name] = values.fit(column.type, said[column.name], opt.dates)
  end
  return row
end

local MIRRORED = { "account", "product_type", "new_enquiry_value" }

local function project_row(item, known, opt, labels, row)
  local said = said_by(item, known.projects, opt, labels)
  local theirs = json.kind(item.subitems) == "array" and mirrored(item, known, opt)
  fit_all(known.projects, said, opt, row)
  row.status_category = category_of(said.pipeline_stage, opt)
  for _, name in ipairs(MIRRORED) do
    if row[name] == json.null then row[name] = theirs and theirs[name] or theirs and json.null or nil end
  end
  row.value_band = row.new_enquiry_value and band_of(row.new_enquiry_value, opt)
  return row, theirs and "upsert" or "patch" -- without its subitems nothing is known of what it mirrors
end

local function subitem_row(item, known, opt, labels, row)
  fit_all(known.subitems, subitem_said(item, known, opt, labels), opt, row)
  row.parent_monday_id = values.id(object(item.parent_item).id) or json.null
  return row, "upsert"
end

local function hidden_row(item, known, opt, labels, row)
  return fit_all(known.hidden_items, said_by(item, known.hidden_items, opt, labels), opt, row), "upsert"
end

local makers = { projects = project_row, subitems = subitem_row, hidden_items = hidden_row }

local function emit_item(item, known, opt, labels, at)
  local id, board = values.id(item.id), values.id(object(item.board).id)
  local into = known.tables[board]
  if not id or not into then return false end
  local row, mode = makers[into](item, known, opt, labels, { monday_id = id, item_name = values.filled(item.name) })
  row.item_name = row.item_name or json.null
  emit { type = into, mode = mode, time = at, data = row }
  return true
end

----------------------------------------------------------------------------------------------- what webhooks tell

-- Each as it is now, at least as new as what was told.
local function read_again(ids, event, known, opt)
  if not opt.fetch or #ids == 0 then return {} end
  local found = fetch.items(ids, known)
  for _, id in ipairs(ids) do
    local item = found[id]
    local updated = item and type(item.updated_at) == "string" and time.parse(item.updated_at) or 0
    if item then emit_item(item, known, opt, nil, math.max(updated, event.time)) end
  end
  return found
end

local function board_table(told, known)
  return known.tables[values.id(told.boardId)]
end

-- The item and, of a subitem, its project.
local function with_parent(told, ...)
  local ids = { ... }
  local parent = values.id(told.parentItemId)
  if parent then ids[#ids + 1] = parent end
  return ids
end

-- Without the API: the name, and the columns that a form filled in.
local function created_row(told, into, known, opt)
  local row = { monday_id = values.id(told.pulseId) or values.id(told.itemId),
    item_name = values.filled(told.pulseName) }
  for id, value in pairs(object(told.columnValues)) do
    local column = known[into].by_id[id]
    local said = column and values.of_webhook(value, labels_of(opt, nil, id))
    if said and said ~= values.unread then row[column.name] = values.fit(column.type, said, opt.dates) end
  end
  if into == "subitems" then row.parent_monday_id = values.id(told.parentItemId) end
  if into == "projects" then row.status_category = category_of(row.pipeline_stage, opt) end
  emit { type = into, mode = "patch", data = row }
end

local told = {}

function told.create_pulse(it, event, known, opt)
  local id, into = values.id(it.pulseId) or values.id(it.itemId), board_table(it, known)
  if not into or not id then return end
  if not read_again(with_parent(it, id), event, known, opt)[id] then created_row(it, into, known, opt) end
end

function told.restore_pulse(it, event, known, opt)
  local id = values.id(it.pulseId) or values.id(it.itemId)
  if not board_table(it, known) or not id then return end
  if not read_again(with_parent(it, id), event, known, opt)[id] then
    emit { type = board_table(it, known), mode = "patch", data = { monday_id = id } }
  end
end

function told.move_subitem(it, event, known, opt)
  local ids = {}
  for _, name in ipairs { "subitem", "sourcePulseId", "destPulseId" } do ids[#ids + 1] = values.id(it[name]) end
  read_again(ids, event, known, opt)
end

function told.update_name(it, event, known, opt)
  local id, into, name = values.id(it.pulseId), board_table(it, known), values.filled(object(it.value).name)
  if id and into then emit { type = into, mode = "patch", data = { monday_id = id, item_name = name or json.null } } end
end

-- Columns that something else hangs on: the item is read again.
local function leads_on(column, into)
  if column.type == "link" then return true end
  for _, name in ipairs(into == "projects" and MIRRORED or {}) do if column.name == name then return true end end
end

local function patch_column(id, into, column, said, known, opt)
  local row = { monday_id = id, [column.name] = values.fit(column.type, said, opt.dates) }
  if into == "projects" and column.name == "pipeline_stage" then row.status_category = category_of(said, opt) end
  emit { type = into, mode = "patch", data = row }
end

-- A hidden item's project is found by way of the column that leads back to it.
local function read_back(id, event, known, opt)
  if not opt.fetch or not known.back.ids[1] then return end
  local found = fetch.items({ id }, known)[id]
  local back = found and said_by(found, known.back, opt).item
  local item = back and fetch.items({ back }, known)[back]
  local parent = item and values.id(object(item.parent_item).id)
  read_again(back and { back, parent } or {}, event, known, opt)
end

function told.update_column_value(it, event, known, opt)
  local id, into = values.id(it.pulseId), board_table(it, known)
  local column = into and known[into].by_id[it.columnId]
  if not id or not into then return end
  local said = column and values.of_webhook(it.value, labels_of(opt, nil, column.id))
  local again = with_parent(it)
  if it.columnType == "subtasks" or (column and (said == values.unread or leads_on(column, into))) then
    table.insert(again, 1, id)
  elseif column then
    patch_column(id, into, column, said, known, opt)
  end
  read_again(again, event, known, opt)
  if into == "hidden_items" then read_back(id, event, known, opt) end
end

function told.delete_pulse(it, event, known, opt)
  local id, into = values.id(it.itemId) or values.id(it.pulseId), board_table(it, known)
  if not id or not into then return end
  emit { type = into, mode = "delete", data = { monday_id = id } }
  read_again(with_parent(it), event, known, opt)
end

told.archive_pulse = told.delete_pulse

local function event_row(event, it)
  return {
    event_id = event.id, board_id = values.id(it.boardId) or values.id(it.destBoardId),
    item_id = values.id(it.pulseId) or values.id(it.itemId) or values.id(it.subitem),
    event_type = event.type, webhook_payload = event.data, received_at = event.received,
  }
end

------------------------------------------------------------------------------------------------ what polls tell

local polled = {}

function polled.item(event, known, opt)
  local data = object(event.data)
  if not emit_item(object(data.item), known, opt, data.labels, event.time) then
    drop("an item of another board")
  end
end

-- A full run did not see it any more.
function polled.item_deleted(event, known)
  local data = object(event.data)
  local into = known.tables[tostring(data.scope):match("^board (%d+)$")]
  local id = values.id(data.id)
  if not into or not id then return drop("an item of another board") end
  emit { type = into, mode = "delete", data = { monday_id = id } }
end

function polled.board_sync(event)
  local run = object(event.data)
  local board = object(run.board)
  local function count(name) return math.type(run[name]) == "integer" and run[name] or 0 end
  emit { type = "sync_log", data = {
    run_id = values.filled(run.run) or event.id, sync_type = values.filled(run.kind), board_id = values.id(board.id),
    board_name = values.filled(board.name), started_at = values.filled(run.began),
      completed_at = values.filled(run.ended),
    status = values.filled(run.state), items_processed = count("items"), items_created = count("made"),
    items_updated = count("items") - count("made"), error_message = values.filled(run.error), metadata = event.data,
  } }
end

function datacube.transform(event, opt)
  local known = known_of(opt)
  local it = object(object(event.data).event)
  if type(it.type) == "string" then
    emit { type = "webhook_events", data = event_row(event, it) }
    if told[it.type] then told[it.type](it, event, known, opt) end
  elseif polled[event.type] then
    polled[event.type](event, known, opt)
  else
    drop("not a monday.com event")
  end
end

return datacube
