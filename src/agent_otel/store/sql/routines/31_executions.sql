-- Executions with all that is known of them. What takes more than reading their own row is a function or a subquery
-- without a join: whoever does not select such a column does not pay for it.

-- The note that is an execution's latest verdict: the rank of the status holds its time and its id (exporter/notes.py).
CREATE OR REPLACE FUNCTION current_verdict(facts jsonb) RETURNS uuid
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN substring(facts #>> '{verification_status,0}' FROM 17 FOR 32)::uuid;

-- An instant as the requirements spell it: 2025-01-16T10:30:00.000Z.
CREATE OR REPLACE FUNCTION iso_utc(instant timestamptz) RETURNS text
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- Notes of one kind in the order in which they were told, the first 1,000: what a JSON value holds has a limit.
CREATE OR REPLACE FUNCTION notes_of(execution uuid, wanted text) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT coalesce(jsonb_agg(n.note ORDER BY left(n.rank, 16), n.note_id), '[]')
          FROM (SELECT * FROM execution_notes x
                WHERE x.execution_id = execution AND x.kind = wanted
                ORDER BY left(x.rank, 16), x.note_id
                LIMIT 1000) n);

-- The errors that were told of; then what the execution failed with, where none of them is that.
CREATE OR REPLACE FUNCTION errors_of(execution uuid, error_type text, error_message text) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN notes_of(execution, 'error') || CASE
    WHEN coalesce(error_type, error_message) IS NULL OR EXISTS (
      SELECT FROM execution_notes n
      WHERE n.execution_id = execution AND n.kind = 'error'
        AND CASE WHEN error_message IS NULL THEN n.note ->> 'type' = error_type
              ELSE n.note ->> 'message' = error_message END) THEN '[]'
    ELSE jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('type', error_type, 'message', error_message)))
  END;

-- A list that learning notes tell, united in the order in which it was told, the first 1,000; NULL where none tells it.
CREATE OR REPLACE FUNCTION learned(execution uuid, member text) RETURNS text[]
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT array_agg(t.said ORDER BY t.told, t.note_id, t.place)
          FROM (SELECT l.said, left(n.rank, 16) AS told, n.note_id, l.place
                FROM execution_notes n
                CROSS JOIN jsonb_array_elements_text(n.note -> member) WITH ORDINALITY AS l (said, place)
                WHERE n.execution_id = execution AND n.kind = 'learning'
                ORDER BY left(n.rank, 16), n.note_id, l.place
                LIMIT 1000) t);

-- What the last learning note says that says it.
CREATE OR REPLACE FUNCTION last_learned(execution uuid, member text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT n.note ->> member FROM execution_notes n
          WHERE n.execution_id = execution AND n.kind = 'learning' AND n.note ? member
          ORDER BY left(n.rank, 16) DESC, n.note_id DESC
          LIMIT 1);

-- The tools of an execution's tool steps, each once, in the order in which they were first used.
CREATE OR REPLACE FUNCTION tools_of(execution uuid) RETURNS text[]
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT coalesce(array_agg(used.tool ORDER BY used.first, used.tool), '{}')
          FROM (SELECT s.tool, min(s.sequence) AS first FROM agent_execution_steps s
                WHERE s.execution_id = execution AND s.kind = 'tool' AND s.tool IS NOT NULL
                GROUP BY s.tool) used);

-- An execution's steps, member for member as the requirements list them; json, because it keeps their order. Inputs and
-- outputs stand as they were sent, in the first 64 MiB: what a JSON value holds has a limit. All are in the steps.
CREATE OR REPLACE FUNCTION actions_of(execution uuid) RETURNS json
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT coalesce(json_agg(json_build_object(
              'sequence', s.sequence,
              'tool', s.tool,
              'action', s.action,
              'input', CASE WHEN s.size <= 67108864 THEN s.input END,
              'output', CASE WHEN s.size <= 67108864 THEN s.output END,
              'timestamp', iso_utc(s.started_at),
              'success', s.success,
              'error', coalesce(s.error_message, s.error_type)) ORDER BY s.sequence, s.span_id), '[]')
          FROM (SELECT x.*, sum(coalesce(octet_length(x.input), 0) + coalesce(octet_length(x.output), 0))
                              OVER (ORDER BY x.sequence, x.span_id) AS size
                FROM agent_execution_steps x
                WHERE x.execution_id = execution) s);

