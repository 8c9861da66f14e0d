-- SPDX-License-Identifier: Apache-2.0
-- cards.test.lua - what Trello says, and the rows it becomes.
local BOARD = { id = "5f1a00000000000000000001", name = "Orders" }
local QUEUE = { id = "5f1a00000000000000000010", name = "Queue" }
local DOING = { id = "5f1a00000000000000000011", name = "Doing" }
local CARD = "61832d220000000000000000" -- made at 2021-11-04 00:45:22
local ANN = { id = "5f1a000000000000000000aa", username = "ann" }
local NONE = {} -- in the place of what a body does not have

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value ~= NONE and value or nil end
  return all
end

local function card(more)
  return with({ id = CARD, name = "Smith & Co - 20 signs", idShort = 7 }, more)
end

-- One action about one card in a list, unless something else is said.
local function body(kind, data, more)
  local action = with({
    id = "620000000000000000000001", type = kind, date = "2026-11-21T12:00:00.000Z", idMemberCreator = ANN.id,
    memberCreator = ANN, data = with({ board = BOARD, card = card(), list = QUEUE }, data),
  }, more)
  return { model = { id = BOARD.id, name = BOARD.name }, action = action }
end

local cases = {}

local function add(name, from, emits)
  cases[#cases + 1] = { name = name, request = { body = from }, emits = emits }
end

-- Only the action's own row, with at least these columns.
local function event(name, from, columns)
  add(name, from, { { type = "trello_events", has = columns } })
end

-- The card's row too; `items` if its description was told.
local function made(name, from, columns, items)
  add(name, from, { { type = "trello_events" }, { type = "cards", has = columns }, items })
end

------------------------------------------------------------------------------------------------------------- events

event("a move names the list left and the list entered",
  body("updateCard", { list = NONE, listBefore = QUEUE, listAfter = DOING, old = { idList = QUEUE.id } }),
  {
    list_before_id = QUEUE.id, list_before_name = "Queue", list_after_id = DOING.id, list_after_name = "Doing",
    list_id = DOING.id, list_name = "Doing", is_list_transition = true,
  })

for _, kind in ipairs { "copyCard", "convertToCardFromCheckItem", "emailCard" } do
  event("a card arrives in its list from nowhere by " .. kind, body(kind),
    { list_after_id = QUEUE.id, list_after_name = "Queue", is_list_transition = true })
end

event("what is no move is no transition", body("commentCard", { text = "soon" }),
  { list_id = QUEUE.id, is_list_transition = false })
event("a card that is archived went", body("updateCard", { old = { closed = false } }), { card_closed = true })
event("a card that is not archived any more came back", body("updateCard", { old = { closed = true } }),
  { card_closed = false })
event("a card that is deleted went", body("deleteCard"), { card_closed = true })
event("a card that moves to another board went", body("moveCardFromBoard"), { card_closed = true })
event("a card that comes from another board is there", body("moveCardToBoard"),
  { card_closed = false, list_after_id = QUEUE.id, is_list_transition = true })

local one = body("updateCard")
event("the event keeps who, when and the body itself", one, {
  event_id = "620000000000000000000001", action_type = "updateCard", action_date = 1795262400000, card_id = CARD,
  board_id = BOARD.id, board_name = "Orders", member_creator_id = ANN.id, member_creator_username = "ann",
  raw_payload = one,
})
event("a missing member leaves its id", body("updateCard", nil, { memberCreator = NONE }),
  { member_creator_id = ANN.id })
event("a missing list is none", body("updateCard", { list = NONE }), { is_list_transition = false })
event("nonPublic as a list does no harm",
  body("updateCard", nil, { memberCreator = with(ANN, { nonPublic = json.array {} }) }),
  { member_creator_username = "ann" })
event("an unknown action about a card is a row", body("paintCard"), { action_type = "paintCard", card_id = CARD })

local board = body("updateBoard", { card = NONE, list = NONE })
cases[#cases + 1] = {
  name = "an action about no card is dropped", request = { body = board }, drops = "not about a card",
}
cases[#cases + 1] = {
  name = "an action about no card is a row where that is wanted",
  options = { others = true }, request = { body = board },
  emits = { { type = "trello_events", has = { action_type = "updateBoard", card_id = "" } } },
}
cases[#cases + 1] = {
  name = "what is no action is dropped", request = { body = { hello = 1 } }, drops = "not a Trello action",
}

-------------------------------------------------------------------------------------------------------------- cards

made("a card comes from createCard", body("createCard"),
  { card_id = CARD, name = "Smith & Co - 20 signs", board_name = "Orders", closed = false, line_item_count = 0 })

local told = body("updateCard")
told.model = card {
  idBoard = BOARD.id, desc = "2 x Sign @ 1.50", closed = false, name = "Jones - A sign",
  labels = { { name = "Urgent" }, { name = "" }, "5f1a", { name = "Print" } },
}
made("a card comes from a body whose model is the card, with no items if the action does not tell them", told, {
  name = "Jones - A sign", purchaser = "Jones", order_summary = "A sign", labels = "Urgent, Print", line_item_count = 1,
  desc = "2 x Sign @ 1.50",
})
made("a card is as old as its id says", body("createCard"), {
  date_created = "2021-11-04", datetime_created = 1635986722000, year_created = 2021, month_created = 11,
  year_month = "2021-11", unix_timestamp = 1635986722,
})
made("a card with another id is as old as its event", body("createCard", { card = card { id = "not-hexadecimal" } }),
  { date_created = "2026-11-21" })

for _, row in ipairs {
  { "Smith & Co - 20 signs - blue", "Smith & Co", "20 signs - blue" },
  { "Smith \u{2013} signs", "Smith", "signs" },
  { "Smith \u{2014} signs - blue", "Smith", "signs - blue" },
  { "Well-known signs", nil, "Well-known signs" },
  { " - signs", nil, "signs" },
  { "  signs ", nil, "signs" },
} do
  made(("the title %q"):format(row[1]), body("createCard", { card = card { name = row[1] } }),
    { name = row[1], purchaser = row[2], order_summary = row[3] })
end

for _, row in ipairs {
  { "Hello\nBuyer: Ann Lee <ann@example.com>\nContact: Bob", "Ann Lee", "ann@example.com" },
  { "CLIENT:  Bob \nwrite to bob.b+x@mail.example.co.uk.", "Bob", "bob.b+x@mail.example.co.uk" },
  { "contact: carol@example.com", nil, "carol@example.com" },
  { "Buyer:\nContact: Dan", "Dan", nil },
  { "somebody@example.com", nil, "somebody@example.com" },
  { "nothing", nil, nil },
  { "Buyer: " .. (" "):rep(16000) .. "Eve", "Eve", nil },
} do
  made(("the buyer in %q"):format(row[1]:sub(1, 60)), body("createCard", { card = card { desc = row[1] } }),
    { desc = row[1], primary_buyer_name = row[2], primary_buyer_email = row[3] },
    { type = "line_items", data = { card_id = CARD, rows = {} } })
end

--------------------------------------------------------------------------------------------------------- line items

local function described(name, desc, rows)
  add(name, body("updateCard", { card = card { desc = desc }, old = { desc = "before" } }),
    { { type = "trello_events" }, { type = "line_items", data = { card_id = CARD, rows = rows } } })
end

for _, row in ipairs {
  { "2 x Acrylic sign, PVC, 1200 x 800 mm @ \u{a3}45.00", {
    description = "Acrylic sign", quantity = "2", unit_price = "45.00", total = "90.00", material = "PVC",
    width = "1200", height = "800", unit = "mm",
  } },
  { "3 Banner 120.00 each", { description = "Banner", quantity = "3", unit_price = "120.00", total = "360.00" } },
  { "1,000 x Flyer @ 0.05 = 49.00",
    { description = "Flyer", quantity = "1000", unit_price = "0.05", total = "49.00" } },
  { "- 4x Poster 2 x 3 m", { description = "Poster", quantity = "4", width = "2", height = "3", unit = "m" } },
  { "0.5 x Day @ $300", { description = "Day", quantity = "0.5", unit_price = "300", total = "150.00" } },
  { "10\u{d7} Plakate, Papier, 59,4 \u{d7} 84,1 cm @ \u{20ac}3,20", {
    description = "Plakate", quantity = "10", unit_price = "3.20", total = "32.00", material = "Papier",
    width = "59.4", height = "84.1", unit = "cm",
  } },
  { "5 x \u{770b}\u{677f} @ \u{a5}1200",
    { description = "\u{770b}\u{677f}", quantity = "5", unit_price = "1200", total = "6000.00" } },
  { "2 x \u{412}\u{44b}\u{432}\u{435}\u{441}\u{43a}\u{430}, A4,1200 x 800 mm", {
    description = "\u{412}\u{44b}\u{432}\u{435}\u{441}\u{43a}\u{430}", quantity = "2", material = "A4",
    width = "1200", height = "800", unit = "mm",
  } },
  { "1 x Sign @ 1.234,50", { description = "Sign", quantity = "1", unit_price = "1234.50", total = "1234.50" } },
} do
  described("the line " .. row[1], "For the shop:\n" .. row[1] .. "\nThank you",
    { with(row[2], { line_index = 1, raw = row[1] }) })
end

for _, line in ipairs {
  "Thank you", "2", "12/05 call back", "@ 45.00", "2. Call the client", "3 \u{20ac}", "x2 Sign", "",
} do
  described(("no item in %q"):format(line), line, {})
end

-- All that a board said, one after the other.
for _, file in ipairs { "done", "orders" } do
  cases[#cases + 1] = {
    name = "the history of a board, " .. file, golden = "golden/" .. file .. ".json",
    request = { file = "../../plugins/trello/samples/history_" .. file .. ".jsonl" },
  }
end

return { source = "trello", schema = "trello", cases = cases }
