-- SPDX-License-Identifier: Apache-2.0
-- store.lua - what happens in a Shopify store as rows: orders and their lines, customers, products, and each happening.
--
-- Tables and views: schemas/shopify.yaml. A body that leaves a member out says nothing about it, so orders, customers
-- and products are patched: what was not told stays. What was polled is written as webhooks write it, and names its
-- shop itself. Events of shopify_partner tell when an app was installed and uninstalled; the rest of them is passed by.

local store = {
  version = "1.0",
  summary = "What happens in a Shopify store: orders, lines, customers, products, installations, and each event.",
  options = {
    { "app", "text", initial = "", help = "The number of the app whose app/uninstalled comes; the source's name unless given." },
    { "polled", "bool", initial = false, help = "Rows of shopify_events for what was polled, too." },
  },
}

-- A body may hold anything anywhere.  What is not what it should be is as if it were not there, or does not fit its
-- column and is told so: raw has it.
local function object(value)
  return json.kind(value) == "object" and value or {}
end

local function string(value)
  if type(value) == "string" and value ~= "" then return value end
end

-- An id as text; nil if it is none.
local function id_of(value)
  if math.type(value) == "integer" then return tostring(value) end
  return string(value)
end

-- "gid://shopify/Order/1042": "1042"
local function gid_number(value)
  return string(value) and value:match("(%d+)$")
end

-- A price is a text of digits; where it is a number, as it is written.
local function amount(body, name)
  if type(body[name]) == "number" then return json.raw(body, name) end
  return body[name]
end

