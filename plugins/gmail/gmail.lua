-- SPDX-License-Identifier: Apache-2.0
-- gmail.lua - the mail of one account, as it comes and goes: read from its history, or listed where that has expired.
--
-- A push through Google's Pub/Sub only says that something changed (decode makes a notice of it); what changed is asked
-- for by the poll, from the last id of the history that was seen.

local gmail = {
  version = "1.0",
  summary = "Mail of a Gmail account, sent and received: who, when, about what; not the text.",
  options = {
    { "secret", "secret", initial = "", help = "The token in the address of the push subscription: ?token=..." },
    { "refresh_token", "secret", initial = "", help = "OAuth: access tokens are fetched with it." },
    { "client_id", "text", initial = "", help = "OAuth: of your client." },
    { "client_secret", "secret", initial = "", help = "OAuth: likewise." },
    { "token", "secret", initial = "", help = "An access token, instead of the three; it ends after an hour." },
    { "user", "text", initial = "me", help = "Whose mail: me, or an address the client may act for." },
    { "topic", "text", initial = "", help = "projects/P/topics/T: pushed notices go there; the poll renews that daily." },
    { "labels", "list", initial = "", help = "Only mail with one of these labels; all of it unless given." },
    { "page", "int", initial = 50, min = 1, max = 500, help = "Mails that are read between two notes of how far it got." },
    { "overlap", "duration", initial = "1d", min = 0, max = 604800000, help = "How far a new listing looks back, once the history has expired." },
    { "base", "text", initial = "https://gmail.googleapis.com", help = "Where the API is." },
    { "token_url", "text", initial = "https://oauth2.googleapis.com/token", help = "Where access tokens come from." },
  },
  webhook = {
    auth = "query-token", proof = "query:token", secret = "secret",
    id = "body:/message/messageId", time = "body:/message/publishTime", notice = true,
  },
  api = { base = "{base}", credential = "{user}", points = 12000, points_window = "1m", at_once = 4 },
  every = "1m",
}

local HEADERS = { "From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References" }
local DAY = 86400000

local function object(value)
  return json.kind(value) == "object" and value or {}
end

local function list(value)
  return json.kind(value) == "array" and value or {}
end

---------------------------------------------------------------------------------------------------------- being asked

local access = { till = 0 } -- of this process; a new one asks for its own

local function may_ask(opt)
  return #opt.token > 0 or (#opt.refresh_token > 0 and opt.client_id ~= "")
end

local function refresh(opt)
  local answer = http.post(opt.token_url, url.form {
    grant_type = "refresh_token", client_id = opt.client_id, client_secret = opt.client_secret[1],
    refresh_token = opt.refresh_token[1],
  }, { headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }, asks = true })
  local said = object(answer.json)
  if not answer.ok or type(said.access_token) ~= "string" then
    local says = type(said.error) == "string" and said.error or text.squeeze(answer.body:sub(1, 200))
    fail(("no access token: %d %s; was access taken back?"):format(answer.status, says))
  end
  access.text, access.till = said.access_token, time.now() + (math.tointeger(said.expires_in) or 3600) * 1000 - 60000
end

local function bearer(opt)
  if #opt.token > 0 then return "Bearer " .. opt.token[1] end
  if time.now() >= access.till then refresh(opt) end
  return "Bearer " .. access.text
end

-- What is too much comes as 429, which the host sees to, or as 403 with a reason.
local function is_too_much(answer)
  for _, one in ipairs(list(object(object(answer.json).error).errors)) do
    if tostring(object(one).reason):find("[rR]ateLimitExceeded") then return true end
  end
  return false
end

