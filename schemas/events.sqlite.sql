-- SPDX-License-Identifier: Apache-2.0
-- events.sqlite.sql - the views of events.yaml, for SQLite.

-- view: events_daily
-- How many of what, by day (UTC).
SELECT substr(occurred_at, 1, 10) AS day, source, event_name, count(*) AS events, sum(value) AS value, value_unit
FROM events
GROUP BY 1, 2, 3, value_unit;

-- view: people
-- Everybody who is known by an address, and when something was last heard of them.
SELECT identifier_value AS email, count(DISTINCT event_id) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
  group_concat(DISTINCT source) AS sources
FROM event_identifiers
WHERE kind = 'person' AND identifier_type = 'email'
GROUP BY identifier_value;

-- view: shops
-- Each shop by its number at Shopify, with its last installation or end of one.
WITH states AS (
  SELECT i.identifier_value AS shop_id, e.event_name, e.occurred_at, e.id,
    row_number() OVER (PARTITION BY i.identifier_value ORDER BY e.occurred_at DESC, e.id DESC) AS place
  FROM events e JOIN event_identifiers i ON i.event_id = e.id
  WHERE i.kind = 'group' AND i.identifier_type = 'shop_id' AND e.event_name IN (
    'app_installed', 'app_uninstalled', 'shop_installed', 'shop_reinstalled', 'shop_uninstalled'
  )
)
SELECT shop_id, event_name NOT IN ('app_uninstalled', 'shop_uninstalled') AS installed, event_name AS last_event,
  occurred_at AS since
FROM states
WHERE place = 1;

-- view: timeline
-- Events beside those they are about: what a person or a shop has lived through.
SELECT i.kind, i.identifier_type, i.identifier_value, i.role, e.occurred_at, e.event_name, e.event_description, e.value,
  e.value_unit, e.source, e.id AS event_id
FROM event_identifiers i JOIN events e ON e.id = i.event_id;
