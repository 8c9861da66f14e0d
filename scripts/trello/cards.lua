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

-- true: the card is off the board now; false: it is back; nil: the action says nothing about it.
local function closed_by(action, data)
  if action.type == "deleteCard" or action.type == "moveCardFromBoard" then return true end
  if action.type == "moveCardToBoard" then return false end
  local old = data.old
  if action.type == "updateCard" and old and old.closed ~= nil and old.closed ~= json.null then
    return not old.closed
  end
end

local function event_row(event, action, data)
  local card, board, list = data.card or {}, data.board or {}, data.list or {}
  local before, after = data.listBefore or {}, data.listAfter or {}
  if ARRIVALS[action.type] and data.list then after = list end
  local creator = action.memberCreator or {}
  return {
    event_id = event.id, action_type = action.type, action_date = event.time,
    card_id = card.id or "", board_id = board.id, board_name = board.name,
    list_id = list.id or after.id, list_name = list.name or after.name,
    list_before_id = before.id, list_before_name = before.name,
    list_after_id = after.id, list_after_name = after.name,
    is_list_transition = after.id ~= nil,
    card_closed = closed_by(action, data),
    member_creator_id = creator.id or action.idMemberCreator, member_creator_username = creator.username,
    raw_payload = event.data, created_at = event.received,
  }
end

local function label_names(labels)
  local names = {}
  for _, label in ipairs(labels or {}) do
    if type(label) ~= "string" and label.name and label.name ~= "" then names[#names + 1] = label.name end
  end
  if #names > 0 then return table.concat(names, ", ") end
end

-- The card as this body tells it: the body's model, if it is the card itself, knows most.
local function told_card(body, action, card)
  local model = body.model
  if model and model.id == card.id and model.idBoard then return model end
  if action.type == "createCard" then return card end
end

local function card_row(event, card, full, data, desc, count)
  local board = data.board or {}
  local purchaser, summary = rules.title(full.name or card.name)
  local buyer, email = rules.buyer(desc)
  local born = rules.created_at(card.id) or event.time
  local day = time.date(born)
  return {
    card_id = card.id, name = full.name or card.name, desc = desc, labels = label_names(full.labels),
    closed = full.closed or false, board_id = board.id or full.idBoard, board_name = board.name,
    purchaser = purchaser, order_summary = summary, primary_buyer_name = buyer, primary_buyer_email = email,
    date_created = day, datetime_created = born, year_created = math.tointeger(day:sub(1, 4)),
    month_created = math.tointeger(day:sub(6, 7)), year_month = day:sub(1, 7), unix_timestamp = born // 1000,
    line_item_count = count, first_extracted_at = event.received, first_extraction_event_id = event.id,
  }
end

local function text_or_nil(value)
  if type(value) == "string" then return value end
end

function cards.transform(event, opt)
  local body = event.data
  local action = body.action
  if not action or not action.type then return drop("not a Trello action") end
  local data = action.data or {}
  local card = data.card
  if not (card and card.id) then
    if not opt.others then return drop("not about a card") end
    return emit { type = "trello_events", data = event_row(event, action, data) }
  end

  emit { type = "trello_events", data = event_row(event, action, data) }

  local full = told_card(body, action, card)
  local told = text_or_nil(card.desc)
  local desc = told or (full and text_or_nil(full.desc))
  local items = desc and rules.line_items(desc)
  if full then
    emit { type = "cards", data = card_row(event, card, full, data, desc, items and #items or 0) }
  end
  if told then
    emit { type = "line_items", data = { card_id = card.id, rows = items } }
  end
end

return cards