-- The answer, if it is one of these; `cost` in Gmail's quota units.
local function ask(opt, path, cost, more)
  local request = { url = "/gmail/v1/users/" .. url.encode(opt.user) .. path, cost = cost }
  for name, value in pairs(more or {}) do request[name] = value end
  request.headers = { Authorization = bearer(opt) }
  local answer = http.request(request)
  if answer.status == 401 and #opt.token == 0 then
    access.till = 0
    request.headers = { Authorization = bearer(opt) }
    answer = http.request(request)
  end
  if answer.status == 403 and is_too_much(answer) then retry("Gmail says that it was too much", 30) end
  if answer.status == 404 then return nil end
  if not answer.ok or json.kind(answer.json) ~= "object" then
    fail(("Gmail answered %s with %d: %s"):format(path, answer.status, answer.body:sub(1, 200)))
  end
  return answer.json
end

-------------------------------------------------------------------------------------------------------------- telling

local function id_of(at, ...)
  return table.concat({ "gmail", at.account, ... }, ":")
end

local function kind_of(message)
  local labels = {}
  for _, label in ipairs(list(message.labelIds)) do labels[label] = true end
  if labels.DRAFT then return "email_draft" end
  return labels.SENT and "email_sent" or "email_received"
end

local function tell_message(at, opt, id)
  local message = ask(opt, "/messages/" .. url.encode(id), 5, { query = { format = "metadata", metadataHeaders = HEADERS } })
  if not message then return end -- gone meanwhile
  local moment = time.milliseconds(message.internalDate)
  at.newest = math.max(at.newest or 0, moment or 0)
  emit {
    id = id_of(at, id), type = kind_of(message), subject = message.threadId, time = moment,
    data = { account = at.account, message = message },
  }
end

local function tell_change(at, record, kind, changes)
  for _, change in ipairs(list(changes)) do
    local message = object(object(change).message)
    emit {
      id = id_of(at, record.id, tostring(message.id), kind), type = kind, subject = message.threadId,
      data = { account = at.account, message = message, labels = change.labelIds },
    }
  end
end

-- Mail that a page of the history tells of, each once. A record may hold nothing of this.
local function tell_records(at, opt, records)
  local seen = {}
  for _, record in ipairs(list(records)) do
    for _, added in ipairs(list(object(record).messagesAdded)) do
      local id = object(object(added).message).id
      if type(id) == "string" and not seen[id] then
        seen[id] = true
        tell_message(at, opt, id)
      end
    end
    tell_change(at, record, "email_deleted", record.messagesDeleted)
    tell_change(at, record, "labels_added", record.labelsAdded)
    tell_change(at, record, "labels_removed", record.labelsRemoved)
  end
end

-------------------------------------------------------------------------------------------------------------- walking

-- The cursor: `account`, `history` (the last id that was seen), `newest` (the latest mail), `watch` (when that ends); in
-- the middle of a listing `listing`, which is { history =, since =, token = }; in that of a history `token`.
local function start_listing(at, opt, since)
  local profile = ask(opt, "/profile", 1) or {}
  if not profile.historyId then fail("Gmail knows no account " .. opt.user) end
  at.account, at.listing, at.token = profile.emailAddress, { history = tostring(profile.historyId), since = since }, nil
end

