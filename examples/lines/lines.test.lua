-- SPDX-License-Identifier: Apache-2.0
-- lines.test.lua - what the far side is sent, and what becomes of rows it does not take.
local rows = {
  { type = "orders", id = "1", data = { id = 1042, total = "45.00" } },
  { type = "orders", id = "2", data = { id = 1043, total = "9.90" } },
}
local sent = [[
{"key":"test:1:0","row":{"id":1042,"total":"45.00"},"table":"orders"}
{"key":"test:2:0","row":{"id":1043,"total":"9.90"},"table":"orders"}
]]

return {
  options = { url = "https://rows.example", token = "t" },
  cases = {
    {
      name = "a batch is one request, a line for a row",
      rows = rows,
      answers = { { method = "POST", url = "/", sent = sent, status = 204 } },
      settled = { "done", "done" },
    },
    {
      name = "single lines may be turned away",
      rows = rows,
      answers = { { url = "/", json = { refused = { ["2"] = "no such order" } } } },
      settled = { "done", "fail: no such order" },
    },
    {
      name = "whatever else is said, all are dead letters",
      rows = rows,
      answers = { { url = "/", status = 422 } },
      settled = { "fail: the far side answered 422", "fail: the far side answered 422" },
    },
    {
      name = "a far side that is away holds the route, and nothing dies of it",
      rows = rows,
      answers = { { url = "/", error = "connection refused" } },
      retries = "connection refused",
      settled = { "not settled", "not settled" },
    },
  },
}
