-- SPDX-License-Identifier: Apache-2.0
-- NAME.lua - rows as JSON to an address: one POST for a batch, a line for a row.
local plugin = {
  version = "0.1",
  summary = "Rows as JSON lines to an address.",
  options = {
    { "url", "text", help = "Where the rows go: https://..." },
    { "token", "secret", help = "Sent along as a bearer token." },
  },
  api = {
    base = "{url}", credential = "{token}", at_once = 1,
    headers = { Authorization = "Bearer {token}", ["Content-Type"] = "application/x-ndjson" },
  },
  batch = { rows = 100 },
}

-- { "key": "...", "row": { ... }, "table": "people" }, the key the same for the same row for ever.
local function line(row)
  return json.encode { table = row.table, key = row.key, row = row }
end

-- What is not settled is written when the function returns. Whatever says "not now" (no answer, 408, 425, 429, 5xx)
-- does not come here: the host tries again.
function plugin.deliver(rows)
  local lines = {}
  for i, row in ipairs(rows) do lines[i] = line(row) .. "\n" end
  if #lines == 0 then return end
  local answer = http.post("/", table.concat(lines))
  for i = 1, answer.ok and 0 or #rows do
    settle(i, "fail", "the far side answered " .. answer.status)
  end
end

return plugin