-- New columns go last: so a view is replaced in place, and what a user has built on it stays.
CREATE OR REPLACE VIEW agent_executions AS
SELECT
  e.execution_id,
  e.trace_id AS correlation_id,
  e.session_id,
  e.agent_name,
  e.facts #>> '{agent_version,1}' AS agent_version,
  e.facts #>> '{agent_description,1}' AS agent_description,
  e.facts #>> '{agent_instance_id,1}' AS agent_instance_id,
  e.facts #>> '{description,1}' AS description,
  e.content #>> '{prompt,1}' AS prompt,
  coalesce((e.facts #>> '{prompt_length,1}')::int8, length(e.content #>> '{prompt,1}')) AS prompt_length,
  e.facts #>> '{prompt_sha256,1}' AS prompt_sha256,
  e.content #>> '{instructions,1}' AS instructions,
  e.content #>> '{context,1}' AS context,
  e.content #>> '{tools_available,1}' AS tools_available,
  e.facts #>> '{priority,1}' AS priority,
  e.facts #>> '{triggered_by,1}' AS triggered_by,
  e.facts #>> '{user_id,1}' AS user_id,
  e.project,
  e.facts #>> '{external_id,1}' AS external_id,
  e.facts #>> '{conversation_id,1}' AS conversation_id,
  e.facts #>> '{correlation,1}' AS requested_correlation,
  e.parent_execution_id,
  e.started_at,
  (e.facts #>> '{started,1}')::numeric AS started_unix_ns,
  e.ended_at AS completed_at,
  (e.facts #>> '{ended,1}')::numeric AS ended_unix_ns,
  known_duration_ms(e.duration_ms, e.span_id, e.facts) AS duration_ms,
  status_now(e.recorded_status, e.last_event_at, e.heartbeat) AS status,
  e.error_type,
  e.facts #>> '{error_message,1}' AS error_message,
  coalesce(e.quality_score, (e.facts #>> '{evaluated_quality,1}')::float8) AS quality_score,
  e.facts #>> '{stage,1}' AS stage,
  (e.facts #>> '{percent,1}')::float8 AS percent,
  e.last_event_at,
  e.model,
  e.facts #>> '{provider,1}' AS provider,
  e.input_tokens,
  e.output_tokens,
  (e.facts #>> '{cache_read_tokens,1}')::int8 AS cache_read_tokens,
  (e.facts #>> '{cache_creation_tokens,1}')::int8 AS cache_creation_tokens,
  coalesce(e.total_tokens, coalesce(e.input_tokens + e.output_tokens, e.input_tokens, e.output_tokens)) AS total_tokens,
  e.cost_usd,
  e.content #>> '{result,1}' AS result,
  coalesce((e.facts #>> '{output_size,1}')::int8, length(e.content #>> '{result,1}')) AS output_size,
  e.facts #>> '{output_sha256,1}' AS output_sha256,
  fact_members(e.facts -> 'files_modified') AS files_modified,
  fact_values(e.facts -> 'metadata') AS metadata,
  e.facts #>> '{capture_mode,1}' AS capture_mode,
  r.service_name,
  span_hex(e.span_id) AS span_id,
  e.first_stored,
  e.content #>> '{reasoning,1}' AS reasoning,
  e.facts #>> '{expected_outcome,1}' AS expected_outcome,
  fact_members(e.facts -> 'success_criteria') AS success_criteria,
  e.facts #>> '{risk_assessment,1}' AS risk_assessment,
  e.facts #> '{agent_configuration,1}' AS agent_configuration,
  e.content #>> '{structured_data,1}' AS structured_data,
  coalesce((e.facts #>> '{files_modified_count,1}')::int8,
    (SELECT count(*) FROM jsonb_object_keys(e.facts -> 'files_modified') HAVING count(*) > 0)) AS files_modified_count,
  fact_members(e.facts -> 'commands_executed') AS commands_executed,
  fact_members(e.facts -> 'api_calls') AS api_calls,
  (e.facts #>> '{tests_run,1}')::int8 AS tests_run,
  (e.facts #>> '{issues_found,1}')::int8 AS issues_found,
  (e.facts #>> '{memory_max_bytes,1}')::int8 AS memory_max_bytes,
  (e.facts #>> '{cpu_time_s,1}')::float8 AS cpu_time_s,
  e.ended_at IS NOT NULL AND left(e.facts #>> '{status,0}', 2) = '0i' AS end_inferred,
  e.facts #>> '{harness,1}' AS harness,
  e.facts #>> '{prompt_id,1}' AS prompt_id,
  coalesce(e.content #>> '{user_request,1}', e.content #>> '{prompt,1}') AS user_request,
  e.content #>> '{reasoning,1}' AS main_agent_reasoning,
  e.started_at AS timestamp_start,
  e.ended_at AS timestamp_end,
  e.facts #>> '{agent_version,1}' AS version,
  e.facts #> '{agent_configuration,1}' AS configuration,
  e.content #>> '{prompt,1}' AS prompt_sent,
  e.content #>> '{context,1}' AS context_provided,
  actions_of(e.execution_id)::jsonb AS actions_taken,
  nullif(concat_ws(', ', e.facts #>> '{stage,1}', (e.facts #>> '{percent,1}')::float8 || ' %'), '') AS real_time_status,
  nullif(jsonb_strip_nulls(jsonb_build_object('cpu_time_s', e.facts #> '{cpu_time_s,1}',
                                              'memory_max_bytes', e.facts #> '{memory_max_bytes,1}')), '{}')
    AS resource_usage,
  e.content #>> '{result,1}' AS raw_response,
  fact_members(e.facts -> 'api_calls') AS api_calls_made,
  e.verification_status,
  (SELECT n.note ->> 'expected_vs_actual' FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS expected_vs_actual,
  (SELECT json_texts(n.note -> 'success_criteria_met') FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS success_criteria_met,
  (SELECT json_texts(n.note -> 'success_criteria_failed') FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS success_criteria_failed,
  (SELECT (n.note ->> 'confidence_score')::float8 FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS confidence_score,
  (SELECT (n.note ->> 'manual_verification_required')::boolean FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS manual_verification_required,
  (SELECT n.noted_at FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS verified_at,
  (SELECT n.note ->> 'by' FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)) AS verified_by,
  (SELECT count(*) FROM execution_notes n
   WHERE n.execution_id = e.execution_id AND n.kind = 'verification') AS verdicts,
  e.facts #>> '{completeness,1}' AS completeness,
  e.facts #>> '{accuracy,1}' AS accuracy,
  e.facts #>> '{efficiency,1}' AS efficiency,
  e.facts #>> '{adherence_to_standards,1}' AS adherence_to_standards,
  notes_of(e.execution_id, 'issue') AS issues,
  learned(e.execution_id, 'insights_gained') AS insights_gained,
  learned(e.execution_id, 'process_improvements') AS process_improvements,
  last_learned(e.execution_id, 'agent_performance') AS agent_performance,
  last_learned(e.execution_id, 'recommendation_for_future') AS recommendation_for_future,
  json_texts(e.facts #> '{criteria_at_start,1}') AS success_criteria_at_start,
  texts_without(fact_members(e.facts -> 'success_criteria'), json_texts(e.facts #> '{criteria_at_start,1}'))
    AS criteria_added,
  texts_without(json_texts(e.facts #> '{criteria_at_start,1}'), json_texts(e.facts #> '{criteria,1}'))
    AS criteria_dropped,
  coalesce(cardinality(
    texts_without(fact_members(e.facts -> 'success_criteria'), json_texts(e.facts #> '{criteria_at_start,1}'))
    || texts_without(json_texts(e.facts #> '{criteria_at_start,1}'), json_texts(e.facts #> '{criteria,1}'))) > 0,
    false) AS criteria_changed,
  e.agent_name AS agent_type,
  e.started_at AS "timestamp",
  div((e.facts #>> '{started,1}')::numeric, 1000000)::int8 AS start_time,
  div((e.facts #>> '{ended,1}')::numeric, 1000000)::int8 AS end_time,
  known_duration_ms(e.duration_ms, e.span_id, e.facts) AS duration,
  coalesce(e.total_tokens, coalesce(e.input_tokens + e.output_tokens, e.input_tokens, e.output_tokens)) AS tokens_used,
  (e.facts #>> '{memory_max_bytes,1}')::float8 / 1e6 AS memory_usage,
  tools_of(e.execution_id) AS tools_used,
  errors_of(e.execution_id, e.error_type, e.facts #>> '{error_message,1}') AS errors,
  ARRAY(SELECT c.execution_id FROM executions c
        WHERE c.parent_execution_id = e.execution_id
        ORDER BY c.started_at, c.execution_id) AS child_executions,
  ARRAY(SELECT s.execution_id FROM executions s
        WHERE s.parent_execution_id = e.parent_execution_id AND s.execution_id <> e.execution_id
          AND s.started_at < coalesce(e.ended_at, e.last_event_at) AND e.started_at < coalesce(s.ended_at, s.last_event_at)
        ORDER BY s.started_at, s.execution_id) AS parallel_with,
  e.agent_name AS name,
  e.execution_id AS id
FROM executions e
LEFT JOIN resources r USING (resource_id);

-- The thirteen columns of the log-execution skill, in its order. Beside its four statuses: partial and abandoned.
CREATE OR REPLACE VIEW agent_execution_logs AS
SELECT
  execution_id,
  correlation_id,
  session_id,
  agent_name,
  coalesce(prompt, description) AS user_prompt,
  started_at,
  completed_at,
  duration_ms,
  status,
  error_message,
  error_type,
  quality_score,
  metadata
FROM agent_executions;

-- Joined to the table for its index on open executions: the status that is decided when read has none. Of what has no
-- sign of life only a verdict is known.
CREATE OR REPLACE VIEW agent_executions_active AS
SELECT
  a.execution_id,
  a.correlation_id,
  a.session_id,
  a.agent_name,
  a.description,
  a.started_at,
  (extract(epoch FROM now() - a.started_at) * 1000)::int8 AS running_ms,
  a.stage,
  a.percent,
  a.last_event_at,
  a.parent_execution_id,
  a.project
FROM agent_executions a
JOIN executions e USING (execution_id)
WHERE e.recorded_status = 'in_progress' AND a.status = 'in_progress' AND e.last_event_at IS NOT NULL;