-- True while there is more. What changes meanwhile comes after the history id that was noted before.
local function list_page(at, opt)
  local query = { maxResults = opt.page, pageToken = at.listing.token, labelIds = #opt.labels > 0 and opt.labels or nil }
  if at.listing.since then query.q = "after:" .. at.listing.since // 1000 end
  local page = ask(opt, "/messages", 5, { query = query }) or {}
  for _, message in ipairs(list(page.messages)) do
    if type(object(message).id) == "string" then tell_message(at, opt, message.id) end
  end
  at.listing.token = type(page.nextPageToken) == "string" and page.nextPageToken or nil
  if at.listing.token then return true end
  at.history, at.listing = at.listing.history, nil
  return false
end

local function read_history(at, opt)
  local page = ask(opt, "/history", 2, {
    query = { startHistoryId = at.history, pageToken = at.token, maxResults = opt.page, labelId = opt.labels[1] },
  })
  if not page then
    log("warning", "the history from " .. at.history .. " on has expired: the mail is listed anew, deletions are not seen")
    at.history = nil
    return start_listing(at, opt, at.newest and at.newest - opt.overlap)
  end
  tell_records(at, opt, page.history)
  at.token = type(page.nextPageToken) == "string" and page.nextPageToken or nil
  if at.token or not page.historyId then return end -- an empty page with a token occurs
  local newest = math.tointeger(tonumber(page.historyId)) or 0
  if newest > (math.tointeger(tonumber(at.history)) or 0) then at.history = tostring(page.historyId) end
end

-- Gmail forgets it after seven days.
local function renew_watch(at, opt)
  if opt.topic == "" or (at.watch or 0) > time.now() + 6 * DAY then return end
  local body = { topicName = opt.topic, labelIds = #opt.labels > 0 and opt.labels or nil }
  local answer = ask(opt, "/watch", 100, { method = "POST", body = body }) or fail("Gmail has no watch for " .. opt.user)
  at.watch = time.milliseconds(answer.expiration) or time.now() + 7 * DAY
end

function gmail.poll(cursor, opt, walk)
  if not may_ask(opt) then return end
  local at = cursor and json.decode(cursor) or {}
  if not at.history and not at.listing then start_listing(at, opt, walk.since) end
  if walk.backfill then
    if list_page(at, opt) then advance(json.encode(at)) end
    return
  end
  renew_watch(at, opt)
  if at.listing then
    list_page(at, opt)
  else
    read_history(at, opt)
  end
  local text = json.encode(at)
  if text ~= cursor then advance(text) end
end

------------------------------------------------------------------------------------------------------- what is pushed

-- { "emailAddress": "ann@example.com", "historyId": 9876543210 }, in base64
function gmail.decode(event)
  local data = object(object(event.data).message).data
  local notice = type(data) == "string" and json.decode(base64.decode_url(data) or base64.decode(data) or "")
  if type(notice) ~= "table" or not notice.historyId then return drop("no notice of Gmail's") end
  emit { type = "gmail_notice", subject = notice.emailAddress, data = notice }
end

function gmail.hooks(verb, opt, hook)
  local function tell(kind, why, expires)
    emit { id = opt.topic, type = kind, subject = "mail of " .. opt.user, data = { why = why, expires = expires } }
  end
  local known = hook.cursor and json.decode(hook.cursor) or {}
  if opt.topic == "" then
    return tell("manual", "make a topic that gmail-api-push@system.gserviceaccount.com may publish to, a push subscription " ..
      "of it to " .. tostring(hook.callback) .. "?token=SECRET, and name it with `topic`")
  elseif not may_ask(opt) then
    fail("give client_id, client_secret and refresh_token, or token: without them Gmail is not asked")
  end
  if verb == "list" then
    tell(known.topic == opt.topic and "fine" or "missing", "asked for by `register`, and renewed by the poll")
  elseif verb == "register" then
    local at = {}
    renew_watch(at, opt)
    advance { topic = opt.topic }
    tell(known.topic == opt.topic and "fine" or "made", nil, time.format(at.watch))
  else
    http.post("/gmail/v1/users/" .. url.encode(opt.user) .. "/stop", nil, { headers = { Authorization = bearer(opt) }, cost = 50 })
    advance {}
    tell("removed")
  end
end

function gmail.discover(opt)
  if not may_ask(opt) then
    fail("give client_id, client_secret and refresh_token, or token: without them Gmail is not asked")
  end
  local profile = ask(opt, "/profile", 1) or fail("Gmail knows no account " .. opt.user)
  if type(profile.emailAddress) ~= "string" then
    fail("Gmail told no address of " .. opt.user .. ": " .. json.encode(profile):sub(1, 200))
  end
  emit { id = profile.emailAddress, type = "account", data = { name = profile.emailAddress, mails = profile.messagesTotal } }
  for _, label in ipairs(list((ask(opt, "/labels", 1) or {}).labels)) do
    label = object(label)
    if type(label.id) == "string" then emit { id = label.id, type = "label", data = { name = label.name } } end
  end
end

return gmail
