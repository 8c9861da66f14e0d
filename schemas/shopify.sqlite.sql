-- SPDX-License-Identifier: Apache-2.0
-- shopify.sqlite.sql - what one wants to know about shops, for SQLite.
-- The tables: shopify.yaml.  The form: sluice-schema(5).
--
-- Sales are orders that are neither deleted nor cancelled nor tests; days are UTC.

-- view: sales
SELECT * FROM orders WHERE NOT coalesce(deleted, 0) AND cancelled_at IS NULL AND NOT coalesce(test, 0)

-- view: sales_daily
SELECT shop, substr(coalesce(processed_at, created_at), 1, 10) AS day, currency, count(*) AS orders,
	round(sum(total_price), 2) AS total, round(avg(total_price), 2) AS average, round(sum(total_discounts), 2) AS discounts
FROM sales GROUP BY shop, day, currency

-- view: product_sales
SELECT line.shop, line.product_id, coalesce(product.title, max(line.title)) AS title, count(DISTINCT line.order_id) AS orders,
	sum(line.quantity) AS quantity, sale.currency,
	round(sum(line.quantity * line.price - coalesce(line.total_discount, 0)), 2) AS total
FROM order_lines AS line
JOIN sales AS sale ON sale.shop = line.shop AND sale.order_id = line.order_id
LEFT JOIN products AS product ON product.shop = line.shop AND product.product_id = line.product_id
WHERE line.product_id IS NOT NULL
GROUP BY line.shop, line.product_id, product.title, sale.currency

-- view: customer_value
SELECT customer.shop, customer.customer_id, customer.email, customer.first_name, customer.last_name, sale.currency,
	count(*) AS orders, round(sum(sale.total_price), 2) AS total, min(sale.created_at) AS first_order_at,
	max(sale.created_at) AS last_order_at
FROM customers AS customer
JOIN sales AS sale ON sale.shop = customer.shop AND sale.customer_id = customer.customer_id
WHERE NOT coalesce(customer.deleted, 0)
GROUP BY customer.shop, customer.customer_id, customer.email, customer.first_name, customer.last_name, sale.currency

-- view: orders_to_send
-- Paid for, and not all of it was sent.
SELECT shop, order_id, name, email, financial_status, fulfillment_status, total_price, currency, created_at,
	round((julianday('now') - julianday(created_at)) * 24, 2) AS hours_waiting
FROM sales
WHERE financial_status IN ('paid', 'partially_refunded') AND coalesce(fulfillment_status, '') IN ('', 'partial')
	AND closed_at IS NULL

-- view: topics_daily
SELECT shop, substr(triggered_at, 1, 10) AS day, topic, count(*) AS events,
	round(avg((julianday(received_at) - julianday(triggered_at)) * 86400), 1) AS avg_seconds_on_the_way
FROM shopify_events GROUP BY shop, day, topic

-- view: compliance_due
-- The same request may come several times; what is done about it is kept elsewhere.
SELECT shop, topic, customer_id, min(due_at) AS due_at, round(julianday(min(due_at)) - julianday('now'), 1) AS days_left,
	count(*) AS requests
FROM compliance_requests GROUP BY shop, topic, customer_id
