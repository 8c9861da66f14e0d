-- SPDX-License-Identifier: Apache-2.0
-- fetch.test.lua - cards as Trello's API knows them: when one is asked for, and the rows it becomes.
local BOARD = { id = "5f1a00000000000000000001", name = "Orders" }
local QUEUE = { id = "5f1a00000000000000000010", name = "Queue" }
local CARD = "61832d220000000000000000" -- made at 2021-11-04 00:45:22
local URL = "/1/cards/" .. CARD
local WANTED = { fields = "all", attachments = "true", actions = "commentCard", actions_limit = "1000" }

local function comment(day, said)
  return { type = "commentCard", date = "2026-11-" .. day .. "T10:00:00.000Z", data = { text = said } }
end

-- The card as Trello has it now.
local function card(more)
  local one = {
    id = CARD, name = "Smith & Co - 20 signs", desc = "Buyer: Ann\n2 x Sign @ 1.50", closed = false,
    idBoard = BOARD.id, idList = QUEUE.id, dateLastActivity = "2026-11-21T12:00:05.000Z",
    labels = { { name = "Urgent" } }, attachments = json.array {}, actions = json.array {},
    board = { id = BOARD.id, name = "Orders" },
  }
  for name, value in pairs(more or {}) do one[name] = value ~= json.null and value or nil end
  return one
end

-- What the webhook says of it: what it was called then.
local function body(kind, data, id)
  local all = { board = BOARD, card = { id = id or CARD, name = "Old name", desc = "9 x Old" }, list = QUEUE }
  for name, value in pairs(data or {}) do all[name] = value end
  return { action = {
    id = "620000000000000000000001", type = kind, date = "2026-11-21T12:00:00.000Z", data = all,
  } }
end

local cases = {}

local function add(name, from, answer, emits, more)
  local case = { name = name, request = { body = from }, answers = { answer }, emits = emits }
  for key, value in pairs(more or {}) do case[key] = value end
  cases[#cases + 1] = case
end

local function answered(with)
  return { url = URL, query = WANTED, json = with }
end

local only_event = { { type = "trello_events" } }
local function rows(columns, items)
  return {
    { type = "trello_events", time = "2026-11-21T12:00:00.000Z" },
    { type = "cards", time = "2026-11-21T12:00:05.000Z", has = columns },
    items and { type = "line_items", time = "2026-11-21T12:00:05.000Z", has = items },
  }
end

------------------------------------------------------------------------------------------------------ when it is asked

for _, row in ipairs {
  { "createCard" }, { "addAttachmentToCard" }, { "commentCard" }, { "updateCard", { old = { desc = "" } } },
} do
  add("the card is asked for after " .. row[1], body(row[1], row[2]), answered(card()), rows({
    card_id = CARD, name = "Smith & Co - 20 signs", purchaser = "Smith & Co", board_id = BOARD.id,
    board_name = "Orders", closed = false, labels = "Urgent", line_item_count = 1, primary_buyer_name = "Ann",
    first_extraction_event_id = "620000000000000000000001", date_created = "2021-11-04",
  }, { card_id = CARD }))
end

for _, row in ipairs {
  { "updateCard", { old = { idList = "x" } } }, { "updateCard", { old = { closed = false } } }, { "deleteCard" },
  { "addMemberToCard" }, { "updateComment" },
} do
  add("the card is not asked for after " .. row[1], body(row[1], row[2]), nil, only_event, { answers = {} })
end

add("with `cards: event` it is not asked for either, and comes from the webhook", body("createCard"), nil,
  { { type = "trello_events" }, { type = "cards", has = { name = "Old name" } }, { type = "line_items" } },
  { answers = {}, options = { cards = "event" } })
add("an id that is none leads nowhere", body("createCard", nil, "../members/me"), nil, only_event, { answers = {} })

--------------------------------------------------------------------------------------------------------- what it says

add("an address is looked for in the comments too, oldest first", body("commentCard"), answered(card {
  desc = "nothing",
  actions = { comment("21", "to bob@example.com"), json.null, comment("19", "to ann@example.com"), comment("20", "?") },
}), rows({ primary_buyer_email = "ann@example.com" }, { rows = {} }))
add("the board's name may be the webhook's, if it is the same board", body("createCard"),
  answered(card { board = json.null }), rows({ board_name = "Orders" }, {}))
add("of another board it is not", body("createCard"), answered(card { board = json.null, idBoard = "b2" }),
  rows({ board_id = "b2" }, {}))
add("a description that is none is no empty one", body("createCard"), answered(card { desc = json.null }),
  rows { line_item_count = 0 })
add("what is not what it should be is not there", body("createCard"), answered(card {
  name = 7, labels = "x", actions = { x = 1 }, closed = "no", board = 7,
}), rows({ closed = false }, {}))
add("without a moment the version is the action's", body("createCard"), answered(card { dateLastActivity = 7 }), {
  { type = "trello_events" }, { type = "cards", time = "2026-11-21T12:00:00.000Z" }, { type = "line_items" },
})
for _, file in ipairs { "api_card_2016", "api_card_2020", "api_card_2023" } do
  add("a card as it was recorded: " .. file, body("createCard"),
    { url = URL, file = "../../plugins/trello/samples/api/" .. file .. ".json" }, nil, { golden = "golden/" .. file .. ".json" })
end

------------------------------------------------------------------------------------------------------ what is refused

local function refused(status, said)
  return { url = URL, status = status, body = said, headers = { ["content-type"] = "text/plain; charset=utf-8" } }
end

for _, row in ipairs {
  { 404, "card not found" }, { 404, "The requested resource was not found." },
  { 401, "unauthorized card permission requested" },
} do
  add(("%d %s: there is no card, and the event stays"):format(row[1], row[2]), body("createCard"),
    refused(row[1], row[2]), only_event)
end
for _, row in ipairs { { 404, "Cannot GET /1/cards/" }, { 401, "invalid token" }, { 400, "invalid id" } } do
  add(("%d %s: somebody has to look"):format(row[1], row[2]), body("createCard"), refused(row[1], row[2]), nil,
    { fails = ("asked for a card Trello answered %d: %s"):format(row[1], row[2]), emits = {} })
end
for _, row in ipairs {
  { refused(200, "<html>sorry"), "200: <html>sorry" }, { answered { error = "x" }, "200: {" },
  { refused(449, "no"), "449" },
  { refused(503, "away"), "503" },
} do
  add("it is asked again later: " .. row[2], body("createCard"), row[1], nil, { retries = row[2], emits = {} })
end

return {
  plugin = "./cards.lua", schema = "trello", cases = cases,
  source = { use = "trello", options = { key = "k", token = "0123456789abcdef" } },
}
