-- SPDX-License-Identifier: Apache-2.0
-- shop.lua - asks a JSON API, page by page, what was changed since the last time.
--
-- The API of this example answers GET /v1/orders?updated_since=TIME&limit=100 with
-- { "orders": [ { "id": 1042, "updated_at": "2026-11-21T22:10:19Z", ... }, ... ] }, oldest change first.
return {
  summary = "Orders of a shop that has an API with pages.",
  options = {
    { "token", "secret", help = "What the shop lets us in with." },
    { "base", "text", initial = "https://api.shop.example.com", help = "Where its API is." },
    { "limit", "int", initial = "100", min = 1, max = 10000, help = "Orders a page." },
  },
  api = {
    base = "{base}",
    headers = { Authorization = "Bearer {token}" },
    credential = "{token}",
    requests = 40, window = "10s",
  },
  every = "5m",

  -- `cursor` is what the last call advanced to: the newest change we know.  A call fetches one page; as long
  -- as that moves the cursor the next call follows at once, so a first run goes through everything.
  poll = function(cursor, opt, walk)
    local since = cursor or (walk.since and time.format(walk.since))
    local page = http.get("/v1/orders", { updated_since = since, limit = opt.limit })
    if not page.ok then fail("the shop answered " .. page.status) end
    local newest
    for _, order in ipairs(page.json.orders) do
      newest = order.updated_at
      -- An order changes, an event does not: its id says which version of the order it is.
      emit { id = order.id .. "@" .. newest, type = "order", subject = order.id, time = newest, data = order }
    end
    -- The page begins with what we had already (its change is not *after* updated_since); that is dropped.
    if newest then advance(newest) end
  end,
}
