-- SPDX-License-Identifier: Apache-2.0
-- shop.lua - all products of a shop whose API tells of no changes: it has a list, a page at a time.
--
-- The API of this example answers GET /v1/products?after=SKU&limit=100 with
-- { "products": [ { "sku": "A-1", "name": "Chair", "price": "45.00", "stock": 3 }, ... ], "next": "A-1" }.
return {
  summary = "All products of a shop, page by page.",
  options = {
    { "token", "secret", help = "What the shop lets us in with." },
    { "base", "text", initial = "https://api.shop.example.com", help = "Where its API is." },
    { "limit", "int", initial = "100", min = 1, max = 10000, help = "Products a page." },
  },
  api = {
    base = "{base}",
    headers = { Authorization = "Bearer {token}" },
    credential = "{token}",
  },
  every = "1h",

  -- `cursor` is where the last page of this run ended; with `snapshot: true` each run begins without one.
  poll = function(cursor, opt)
    local page = http.get("/v1/products", { after = cursor, limit = opt.limit })
    if not page.ok then fail("the shop answered " .. page.status) end
    for _, product in ipairs(page.json.products) do
      emit { id = product.sku, type = "product", data = product }
    end
    if page.json.next ~= json.null then advance(page.json.next) end
  end,
}
