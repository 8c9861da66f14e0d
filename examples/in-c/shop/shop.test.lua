-- SPDX-License-Identifier: Apache-2.0
-- shop.test.lua - the source in C and the one in Lua tell the same events.
local ann = { id = 1042, status = "new", customer = "Ann", total = "45.00", updated_at = "2026-11-21T22:10:19Z" }
local bob = { id = 1043, status = "new", customer = "Bob", total = "9.90", updated_at = "2026-11-21T22:12:40Z" }

local function event(order)
  return {
    type = "order", id = order.id .. "@" .. order.updated_at, subject = tostring(order.id), time = order.updated_at,
    data = order,
  }
end

return {
  plugin = { "../shop", "../../poll/shop.lua" },
  options = { token = "t", limit = 2 },
  cases = {
    {
      name = "a first run goes through all pages",
      poll = { most = 3 },
      answers = {
        { url = "/v1/orders?limit=2", json = { orders = { ann } } },
        { url = "/v1/orders", query = { limit = "2", updated_since = ann.updated_at }, json = { orders = { ann, bob } } },
        { url = "/v1/orders", query = { updated_since = bob.updated_at }, json = { orders = {} } },
      },
      emits = { event(ann), event(ann), event(bob) }, -- what comes again is dropped before it is stored
      cursor = bob.updated_at,
    },
    {
      name = "a backfill begins where it is told",
      poll = { backfill = true, since = "2026-01-01" },
      answers = {
        { url = "/v1/orders", query = { updated_since = "2026-01-01T00:00:00.000Z" }, json = { orders = {} } },
      },
      emits = {},
    },
    {
      name = "a token that is not believed is a failure",
      poll = {},
      answers = { { url = "/v1/orders", status = 401 } },
      fails = "the shop answered 401",
    },
    {
      name = "a shop that is away is asked again later",
      poll = {},
      answers = { { url = "/v1/orders", status = 503 } },
      retries = "503",
    },
  },
}
