-- SPDX-License-Identifier: Apache-2.0
-- NAME.lua - orders of a shop: its webhooks tell of each, and a poll asks for what was missed.
--
-- Both ways one state of an order has one id, so that it counts once.
local plugin = {
  version = "0.1",
  summary = "Orders of a shop, by webhook and by asking.",
  options = {
    { "secret", "secret", help = "What the shop signs its webhooks with." },
    { "token", "secret", initial = "", help = "For its API; without one nothing is asked." },
    { "url", "text", initial = "https://api.shop.example", help = "Where its API is." },
  },
  webhook = { -- X-Shop-Signature: 6a2f..., the HMAC-SHA256 of the body
    auth = "hmac-sha256", proof = "header:X-Shop-Signature", encoding = "hex", secret = "secret",
    id = "body:/order/id body:/order/updated", type = "body:/event", subject = "body:/order/id",
  },
  api = {
    base = "{url}", headers = { Authorization = "Bearer {token}" }, credential = "{token}",
    requests = 60, window = "1m", -- by whoever uses this token
  },
  every = "5m",
}

-- { "id": 1042, "updated": 1790000000000, "customer": "Ann", "total": "45.00" }
local function emit_order(order)
  emit {
    id = order.id .. ":" .. order.updated,
    type = "orders", -- the table, in NAME.yaml
    subject = tostring(order.id),
    time = order.updated,
    data = order,
  }
end

-- A webhook as it was stored: { "event": "order.paid", "order": { ... } }.
function plugin.decode(event)
  if not event.data.order then return drop("not about an order") end
  emit_order(event.data.order)
end

-- { "orders": [ ... ], "next": "..." }; who advances is called again at once.
function plugin.poll(cursor)
  local page = http.get("/orders", { limit = 100, after = cursor })
  if not page.ok then return fail("the orders were answered with " .. page.status) end
  for _, order in ipairs(page.json.orders) do
    emit_order(order)
  end
  if page.json.next then advance(page.json.next) end
end

return plugin
