-- name: spans_of_trace
-- Every column of a trace's spans, by start.
SELECT s.* FROM spans s JOIN traces t USING (trace_id)
WHERE s.trace_id = %(trace_id)s AND s.start_time BETWEEN t.min_start AND t.max_start
ORDER BY s.start_time, s.start_ns, s.span_id

-- name: events_of_trace
-- Every column of a trace's log records, by time.
SELECT e.*, e.body IS NOT NULL AS has_body FROM execution_events e
WHERE e.trace_id = %(trace_id)s
ORDER BY e.time, e.time_ns, e.event_id

-- name: resource
-- One resource.
SELECT * FROM resources WHERE resource_id = %(id)s

-- name: scope
-- One instrumentation scope.
SELECT * FROM scopes WHERE scope_id = %(id)s

-- name: executions
-- The newest executions, filtered.
SELECT execution_id, correlation_id, agent_name, status, started_at, duration_ms, total_tokens, error_type, description
FROM agent_executions
WHERE last_event_at IS NOT NULL
  AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: find_execution
-- The execution that an id names: an execution id, else the first root of a correlation id.
SELECT execution_id FROM agent_executions
WHERE execution_id = %(id)s OR correlation_id = %(id)s
ORDER BY execution_id = %(id)s DESC, parent_execution_id IS NOT NULL, started_at
LIMIT 1

-- name: last_execution
-- The newest execution that no other delegated, and that gave a sign of life: a verdict may be on a mistyped id.
SELECT e.execution_id FROM executions e
WHERE e.parent_execution_id IS NULL AND e.last_event_at IS NOT NULL
  -- By its span or a link; asked of the newest ones only, until one is found.
  AND NOT EXISTS (SELECT FROM effective_parents(ARRAY[e.execution_id]) p WHERE p.parent IS NOT NULL)
ORDER BY e.started_at DESC, e.execution_id
LIMIT 1

-- name: steps
-- The steps of some executions.
SELECT * FROM agent_execution_steps WHERE execution_id = ANY (%(ids)s) ORDER BY execution_id, sequence, span_id
