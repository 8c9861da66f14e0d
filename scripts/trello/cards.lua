-- SPDX-License-Identifier: Apache-2.0
-- cards.lua - Trello's actions as rows: what happened to each card, and what it says.
--
-- Tables and views: schemas/trello.yaml. One row of trello_events for every action about a card; one row of cards for
-- a card when it is first seen whole; its line_items whenever its description is.
--
-- An action tells little of its card. So the card itself is asked for when there may be something new to read in it;
-- then cards and line_items come from that alone, and their version is when the card was last touched: whatever order
-- answers come in, the newest state stays. A source that cannot be asked leaves what the webhooks say.

local rules = require "rules"

local cards = {
  version = "1.0",
  summary = "Trello actions as rows: where each card was, and when.",
  options = {
    { "cards", "choice", initial = "api", choices = { "api", "event" },
      help = "Where cards come from: api asks Trello for the card; event takes what the webhook itself says, which is "
        .. "all there is without a token." },
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

----------------------------------------------------------------------------------------------------------- cards

local function label_names(labels)
  local names = {}
  if json.kind(labels) ~= "array" then return nil end
  for _, label in ipairs(labels) do
    local name = string(object(label).name)
    if name and name ~= "" then names[#names + 1] = name end
  end
  if #names > 0 then return table.concat(names, ", ") end
end

-- `found`: card (what says it), name (if that does not), desc, comments, items.
local function card_row(event, id, found, board)
  local full = found.card
  local name = string(full.name) or found.name
  local purchaser, summary = rules.title(name)
  local buyer, email = rules.buyer(found.desc, found.comments)
  local born = rules.created_at(id) or event.time
  local day = time.date(born)
  return {
    card_id = id, name = name, desc = found.desc, labels = label_names(full.labels),
    closed = full.closed == true, board_id = string(board.id) or string(full.idBoard), board_name = string(board.name),
    purchaser = purchaser, order_summary = summary, primary_buyer_name = buyer, primary_buyer_email = email,
    date_created = day, datetime_created = born, year_created = math.tointeger(day:sub(1, 4)),
    month_created = math.tointeger(day:sub(6, 7)), year_month = day:sub(1, 7), unix_timestamp = born // 1000,
    line_item_count = #(found.items or {}), first_extracted_at = event.received, first_extraction_event_id = event.id,
  }
end

local function emit_items(id, items, at)
  emit { type = "line_items", time = at, data = { card_id = id, rows = items } }
end

-------------------------------------------------------------------------------------- from what the webhook says

-- The card as this body tells it: the body's model, if it is the card itself, knows most.
local function told_card(body, action, card)
  local model = object(body.model)
  if model.id == card.id and string(model.idBoard) then return model end
  if action.type == "createCard" then return card end
end

local function from_event(event, body, action, data, card)
  local full = told_card(body, action, card)
  local told = string(card.desc)
  local desc = told or (full and string(full.desc))
  local items = desc and rules.line_items(desc)
  if full then
    local found = { card = full, name = string(card.name), desc = desc, items = items }
    emit { type = "cards", data = card_row(event, card.id, found, object(data.board)) }
  end
  if told then emit_items(card.id, items) end
end

----------------------------------------------------------------------------------------------- from the card itself

local WORTH_A_LOOK = { createCard = true, addAttachmentToCard = true, commentCard = true }

-- Actions after which there may be something new to read in the card.
local function may_be_new(action, data)
  return WORTH_A_LOOK[action.type] or (action.type == "updateCard" and object(data.old).desc ~= nil)
end

-- The texts of the card's comments, oldest first.
local function comments_of(card)
  local comments = {}
  for _, action in ipairs(json.kind(card.actions) == "array" and card.actions or {}) do
    local comment = string(object(object(action).data).text)
    if comment and action.type == "commentCard" then
      comments[#comments + 1] = { at = time.parse(string(action.date)) or 0, text = comment }
    end
  end
  table.sort(comments, function(a, b) return a.at < b.at end)
  for i, comment in ipairs(comments) do comments[i] = comment.text end
  return comments
end

-- Deleted, or moved to where we may not look.  "Cannot GET" is no card that is missing, but no address.
local function is_gone(answer)
  if answer.status == 404 then return not text.starts(answer.body, "Cannot ") end
  return answer.status == 401 and answer.body:find("permission", 1, true) ~= nil
end

-- The card, or nil if it cannot be had any more.
local function fetch(id)
  local answer = source.get("/1/cards/" .. id, {
    fields = "all", attachments = true, board = true, board_fields = "name",
    actions = "commentCard", actions_limit = 1000,
  })
  if is_gone(answer) then return nil end
  local card = object(answer.json)
  if answer.ok and string(card.id) then return card end
  local says = ("asked for a card Trello answered %d: %s"):format(answer.status,
    text.squeeze(answer.body:sub(1, 200)))
  if answer.ok then return retry(says) end
  return fail(says)
end

local function from_api(event, data, id)
  local card = fetch(id)
  if not card then return end
  local desc = string(card.desc)
  local items = desc and rules.line_items(desc)
  local found = { card = card, desc = desc, comments = comments_of(card), items = items }
  local board = object(card.board)
  if not string(board.name) and object(data.board).id == card.idBoard then board = data.board end
  local at = time.parse(string(card.dateLastActivity))
  emit { type = "cards", time = at, data = card_row(event, id, found, { id = card.idBoard, name = board.name }) }
  if items then emit_items(id, items, at) end
end

------------------------------------------------------------------------------------------------------------- all

local told_so = false

local function may_ask(opt)
  if opt.cards ~= "api" then return false end
  if source.known() then return true end
  if not told_so then
    told_so = true
    log("warning", "the source has no token, so cards are what its webhooks say; with `cards: event` that is meant")
  end
  return false
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

  if not may_ask(opt) then return from_event(event, body, action, data, card) end
  if may_be_new(action, data) and card.id:match("^%w+$") then from_api(event, data, card.id) end
end

return cards
