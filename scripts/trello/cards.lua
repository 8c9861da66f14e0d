-- SPDX-License-Identifier: Apache-2.0
-- cards.lua - Trello's actions as rows: what happened to each card, and what it says.
--
-- Tables and views: schemas/trello.yaml. One row of trello_events for every action about a card; one row of cards for
-- a card when it is first seen whole; its line_items whenever its description is told.

local rules = require "rules"

local cards = {
  version = "1.0",
  summary = "Trello actions as rows: where each card was, and when.",
  options = {
    { "cards", "choice", initial = "event", choices = { "event" },
      help = "Where cards come from: event takes what the webhook itself says." },
    { "others", "bool", initial = false, help = "Keep actions that are about no card too." },
  },
}

-- Actions by which a card comes into data.list from nowhere.
local ARRIVALS = {
  createCard = true, copyCard = true, convertToCardFromCheckItem = true, emailCard = true, moveCardToBoard = true,
}

-- A body may hold anything anywhere.  What is not what it should be is as if it were not there: raw_payload has it.
local function object(value)
  return json.kind(value) == "object" and value or {}
end

local function string(value)
  if type(value) == "string" then return value end
end

-- true: the card is off the board now; false: it is back; nil: the action says nothing about it.
local function closed_by(action, data)
  if action.type == "deleteCard" or action.type == "moveCardFromBoard" then return true end
  if action.type == "moveCardToBoard" then return false end
  local was = object(data.old).closed
  if action.type == "updateCard" and type(was) == "boolean" then return not was end
end

local function event_row(event, action, data)
  local board, list = object(data.board), object(data.list)
  local before, after = object(data.listBefore), object(data.listAfter)
  if ARRIVALS[action.type] and string(list.id) then after = list end
  local creator = object(action.memberCreator)
  return {
    event_id = event.id, action_type = action.type, action_date = event.time,
    card_id = string(object(data.card).id) or "", board_id = string(board.id), board_name = string(board.name),
    list_id = string(list.id) or string(after.id), list_name = string(list.name) or string(after.name),
    list_before_id = string(before.id), list_before_name = string(before.name),
    list_after_id = string(after.id), list_after_name = string(after.name),
    is_list_transition = string(after.id) ~= nil,
    card_closed = closed_by(action, data),
    member_creator_id = string(creator.id) or string(action.idMemberCreator),
    member_creator_username = string(creator.username),
    raw_payload = event.data, created_at = event.received,
  }
end

local function label_names(labels)
  local names = {}
  if json.kind(labels) ~= "array" then return nil end
  for _, label in ipairs(labels) do
    local name = string(object(label).name)
    if name and name ~= "" then names[#names + 1] = name end
  end
  if #names > 0 then return table.concat(names, ", ") end
end

-- The card as this body tells it: the body's model, if it is the card itself, knows most.
local function told_card(body, action, card)
  local model = object(body.model)
  if model.id == card.id and string(model.idBoard) then return model end
  if action.type == "createCard" then return card end
end

local function card_row(event, card, full, data, desc, count)
  local board = object(data.board)
  local name = string(full.name) or string(card.name)
  local purchaser, summary = rules.title(name)
  local buyer, email = rules.buyer(desc)
  local born = rules.created_at(card.id) or event.time
  local day = time.date(born)
  return {
    card_id = card.id, name = name, desc = desc, labels = label_names(full.labels),
    closed = full.closed == true, board_id = string(board.id) or string(full.idBoard), board_name = string(board.name),
    purchaser = purchaser, order_summary = summary, primary_buyer_name = buyer, primary_buyer_email = email,
    date_created = day, datetime_created = born, year_created = math.tointeger(day:sub(1, 4)),
    month_created = math.tointeger(day:sub(6, 7)), year_month = day:sub(1, 7), unix_timestamp = born // 1000,
    line_item_count = count, first_extracted_at = event.received, first_extraction_event_id = event.id,
  }
end

function cards.transform(event, opt)
  local body = event.data
  local action = object(object(body).action)
  if not string(action.type) then return drop("not a Trello action") end
  local data = object(action.data)
  local card = object(data.card)
  if not string(card.id) or card.id == "" then
    if not opt.others then return drop("not about a card") end
    return emit { type = "trello_events", data = event_row(event, action, data) }
  end

  emit { type = "trello_events", data = event_row(event, action, data) }

  local full = told_card(body, action, card)
  local told = string(card.desc)
  local desc = told or (full and string(full.desc))
  local items = desc and rules.line_items(desc)
  if full then
    emit { type = "cards", data = card_row(event, card, full, data, desc, items and #items or 0) }
  end
  if told then
    emit { type = "line_items", data = { card_id = card.id, rows = items } }
  end
end

return cards
