-- SPDX-License-Identifier: Apache-2.0
-- datacube.sqlite.sql - what one wants to know about projects, for SQLite.
-- The tables: datacube.yaml.  The form: sluice-schema(5).  What is deleted is left out.

-- view: project_analytics
SELECT project.*, count(sub.monday_id) AS subitem_count, coalesce(sum(sub.quote_amount), 0) AS total_quote_value,
	round(avg(sub.quote_amount), 2) AS avg_quote_value
FROM projects AS project
LEFT JOIN subitems AS sub ON sub.parent_monday_id = project.monday_id AND coalesce(sub.deleted, 0) = 0
WHERE coalesce(project.deleted, 0) = 0
GROUP BY project.monday_id

-- view: conversion_metrics
-- Of the last two years.  The median is of the one or two in the middle.
WITH recent AS (
	SELECT coalesce(account, '') AS account, coalesce(type, '') AS type, coalesce(category, '') AS category,
		coalesce(product_type, '') AS product_type, status_category, nullif(max(coalesce(gestation_period, 0), 0), 0) AS days
	FROM projects
	WHERE coalesce(deleted, 0) = 0 AND date_created >= date('now', '-2 years')
), ranked AS (
	SELECT account, type, category, product_type, days,
		row_number() OVER (PARTITION BY account, type, category, product_type ORDER BY days) AS place,
		count(*) OVER (PARTITION BY account, type, category, product_type) AS many
	FROM recent WHERE days IS NOT NULL
), medians AS (
	SELECT account, type, category, product_type, avg(days) AS median
	FROM ranked WHERE place IN ((many + 1) / 2, (many + 2) / 2) GROUP BY 1, 2, 3, 4
)
SELECT nullif(one.account, '') AS account, nullif(one.type, '') AS type, nullif(one.category, '') AS category,
	nullif(one.product_type, '') AS product_type, count(*) AS total_projects,
	sum(one.status_category = 'Won') AS won_projects, sum(one.status_category = 'Lost') AS lost_projects,
	sum(one.status_category = 'Open') AS open_projects,
	round(1.0 * sum(one.status_category = 'Won') / count(*), 3) AS win_rate,
	round(avg(one.days), 2) AS avg_gestation, max(medians.median) AS median_gestation
FROM recent AS one
LEFT JOIN medians ON medians.account = one.account AND medians.type = one.type AND medians.category = one.category
	AND medians.product_type = one.product_type
GROUP BY one.account, one.type, one.category, one.product_type

-- view: sync_health
-- The last seven days.
SELECT board_id, max(completed_at) AS last_sync, sum(status = 'completed') AS successful_syncs,
	sum(status = 'failed') AS failed_syncs, round(avg(items_processed), 2) AS avg_items_processed,
	round(avg((julianday(completed_at) - julianday(started_at)) * 86400), 3) AS avg_duration_seconds
FROM sync_log
WHERE julianday(started_at) >= julianday('now', '-7 days')
GROUP BY board_id

-- view: data_freshness
WITH all_rows AS (
	SELECT 'projects' AS table_name, _synced_at FROM projects
	UNION ALL SELECT 'subitems', _synced_at FROM subitems
	UNION ALL SELECT 'hidden_items', _synced_at FROM hidden_items
)
SELECT table_name, count(*) AS total_records,
	sum(julianday(_synced_at) >= julianday('now', '-1 hour')) AS fresh_1h,
	sum(julianday(_synced_at) >= julianday('now', '-1 day')) AS fresh_24h,
	min(_synced_at) AS oldest_sync, max(_synced_at) AS newest_sync
FROM all_rows GROUP BY table_name

-- view: orphaned_subitems
SELECT sub.monday_id, sub.parent_monday_id
FROM subitems AS sub
LEFT JOIN projects AS project ON project.monday_id = sub.parent_monday_id AND coalesce(project.deleted, 0) = 0
WHERE coalesce(sub.deleted, 0) = 0 AND project.monday_id IS NULL

-- view: missing_mirrors
SELECT monday_id, account, product_type
FROM subitems
WHERE coalesce(deleted, 0) = 0 AND (account IS NULL OR product_type IS NULL)

-- view: project_search
-- WHERE document LIKE '%roof%': name, account and category in small letters.
SELECT monday_id, item_name, project_name, account, category,
	lower(coalesce(project_name, '') || ' ' || coalesce(item_name, '') || ' ' || coalesce(account, '') || ' ' ||
		coalesce(category, '')) AS document
FROM projects
WHERE coalesce(deleted, 0) = 0
