-- SPDX-License-Identifier: Apache-2.0
-- gmail.test.lua - what is asked of a mailbox, and what its answers are events of.
local me = "/gmail/v1/users/me"
local profile = { url = me .. "/profile", file = "samples/profile.json" }
local at = { account = "owner@example.com", history = "86170" }

local function mail(file, id)
  return { url = me .. "/messages/" .. id, query = { format = "metadata" }, file = "samples/" .. file }
end

local not_found = { status = 404, file = "samples/history_404.json" }

local function gone(id)
  return { url = me .. "/messages/" .. id, status = 404, file = not_found.file, times = 1, optional = true }
end

return {
  options = { secret = "s", token = "ya29.x" },
  cases = {
    {
      name = "without credentials nothing is asked", options = { token = "" }, poll = {}, emits = {},
    },
    {
      name = "a first run notes the history and lists the mail",
      poll = {}, answers = {
        profile,
        { url = me .. "/messages", json = { messages = { { id = "19dda58832469c79" }, { id = "19ddaab064b93cf0" } } } },
        mail("message_text.json", "19dda58832469c79"), mail("message_attachment.json", "19ddaab064b93cf0"),
        { url = me .. "/history", query = { startHistoryId = "88035" }, json = { historyId = "88035" } },
      },
      emits = {
        {
          id = "gmail:owner@example.com:19dda58832469c79", type = "email_sent", subject = "19dda58832469c79",
          time = 1777484727000, has = { account = "owner@example.com" },
        },
        { id = "gmail:owner@example.com:19ddaab064b93cf0", type = "email_sent", time = "2026-04-29T19:15:33.000Z" },
      },
      cursor = { account = "owner@example.com", history = "88035", newest = 1777490133000 },
    },
    {
      name = "the history tells of new mail, of labels, and of nothing",
      poll = { cursor = at }, answers = {
        { url = me .. "/history", query = { startHistoryId = "86170" }, file = "samples/history.json" },
        mail("message_text.json", "19dda5cb6f806160"), gone "19dda5cc10eb51bb",
        { url = me .. "/history", json = { historyId = "86290" } },
      },
      golden = "golden/history.json",
    },
    {
      name = "an empty page with a token is no end",
      poll = { cursor = at }, answers = {
        { url = me .. "/history", json = { nextPageToken = "p2", historyId = "86200" } },
        { url = me .. "/history", query = { pageToken = "p2" }, json = { historyId = "86200" } },
        { url = me .. "/history", query = { startHistoryId = "86200" }, json = { historyId = "86200" } },
      },
      emits = {}, cursor = { account = "owner@example.com", history = "86200" },
    },
    {
      name = "a history that has expired is listed anew, a day back",
      poll = { cursor = { account = "owner@example.com", history = "1", newest = 1777484727000 } }, answers = {
        { url = me .. "/history", status = 404, file = "samples/history_404.json" }, profile,
        { url = me .. "/messages", query = { q = "after:1777398327" }, json = { resultSizeEstimate = 0 } },
        { url = me .. "/history", query = { startHistoryId = "88035" }, json = { historyId = "88035" } },
      },
      emits = {}, logs = { "has expired" },
    },
    {
      name = "an access token is fetched once, and again when it is refused",
      options = { token = "", refresh_token = "r", client_id = "c", client_secret = "cs" },
      poll = { cursor = at }, answers = {
        { method = "POST", url = "https://oauth2.googleapis.com/token", json = { access_token = "a1", expires_in = 3599 } },
        { url = me .. "/history", status = 401, json = { error = { code = 401 } } },
        {
          method = "POST", url = "https://oauth2.googleapis.com/token", json = { access_token = "a2", expires_in = 3599 },
          sent = "client_id=c&client_secret=cs&grant_type=refresh_token&refresh_token=r",
        },
        { url = me .. "/history", json = { historyId = "86170" } },
      },
      emits = {},
    },
    {
      name = "access that was taken back is told",
      options = { token = "", refresh_token = "r", client_id = "c", client_secret = "cs" }, poll = { cursor = at },
      answers = { { url = "https://oauth2.googleapis.com/token", status = 400, json = { error = "invalid_grant" } } },
      fails = "invalid_grant",
    },
    {
      name = "too much inside a 403 waits, anything else does not",
      poll = { cursor = at }, answers = {
        { url = me .. "/history", status = 403, json = { error = { errors = { { reason = "userRateLimitExceeded" } } } } },
      },
      retries = "too much",
    },
    {
      name = "HTML is quoted",
      poll = { cursor = at }, answers = { { url = me .. "/history", body = "<html>Sorry</html>" } },
      fails = "<html>Sorry</html>",
    },
    {
      name = "a pushed notice says that something changed",
      request = { file = "samples/pubsub_push.json" },
      emits = {
        {
          id = "2070443601311540", type = "gmail_notice", subject = "owner@example.com",
          data = { emailAddress = "owner@example.com", historyId = 86290 },
        },
      },
    },
    {
      name = "what is no notice is dropped",
      request = { body = { message = { data = "aGVsbG8=", messageId = "1" } } }, drops = "no notice of Gmail's",
    },
  },
}
