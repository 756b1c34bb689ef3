-- name: lock_sessions
-- One writer at a time for what belongs to a session. Executions and requests may name each other before they are
-- there, so there is no row that both could lock; taken in order, before any row of either.
SELECT pg_advisory_xact_lock(%s, place) FROM unnest(%s::int4[]) AS t (place)

-- name: merge_model_requests
-- Merge what a batch says of model requests; idempotent, in any order. Back come the executions that had or have them.
WITH told AS MATERIALIZED (
  SELECT * FROM unnest(%b::text[], %b::text[], %b::text[]::jsonb[]) AS t (session_id, request_id, facts)
), had AS (
  SELECT m.execution_id FROM told JOIN model_requests m USING (session_id, request_id)
), merged AS (
  INSERT INTO model_requests AS m (session_id, request_id, facts)
  SELECT * FROM told
  ON CONFLICT (session_id, request_id) DO UPDATE SET facts = merge_facts(m.facts, excluded.facts)
    WHERE m.facts <> merge_facts(m.facts, excluded.facts)
  RETURNING m.execution_id
)
SELECT execution_id FROM had UNION SELECT execution_id FROM merged

-- name: unnamed_choices
-- In which of these sessions telemetry without request ids counts in place of the transcript.
SELECT session_id FROM unnest(%b::text[]) AS t (session_id) WHERE unnamed_requests_count(session_id)

-- name: executions_of_sessions
-- All that these sessions' requests belong to.
SELECT DISTINCT execution_id FROM model_requests WHERE session_id = ANY (%b::text[])

-- name: show_usage
-- Set the usage of executions to what their requests add up to now; an execution that is not there is not made.
UPDATE executions e SET facts = u.facts
FROM (SELECT x.execution_id, with_usage(x.facts, counted_usage(x.execution_id)) AS facts
      FROM executions x
      WHERE x.execution_id = ANY (%b::uuid[])) u
WHERE e.execution_id = u.execution_id AND e.facts <> u.facts
