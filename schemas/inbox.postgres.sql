-- SPDX-License-Identifier: Apache-2.0
-- inbox.postgres.sql - what there is to do and to answer, for Postgres.
-- The tables: inbox.yaml.  ${...}: its options.  The form: sluice-schema(5).

-- view: open_tasks
SELECT task_id, title, project_name, tasklist_name, status, priority, progress, assignees, start_date, due_date, updated_at,
	due_date IS NOT NULL AND due_date < current_date AS overdue
FROM tasks
WHERE NOT coalesce(deleted, false) AND coalesce(status, '') NOT IN ${done}

-- view: threads
-- A conversation with its newest message. Messages that were read before a merge are found by the new one too.
WITH placed AS (
	SELECT emails.*, coalesce(conversations.merged_into, emails.thread_id) AS conversation_id
	FROM emails LEFT JOIN conversations ON conversations.conversation_id = emails.thread_id
	WHERE NOT coalesce(emails.deleted, false) AND NOT coalesce(emails.draft, false)
), newest AS (
	SELECT placed.*, row_number() OVER (PARTITION BY conversation_id ORDER BY sent_at DESC NULLS LAST, email_id COLLATE "C" DESC) AS back
	FROM placed
)
SELECT conversations.conversation_id, conversations.subject, conversations.team, conversations.assignees,
	conversations.labels, conversations.closed, conversations.messages_count, conversations.last_activity_at,
	newest.email_id AS last_email_id, newest.channel AS last_channel, newest.from_address AS last_from,
	newest.sent_at AS last_sent_at
FROM conversations
LEFT JOIN newest ON newest.conversation_id = conversations.conversation_id AND newest.back = 1
WHERE NOT coalesce(conversations.deleted, false)

-- view: inbox
-- Tasks and messages, one below the other.
SELECT 'task' AS kind, task_id AS id, title, project_name AS place, created_by AS who, updated_at AS at, source_url
FROM tasks WHERE NOT coalesce(deleted, false)
UNION ALL
SELECT channel, email_id, emails.subject, conversations.team, from_address, sent_at, source_url
FROM emails LEFT JOIN conversations ON conversations.conversation_id = emails.thread_id
WHERE NOT coalesce(emails.deleted, false)
