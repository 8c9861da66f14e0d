-- SPDX-License-Identifier: Apache-2.0
-- mail.lua - conversations of Missive, their messages, and the files attached to these.
--
-- How old is what is told: of a list as old as the last activity; of a webhook that a message or a comment set off as
-- that is, of any other as it is itself, though it brings a message along; what is fetched is of now. Open and
-- closed, in the inbox and in the trash is a matter of each user; here a conversation is closed, or in the trash, when
-- it is so for all of them.

local files = require "files"
local told = require "told"

local mail = {}

local function for_all(talk, state)
  local users = told.list(talk.users)
  for _, user in ipairs(users) do
    if told.object(user)[state] ~= true then return false end
  end
  return #users > 0
end

local function in_trash(talk)
  return talk.trashed == true or for_all(talk, "trashed")
end

local function labels(talk)
  local names = json.array {}
  for _, label in ipairs(told.list(talk.shared_labels)) do
    local name = told.string(told.object(label).name)
    if name then table.insert(names, name) end
  end
  return names
end

local function people(list)
  local found = json.array {}
  for _, one in ipairs(told.list(list)) do
    local id = told.id(told.object(one).id)
    if id then table.insert(found, { id = id, name = told.string(one.name) or json.null }) end
  end
  return found
end

local function talk_row(talk)
  return {
    conversation_id = told.id(talk.id),
    subject = told.string(talk.subject) or told.string(talk.latest_message_subject) or json.null,
    team = told.string(told.object(talk.team).name) or json.null, assignees = people(talk.assignees),
      labels = labels(talk),
    closed = for_all(talk, "closed"), messages_count = told.int(talk.messages_count),
    last_activity_at = told.seconds(talk.last_activity_at),
  }
end

local function emit_gone(id, at)
  emit { type = "conversations", mode = "delete", time = at, data = { conversation_id = id } }
end

-- mode: upsert, or patch if something may have been left out.
local function emit_talk(talk, mode, at)
  local row = talk_row(talk)
  local guest = talk.messages_count == nil and talk.users == nil
  if guest then row = { conversation_id = row.conversation_id, last_activity_at = row.last_activity_at } end
  emit { type = "conversations", mode = guest and "patch" or mode, time = at, data = row }
  if in_trash(talk) then emit_gone(row.conversation_id, at) end
end

------------------------------------------------------------------------------------------------------------- messages

local function address(one)
  one = told.object(one)
  return told.string(one.address) or told.string(one.phone_number) or told.string(one.id) or told.string(one.username)
end

local function addresses(list)
  local found = json.array {}
  for _, one in ipairs(told.list(list)) do
    local where = address(one)
    if where then table.insert(found, { address = where, name = told.string(told.object(one).name) or json.null }) end
  end
  return found
end

local function message_row(message, talk)
  local from = told.object(message.from_field)
  local answers = told.strings(message.in_reply_to)
  return {
    email_id = told.id(message.id), channel = told.string(message.type) or "email", thread_id = told.id(talk.id),
    subject = told.string(message.subject), from_address = address(from), from_name = told.string(from.name),
    to_addresses = addresses(message.to_fields), cc_addresses = addresses(message.cc_fields),
    bcc_addresses = addresses(message.bcc_fields), in_reply_to = #answers > 0 and table.concat(answers, " ") or nil,
    references = told.strings(message.references), sent_at = told.seconds(message.delivered_at),
    received_at = told.seconds(message.created_at), labels = labels(talk), draft = message.draft == true,
    source_url = told.string(talk.web_url), raw = message,
  }
end

-- A body as both: what a person reads, and as it came.
local function add_body(row, message)
  local body = told.string(message.body)
  row.body_html = body
  row.body_text = body and html.text(body)
end