-- One text with commas; in answers of the graph a list.
local function tags_of(tags)
  if json.kind(tags) ~= "array" then return tags end
  local words = {}
  for _, tag in ipairs(tags) do words[#words + 1] = string(tag) end
  return table.concat(words, ", ")
end

-- A member of a member: null if that is null, nil if it is not there.
local function within(body, name, member)
  if body[name] == json.null then return json.null end
  return object(body[name])[member]
end

------------------------------------------------------------------------------------------------------------ tables

local function order_row(body)
  return {
    name = body.name, email = body.email, currency = body.currency,
    total_price = amount(body, "total_price"), subtotal_price = amount(body, "subtotal_price"),
    total_tax = amount(body, "total_tax"), total_discounts = amount(body, "total_discounts"),
    financial_status = body.financial_status, fulfillment_status = body.fulfillment_status,
    customer_id = within(body, "customer", "id"), tags = tags_of(body.tags), test = body.test,
    processed_at = body.processed_at, cancelled_at = body.cancelled_at, closed_at = body.closed_at,
    created_at = body.created_at, updated_at = body.updated_at,
  }
end

local function customer_row(body)
  return {
    email = body.email, phone = body.phone, first_name = body.first_name, last_name = body.last_name,
    state = body.state, tags = tags_of(body.tags), created_at = body.created_at, updated_at = body.updated_at,
  }
end

local function product_row(body)
  return {
    title = body.title, handle = body.handle, vendor = body.vendor, product_type = body.product_type,
    status = body.status, tags = tags_of(body.tags), published_at = body.published_at,
    created_at = body.created_at, updated_at = body.updated_at,
  }
end

local function line_rows(lines)
  local rows = {}
  for i, line in ipairs(lines) do
    line = object(line)
    rows[i] = {
      line_id = id_of(line.id), product_id = line.product_id, variant_id = line.variant_id, sku = line.sku,
      title = line.title, quantity = line.quantity, price = amount(line, "price"),
      total_discount = amount(line, "total_discount"),
    }
  end
  return rows
end

-- By the first half of a topic.
local TABLES = {
  orders = { key = "order_id", row = order_row },
  customers = { key = "customer_id", row = customer_row },
  products = { key = "product_id", row = product_row },
}

-- The object's own time, in whole seconds; when it was told of says where in that second, or that it is over.
local function version_of(event)
  local updated = time.parse(string(event.data.updated_at)) or event.time
  return event.time - updated < 1000 and math.max(event.time, updated) or updated
end

local function emit_object(event, table_name, shop, id)
  local form, body = TABLES[table_name], event.data
  local row = form.row(body)
  local version = version_of(event)
  row.shop, row[form.key], row.raw = shop, id, body
  emit { type = table_name, time = version, data = row }
  if table_name == "orders" and json.kind(body.line_items) == "array" then
    local lines = { shop = shop, order_id = id, rows = line_rows(body.line_items) }
    emit { type = "order_lines", time = version, data = lines }
  end
end

local function emit_deleted(table_name, shop, id)
  emit { type = table_name, mode = "delete", data = { shop = shop, [TABLES[table_name].key] = id } }
end

-- orders/edited, orders/risk_assessment_changed, customers/merge ... speak of an object, but are none.
local function about_object(event, shop)
  local kind, action = event.type:match("^([^/]*)/(.*)$")
  local body = object(event.data)
  if not TABLES[kind] then return end
  local id = id_of(body.id) or gid_number(body.admin_graphql_api_id)
  if id and action == "delete" then return emit_deleted(kind, shop, id) end
  if id and body.customer_id == nil then return emit_object(event, kind, shop, id) end
end

--------------------------------------------------------------------------------------------------------- compliance

local COMPLIANCE = { ["customers/data_request"] = true, ["customers/redact"] = true, ["shop/redact"] = true }
local DAYS = 30 -- Shopify's own limit

local function emit_compliance(event, shop)
  local customer = object(object(event.data).customer)
  emit {
    type = "compliance_requests",
    data = {
      event_id = event.id, topic = event.type, shop = shop, customer_id = id_of(customer.id),
      email = string(customer.email), due_at = time.add(event.time, { days = DAYS }), raw = event.data,
    },
  }
end

------------------------------------------------------------------------------------------------------ installations

local RELATIONS = {
  RELATIONSHIP_INSTALLED = function(when) return { installed_at = when, uninstalled_at = json.null } end,
  RELATIONSHIP_UNINSTALLED = function(when) return { uninstalled_at = when } end,
}

local function emit_installation(row, shop, app)
  row.shop, row.app_id = shop, app
  emit { type = "app_installations", data = row }
end

-- An event of shopify_partner: true if it is one.
local function partner(event)
  local body = object(event.data)
  local app, shop = gid_number(object(body.app).id), string(object(body.shop).myshopifyDomain)
  if not app or not shop or string(body.type) ~= event.type then return false end
  local relation = RELATIONS[event.type]
  if not relation then return drop("no installation of an app") end
  emit_installation(relation(event.time), shop, app)
  return true
end

------------------------------------------------------------------------------------------------------------- events

-- Of a webhook it stands in a header, else in the body; a compliance request's is the one it was checked against.
local function shop_of(event)
  local headers = event.request and event.request.headers or {}
  return string(headers["x-shopify-shop-domain"]) or string(headers["shopify-shop-domain"])
    or string(object(event.data).shop_domain) or string(object(event.data).myshopify_domain)
end

local function emit_event(event, shop)
  emit {
    type = "shopify_events",
    data = {
      shop = shop, event_id = event.id, topic = event.type, resource_id = (event.subject or ""):match("^[^:]*:(.+)$"),
      triggered_at = event.time, received_at = event.received, raw = event.data,
    },
  }
end

function store.transform(event, opt)
  if partner(event) then return end
  if not event.type:find("[/.]") then return drop("no topic of Shopify's") end
  local shop = shop_of(event)
  if not shop then return drop("nothing says which shop it is of") end

  if event.request or opt.polled then emit_event(event, shop) end
  if COMPLIANCE[event.type] then
    emit_compliance(event, shop)
  elseif event.type == "app/uninstalled" then
    emit_installation({ uninstalled_at = event.time }, shop, string(opt.app) or event.source)
  else
    about_object(event, shop)
  end
end

return store
