-- SPDX-License-Identifier: Apache-2.0
-- shopify.postgres.sql - what one wants to know about shops, for Postgres.
-- The tables: shopify.yaml.  The form: sluice-schema(5).
--
-- Sales are orders that are neither deleted nor cancelled nor tests; days are UTC.

-- view: sales
SELECT * FROM orders WHERE deleted IS NOT TRUE AND cancelled_at IS NULL AND test IS NOT TRUE

-- view: sales_daily
SELECT shop, (coalesce(processed_at, created_at) AT TIME ZONE 'UTC')::date AS day, currency, count(*) AS orders,
	sum(total_price) AS total, round(avg(total_price), 2) AS average, sum(total_discounts) AS discounts
FROM sales GROUP BY 1, 2, 3

-- view: product_sales
SELECT line.shop, line.product_id, coalesce(product.title, max(line.title)) AS title, count(DISTINCT line.order_id) AS orders,
	sum(line.quantity) AS quantity, sale.currency,
	sum(line.quantity * line.price - coalesce(line.total_discount, 0)) AS total
FROM order_lines AS line
JOIN sales AS sale ON sale.shop = line.shop AND sale.order_id = line.order_id
LEFT JOIN products AS product ON product.shop = line.shop AND product.product_id = line.product_id
WHERE line.product_id IS NOT NULL
GROUP BY line.shop, line.product_id, product.title, sale.currency

-- view: customer_value
SELECT customer.shop, customer.customer_id, customer.email, customer.first_name, customer.last_name, sale.currency,
	count(*) AS orders, sum(sale.total_price) AS total, min(sale.created_at) AS first_order_at,
	max(sale.created_at) AS last_order_at
FROM customers AS customer
JOIN sales AS sale ON sale.shop = customer.shop AND sale.customer_id = customer.customer_id
WHERE customer.deleted IS NOT TRUE
GROUP BY customer.shop, customer.customer_id, customer.email, customer.first_name, customer.last_name, sale.currency

-- view: orders_to_send
-- Paid for, and not all of it was sent.
SELECT shop, order_id, name, email, financial_status, fulfillment_status, total_price, currency, created_at,
	round((extract(epoch FROM now() - created_at) / 3600)::numeric, 2) AS hours_waiting
FROM sales
WHERE financial_status IN ('paid', 'partially_refunded') AND coalesce(fulfillment_status, '') IN ('', 'partial')
	AND closed_at IS NULL

-- view: topics_daily
SELECT shop, (triggered_at AT TIME ZONE 'UTC')::date AS day, topic, count(*) AS events,
	round(avg(extract(epoch FROM received_at - triggered_at))::numeric, 1) AS avg_seconds_on_the_way
FROM shopify_events GROUP BY 1, 2, 3

-- view: compliance_due
-- The same request may come several times; what is done about it is kept elsewhere.
SELECT shop, topic, customer_id, min(due_at) AS due_at,
	round((extract(epoch FROM min(due_at) - now()) / 86400)::numeric, 1) AS days_left, count(*) AS requests
FROM compliance_requests GROUP BY 1, 2, 3
