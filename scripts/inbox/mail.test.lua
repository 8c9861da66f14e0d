-- SPDX-License-Identifier: Apache-2.0
-- mail.test.lua - conversations and messages of Missive, however they are told.
local SAMPLES = "../../plugins/missive/samples/"

local function posted(file) return { file = SAMPLES .. file } end

local function polled(type, data) return { id = "p1", type = type, subject = "c1", time = "2026-01-01T00:00:00Z",
  received = "2026-01-02T00:00:00Z", data = data } end

local LETTER = {
  id = "m1", type = "email", subject = "Hi", delivered_at = 1767225600, created_at = 1767225601,
    body = "<p>Hi <b>Ann</b></p>",
  from_field = { name = "Sam", address = "sam@example.org" },
    to_fields = { { name = json.null, address = "ann@example.org" } },
  attachments = { { id = "a1", filename = "x.PNG", extension = "PNG", media_type = "image", sub_type = "png",
    size = 12, url = "https://files.example/a1?old" } },
}

return {
  plugin = "inbox",
  source = { use = "missive", options = { token = { "missive_pat-1" } } },
  schema = "inbox",
  now = "2026-01-03T00:00:00Z",
  cases = {
    {
      name = "an e-mail's webhook is a conversation and a message without a body",
      request = posted("wh_incoming_email.json"), golden = "golden/email.json",
    },
    {
      name = "an SMS is a message too",
      request = posted("wh_incoming_twilio_message.json"), golden = "golden/sms.json",
    },
    {
      name = "a change of labels is one of the conversation, when it came",
      request = posted("wh_label_change.json"),
      emits = { { type = "conversations", mode = "patch",
        has = { conversation_id = "e8196c2f-4bc9-4fa1-a018-6a4078362ed1", team = "Demo Staging",
          labels = { "Nested test" }, closed = false } } },
    },
    {
      name = "a conversation is closed when that is told, however old the message is that comes along",
      request = { body = {
        rule = { id = "r", type = "conversation_closed" },
        conversation = { id = "c1", users = { { id = "u", closed = true } } },
        latest_message = { id = "m1", type = "email", delivered_at = 1767225600 },
      } },
      emits = {
        { type = "conversations", mode = "patch", time = "2026-01-03T00:00:00Z", has = { closed = true } },
        { type = "emails", mode = "patch", time = "2026-01-01T00:00:00Z", has = { email_id = "m1" } },
      },
    },
    { name = "a comment changes nothing but its conversation", request = posted("wh_new_comment.json"),
      emits = { { type = "conversations" } } },
    {
      name = "with fetch a conversation is as it is now, and a message has its body",
      options = { fetch = true }, request = posted("wh_incoming_email.json"),
      answers = {
        { url = "/conversations/47a57b76-df42-4d8b-927c-80dbe5d87191",
          json = { conversations = { { id = "47a57b76-df42-4d8b-927c-80dbe5d87191", messages_count = 2,
            last_activity_at = 1767225600.5, users = { { id = "u", closed = true } } } } } },
        { url = "/messages/86ef8bb8-269c-4959-a4f0-213db4e67844",
          json = { messages = { id = "86ef8bb8-269c-4959-a4f0-213db4e67844", type = "email", body = "Hello" } } },
      },
      emits = {
        { type = "conversations", mode = "upsert", time = "2026-01-03T00:00:00Z",
          has = { closed = true, messages_count = 2, last_activity_at = 1767225600500 } },
        { type = "emails", mode = "upsert", has = { email_id = "86ef8bb8-269c-4959-a4f0-213db4e67844",
          body_text = "Hello" } },
      },
    },
    {
      name = "a conversation that was merged says into which",
      options = { fetch = true }, event = { id = "g1", type = "conversation.gone", subject = "c1",
        data = { id = "c1" } },
      answers = { { url = "/conversations/c1", json = { conversations = { { id = "c2", messages_count = 1 } } } } },
      emits = {
        { type = "conversations", mode = "patch", data = { conversation_id = "c1", merged_into = "c2" } },
        { type = "conversations", mode = "delete", data = { conversation_id = "c1" } },
        { type = "conversations", mode = "upsert", has = { conversation_id = "c2" } },
      },
    },
    {
      name = "a conversation that is gone is marked",
      options = { fetch = true }, event = { id = "g1", type = "conversation.gone", subject = "c1",
        data = { id = "c1" } },
      answers = { { url = "/conversations/c1", status = 404, json = { error = "Not found" } } },
      emits = { { type = "conversations", mode = "delete", data = { conversation_id = "c1" } } },
    },
    {
      name = "without fetch it is marked as well",
      event = { id = "g1", type = "conversation.gone", subject = "c1", data = { id = "c1" } },
      emits = { { type = "conversations", mode = "delete", data = { conversation_id = "c1" } } },
    },
    {
      name = "a polled message is whole, and as new as its reading",
      event = polled("message", { conversation = { id = "c1", shared_labels = { { id = "l", name = "VIP" } },
        web_url = "https://m.example/c1" }, message = LETTER }),
      golden = "golden/message.json",
    },
    {
      name = "what is in the trash of all is marked",
      event = polled("message", { conversation = { id = "c1", trashed = true },
        message = { id = "m1", type = "email" } }),
      emits = { { type = "emails", mode = "patch" }, { type = "emails", mode = "delete", data = { email_id = "m1" } } },
    },
    {
      name = "in one user's trash is in nobody else's",
      event = polled("conversation", { conversation = { id = "c1", messages_count = 1,
        users = { { trashed = true }, { trashed = false } } } }),
      emits = { { type = "conversations", mode = "upsert" } },
    },
    {
      name = "of a guest's conversation only its activity is known",
      event = polled("conversation", { conversation = { id = "c1", last_activity_at = 1767225600 } }),
      emits = { { type = "conversations", mode = "patch", data = { conversation_id = "c1",
        last_activity_at = 1767225600000 } } },
    },
    {
      name = "an attachment's file: the address is old, the message has a new one",
      options = { attachments = "file", files = "." },
      event = polled("message", { conversation = { id = "c1" }, message = LETTER }),
      answers = {
        { url = "https://files.example/a1?old", status = 403, body = "expired" },
        { url = "/messages/m1", json = { messages = { id = "m1",
          attachments = { { id = "a1", url = "https://files.example/a1?new" } } } } },
        { url = "https://files.example/a1?new", status = 404, body = "gone" },
      },
      emits = { { type = "emails" }, { type = "attachments", has = { attachment_id = "a1", filename = "x.PNG" } } },
      logs = { "an attachment cannot be fetched: 404" },
    },
    {
      name = "an attachment that is too large is an address",
      options = { attachments = "file", files = ".", file_limit = 10 },
      event = polled("message", { conversation = { id = "c1" }, message = LETTER }),
      emits = { { type = "emails" }, { type = "attachments", has = { url = "https://files.example/a1?old" } } },
    },
    { name = "a comment that was polled is dropped", event = polled("comment",
      { conversation = { id = "c1" }, comment = { id = "k" } }), drops = "not about a message: comment" },
    { name = "what is neither is dropped", event = { data = { hello = 1 } },
      drops = "neither a task nor a conversation" },
    {
      name = "what is nonsense is left out",
      event = polled("message", { conversation = { id = "c1", shared_labels = "x", users = 7 },
        message = { id = "m1", from_field = 3, to_fields = { 1, "x" }, attachments = { 5, {} }, delivered_at = "soon",
          body = 7 } }),
      emits = { { type = "emails", has = { email_id = "m1", channel = "email" } } },
    },
  },
}
