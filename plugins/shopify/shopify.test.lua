-- SPDX-License-Identifier: Apache-2.0
-- shopify.test.lua - what a store's webhooks are events of, and what its API is asked and tells.
local SHOP = "fixture-dev.myshopify.com"
local PATH = "/admin/api/2026-07/graphql.json"
local OPTIONS = {
  secret = "s", shop = SHOP, token = "shpat_1", base = "https://shop.example", objects = { "products" }, overlap = "10m",
}

local cases = {}

local function add(case)
  cases[#cases + 1] = case
end

---------------------------------------------------------------------------------------------------------- webhooks

-- What each body is about, in the words of subjects.
for _, row in ipairs {
  { "orders_create", "orders/create", "orders:820982911946154508" },
  { "orders_updated", "orders/updated", "orders:820982911946154508" },
  { "orders_paid", "orders/paid", "orders:820982911946154508" },
  { "orders_delete", "orders/delete", "orders:820982911946154508" },
  { "orders_delete_short", "orders/delete", "orders:820982911946154508" },
  { "orders_updated_real_store", "orders/updated", "orders:100500" },
  { "orders_edited", "orders/edited", "orders:820982911946154500" },
  { "orders_risk_assessment_changed", "orders/risk_assessment_changed", nil },
  { "refunds_create", "refunds/create", "orders:820982911946154500" },
  { "refunds_create_real_store", "refunds/create", "orders:6273085767965" },
  { "draft_orders_create", "draft_orders/create", "draft_orders:890612572568261625" },
  { "customers_create", "customers/create", "customers:706405506930370084" },
  { "customers_update", "customers/update", "customers:706405506930370084" },
  { "customers_delete", "customers/delete", "customers:706405506930370084" },
  { "customers_merge", "customers/merge", nil },
  { "customers_email_marketing_consent_update", "customers_email_marketing_consent/update",
    "customers:706405506930370000" },
  { "customers_data_request", "customers/data_request", "customers:191167" },
  { "customers_redact", "customers/redact", "customers:191167" },
  { "shop_redact", "shop/redact", "shop:954889" },
  { "products_create", "products/create", "products:788032119674292922" },
  { "products_update", "products/update", "products:788032119674292922" },
  { "products_update_real_store", "products/update", "products:8416570474776" },
  { "products_delete", "products/delete", "products:788032119674292922" },
  { "collections_update_real_store", "collections/update", "collections:438779904280" },
  { "inventory_levels_update", "inventory_levels/update", "inventory_items:271878346596884000" },
  { "app_uninstalled", "app/uninstalled", "shop:548380009" },
  { "app_subscriptions_update", "app_subscriptions/update", "app_subscriptions:1029266952" },
  { "app_subscriptions_approaching_capped_amount", "app_subscriptions/approaching_capped_amount",
    "app_subscriptions:1029266948" },
  { "app_purchases_one_time_update", "app_purchases_one_time/update", "app_purchases_one_time:1017262349" },
  { "bulk_operations_finish", "bulk_operations/finish", "bulk_operations:147595010" },
  { "audit_events_admin_api_activity", "audit_events/admin_api_activity", nil },
  { "metaobjects_create", "metaobjects/create", "metaobjects:123" },
} do
  add {
    name = row[2] .. " is about its object: " .. row[1],
    request = {
      file = "samples/wh_" .. row[1] .. ".json",
      headers = { ["X-Shopify-Topic"] = row[2], ["X-Shopify-Shop-Domain"] = SHOP, ["X-Shopify-Webhook-Id"] = "w1" },
    },
    emits = { { id = row[2] .. ":w1", type = row[2], subject = row[3] } },
  }
end

local function pushed(name, headers, emitted, body)
  add { name = name, request = { headers = headers, body = body or { id = 7 } }, emits = { emitted } }
end

pushed("the id of the happening counts before that of the delivery",
  { ["X-Shopify-Topic"] = "orders/paid", ["X-Shopify-Event-Id"] = "e1", ["X-Shopify-Webhook-Id"] = "w1" },
  { id = "orders/paid:e1", type = "orders/paid", subject = "orders:7" })
pushed("one happening that two topics tell is two events", { ["X-Shopify-Topic"] = "orders/updated", ["X-Shopify-Event-Id"] = "e1" },
  { id = "orders/updated:e1" })
pushed("without any id the body is the event's name", { ["X-Shopify-Topic"] = "orders/paid" },
  { id = "orders/paid:a3c90e3b7448d23d9eacebd0ebf15cae100e21f9b2c688f3f9d238edcd26d67f" })
pushed("the names that are to come are known too",
  { ["shopify-topic"] = "orders/paid", ["shopify-event-id"] = "e2", ["shopify-triggered-at"] = "2026-01-02T03:04:05Z" },
  { id = "orders/paid:e2", type = "orders/paid", time = "2026-01-02T03:04:05Z" })
pushed("when it was triggered is known to the nanosecond",
  { ["X-Shopify-Topic"] = "app/uninstalled", ["X-Shopify-Webhook-Id"] = "w1",
    ["X-Shopify-Triggered-At"] = "2024-08-07T22:48:27.480992003Z" },
  { time = "2024-08-07T22:48:27.480Z" })
pushed("else the object's own last change counts", { ["X-Shopify-Topic"] = "orders/paid", ["X-Shopify-Webhook-Id"] = "w1" },
  { time = "2024-10-08T12:07:59Z" }, { id = 7, updated_at = "2024-10-08T14:07:59+02:00" })
pushed("a topic nobody has heard of is about its id", { ["X-Shopify-Topic"] = "moons/wane", ["X-Shopify-Webhook-Id"] = "w1" },
  { type = "moons/wane", subject = "moons:7" })
pushed("what is no object is about nothing", { ["X-Shopify-Topic"] = "orders/paid", ["X-Shopify-Webhook-Id"] = "w1" },
  { type = "orders/paid" }, { id = { 1, 2 } })

-------------------------------------------------------------------------------------------------------------- polls

local COST = { requestedQueryCost = 25, actualQueryCost = 12,
  throttleStatus = { maximumAvailable = 2000.0, currentlyAvailable = 1988, restoreRate = 100.0 } }

local function answer(data, more)
  local whole = { url = PATH, method = "POST", json = { data = data, extensions = { cost = COST } } }
  for name, value in pairs(more or {}) do whole[name] = value end
  return whole
end

local function page(nodes, after)
  return answer { page = { nodes = json.array(nodes), pageInfo = { hasNextPage = after ~= nil, endCursor = after or json.null } } }
end

local function product(id, at)
  return {
    id = "gid://shopify/Product/" .. id, legacyResourceId = tostring(id), title = "Sign", handle = "sign", vendor = "Acme",
    productType = "", status = "ACTIVE", tags = { "new", "blue" }, publishedAt = json.null,
    createdAt = "2025-12-01T00:00:00Z", updatedAt = at,
  }
end

local function polled(case)
  case.options = case.options or OPTIONS
  case.poll = case.poll or { since = "2025-12-31T00:00:00Z" }
  add(case)
end

local NOTHING_DELETED = page {}

polled {
  name = "what was changed is told as webhooks tell it, and what was deleted",
  answers = {
    page({ product(8, "2025-12-31T10:00:00Z") }, "c1"),
    page { product(9, "2025-12-31T11:00:00Z") },
    page {
      { id = "gid://shopify/BasicEvent/1", action = "destroy", createdAt = "2025-12-31T12:00:00Z",
        subjectId = "gid://shopify/Product/7", subjectType = "PRODUCT" },
      { id = "gid://shopify/BasicEvent/2", action = "destroy", createdAt = "2025-12-31T12:00:01Z",
        subjectId = "gid://shopify/DraftOrder/5", subjectType = "DRAFT_ORDER" },
    },
  },
  emits = {
    { id = "products:8@2025-12-31T10:00:00Z", type = "products/update", subject = "products:8",
      time = "2025-12-31T10:00:00.999Z", data = {
        id = 8, admin_graphql_api_id = "gid://shopify/Product/8", title = "Sign", handle = "sign", vendor = "Acme",
        product_type = "", status = "active", tags = "new, blue", published_at = json.null,
        created_at = "2025-12-01T00:00:00Z", updated_at = "2025-12-31T10:00:00Z", shop_domain = SHOP,
      } },
    { id = "products:9@2025-12-31T11:00:00Z" },
    { id = "products:7@destroyed", type = "products/delete", subject = "products:7", time = "2025-12-31T12:00:00Z",
      data = { id = 7, deleted_at = "2025-12-31T12:00:00Z", shop_domain = SHOP } },
  },
  cursor = {
    orders = 1767139200000, customers = 1767139200000, products = 1767178800000, deleted = 1767182401000, part = 4,
    after = json.null, from = 0, newest = 0, seen = 0, done = 4, total = -1,
  },
}

local function money(text)
  return { shopMoney = { amount = text } }
end

local function line(id)
  return { id = "gid://shopify/LineItem/" .. id, title = "Sign", name = "Sign", sku = "S1", quantity = 2,
    product = { legacyResourceId = "8" }, variant = json.null,
    originalUnitPriceSet = money "45.0", totalDiscountSet = money "0.0" }
end

-- The same as a webhook has it.
local function told(id)
  return { id = id, admin_graphql_api_id = "gid://shopify/LineItem/" .. id, title = "Sign", name = "Sign", sku = "S1",
    quantity = 2, product_id = 8, variant_id = json.null, price = "45.00", total_discount = "0.00" }
end

local function order(currency, amount, lines, after)
  return {
    id = "gid://shopify/Order/820982911946154508", legacyResourceId = "820982911946154508", name = "#1001",
    email = "ann@example.com", phone = json.null, currencyCode = currency, displayFinancialStatus = "PARTIALLY_PAID",
    displayFulfillmentStatus = "UNFULFILLED", tags = json.array {}, test = false, processedAt = "2025-12-31T10:00:00Z",
    cancelledAt = json.null, closedAt = json.null, createdAt = "2025-12-31T10:00:00Z", updatedAt = "2025-12-31T10:00:00Z",
    customer = { legacyResourceId = "5" }, totalPriceSet = money(amount), subtotalPriceSet = money(amount),
    totalTaxSet = json.null, totalDiscountsSet = money "0.0",
    lineItems = { nodes = lines, pageInfo = { hasNextPage = after ~= nil, endCursor = after or json.null } },
  }
end

local ORDERS = {}
for name, value in pairs(OPTIONS) do ORDERS[name] = value end
ORDERS.objects = { "orders" }

polled {
  name = "the lines that an order's page left out are fetched before it is told",
  options = ORDERS,
  answers = {
    page { order("USD", "90.0", { line(1) }, "l1") },
    answer { order = { lineItems = { nodes = { line(2) }, pageInfo = { hasNextPage = true, endCursor = "l2" } } } },
    answer { order = { lineItems = { nodes = { line(3) }, pageInfo = { hasNextPage = false, endCursor = "l3" } } } },
    NOTHING_DELETED,
  },
  emits = { { id = "orders:820982911946154508@2025-12-31T10:00:00Z", type = "orders/updated", has = {
    line_items = { told(1), told(2), told(3) },
  } } },
}

for _, row in ipairs { { "USD", "90.0", "90.00" }, { "VND", "20.0", "20" }, { "KWD", "1.5", "1.500" },
  { "EUR", "0.125", "0.125" } } do
  polled {
    name = ("%s of %s is %s"):format(row[2], row[1], row[3]),
    options = ORDERS,
    answers = { page { order(row[1], row[2], { line(1) }) }, NOTHING_DELETED },
    emits = { { has = {
      id = 820982911946154508, total_price = row[3], total_tax = json.null, financial_status = "partially_paid",
      fulfillment_status = json.null, customer = { id = 5 }, tags = "",
    } } },
  }
end

polled {
  name = "too dear a page is asked for smaller",
  answers = {
    { url = PATH, file = "samples/gql_error_max_cost.json" },
    page { product(8, "2025-12-31T10:00:00Z") },
    NOTHING_DELETED,
  },
  emits = { { id = "products:8@2025-12-31T10:00:00Z" } },
}
polled {
  name = "a cursor the shop has forgotten is no end",
  poll = { cursor = { products = 1767139200000, part = 2, after = "old", from = 1767139200000, newest = 1767175200000 } },
  answers = {
    { url = PATH, json = { errors = { { message = "Invalid cursor for current pagination sort." } }, data = { page = json.null } } },
    page { product(8, "2025-12-31T10:00:00Z") },
    NOTHING_DELETED,
  },
  emits = { { id = "products:8@2025-12-31T10:00:00Z" } },
  logs = { "does not know its cursor" },
}
polled {
  name = "what a page in the overlap brought is no older than what was known before",
  poll = { cursor = { products = 1767175200000, part = 4 } },
  answers = { page({ product(8, "2025-12-31T09:55:00Z") }, "c1"), { url = PATH, status = 418, body = "" } },
  emits = { { id = "products:8@2025-12-31T09:55:00Z" } },
  cursor = {
    orders = 0, customers = 0, products = 1767175200000, deleted = 0, part = 2, after = "c1", from = 1767174600000,
    newest = 1767174900000, seen = 1, done = 1, total = 0,
  },
  fails = "HTTP 418",
}
polled {
  name = "an object that may change and keep its time is known by what it is, too",
  answers = {
    (function()
      local answer = page { product(8, "2025-12-31T10:00:00Z") }
      answer.headers = { Date = "Wed, 31 Dec 2025 10:00:01 GMT" }
      return answer
    end)(),
    NOTHING_DELETED,
  },
  emits = { { id = "products:8@2025-12-31T10:00:00Z+9008ae8a", time = "2025-12-31T10:00:00Z" } },
}
polled {
  name = "without leave to read the log of events the rest goes on",
  answers = {
    page {},
    answer({ page = json.null }, { json = {
      data = { page = json.null }, errors = { { message = "Access denied for events field.", extensions = { code = "ACCESS_DENIED" } } },
    } }),
  },
  emits = {},
  logs = { "what was deleted is only known from webhooks" },
}
polled {
  name = "a backfill says how much there is",
  poll = { backfill = true },
  answers = { answer { products = { count = 1 } }, page { product(8, "2020-12-31T10:00:00Z") }, NOTHING_DELETED },
  emits = { { id = "products:8@2020-12-31T10:00:00Z" } },
}
polled {
  name = "a token that lacks a scope is told which",
  answers = { { url = PATH, json = {
    data = { page = json.null },
    errors = { { message = "Access denied for products field.", extensions = { code = "ACCESS_DENIED", requiredAccess = "`read_products` access scope." } } },
  } } },
  fails = "the token may not read products: give the app the scope read_products",
}

for _, row in ipairs {
  { 401, "install it again" }, { 402, "frozen" }, { 403, "access scopes" }, { 404, "look at `shop` and `version`" },
  { 418, "HTTP 418: <h1>Sorry</h1>" },
} do
  polled {
    name = ("HTTP %d says what to do"):format(row[1]),
    answers = { { url = PATH, status = row[1], body = "<h1>Sorry</h1>" } },
    fails = row[2],
  }
end
for _, row in ipairs {
  { "no data", '{"extensions":{}}', "without data" }, { "no page", '{"data":{"page":7}}', "without a page" },
  { "a list", "[]", "not in JSON" },
} do
  polled {
    name = row[1] .. " is asked for again, and quoted", answers = { { url = PATH, body = row[2] } }, retries = row[3],
  }
end
polled {
  name = "an object without an id is nothing that could be told",
  answers = { page { { title = "Sign" } } }, fails = 'lists one of its products without an id: {"title":"Sign"}',
}
polled {
  name = "a poll has to know its shop",
  options = { secret = "s", token = "t", base = "https://shop.example" }, poll = {}, answers = {},
  fails = "`shop` has to be given",
}
polled {
  name = "an answer of another version is warned of, once",
  answers = {
    answer({ page = { nodes = json.array {}, pageInfo = { hasNextPage = false } } }, { headers = { ["X-Shopify-API-Version"] = "2027-01" } }),
    answer({ page = { nodes = json.array {}, pageInfo = { hasNextPage = false } } }, { headers = { ["X-Shopify-API-Version"] = "2027-01" } }),
  },
  emits = {}, logs = { "answers with 2027-01" },
}

return { plugin = "shopify", cases = cases }
