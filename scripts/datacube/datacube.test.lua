-- SPDX-License-Identifier: Apache-2.0
-- datacube.test.lua - what monday.com says of projects, subitems and hidden items, and the rows it becomes.
local SAMPLES = "../../plugins/monday/samples/"
local API = "https://api.monday.com/v2"
local cases = {}

local function add(case) cases[#cases + 1] = case end

local function value(id, kind, more)
  local out = { id = id, type = kind, text = "", value = json.null }
  for name, one in pairs(more or {}) do out[name] = one end
  return out
end

local function shown(id, kind, text) return value(id, kind, { display_value = text, text = json.null }) end

local function item(id, board, values, more)
  local out = { id = id, name = "Item " .. id, state = "active", updated_at = "2026-11-20T10:00:00Z",
    board = { id = board },
    column_values = json.array(values) }
  for name, one in pairs(more or {}) do out[name] = one end
  return out
end

local function polled(it, labels)
  return { id = it.id .. "@1", type = "item", subject = it.id, time = "2026-11-21T12:00:00Z",
    data = { item = it, board = { id = it.board.id, name = "Board" }, labels = labels or {} } }
end

local function hook(type, more)
  local told = { type = type, boardId = 1825117125, pulseId = 7, triggerUuid = "u", subscriptionId = 1,
    triggerTime = "2026-11-21T12:00:00.000Z" }
  for name, one in pairs(more or {}) do told[name] = one end
  return { body = { event = told } }
end

local function changed(column, said, more)
  local told = { columnId = column, value = said }
  for name, one in pairs(more or {}) do told[name] = one end
  return hook("update_column_value", told)
end

local HOOK = { type = "webhook_events" }

local function patch(name, request, data, into, options)
  data.monday_id = data.monday_id or "7"
  add { name = name, request = request, options = options,
    emits = { HOOK, { type = into or "projects", mode = "patch", data = data } } }
end

------------------------------------------------------------------------------------------------ polled projects

local HIDDEN_ITEM = { id = "900", name = "H", column_values = { shown("formula63__1", "formula", "£2,000.00") } }
local SUBITEMS = json.array {
  { id = "12", name = "b", column_values = { shown("mirror_12__1", "mirror", "Beta"), shown("mirror875__1", "mirror",
    "Flat"),
    shown("formula_mkqa31kh", "formula", "1234.50") } },
  { id = "9", name = "a", column_values = { shown("mirror_12__1", "mirror", ""), shown("mirror875__1", "mirror",
    "Flat"),
    shown("formula_mkqa31kh", "formula", "null"),
    value("connect", "board_relation", { display_value = "H", linked_item_ids = { "900" },
      linked_items = { HIDDEN_ITEM } }) } },
  { id = "30", name = "c", column_values = { shown("mirror_12__1", "mirror", "Gamma"), shown("mirror875__1",
    "mirror", "Pitched") } },
}

add { name = "a project says what its subitems say together",
  event = polled(item("7", "1825117125", {
    value("text3__1", "text", { text = "School roof" }),
    value("status4__1", "status", { label = "Won Via Other Ref", index = 108, text = "Won Via Other Ref" }),
    value("dropdown7__1", "dropdown", { values = { { id = "1", label = "New Build" }, { id = "2",
      label = "Refurb" } } }),
    shown("formula_mkpp85yw", "formula", "42"),
    value("date9__1", "date", { date = "2026-02-03", text = "2026-02-03" }),
    value("date_mkpx4163", "date", { text = "14/03/2026" }),
  }, { subitems = SUBITEMS })),
  emits = { { type = "projects", mode = "upsert", time = "2026-11-21T12:00:00Z", has = {
    monday_id = "7", item_name = "Item 7", project_name = "School roof", pipeline_stage = "Won Via Other Ref",
    status_category = "Won", type = "New Build, Refurb", category = json.null, gestation_period = 42,
    date_created = "2026-02-03", follow_up_date = "2026-03-14", account = "Beta", product_type = "Flat, Pitched",
    new_enquiry_value = "3234.50", value_band = "<10000", funding = json.null } } } }

add { name = "without its subitems nothing is said of what it mirrors",
  event = polled(item("7", "1825117125", { value("text3__1", "text", { text = "Roof" }) })),
  emits = { { type = "projects", mode = "patch", has = { project_name = "Roof", status_category = "Open" } } } }

add { name = "a project's own account and value come before its subitems'",
  options = { columns = { ["projects.account"] = "own", ["projects.new_enquiry_value"] = "worth" } },
  event = polled(item("7", "1825117125", { shown("own", "mirror", "Alpha"), value("worth", "numbers",
    { text = "60000" }) },
    { subitems = SUBITEMS })),
  emits = { { type = "projects", has = { account = "Alpha", new_enquiry_value = "60000",
    value_band = "50000-100000" } } } }

for days, wanted in pairs { ["0"] = 0, ["999"] = 999, ["1000"] = "1000 days: not 0 to 999",
  ["-1"] = "-1 days: not 0 to 999" } do
  add { name = "a gestation of " .. days .. " days",
    event = polled(item("7", "1825117125", { shown("formula_mkpp85yw", "formula", days) })),
    emits = { { type = "projects", has = { gestation_period = wanted } } } }
end

add { name = "labels are read by their id where a value has no words",
  options = { labels = { ["status4__1/2"] = "Lost" } },
  event = polled(item("7", "1825117125", {
    value("status4__1", "status", { value = '{"index":2}', text = json.null, label = json.null, index = json.null }),
    value("dropdown__1", "dropdown", { values = { { id = "3" } } }),
  }), { status4__1 = { ["2"] = "Gone" }, dropdown__1 = { ["3"] = "Retail" } }),
  emits = { { type = "projects", has = { pipeline_stage = "Lost", status_category = "Lost", category = "Retail" } } } }

------------------------------------------------------------------------------------- polled subitems, hidden items

add { name = "a subitem takes of its hidden item what it has not itself",
  options = { columns = { ["subitems.hidden_item_id"] = "connect", ["subitems.quote_amount"] = "q" } },
  event = polled(item("9", "1825117144", {
    shown("formula_mkqa31kh", "formula", "null"), value("q", "text", { text = "£1,234.50" }),
    value("connect", "board_relation", { linked_item_ids = { "900" }, linked_items = { HIDDEN_ITEM },
      display_value = "H" }),
  }, { parent_item = { id = "7", board = { id = "1825117125" } } })),
  emits = { { type = "subitems", mode = "upsert", has = { parent_monday_id = "7", hidden_item_id = "900",
    new_enquiry_value = "2000.00", quote_amount = "1234.50", account = json.null } } } }

add { name = "a connection is read in its older form too",
  options = { columns = { ["subitems.hidden_item_id"] = "connect" } },
  event = polled(item("9", "1825117144", {
    value("connect", "board_relation", { value = '{"linkedPulseIds":[{"linkedPulseId":1234567890}]}',
      text = json.null }) })),
  emits = { { type = "subitems", has = { hidden_item_id = "1234567890" } } } }

add { name = "a hidden item's files are kept as they are",
  options = { columns = { ["hidden_items.project_attachments"] = "files" } },
  event = polled(item("3", "1825138260", {
    value("files", "file", { value = '{"files":[{"name":"a.pdf","assetId":5}]}', text = "https://x/a.pdf" }),
    shown("formula63__1", "formula", "12.5"), value("date42__1", "date", { text = "2026-01-02 10:30" }) })),
  emits = { { type = "hidden_items", has = { project_attachments = { { name = "a.pdf", assetId = 5 } },
    quote_amount = "12.5", invoice_date = "2026-01-02" } } } }

add { name = "an item of another board is dropped", event = polled(item("3", "1", {})),
  drops = "an item of another board" }

add { name = "what a full run no longer saw is marked",
  event = { id = "gone-9", type = "item_deleted", subject = "9", data = { id = "9", scope = "board 1825117144" } },
  emits = { { type = "subitems", mode = "delete", data = { monday_id = "9" } } } }

add { name = "a run is a row of its board",
  event = { type = "board_sync", data = { run = "full-42-1", kind = "full", state = "completed", board = { id = "42",
    name = "B" },
    began = "2026-11-21T12:00:00Z", ended = "2026-11-21T12:00:09Z", items = 9, made = 2, error = json.null } },
  emits = { { type = "sync_log", has = { run_id = "full-42-1", sync_type = "full", status = "completed",
    board_id = "42",
    items_processed = 9, items_created = 2, items_updated = 7 } } } }

------------------------------------------------------------------------------------------------------ webhooks

patch("a changed text is a patch of that column", changed("text3__1", { value = "Smurfville" },
  { columnType = "text" }),
  { project_name = "Smurfville" })
patch("a changed stage tells won from lost",
  changed("status4__1", { label = { index = 2, text = "Lost" }, post_id = json.null }, { columnType = "color" }),
  { pipeline_stage = "Lost", status_category = "Lost" })
patch("a changed date", changed("date9__1", { date = "2021-10-11", icon = json.null, time = json.null }),
  { date_created = "2021-10-11" })
patch("a cleared cell is null", changed("date9__1", json.null), { date_created = json.null })
patch("an emptied one too", changed("dropdown__1", {}), { category = json.null })
patch("chosen words", changed("dropdown__1", { chosenValues = { { id = 1, name = "Education" }, { id = 2,
  name = "Health" } } }),
  { category = "Education, Health" })
patch("other words for chosen ones", changed("dropdown__1", { chosenValues = { { id = 1, name = "Education" }, { id = 2,
  name = "Health" } } }),
  { category = "Education, Clinics" }, nil, { labels = { ["dropdown__1/2"] = "Clinics" } })
patch("a status without a label is none", changed("status4__1", { label = json.null, post_id = json.null }),
  { pipeline_stage = json.null, status_category = "Open" })
patch("a link reads as the API writes it", changed("link", { url = "https://a.example", text = "Offer" }),
  { feedback = "Offer - https://a.example" }, nil, { columns = { ["projects.feedback"] = "link" } })
patch("a number keeps its digits", changed("n", { value = 28.75, unit = json.null }), { project_value = "28.75" }, nil,
  { columns = { ["projects.project_value"] = "n" } })
patch("a new name", hook("update_name", { value = { name = "New" }, previousValue = { name = "Old" } }),
  { item_name = "New" })

add { name = "a deleted item is marked", request = hook("delete_pulse", { itemId = 7, itemName = "x" }),
  emits = { HOOK, { type = "projects", mode = "delete", data = { monday_id = "7" } } } }

local function answer(...)
  return { url = API, method = "POST", json = { data = { items = json.array { ... } } } }
end

add { name = "a created item is fetched whole", request = hook("create_pulse", { columnValues = {} }),
  answers = { answer(item("7", "1825117125", { value("text3__1", "text", { text = "Roof" }) },
    { subitems = json.array {} })) },
  emits = { HOOK, { type = "projects", mode = "upsert", time = "2026-11-21T12:00:00Z",
    has = { project_name = "Roof" } } } }

add { name = "one that is gone already is what was told of it", request = hook("create_pulse",
  { pulseName = "Soon gone" }),
  answers = { answer() },
  emits = { HOOK, { type = "projects", mode = "patch",
    data = { monday_id = "7", item_name = "Soon gone", status_category = "Open" } } } }

add { name = "a changed subitem reads its project again",
  options = { columns = { ["subitems.customer_po"] = "po" } },
  request = changed("po", { value = "PO 1" }, { boardId = 1825117144, pulseId = 9, parentItemId = "7" }),
  answers = { answer(item("7", "1825117125", {}, { subitems = SUBITEMS, updated_at = "2026-11-22T00:00:00Z" })) },
  emits = { HOOK, { type = "subitems", mode = "patch", data = { monday_id = "9", customer_po = "PO 1" } },
    { type = "projects", mode = "upsert", time = "2026-11-22T00:00:00Z", has = { account = "Beta" } } } }

add { name = "without the API a created item is what the form said", options = { fetch = false },
  request = hook("create_pulse", { boardId = 1825117144, pulseId = 9, parentItemId = "7", pulseName = "Sub",
    columnValues = { formula_mkqa31kh = { value = 19800, unit = json.null } } }),
  emits = { HOOK, { type = "subitems", mode = "patch",
    data = { monday_id = "9", item_name = "Sub", parent_monday_id = "7", new_enquiry_value = "19800" } } } }

add { name = "an event of another kind is only kept", request = hook("item_teleported"), emits = { HOOK } }
add { name = "what is no event of monday.com is dropped", request = { body = { hello = 1 } },
  drops = "not a monday.com event" }

-- As they came: only the event's own row, for they are of other boards.
for _, name in ipairs { "webhook_update_column_value__people", "webhook_update_column_value__subtasks",
                        "webhook_move_pulse_into_group__b", "webhook_archive_pulse__subitem", "webhook_2023_delete" } do
  add { name = name .. " is kept", request = { file = SAMPLES .. name .. ".json" }, emits = { HOOK } }
end

local BOARD = { projects = "1302671945", columns = { ["projects.project_value"] = "some_number",
  ["projects.zip_code"] = "language" } }
add { name = "a form's columns, as they came",
  request = { file = SAMPLES .. "webhook_2023_create_with_multiple_fields.json" },
  options = { fetch = false, projects = BOARD.projects, columns = BOARD.columns }, golden = "golden/form.json" }

return { plugin = "datacube", schema = "datacube", source = { use = "monday", options = { token = "t" } },
  cases = cases }
