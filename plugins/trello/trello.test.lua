-- SPDX-License-Identifier: Apache-2.0
-- trello.test.lua - what a webhook of Trello is an event of, and what a poll finds.
local A, B = "5f1a00000000000000000001", "5f1a00000000000000000002"
local NOON = 1795262400000 -- 2026-11-21T12:00:00Z

-- An action that many seconds before noon, as the API tells it.
local function action(seconds, more)
  local at = NOON - math.tointeger(seconds * 1000)
  local one = {
    id = ("%08x%016x"):format(at // 1000, at % 1000 + 1), type = "updateCard", date = time.format(at),
    idMemberCreator = "5f1a000000000000000000aa",
    data = { board = { id = A, name = "Orders" }, card = { id = "c" .. at, name = "Sign" } },
  }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

-- From noon back, one every `step` seconds.
local function actions(first, last, step)
  local all = {}
  for number = first, last do all[#all + 1] = action(number * (step or 10)) end
  return all
end

local function event(of)
  return {
    id = of.id, type = of.type, subject = of.data.card and of.data.card.id or of.data.board.id,
    time = of.date, data = { action = of, source = "poll" },
  }
end

-- Those of a page as they are emitted: the oldest first.
local function events(page)
  local all = {}
  for i = #page, 1, -1 do all[#all + 1] = event(page[i]) end
  return all
end

local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
  return all
end

local function ask(board, query, answer)
  answer.url, answer.query = "/1/boards/" .. board .. "/actions", query
  answer.json = answer.json or (not answer.body and json.array {} or nil)
  return answer
end

local function cursor(boards, more)
  local all = { since = 0, round = 1, done = 0, boards = boards }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function at(seconds) return { at = NOON - seconds * 1000, newest = 0 } end

local first, second = actions(0, 999), actions(990, 1500) -- what a board has; the second page begins in the first
local crowd = actions(0, 998)
crowd[1000] = action(9980.5)
crowd[999] = action(9980.25)
local all_at_once = {}
for number = 1, 1000 do
  all_at_once[number] = action(7, { id = ("%08x%016x"):format(NOON // 1000 - 7, 5000 - number) })
end

local sun = { headers = { ["content-type"] = "text/plain; charset=utf-8" } }
local function refused(status, body) return { status = status, body = body, headers = sun.headers } end

local cases = {
  {
    name = "an action is an event of its card",
    request = { file = "samples/updateCard__movecardfromlisttolist.json" },
    golden = "golden/move.json",
  },
  {
    name = "an action about no card is one of its board",
    request = { body = {
      action = { id = "a1", type = "updateBoard", date = "2026-11-21T12:00:00.123Z", data = { board = { id = "b1" } } },
    } },
    emits = { { id = "a1", type = "updateBoard", subject = "b1", time = "2026-11-21T12:00:00.123Z" } },
  },
  {
    name = "a body without an action has no name of its own",
    request = { body = { hello = 1 } },
    emits = { { id = "seq-1", type = "request" } },
  },

  ------------------------------------------------------------------------------------------------------------- polls

  {
    name = "without a token nobody is asked",
    options = { token = "", boards = { A } }, poll = {}, answers = {}, emits = {},
  },
  {
    name = "without boards nobody is asked",
    options = { boards = json.array {} }, poll = {}, answers = {}, emits = {},
  },
  {
    name = "a poll goes through the boards, and remembers how far each was read",
    options = { boards = { A, B } }, poll = {},
    answers = { ask(A, { limit = "1000" }, { json = { first[1], first[2] } }), ask(B, {}, {}) },
    emits = { event(first[2]), event(first[1]) },
    cursor = cursor({ [A] = at(0), [B] = { at = 0, newest = 0 } }, { done = 2 }),
  },
  {
    name = "the next poll looks back from there, less the overlap",
    options = { overlap = "60s" }, poll = { cursor = cursor { [A] = at(0) } },
    answers = { ask(A, { since = "2026-11-21T11:59:00.000Z" }, { json = { first[1] } }) },
    emits = { event(first[1]) },
    cursor = cursor({ [A] = at(0) }, { round = 2, done = 1 }),
  },
  {
    name = "a board that is new is read from where the source began",
    options = { boards = { A, B } }, poll = { cursor = cursor({ [A] = at(0) }, { since = NOON - 7200000 }) },
    answers = {
      ask(A, { since = "2026-11-21T11:58:00.000Z" }, {}), ask(B, { since = "2026-11-21T10:00:00.000Z" }, {}),
    },
    emits = {},
  },
  {
    name = "a full page is followed by the next, which begins a moment before its end",
    poll = {},
    answers = {
      ask(A, { limit = "1000" }, { json = first }),
      ask(A, { before = first[999].id }, { json = second }),
    },
    emits = joined(events(first), events(second)),
    cursor = cursor({ [A] = at(0) }, { done = #first + #second }),
  },
  {
    name = "what happened at the same time as a page's last action is read again",
    poll = {},
    answers = {
      ask(A, { limit = "1000" }, { json = crowd }),
      ask(A, { before = crowd[998].id }, { json = { crowd[999], crowd[1000], action(9980.75) } }),
    },
    emits = joined(events(crowd), events { crowd[999], crowd[1000], action(9980.75) }),
  },
  {
    name = "a page of one moment is followed by what is behind its last action",
    poll = {},
    answers = {
      ask(A, { limit = "1000" }, { json = all_at_once }),
      ask(A, { before = all_at_once[1000].id }, {}),
    },
    emits = events(all_at_once),
  },
  {
    name = "a board that gives one page for ever is named",
    poll = {},
    answers = {
      ask(A, { limit = "1000" }, { json = first }),
      ask(A, { before = first[999].id }, { json = first }),
    },
    emits = joined(events(first), events(first)),
    fails = "board " .. A .. ": Trello gives the same page again and again",
  },
  {
    name = "a walk that was broken off goes on where it was",
    poll = { cursor = cursor({ [A] = { at = NOON - 3600000, newest = NOON, before = "b1", last = "b0" } }, { turn = A }) },
    answers = { ask(A, { before = "b1", since = "2026-11-21T10:58:00.000Z" }, { json = { first[5] } }) },
    emits = { event(first[5]) },
    cursor = cursor({ [A] = at(0) }, { round = 2, done = 1 }),
  },
  {
    name = "a backfill goes back to where it is told, and ends",
    options = { boards = { A, B } }, poll = { backfill = true, since = "2026-11-21T11:59:45Z" },
    answers = {
      ask(A, { since = "2026-11-21T11:59:45.000Z" }, { json = { first[1], first[2], first[3] } }), ask(B, {}, {}),
    },
    emits = { event(first[2]), event(first[1]) },
  },
  {
    name = "a backfill of everything says no moment",
    poll = { backfill = true }, answers = { { url = "/1/boards/" .. A .. "/actions?limit=1000", json = json.array {} } }, emits = {},
  },
  {
    name = "a cursor that is none begins anew",
    poll = { cursor = "]" }, answers = { ask(A, {}, { json = { first[1] } }) }, emits = { event(first[1]) },
  },
  {
    name = "an action about no card is one of its board, in a poll too",
    poll = {},
    answers = { ask(A, {}, { json = { action(1, { type = "updateBoard", data = { board = { id = A } } }) } }) },
    emits = { { type = "updateBoard", subject = A } },
  },
  {
    name = "what is no action is left out",
    poll = {},
    answers = { ask(A, {}, { json = {
      json.null, 7, "x", json.array {}, { id = 7, type = "x" }, { id = "a" }, { id = "", type = "x" },
      { id = ("long"):rep(100), type = "x" }, { id = "a2", type = "sluice.sync" }, { id = "a3", type = "new", data = 7 },
    } }) },
    emits = { { id = "a3", type = "new" } },
    logs = "9 of 10 in a page are no actions",
  },
}

---------------------------------------------------------------------------------------------- what Trello refuses

for _, row in ipairs {
  { refused(404, "The requested resource was not found."),
    "404: The requested resource was not found. (it is not there, or whoever made the token may not see it)" },
  { refused(401, "unauthorized board permission requested"), "401: unauthorized board permission requested (whoever" },
  { refused(400, "invalid id"), "400: invalid id (is its id right?)" },
  { { status = 418, json = { message = "a teapot", error = "ERROR" } }, "418: a teapot" },
} do
  cases[#cases + 1] = {
    name = "a board that cannot be read does not hold up the others: " .. row[2]:sub(1, 30),
    options = { boards = { A, B } }, poll = {},
    answers = { ask(A, {}, row[1]), ask(B, {}, { json = { first[1] } }) },
    emits = { event(first[1]) },
    fails = "board " .. A .. ": Trello answered " .. row[2],
  }
end

for _, row in ipairs {
  { refused(401, "invalid key"), "401: invalid key (key and token have to belong together" },
  { refused(401, "invalid token"), "401: invalid token" },
  { refused(404, "Cannot GET /1/boards//actions"), "404: Cannot GET /1/boards//actions (no such address: a fault" },
  { refused(401, "see https://x.example/?token=0123456789abcdef"), "401: see https://x.example/?token=*** (key" },
} do
  cases[#cases + 1] = {
    name = "nothing is asked any more after: " .. row[2]:sub(1, 20),
    options = { boards = { A, B } }, poll = {}, answers = { ask(A, {}, row[1]) }, fails = "Trello answered " .. row[2],
  }
end

local page = "<html>\n<b>" .. ("so sorry "):rep(40)
for name, row in pairs {
  HTML = { { body = page }, "Trello answered 200: <html> <b>so sorry" },
  ["half a document"] = { { body = '[{"id":"1","type' }, 'Trello answered 200: [{"id":"1","type (that is not what' },
  ["another kind"] = { { json = { actions = {} } }, "that is not what was asked for" },
  ["a server that is away"] = { { status = 503 }, "503" },
  ["a board that is too large for now"] = { { status = 449 }, "449" },
} do
  cases[#cases + 1] = {
    name = "it is asked again later after " .. name, poll = {}, answers = { ask(A, {}, row[1]) }, retries = row[2],
  }
end

return {
  plugin = "trello", now = "2026-11-21T12:00:00Z",
  options = { key = "k", token = "0123456789abcdef", boards = { A } }, cases = cases,
}
