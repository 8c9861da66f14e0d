-- SPDX-License-Identifier: Apache-2.0
-- shopify_partner.test.lua - what the Partner API is asked, and what its answers are events of.
local PATH = "/99/api/2026-04/graphql.json"
local OPTIONS = { organization = "99", token = "prtapi_1", apps = { "1234567" }, transactions = false,
  base = "https://partners.example" }
local APP = { id = "gid://partners/App/1234567", name = "Demo App", apiKey = "k" }
-- sha256 of app, type, moment in microseconds, shop and charge, each on a line.
local SAME = "d09c2702d90f6babed31554bce0f669ccb330f080a135ddb806f5fbdd8a8c142"
local SHOP = { id = "gid://partners/Shop/36550412", name = "Fixture Shop", myshopifyDomain = "fixture-dev.myshopify.com" }

local cases = {}

local function add(case)
  case.options = case.options or OPTIONS
  case.poll = case.poll or { since = "2026-01-01T00:00:00Z" }
  cases[#cases + 1] = case
end

local function with(more)
  local all = {}
  for name, value in pairs(OPTIONS) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

local function file(name, sent)
  return { url = PATH, method = "POST", file = "samples/" .. name .. ".json", sent = sent }
end

local function page(nodes, more)
  local edges = json.array {}
  for i, node in ipairs(nodes) do edges[i] = { cursor = "c" .. i, node = node } end
  return { url = PATH, json = { data = { app = { id = APP.id, name = APP.name,
    events = { pageInfo = { hasNextPage = more or false }, edges = edges } } } } }
end

local function installed(at, more)
  local node = { type = "RELATIONSHIP_INSTALLED", occurredAt = at, app = APP, shop = SHOP }
  for name, value in pairs(more or {}) do node[name] = value end
  return node
end

add {
  name = "pages lead back from the newest, by the last edge's cursor",
  answers = { file "pa_app_events_page1", page {} },
  emits = {
    { type = "SUBSCRIPTION_CHARGE_ACTIVATED", subject = "shop:36550412", time = "2026-06-02T00:00:00Z",
      id = "08c55ee9a447fd3846a545898cc2dc95752c10d535ed0131d3122e13ee55e81b", has = { charge = {
        id = "gid://shopify/AppSubscription/31499911397", amount = { amount = "19.0", currencyCode = "USD" },
        billingOn = json.null, name = "Pro", test = false } } },
    { type = "SUBSCRIPTION_CHARGE_ACCEPTED", subject = "shop:36550412", time = "2026-06-02T00:00:00Z" },
    { type = "RELATIONSHIP_INSTALLED", subject = "shop:36550412", time = "2026-06-01T00:00:00Z" },
  },
  cursor = { reached = 1780358400000, part = 1000000, newest = 1780358400000, after = json.null },
}
add { name = "every kind of event is one", answers = { file "pa_app_events_all_kinds" }, golden = "golden/all_kinds.json" }
add {
  name = "two namespaces of ids and two ways of writing a moment are one event",
  answers = { page {
    installed("2026-06-01T00:00:00Z"),
    installed("2026-06-01T00:00:00.000000Z", { app = { id = "gid://shopify/App/1234567" }, shop = { id = "gid://shopify/Shop/36550412" } }),
  } },
  emits = { { id = SAME }, { id = SAME } },
}
add {
  name = "an event of nobody's shop has no order",
  answers = { page { installed("2026-06-01T00:00:00Z", { shop = json.null }) } },
  emits = { { type = "RELATIONSHIP_INSTALLED", subject = nil } },
}
add {
  name = "transactions have ids of their own", options = with { transactions = true },
  answers = { page {}, file "pa_transactions_page" },
  emits = {
    { id = "gid://partners/AppSubscriptionSale/764220980", type = "AppSubscriptionSale", subject = "shop:36550412",
      time = "2026-08-07T07:02:51Z" },
    { id = "gid://partners/AppSaleAdjustment/5", type = "AppSaleAdjustment", has = { chargeId = json.null } },
  },
}
add {
  name = "each round begins a day before where the last one began",
  poll = { cursor = { reached = 1780358400000, part = 1000000, newest = 1780358400000 } },
  answers = { { url = PATH, json = { data = { app = { events = { pageInfo = { hasNextPage = false }, edges = json.array {} } } } } } },
  emits = {}, cursor = { reached = 1780358400000, part = 1000000, newest = 1780358400000, after = json.null },
}

for _, row in ipairs {
  { "an app that is not shown is no lack of events", { file "pa_app_null" }, "permission Manage apps" },
  { "a page of nothing sensible is nothing", { { url = PATH, json = { data = { app = { events = 7 } } } } }, "shows nothing of app" },
  { "a token that is not known is said", { { url = PATH, status = 401, body = "Unauthorized" } }, "make a new Partner API client" },
  { "an event without a type is quoted", { page { { occurredAt = "2026-06-01T00:00:00Z" } } },
    'without a type, a time or an id: {"occurredAt"' },
  { "an event of an impossible time is quoted", { page { installed "yesterday" } }, "without a type, a time or an id" },
} do
  add { name = row[1], answers = row[2], fails = row[3] }
end
add {
  name = "transactions that may not be seen are said to be",
  options = with { transactions = true }, answers = { page {}, file "pa_error_access_denied" },
  fails = "View financials, or set `transactions: no`: the Partner API says: Access denied", emits = {},
}
add {
  name = "an app is a number", options = with { apps = { "Demo App" } }, answers = {},
  fails = "`apps` holds numbers, such as 1234567, not Demo App",
}
add {
  name = "a cursor that died begins its part anew",
  poll = { cursor = { reached = 1780358400000, part = 0, newest = 1780358400000, after = "old" } },
  answers = { { url = PATH, json = { errors = { { message = "Invalid cursor" } }, data = json.null } }, page {} },
  emits = {}, logs = { "does not know its cursor" },
}

return { plugin = "shopify_partner", cases = cases }
