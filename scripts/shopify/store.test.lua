-- SPDX-License-Identifier: Apache-2.0
-- store.test.lua - what a Shopify store tells, and the rows it becomes.
local SHOP = "acme.myshopify.com"
local SAMPLES = "../../plugins/shopify/samples/wh_"
local NONE = {} -- in the place of what a body does not have

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value ~= NONE and value or nil end
  return all
end

local cases = {}

-- A webhook.
local function push(name, topic, body, more)
  local case = with({ name = name, request = {
    body = body,
    headers = { ["X-Shopify-Topic"] = topic, ["X-Shopify-Shop-Domain"] = SHOP, ["X-Shopify-Event-Id"] = "e1",
      ["X-Shopify-Triggered-At"] = "2025-12-31T12:00:00.123456789Z" },
  } }, more)
  if type(body) == "string" then case.request.body, case.request.file = nil, body end
  cases[#cases + 1] = case
end

-- What a poll emitted.
local function poll(name, event, more)
  cases[#cases + 1] = with({ name = name, event = event }, more)
end

local ORDER = {
  id = 820982911946154508, admin_graphql_api_id = "gid://shopify/Order/820982911946154508", name = "#1001",
  email = "ann@example.com", currency = "USD", total_price = "409.94", subtotal_price = "398.00", total_tax = "11.94",
  total_discounts = "0.00", financial_status = "paid", fulfillment_status = json.null, customer = { id = 5 },
  tags = "new, vip", test = false, processed_at = "2025-12-31T06:59:58-05:00", cancelled_at = json.null,
  closed_at = json.null, created_at = "2025-12-31T06:59:58-05:00", updated_at = "2025-12-31T06:59:59-05:00",
  line_items = { { id = 1, product_id = 8, variant_id = 9, sku = "S1", title = "Sign", quantity = 2, price = "199.00",
    total_discount = "0.00" } },
}

------------------------------------------------------------------------------------------------------------- orders

push("an order is a row, and so is each of its lines", "orders/create", ORDER, { emits = {
  { type = "shopify_events", data = {
    shop = SHOP, event_id = "orders/create:e1", topic = "orders/create", resource_id = "820982911946154508",
    triggered_at = 1767182400123, received_at = 1767225600000, raw = ORDER,
  } },
  { type = "orders", time = "2025-12-31T11:59:59Z", data = {
    shop = SHOP, order_id = "820982911946154508", name = "#1001", email = "ann@example.com", currency = "USD",
    total_price = "409.94", subtotal_price = "398.00", total_tax = "11.94", total_discounts = "0.00",
    financial_status = "paid", fulfillment_status = json.null, customer_id = 5, tags = "new, vip", test = false,
    processed_at = "2025-12-31T06:59:58-05:00", cancelled_at = json.null, closed_at = json.null,
    created_at = "2025-12-31T06:59:58-05:00", updated_at = "2025-12-31T06:59:59-05:00", raw = ORDER,
  } },
  { type = "order_lines", time = "2025-12-31T11:59:59Z", data = { shop = SHOP, order_id = "820982911946154508", rows = {
    { line_id = "1", product_id = 8, variant_id = 9, sku = "S1", title = "Sign", quantity = 2, price = "199.00",
      total_discount = "0.00" },
  } } },
} })
push("an order of which only a part is told says nothing about the rest", "orders/updated",
  { id = 7, updated_at = "2025-12-31T10:00:00Z", financial_status = "refunded" }, { emits = {
    { type = "shopify_events" },
    { type = "orders", data = {
      shop = SHOP, order_id = "7", financial_status = "refunded", updated_at = "2025-12-31T10:00:00Z",
      raw = { id = 7, updated_at = "2025-12-31T10:00:00Z", financial_status = "refunded" },
    } },
  } })
push("an order without lines has none", "orders/updated", { id = 7, line_items = json.array {} },
  { emits = { { type = "shopify_events" }, { type = "orders" },
    { type = "order_lines", data = { shop = SHOP, order_id = "7", rows = json.array {} } } } })
push("an order that is deleted is marked", "orders/delete", ORDER, { emits = {
  { type = "shopify_events" },
  { type = "orders", mode = "delete", time = 1767182400123, data = { shop = SHOP, order_id = "820982911946154508" } },
} })
push("a price that is a number keeps its cents", "orders/updated", { id = 7, total_price = 20.10 },
  { emits = { { type = "shopify_events" }, { type = "orders", has = { total_price = "20.1" } } } })
push("a customer that is null is none", "orders/updated", { id = 7, customer = json.null },
  { emits = { { type = "shopify_events" }, { type = "orders", has = { customer_id = json.null } } } })
push("an id may stand in the graph's form only", "orders/updated", { admin_graphql_api_id = "gid://shopify/Order/42" },
  { emits = { { type = "shopify_events" }, { type = "orders", has = { order_id = "42" } } } })

for _, row in ipairs {
  { "orders/edited", "orders_edited", "820982911946154500" },
  { "refunds/create", "refunds_create_real_store", "6273085767965" },
  { "orders/risk_assessment_changed", "orders_risk_assessment_changed" }, { "customers/merge", "customers_merge" },
  { "app_subscriptions/update", "app_subscriptions_update", "1029266952" },
  { "collections/update", "collections_update_real_store" },
  { "bulk_operations/finish", "bulk_operations_finish" }, { "moons/wane", "shop_redact" },
} do
  push(row[1] .. " is an event and no more", row[1], SAMPLES .. row[2] .. ".json",
    { emits = { { type = "shopify_events", has = { topic = row[1], resource_id = row[3] } } } })
end

--------------------------------------------------------------------------------------------------- deletes, the app

for _, kind in ipairs { "customers", "products" } do
  push("of " .. kind .. " that are deleted only the id is known", kind .. "/delete", { id = 9 }, { emits = {
    { type = "shopify_events", has = { resource_id = "9" } },
    { type = kind, mode = "delete", has = { shop = SHOP } },
  } })
end
push("an app that is uninstalled goes from its shop", "app/uninstalled", SAMPLES .. "app_uninstalled.json", {
  options = { app = "1234567" }, emits = {
    { type = "shopify_events" },
    { type = "app_installations", data = { shop = SHOP, app_id = "1234567", uninstalled_at = 1767182400123 } },
  },
})

local function relation(kind)
  return { id = "p1", type = kind, time = "2026-06-01T00:00:00Z", data = {
    type = kind, occurredAt = "2026-06-01T00:00:00Z", app = { id = "gid://partners/App/1234567", name = "Demo" },
    shop = { id = "gid://partners/Shop/36550412", name = "Acme", myshopifyDomain = SHOP },
  } }
end

poll("a partner's event installs an app", relation "RELATIONSHIP_INSTALLED", { emits = { {
  type = "app_installations",
  data = { shop = SHOP, app_id = "1234567", installed_at = 1780272000000, uninstalled_at = json.null },
} } })
poll("and uninstalls it", relation "RELATIONSHIP_UNINSTALLED", { emits = { { type = "app_installations", data = {
  shop = SHOP, app_id = "1234567", uninstalled_at = 1780272000000,
} } } })
poll("a shop that is closed has uninstalled nothing", relation "RELATIONSHIP_DEACTIVATED",
  { drops = "no installation of an app" })

-------------------------------------------------------------------------------------------------------- compliance

for _, row in ipairs {
  { "customers/data_request", "customers_data_request", "191167", "john@example.com" },
  { "customers/redact", "customers_redact", "191167", "john@example.com" },
  { "shop/redact", "shop_redact" },
} do
  push(row[1] .. " is to be done within thirty days", row[1], SAMPLES .. row[2] .. ".json", { emits = {
    { type = "shopify_events" },
    { type = "compliance_requests", has = {
      shop = SHOP, event_id = row[1] .. ":e1", topic = row[1], customer_id = row[3], email = row[4],
      due_at = 1769774400123,
    } },
  } })
end

------------------------------------------------------------------------------------------------------------- polled

local POLLED = { id = "products:8@2025-12-31T10:00:00Z", type = "products/update", subject = "products:8",
  time = "2025-12-31T10:00:00Z",
  data = { id = 8, title = "Sign", tags = json.array { "a", "b" }, updated_at = "2025-12-31T10:00:00Z",
    shop_domain = SHOP } }
local ROW = { type = "products", time = "2025-12-31T10:00:00Z",
  has = { shop = SHOP, product_id = "8", title = "Sign", tags = "a, b" } }

poll("what was polled is a row, but no event", POLLED, { emits = { ROW } })
poll("unless it is to be one", POLLED, { options = { polled = true }, emits = { { type = "shopify_events" }, ROW } })
poll("what a poll found deleted is marked", { id = "products:8@destroyed", type = "products/delete",
  time = "2025-12-31T10:00:00Z", data = { id = 8, shop_domain = SHOP } },
  { emits = { { type = "products", mode = "delete", data = { shop = SHOP, product_id = "8" } } } })

----------------------------------------------------------------------------------------------------- what is wrong

poll("without a shop there is no row", { type = "products/update", data = { id = 8 } },
  { drops = "nothing says which shop it is of" })
poll("what has no topic is none of Shopify's", { type = "request", data = { id = 8 } },
  { drops = "no topic of Shopify's" })
push("a price that is none names its column", "orders/updated", { id = 7, total_price = "dear" },
  { fails = "orders.total_price", emits = { { type = "shopify_events" } } })
push("a topic whose words stand with a dot is a topic too", "customer.tags_added",
  { customerId = "gid://shopify/Customer/7", tags = { "vip" }, occurredAt = "2025-12-31T12:00:00Z" },
  { emits = { { type = "shopify_events", has = { topic = "customer.tags_added", resource_id = "7" } } } })
push("a line that is no object has no id", "orders/updated", { id = 7, line_items = { 7 } },
  { fails = "order_lines.line_id", emits = { { type = "shopify_events" }, { type = "orders" } } })

----------------------------------------------------------------------------------------------------------- samples

for _, row in ipairs {
  { "orders_create", "orders/create" }, { "orders_updated_real_store", "orders/updated" },
  { "orders_delete", "orders/delete" }, { "orders_delete_short", "orders/delete" },
  { "customers_create", "customers/create" }, { "customers_delete", "customers/delete" },
  { "products_create", "products/create" }, { "products_update_real_store", "products/update" },
} do
  push("as it was recorded: " .. row[1], row[2], SAMPLES .. row[1] .. ".json",
    { golden = "golden/" .. row[1] .. ".json" })
end

return { source = "shopify", schema = "shopify", options = {}, cases = cases }
