-- SPDX-License-Identifier: Apache-2.0
-- missive.test.lua - what a webhook of Missive is an event of, and what its API is asked.
local TOKEN = { token = { "missive_pat-1" }, secret = { "s" } }
local QUIET = { conversations = json.array {} }

local function posted(file) return { file = "samples/" .. file } end

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function talk(id, at, more)
  return with({ id = id, last_activity_at = at, messages_count = 1, subject = "About " .. id }, more)
end

local function letter(id, at, more)
  return with({ id = id, delivered_at = at, updated_at = at, created_at = at, type = "email",
    subject = "Mail " .. id }, more)
end

local function only(mailbox) return with(TOKEN, { mailboxes = { mailbox } }) end

local LIST = "/conversations"

return {
  plugin = "missive",
  now = "2026-01-02T00:00:00Z",
  cases = {
    ------------------------------------------------------------------------------------------------------- webhooks
    {
      name = "an e-mail is an event of its conversation, when it was delivered",
      request = posted("wh_incoming_email.json"),
      emits = { { type = "incoming_email", subject = "47a57b76-df42-4d8b-927c-80dbe5d87191", time = 1548415828000 } },
    },
    {
      name = "the name of a webhook is its rule and its body",
      request = posted("wh_conversation_closed.json"),
      emits = { {
        id = "eaea532e-ddb4-4e37-ad84-814a5f46181d:7a938f57ca0b5fe4275aa1f9cff14d51701d3fcff8cf34e8f277291e445a519d",
        type = "conversation_closed", subject = "e8196c2f-4bc9-4fa1-a018-6a4078362ed1",
      } },
    },
    {
      name = "an old type is passed as it is",
      request = posted("wh_incoming_twilio_message.json"),
      emits = { { type = "incoming_twilio_message", time = 1708418458000 } },
    },
    {
      name = "a comment says when it was made",
      request = posted("wh_new_comment.json"),
      emits = { { type = "new_comment", time = 1704339993000 } },
    },
    ----------------------------------------------------------------------------------------------------------- polls
    { name = "without a token nobody is asked", options = { secret = { "s" } }, poll = {}, emits = {} },
    {
      name = "a first poll: conversations, their messages, and the bodies of these",
      options = TOKEN, poll = { since = "2019-01-01T00:00:00Z" },
      answers = {
        { url = LIST, query = { all = "true", limit = "50" }, file = "samples/api_conversations.json" },
        { url = LIST .. "/6d3c9b1c-7067-4a28-8ea6-ea91340b67cc/messages", query = { limit = "10" },
          file = "samples/api_conversation_messages.json" },
        { url = "/messages/3fa4bcf5-e57e-47a4-9422-de2cce5f802e", file = "samples/api_message_get.json" },
        { url = LIST, query = { trashed = "true" }, json = QUIET },
      },
      golden = "golden/polled.json",
    },
    {
      name = "what was looked into is not looked into again before something happens to it",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z", most = 3 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312000) } } },
        { url = LIST .. "/c1/messages", json = { messages = { letter("m1", 1767312000) } } },
        { url = "/messages/m1", json = { messages = letter("m1", 1767312000, { body = "<b>Hi</b>" }) } },
      },
      emits = { { type = "conversation", subject = "c1" }, { type = "message", subject = "c1" } },
    },
    {
      name = "pages go on at the oldest time, whose rows come again; a page that brings nothing new is the last",
      options = with(only "all", { bodies = false }), poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        {
          url = LIST,
          json = { conversations = (function()
            local rows = {}
            for i = 1, 51 do rows[i] = talk("c" .. i, 1767312000 - (i + 1) // 2, { messages_count = 0 }) end
            return rows
          end)() },
        },
        {
          url = LIST, query = { ["until"] = "1767311974" },
          json = { conversations = { talk("c51", 1767311974, { messages_count = 0 }),
            talk("c52", 1767311974, { messages_count = 0 }) } },
        },
      },
      golden = "golden/pages.json",
    },
    {
      name = "old messages of a conversation that is active again are not asked for",
      options = with(only "all", { bodies = false }),
      poll = { cursor = '{"marks":{"all":1767312000000000},"known":""}', most = 1 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312500, { messages_count = 12 }),
          talk("c2", 1767300000) } } },
        {
          url = LIST .. "/c1/messages",
          json = { messages = (function()
            local rows = { letter("m0", 1767312500) }
            for i = 1, 9 do rows[i + 1] = letter("m" .. i, 1767200000 - i) end
            return rows
          end)() },
        },
      },
      emits = { { type = "conversation", subject = "c1" }, { type = "message",
        has = { message = letter("m0", 1767312500) } } },
    },
    {
      name = "a message that is gone meanwhile is told as the list had it, its neighbours with their bodies",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z", most = 1 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312000) } } },
        { url = LIST .. "/c1/messages", json = { messages = { letter("m1", 1767312000), letter("m2", 1767311000) } } },
        { url = "/messages/m1,m2", status = 404, json = { error = "Not found" } },
        { url = "/messages/m1", status = 404, json = { error = "Not found" } },
        { url = "/messages/m2", json = { messages = letter("m2", 1767311000, { body = "there" }) } },
      },
      emits = {
        { type = "conversation" }, { type = "message", has = { message = letter("m1", 1767312000) } },
        { type = "message", has = { message = letter("m2", 1767311000, { body = "there" }) } },
      },
    },
    {
      name = "a message that is in another conversation by now is that one's",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z", most = 1 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312000) } } },
        { url = LIST .. "/c1/messages", json = { messages = { letter("m1", 1767312000) } } },
        { url = "/messages/m1", json = { messages = letter("m1", 1767312000, { conversation = { id = "c9" } }) } },
      },
      emits = { { type = "conversation", subject = "c1" }, { type = "message", subject = "c9",
        has = { conversation = { id = "c9", subject = "About c1" } } } },
    },
    {
      name = "a conversation that is gone before its messages are asked for is passed over",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z", most = 1 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312000) } } },
        { url = LIST .. "/c1/messages", status = 404, file = "samples/api_error_404.json" },
      },
      emits = { { type = "conversation" } },
    },
    {
      name = "in the trash all messages are told",
      options = with(only "trashed", { bodies = false }),
        poll = { cursor = '{"marks":{"trashed":1767312000000000},"known":""}', most = 1 },
      answers = {
        { url = LIST, query = { trashed = "true" }, json = { conversations = { talk("c1", 1767312500) } } },
        { url = LIST .. "/c1/messages", json = { messages = { letter("m1", 1600000000) } } },
      },
      emits = { { type = "conversation" }, { type = "message",
        has = { conversation = { id = "c1", subject = "About c1", trashed = true } } } },
    },
    {
      name = "of a guest's conversation nothing more is asked",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z", most = 1 },
      answers = { { url = LIST, json = { conversations = { { id = "c1", last_activity_at = 1767312000 } } } } },
      emits = { { type = "conversation", subject = "c1", data = { conversation = { id = "c1",
        last_activity_at = 1767312000 } } } },
    },
    {
      name = "comments are told where they are wanted",
      options = with(only "all", { comments = true }), poll = { since = "2019-01-01T00:00:00Z", most = 1 },
      answers = {
        { url = LIST, json = { conversations = { talk("c1", 1767312000) } } },
        { url = LIST .. "/c1/messages", json = { messages = json.array {} } },
        { url = LIST .. "/c1/comments", file = "samples/api_conversation_comments.json" },
      },
      emits = { { type = "conversation" }, { type = "comment", subject = "c1", time = 1563806347999 } },
    },
    {
      name = "a whole walk tells which conversations there are",
      options = only "all", poll = { backfill = true }, answers = { { url = LIST, json = QUIET } }, emits = {},
    },
    { name = "a refused token says what to do", options = TOKEN, poll = {},
      answers = { { url = LIST, status = 401, file = "samples/api_error_401.json" } },
        fails = "does not know the token" },
    { name = "a page of HTML is a bad moment", options = TOKEN, poll = {},
      answers = { { url = LIST, body = "<html>Down</html>" } }, retries = "<html>Down" },
    { name = "a list that is none is a bad moment", options = TOKEN, poll = {},
      answers = { { url = LIST, json = { conversations = "x" } } }, retries = "not what it should be" },
    {
      name = "rows that are none are passed over",
      options = only "all", poll = { since = "2026-01-01T00:00:00Z" },
      answers = { { url = LIST, json = { conversations = { 1, "x", {}, { id = 7 },
        { id = json.array {}, last_activity_at = {} } } } } },
      emits = {},
    },
  },
}
