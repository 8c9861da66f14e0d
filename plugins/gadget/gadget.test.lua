-- SPDX-License-Identifier: Apache-2.0
-- gadget.test.lua - what is read off the records of shops, and what an action tells.
local function shop(id, state, created, updated, more)
  local one = {
    id = id, name = "Store " .. id, createdAt = created, updatedAt = updated or created, state = { created = state },
    email = "owner@example.com", myshopifyDomain = "store.myshopify.com",
  }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

local function page(shops, more)
  local edges = json.array {}
  for i, one in ipairs(shops) do edges[i] = { cursor = "c" .. i, node = one } end
  local pages = { hasNextPage = more ~= nil, endCursor = more }
  return { data = { shopifyShops = { edges = edges, pageInfo = pages } } }
end

local function answer(shops, more)
  return { method = "POST", url = "/api/graphql", json = page(shops, more) }
end

local old, new, newer = "2025-12-01T10:00:00.000Z", "2025-12-31T20:00:00.000Z", "2025-12-31T21:00:00.000Z"
local since = "2025-12-31T00:00:00Z"

return {
  options = { secret = "s", token = "gsk-1", base = "https://app.gadget.app", overlap = "0s" },
  cases = {
    {
      name = "the records as Gadget gives them: one shop there, one gone",
      poll = {}, answers = {
        { url = "/api/graphql", file = "samples/shops_page.json" }, { url = "/api/graphql", file = "samples/shops_page.json" },
      },
      golden = "golden/shops.json",
    },
    {
      name = "a shop that is new was installed, one that is known was only updated",
      poll = { since = since },
      answers = { answer { shop("1", "installed", old, new), shop("2", "installed", newer) }, answer {} },
      emits = {
        { id = "1:updated:" .. new, type = "shop_updated", subject = "1", time = new },
        { id = "2:installed:" .. newer, type = "shop_installed", subject = "2", has = { occurredAt = newer } },
      },
    },
    {
      name = "a state that is another one than the last time is an event",
      poll = { cursor = { gone = { ["1"] = true }, newest = 1767132000000 } },
      answers = {
        answer { shop("1", "installed", old, newer), shop("2", "uninstalled", old, newer) },
        answer { shop("1", "installed", old, newer), shop("2", "uninstalled", old, newer) },
      },
      emits = {
        { id = "1:reinstalled:" .. newer, type = "shop_reinstalled" },
        { id = "1:updated:" .. newer, type = "shop_updated" },
        { id = "2:uninstalled:" .. newer, type = "shop_uninstalled" },
        { id = "1:updated:" .. newer },
      },
    },
    {
      name = "a page of one moment goes on behind its last cursor",
      options = { page = 2 }, poll = { since = since },
      answers = {
        answer({ shop("1", "installed", new), shop("2", "installed", new) }, "c2"),
        answer({ shop("2", "installed", new), shop("3", "installed", new) }, "c3"),
        answer({ shop("4", "installed", new) }), answer { shop("4", "installed", new) },
      },
      emits = {
        { subject = "1" }, { subject = "2" }, { subject = "2" }, { subject = "3" }, { subject = "4" }, { subject = "4" },
      },
    },
    {
      name = "a record that is none is passed over, and told",
      poll = { since = since },
      answers = { answer { { name = "x" }, shop("2", "installed", new) }, answer {} },
      emits = { { subject = "2" } }, logs = { "a shop without id or updatedAt" },
    },
    {
      name = "a key that may not is a failure with Gadget's words",
      poll = {}, answers = { { url = "/api/graphql", file = "samples/error_permission.json" } },
      fails = "GGT_PERMISSION_DENIED",
    },
    {
      name = "what is no GraphQL is a failure too",
      poll = {}, answers = { { url = "/api/graphql", json = { data = { shopifyShops = 7 } } } },
      fails = "without shopifyShops",
    },
    {
      name = "an action tells with the same id as the record would",
      request = {
        body = { id = "7:uninstalled:" .. new, type = "shop_uninstalled", occurredAt = new, shop = { id = "7" } },
      },
      emits = { { id = "7:uninstalled:" .. new, type = "shop_uninstalled", subject = "7", time = new } },
    },
  },
}
