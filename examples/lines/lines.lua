-- SPDX-License-Identifier: Apache-2.0
-- lines.lua - rows to an HTTP address, as lines of JSON: one request for a batch.
--
-- The far side answers 2xx when it has all of them, or { "refused": { "3": "why" } } to turn single lines away.  It may
-- see a line twice (it was cut off before it could answer): then the key is the same.
return {
  summary = "Rows as lines of JSON to an HTTP address.",
  options = {
    { "url", "text", help = "Where they go." },
    { "token", "secret", help = "What the far side lets us in with." },
  },
  api = {
    base = "{url}",
    headers = { Authorization = "Bearer {token}", ["Content-Type"] = "application/x-ndjson" },
    credential = "{token}",
    at_once = 1,
  },
  batch = { rows = 500, bytes = 1000000 },

  deliver = function(rows)
    local lines = {}
    for i, row in ipairs(rows) do
      lines[i] = json.encode { table = row.table, key = row.key, row = row }
    end
    if #lines == 0 then return end
    local answer = http.post("/", table.concat(lines, "\n") .. "\n")
    if not answer.ok then
      for i = 1, #rows do settle(i, "fail", "the far side answered " .. answer.status) end
    elseif answer.json and answer.json.refused then
      for line, why in pairs(answer.json.refused) do settle(tonumber(line), "fail", why) end
    end
  end,
}
