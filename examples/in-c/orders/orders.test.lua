-- SPDX-License-Identifier: Apache-2.0
-- orders.test.lua - the mapping in C and the one in Lua make the same rows.
local order = { id = 1042, status = "paid", customer = "Ann", total = "45.00", updated_at = "2026-11-21T22:10:19Z" }

return {
  plugin = { "../orders", "../../poll/orders.lua" },
  schema = "../orders.yaml",
  cases = {
    { name = "an order is a row", event = { data = order }, emits = { { type = "orders", data = order } } },
    {
      name = "what has no column is left out",
      event = { data = { id = 1, note = "x" } },
      emits = { { type = "orders", data = { id = 1 } } },
    },
    {
      name = "a null stays one",
      event = { data = { id = 1, customer = json.null } },
      emits = { { type = "orders", data = { id = 1, customer = json.null } } },
    },
    {
      name = "a number of 64 bits and a price stay what they are",
      event = { file = "large.json" },
      emits = { { type = "orders", data = { id = math.maxinteger, total = "0.10" } } },
    },
    { name = "an order without an id fits no row", event = { data = { status = "new" } }, fails = "orders.id" },
  },
}
