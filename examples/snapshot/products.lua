-- SPDX-License-Identifier: Apache-2.0
-- products.lua - a product as a row of the table products.
return {
  summary = "Products of a shop as rows.",
  transform = function(event)
    local product = event.data
    emit { type = "products", data = { sku = product.sku, name = product.name, price = product.price, stock = product.stock } }
  end,
}
