-- SPDX-License-Identifier: Apache-2.0
-- monday.test.lua - what webhooks of monday.com are events of, and what its API says when it is asked.
local cases = {}

local function add(case) cases[#cases + 1] = case end

------------------------------------------------------------------------------------------------------- webhooks

-- sample, type, subject, id, time
for _, row in ipairs {
  { "webhook_docs_create_item", "create_pulse", "1772099344", "b5ed2e17c530f43668de130142445cba:73759690",
    "2021-10-11T09:07:28.210Z" },
  { "webhook_docs_create_subitem", "create_pulse", "1772139123", "5c28578c66653a87b00a80aa4f7a6ce3:73761697" },
  { "webhook_2023_create_with_multiple_fields", "create_pulse", "1303335340",
    "97b0e62546638617bbadf5954199172d:987654321" },
  { "webhook_2023_update_column_text", "update_column_value", "1304544177",
    "288e66d82292bf7a17296b41918bd3a6:13115481" },
  { "webhook_2023_update_column_status", "update_column_value", "1304544177",
    "164b0bcfa6545d7ea90a9e8919a07a7e:13256969" },
  { "webhook_update_column_value__people", "update_column_value", "7786784003",
    "ce4142601c988c58afa9274fe3f363aa:467172818" },
  { "webhook_update_column_value__status", "update_column_value", "7786784079",
    "179d9f2b3f2bc19d141f4bc53764cf01:466701570" },
  { "webhook_update_column_value__subtasks", "update_column_value", "7786784003",
    "49f0a0d4ce4cb26243f8a677f62b8332:466701570" },
  { "webhook_docs_change_column_value_date", "update_column_value", "1771812728",
    "645fc8d8709d35718f1ae00ceded91e9:73760484" },
  { "webhook_update_name__item", "update_name", "7786784003", "4aff9597f96cc3d3bafa206540e308ff:466701496" },
  { "webhook_update_name__subitem", "update_name", "8409660303", "53a4d574eefe643ca8f16b4b5bf6bca2:466733176" },
  { "webhook_2023_name_changed", "update_name", "1301284708", "07c611ed38fcc97839b6b714038b5d03:13113739" },
  { "webhook_archive_pulse__subitem", "archive_pulse", "8409660303", "39bce9c477252c8aff7f04c56c64921b:466733168" },
  { "webhook_delete_pulse__item", "delete_pulse", "8409778368", "b95777fd072aab62280dfb409b81232b:466701507" },
  { "webhook_2023_delete", "delete_pulse", "1301112471", "7e7e086cec870b316c44535bd4465d51:13115481" },
  { "webhook_restore_pulse__item", "restore_pulse", "8409778368", "63052f61aa5827ae278ec3986795bd45:466701545" },
  { "webhook_move_pulse_into_group__b", "move_pulse_into_group", "7786784190",
    "1d536f546783422a151ab13bd11dc277:467172824" },
  { "webhook_move_subitem", "move_subitem", "8401360357", "c88ea0f27724e1102fe91a8f6c409a6a:466701546" },
  { "webhook_create_update__item", "create_update", "7786784156", "139a7dfd8d6dae97912243b223881316:466651336" },
} do
  add { name = row[1] .. " is an event of its item", request = { file = "samples/" .. row[1] .. ".json" },
    emits = { { type = row[2], subject = row[3], id = row[4], time = row[5] } } }
end

add { name = "a type nobody knew is passed on",
  request = { body = { event = { type = "item_teleported", pulseId = 7, triggerUuid = "u", subscriptionId = 1 } } },
  emits = { { type = "item_teleported", subject = "7", id = "u:1" } } }

------------------------------------------------------------------------------------------------------------ polls

local DATE = { Date = "Fri, 24 Oct 2025 18:30:23 GMT" }
local OPTIONS = { token = "t", boards = { "42" }, page = 2 }
local BOARD = { data = { complexity = { before = 5000000, query = 12, after = 4999988, reset_in_x_seconds = 60 },
  boards = { {
  id = "42", name = "Orders", type = "board", items_count = 3, columns = {
    { id = "status", title = "Status", type = "status", settings = { labels = {
      { id = 0, index = 1, label = "Working" }, { id = 108, index = 0, label = "Done" } } } },
    { id = "kind", title = "Kind", type = "dropdown", settings = { labels = { { id = 3, label = "New" } } } },
  } } } } }

local function item(id, updated)
  return { id = id, name = "Item " .. id, state = "active", created_at = "2025-10-01T08:00:00Z", updated_at = updated,
    board = { id = "42" }, column_values = {} }
end

local function asked(json) return { url = "https://api.monday.com/v2", method = "POST", headers = DATE,
  json = json } end

local function page(cursor, ...)
  return { data = { boards = { { id = "42", items_page = { cursor = cursor or json.null,
    items = json.array { ... } } } } } }
end

local function behind(cursor, ...)
  return { data = { next_items_page = { cursor = cursor or json.null, items = json.array { ... } } } }
end

local LABELS = { kind = { ["3"] = "New" }, status = { ["0"] = "Working", ["108"] = "Done" } }

add { name = "a full run reads a board page by page, and says so", options = OPTIONS, poll = {},
  answers = {
    asked(BOARD), asked(page("MSw0Mg", item("1", "2025-10-24T18:00:00Z"), item("2", "2025-10-24T18:00:01Z"))),
    asked(behind(nil, item("3", "2025-10-24T18:00:02Z"))),
  },
  emits = {
    { type = "board_sync", has = { kind = "full", state = "running", board = { id = "42", name = "Orders" } } },
    { type = "item", subject = "1", time = "2025-10-24T18:30:23.999Z",
      has = { board = { id = "42", name = "Orders" }, labels = LABELS } },
    { type = "item", subject = "2" }, { type = "item", subject = "3" },
    { type = "board_sync", has = { kind = "full", state = "completed", items = 3, made = 3 } },
  },
  cursor = { full = 1761330623999, delta = 1761330623999 } }

local DELTA = json.encode { full = 4102444800000, delta = 1761264000000 } -- the full run is of 2100

add { name = "a delta asks by whole days, and sorts out by the second", options = OPTIONS, poll = { cursor = DELTA },
  answers = {
    asked(BOARD),
    asked(page(nil, item("1", "2025-10-23T23:57:59Z"), item("2", "2025-10-23T23:58:01Z"))),
  },
  emits = {
    { type = "item", subject = "2" }, { type = "board_sync", has = { kind = "delta", state = "completed", items = 1 } },
  } }

local OLD = { data = { boards = { { id = "42", name = "Orders", type = "board", items_count = 1, columns = {
  { id = "status", title = "Status", type = "status",
    settings_str = '{"done_colors":[1],"labels":{"0":"Working","108":"Done"}}' },
  { id = "kind", title = "Kind", type = "dropdown", settings_str = '{"labels":[{"id":3,"name":"New"}]}' },
} } } } }

add { name = "labels are read from settings_str where there is no settings yet",
  options = { token = "t", boards = { "42" }, version = "2025-07" }, poll = { cursor = DELTA },
  answers = { asked(OLD), asked(page(nil, item("2", "2025-10-24T18:00:01Z"))) },
  emits = { { type = "item", subject = "2", has = { labels = LABELS } }, { type = "board_sync" } } }

local PAGE = json.encode { full = 4102444800000, delta = 1, run = "delta", began = 1, since = 1, board = "42",
  page = "MSw0Mg" }

add { name = "where a cursor died the board is read again", options = OPTIONS, poll = { cursor = PAGE },
  answers = {
    asked(BOARD), { url = "https://api.monday.com/v2", file = "samples/api_200_cursor_expired.json" },
    asked(BOARD), asked(page(nil, item("1", "2025-10-24T18:00:00Z"))),
  },
  emits = { { type = "item", subject = "1" }, { type = "board_sync" } },
  logs = { "its cursor died" } }

for _, name in ipairs { "api_200_complexity_budget_exhausted", "api_complexity_budget_exhausted_2024",
                        "api_200_complexity_legacy_2023" } do
  add { name = name .. " is a reason to wait", options = OPTIONS, poll = {},
    answers = { { url = "https://api.monday.com/v2", file = "samples/" .. name .. ".json" } },
    emits = {}, retries = "Complexity budget exhausted" }
end

add { name = "a board that is null does not hold up the rest", options = { token = "t", boards = { "7", "42" },
  page = 2 },
  poll = {},
  answers = {
    asked { data = { boards = { json.null } }, errors = { { message = "unauthorized", path = { "boards", 0 },
      extensions = { code = "USER_UNAUTHORIZED" } } } },
    asked(BOARD), asked(page(nil)),
  },
  emits = {
    { type = "board_sync", has = { state = "failed", error = "unauthorized" } },
    { type = "board_sync", has = { state = "running" } }, { type = "board_sync", has = { state = "completed",
      items = 0 } },
  },
  logs = { "board 7 cannot be read" } }

add { name = "a token nobody knows is told, in either form", options = OPTIONS, poll = {},
  answers = { { url = "https://api.monday.com/v2", status = 401, json = { errors = { "Not Authenticated" } } } },
  emits = {}, fails = "does not know the token (401)" }

add { name = "what is not JSON is quoted", options = OPTIONS, poll = {},
  answers = { { url = "https://api.monday.com/v2", body = "<html>We will be right back</html>",
    headers = { ["Content-Type"] = "text/html" } } },
  emits = {}, retries = "<html>We will be right back" }

add { name = "without a token nobody is asked", options = { boards = { "42" } }, poll = {}, emits = {} }

return { plugin = "monday", cases = cases }
