-- SPDX-License-Identifier: Apache-2.0
-- orders.test.lua - what becomes of the shop's events. Run: sluice test
return {
  schema = "./orders.yaml",
  cases = {
    {
      name = "an order is a row, whose status is what happened",
      event = { type = "order.paid", file = "order.json" },
      emits = { { type = "orders", data = {
        id = 1042, status = "order.paid", customer = "Ann", total = "45.00", paid_at = "2026-11-21T22:10:19Z",
      } } },
    },
    { name = "anything else is dropped", event = { data = { shop = "closed" } }, drops = "not about an order" },
  },
}
