-- SPDX-License-Identifier: Apache-2.0
-- trello.postgres.sql - what one wants to know about a board, for Postgres.
-- The tables: trello.yaml.  ${...}: its options.  The form: sluice-schema(5).
--
-- A card's moves are ordered by (action_date, event_id), not by arrival.  It is in
-- the list of its newest move, and its stay there ends with the next one.  Ids are
-- compared by their bytes, whatever the database's collation is.

-- view: card_current_state
-- A card that was never seen moving is where its newest event found it.
WITH moves AS (
	SELECT DISTINCT ON (card_id) card_id, list_after_id, list_after_name, action_date
	FROM trello_events WHERE is_list_transition
	ORDER BY card_id, action_date DESC NULLS LAST, event_id COLLATE "C" DESC
), sights AS (
	SELECT DISTINCT ON (card_id) card_id, list_id, list_name
	FROM trello_events WHERE list_id IS NOT NULL
	ORDER BY card_id, action_date DESC NULLS LAST, event_id COLLATE "C" DESC
)
SELECT cards.*,
	CASE WHEN moves.card_id IS NULL THEN sights.list_id ELSE moves.list_after_id END AS current_list_id,
	CASE WHEN moves.card_id IS NULL THEN sights.list_name ELSE moves.list_after_name END AS current_list_name,
	moves.action_date AS last_moved_at
FROM cards
LEFT JOIN moves ON moves.card_id = cards.card_id
LEFT JOIN sights ON sights.card_id = cards.card_id

-- view: active_jobs
-- Closed is what the newest event says that says anything about it; without one,
-- what the card said when it was first extracted.
WITH closings AS (
	SELECT DISTINCT ON (card_id) card_id, card_closed
	FROM trello_events WHERE card_closed IS NOT NULL
	ORDER BY card_id, action_date DESC NULLS LAST, event_id COLLATE "C" DESC
)
SELECT card.card_id, card.name, card.purchaser, card.current_list_name AS current_list, card.current_list_id,
	card.last_moved_at, round(extract(epoch FROM now() - card.last_moved_at)::numeric / 3600, 4) AS hours_in_current_list
FROM card_current_state AS card
LEFT JOIN closings ON closings.card_id = card.card_id
WHERE NOT coalesce(closings.card_closed, card.closed, false)
	AND coalesce(card.current_list_name, '') NOT IN ${completed}

-- view: list_durations
WITH moves AS (
	SELECT coalesce(list_after_name, list_after_id) AS list_name,
		extract(epoch FROM lead(action_date) OVER (PARTITION BY card_id
			ORDER BY action_date NULLS FIRST, event_id COLLATE "C") - action_date)::numeric / 3600 AS hours
	FROM trello_events WHERE is_list_transition
)
SELECT list_name, count(*) AS total_transitions, round(avg(hours), 4) AS avg_hours,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY hours)::numeric, 4) AS median_hours,
	round(min(hours), 4) AS min_hours, round(max(hours), 4) AS max_hours
FROM moves WHERE hours IS NOT NULL GROUP BY list_name

-- view: throughput_daily
-- From one completed list into another is no second completion.
SELECT (action_date AT TIME ZONE 'UTC')::date AS completion_date, count(DISTINCT card_id) AS cards_completed
FROM trello_events
WHERE is_list_transition AND list_after_name IN ${completed}
	AND coalesce(list_before_name, '') NOT IN ${completed}
GROUP BY 1

-- view: stuck_cards
SELECT card_id, name, purchaser, current_list AS list_name, hours_in_current_list AS hours_since_move
FROM active_jobs WHERE hours_in_current_list * 3600 >= ${stuck}

-- view: list_paths
SELECT list_before_name AS previous_list, list_after_name AS next_list, count(*) AS transition_count,
	round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY list_before_name), 2) AS percentage
FROM trello_events
WHERE is_list_transition AND list_before_name IS NOT NULL AND list_after_name IS NOT NULL
GROUP BY list_before_name, list_after_name

-- view: processing_status
-- The last 24 hours.  What waits for a retry is in the total only.
WITH known AS (
	SELECT action_type, event_id, 1 AS processed, false AS error
	FROM trello_events WHERE created_at >= now() - interval '24 hours'
	UNION ALL
	SELECT type, coalesce(event_id, route || ' ' || seq || ' ' || part), 0, state = 'dead'
	FROM _sluice_open WHERE first_at >= now() - interval '24 hours'
)
SELECT coalesce(action_type, 'unknown') AS action_type, count(DISTINCT event_id) AS total, sum(processed) AS processed,
	count(DISTINCT event_id) FILTER (WHERE error) AS errors
FROM known GROUP BY 1

-- view: processing_latency
-- From the request's arrival to the row's writing, over the last 24 hours.
SELECT round(avg(extract(epoch FROM _synced_at - created_at)::numeric), 3) AS avg_latency_seconds,
	round(max(extract(epoch FROM _synced_at - created_at)::numeric), 3) AS max_latency_seconds
FROM trello_events WHERE created_at >= now() - interval '24 hours'

-- view: failed_events
SELECT event_id, type AS action_type, subject AS card_id, reason AS error_message, first_at AS created_at
FROM _sluice_open WHERE state = 'dead'
