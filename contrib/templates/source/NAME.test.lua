-- SPDX-License-Identifier: Apache-2.0
-- NAME.test.lua - what NAME hears and asks. Run: sluice test. How to write one: sluice man test
local ann = { id = 1042, updated = 1790000000000, customer = "Ann", total = "45.00" }
local bob = { id = 1043, updated = 1790000060000, customer = "Bob", total = "9.90" }

return {
  {
    name = "a webhook tells of an order",
    options = { secret = "s" },
    request = { file = "samples/paid.json" },
    emits = { { type = "orders", id = "1042:1790000000000", subject = "1042", time = ann.updated, data = ann } },
  },
  {
    name = "a webhook about something else is dropped",
    options = { secret = "s" },
    request = { body = { event = "shop.closed" } },
    drops = "not about an order",
  },
  {
    name = "a poll goes through all pages, and remembers where it was",
    options = { secret = "s", token = "t" },
    poll = {},
    answers = {
      { url = "/orders", query = { limit = "100" }, json = { orders = { ann }, next = "p2" } },
      { url = "/orders", query = { limit = "100", after = "p2" }, json = { orders = { bob } } },
    },
    emits = { { id = "1042:1790000000000", data = ann }, { id = "1043:1790000060000", data = bob } },
    cursor = "p2",
  },
  {
    name = "a shop that does not know us is a failure",
    options = { secret = "s", token = "wrong" },
    poll = {},
    answers = { { url = "/orders", status = 401 } },
    fails = "the orders were answered with 401",
  },
}
