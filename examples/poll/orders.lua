-- SPDX-License-Identifier: Apache-2.0
-- orders.lua - an order as a row of the table orders.
return {
  summary = "Orders of a shop as rows.",
  transform = function(event)
    local order = event.data
    emit {
      type = "orders",
      data = { id = order.id, status = order.status, customer = order.customer, total = order.total, updated_at = order.updated_at },
    }
  end,
}
