-- SPDX-License-Identifier: Apache-2.0
-- orders.lua - an order's event as a row of the table orders.
return {
  summary = "Orders of a shop as rows.",
  transform = function(event)
    local order = event.data.order
    if not order then return drop("not about an order") end
    emit {
      type = "orders",
      data = { id = order.id, status = event.type, customer = order.customer, total = order.total, paid_at = order.paid_at },
    }
  end,
}