local function emit_attachments(message, read_at, opt)
  for _, one in ipairs(told.list(message.attachments)) do
    local id = told.id(told.object(one).id)
    if id then
      local kind, sub = told.string(one.media_type), told.string(one.sub_type)
      emit {
        type = "attachments", time = read_at,
        data = {
          attachment_id = id, email_id = told.id(message.id), filename = told.string(one.filename),
          media_type = kind and sub and kind .. "/" .. sub or kind, size = told.int(one.size),
            url = told.string(one.url),
          url_fetched_at = read_at, path = opt.attachments == "file" and files.path(one, message, opt) or nil,
        },
      }
    end
  end
end

local function emit_message(message, talk, mode, at, read_at, opt)
  local row = message_row(message, talk)
  if mode == "upsert" then add_body(row, message) end
  emit { type = "emails", mode = mode, time = at, data = row }
  if in_trash(talk) then emit { type = "emails", mode = "delete", time = at, data = { email_id = row.email_id } } end
  emit_attachments(message, read_at, opt)
end

------------------------------------------------------------------------------------------------------------- fetching

-- Something of the API; nil if it is not there.
local function get(path)
  local answer = source.get(path)
  if answer.status == 404 then return nil end
  if not answer.ok then fail(path .. " was answered with " .. answer.status .. ": " .. answer.body:sub(1, 200)) end
  return answer
end

-- How it is now, and when that was. One that was merged into another has that one's id.
local function refresh(id)
  local answer = get("/conversations/" .. url.encode(id))
  local at = time.now()
  local talk = answer and told.object(told.list(told.object(answer.json).conversations)[1])
  if not answer then return emit_gone(id, at) end
  local now = told.id(talk.id)
  if not now then retry("the answer has no conversation: " .. answer.body:sub(1, 200)) end
  if now ~= id then
    emit { type = "conversations", mode = "patch", time = at, data = { conversation_id = id, merged_into = now } }
    emit_gone(id, at)
  end
  emit_talk(talk, "upsert", at)
  return talk, at
end

local function whole_message(id)
  local answer = get("/messages/" .. url.encode(id))
  local found = answer and told.object(answer.json).messages
  if json.kind(found) == "array" then found = found[1] end
  return told.id(told.object(found).id) and found
end

-- A conversation that the list does not have any more: it was merged into another, or deleted.
function mail.gone(event, opt)
  local id = told.id(event.subject)
  if not id then return drop("a conversation without an id") end
  if not opt.fetch then return emit_gone(id, event.time) end
  refresh(id)
end

----------------------------------------------------------------------------------------------------------------- rows

local function polled(event, body, opt)
  local talk = body.conversation
  if event.type == "conversation" then return emit_talk(talk, "upsert", event.time) end
  local message = told.object(body.message)
  if event.type ~= "message" or not told.id(message.id) then return drop("not about a message: " .. event.type) end
  local mode = message.body ~= nil and "upsert" or "patch"
  emit_message(message, talk, mode, event.time, event.received, opt)
end

-- When the conversation was as the webhook says.
local function told_at(event, rule)
  local by_message = rule:find("^incoming") or rule:find("^outgoing") or rule:find("comment")
  return by_message and event.time or event.received
end

local function pushed(event, body, opt)
  local talk, at = body.conversation, told_at(event, body.rule.type)
  local message = told.object(json.kind(body.latest_message) == "object" and body.latest_message or body.message)
  local id = told.id(message.id)
  if opt.fetch then
    local now, then_ = refresh(told.id(talk.id))
    local whole = now and id and whole_message(id) -- perhaps a while later: whether it is in the trash is of then
    if whole then return emit_message(whole, now, "upsert", then_, time.now(), opt) end
  else
    emit_talk(talk, "patch", at)
  end
  if id then emit_message(message, talk, "patch", in_trash(talk) and at or event.time, event.received, opt) end
end

function mail.rows(event, body, opt)
  local rule = told.object(body.rule)
  if told.string(rule.type) then return pushed(event, body, opt) end
  polled(event, body, opt)
end

return mail
