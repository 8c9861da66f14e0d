-- SPDX-License-Identifier: Apache-2.0
-- datacube.postgres.sql - what one wants to know about projects, for Postgres.
-- The tables: datacube.yaml.  The form: sluice-schema(5).  What is deleted is left out.

-- view: project_analytics
SELECT project.*, coalesce(sub.many, 0) AS subitem_count, coalesce(sub.total, 0) AS total_quote_value,
	round(sub.average, 2) AS avg_quote_value
FROM projects AS project
LEFT JOIN (
	SELECT parent_monday_id, count(*) AS many, sum(quote_amount) AS total, avg(quote_amount) AS average
	FROM subitems WHERE NOT coalesce(deleted, false) GROUP BY parent_monday_id
) AS sub ON sub.parent_monday_id = project.monday_id
WHERE NOT coalesce(project.deleted, false)

-- view: conversion_metrics materialized refresh=1h
-- Of the last two years.
SELECT account, type, category, product_type, count(*) AS total_projects,
	count(*) FILTER (WHERE status_category = 'Won') AS won_projects,
	count(*) FILTER (WHERE status_category = 'Lost') AS lost_projects,
	count(*) FILTER (WHERE status_category = 'Open') AS open_projects,
	round(1.0 * count(*) FILTER (WHERE status_category = 'Won') / count(*), 3) AS win_rate,
	round(avg(gestation_period) FILTER (WHERE gestation_period > 0), 2) AS avg_gestation,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY gestation_period) FILTER (WHERE gestation_period > 0) AS median_gestation
FROM projects
WHERE NOT coalesce(deleted, false) AND date_created >= current_date - interval '2 years'
GROUP BY account, type, category, product_type

-- view: sync_health
-- The last seven days.
SELECT board_id, max(completed_at) AS last_sync, count(*) FILTER (WHERE status = 'completed') AS successful_syncs,
	count(*) FILTER (WHERE status = 'failed') AS failed_syncs, round(avg(items_processed), 2) AS avg_items_processed,
	round(avg(extract(epoch FROM completed_at - started_at)::numeric), 3) AS avg_duration_seconds
FROM sync_log
WHERE started_at >= now() - interval '7 days'
GROUP BY board_id

-- view: data_freshness
WITH all_rows AS (
	SELECT 'projects' AS table_name, _synced_at FROM projects
	UNION ALL SELECT 'subitems', _synced_at FROM subitems
	UNION ALL SELECT 'hidden_items', _synced_at FROM hidden_items
)
SELECT table_name, count(*) AS total_records,
	count(*) FILTER (WHERE _synced_at >= now() - interval '1 hour') AS fresh_1h,
	count(*) FILTER (WHERE _synced_at >= now() - interval '24 hours') AS fresh_24h,
	min(_synced_at) AS oldest_sync, max(_synced_at) AS newest_sync
FROM all_rows GROUP BY table_name

-- view: orphaned_subitems
SELECT sub.monday_id, sub.parent_monday_id
FROM subitems AS sub
LEFT JOIN projects AS project ON project.monday_id = sub.parent_monday_id AND NOT coalesce(project.deleted, false)
WHERE NOT coalesce(sub.deleted, false) AND project.monday_id IS NULL

-- view: missing_mirrors
SELECT monday_id, account, product_type
FROM subitems
WHERE NOT coalesce(deleted, false) AND (account IS NULL OR product_type IS NULL)

-- view: project_search
-- WHERE document @@ websearch_to_tsquery('simple', 'roof acme'): name, account and category.
SELECT monday_id, item_name, project_name, account, category,
	to_tsvector('simple', concat_ws(' ', project_name, item_name, account, category)) AS document
FROM projects
WHERE NOT coalesce(deleted, false)
