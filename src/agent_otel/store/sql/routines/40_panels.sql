-- What dashboards ask. Their panels read these views and functions, never tables.

-- 100 for a success, 0 for what counts against it, NULL for what is shown but not counted (in_progress, cancelled):
-- avg() of it is the success rate that every report shares.
CREATE OR REPLACE FUNCTION success_percent(status text) RETURNS float8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE status WHEN 'success' THEN 100 WHEN 'partial' THEN 0 WHEN 'error' THEN 0 WHEN 'abandoned' THEN 0 END;

-- The values that Grafana's ${variable:sqlstring} means: besides doubling ' it writes \ before each ".
CREATE OR REPLACE FUNCTION variable_values(choice text[]) RETURNS text[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ARRAY(SELECT replace(value, '\"', '"') FROM unnest(choice) AS t (value));

-- Whether a value is among those chosen in a dashboard. A NULL in the choice means all, an empty choice none.
CREATE OR REPLACE FUNCTION is_chosen(value text, choice text[]) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN array_position(choice, NULL) IS NOT NULL OR value = ANY (variable_values(choice));

-- One row an execution, with names for what has none, so that it can be chosen, and the trace id as Jaeger shows it.
CREATE OR REPLACE VIEW panel_executions AS
SELECT
  execution_id,
  replace(correlation_id::text, '-', '') AS trace_id,
  coalesce(nullif(agent_name, ''), '(none)') AS agent,
  coalesce(nullif(session_id, ''), '(none)') AS session,
  status,
  success_percent(status) AS success,
  started_at,
  duration_ms,
  total_tokens,
  cost_usd,
  error_type,
  error_message,
  coalesce(description, left(prompt, 200)) AS task
FROM agent_executions;

-- Executions under way, found by the index of open ones: the rest of the table is not read.
CREATE OR REPLACE VIEW panel_running AS
SELECT
  a.execution_id,
  replace(a.correlation_id::text, '-', '') AS trace_id,
  coalesce(nullif(a.agent_name, ''), '(none)') AS agent,
  coalesce(nullif(a.session_id, ''), '(none)') AS session,
  a.started_at,
  a.running_ms,
  a.stage,
  a.percent,
  a.description AS task
FROM agent_executions_active a;

-- Tokens and cost by model from one moment to another, each token once: the LLM calls that report tokens, without those
-- whose own LLM calls repeat them; and what executions state, where none of their steps does. An execution that another
-- instrumentation made (its id is a version 5 UUID) may state the sum of its whole trace: it counts only where no LLM
-- call of the trace does. Of a harness that tells of model requests one by one, those count.
CREATE OR REPLACE FUNCTION agent_model_usage(since timestamptz, until timestamptz)
  RETURNS TABLE (execution_id uuid, used_at timestamptz, model text, input_tokens int8, output_tokens int8,
                 total_tokens int8, cost_usd float8)
  LANGUAGE sql STABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp
AS $$
  WITH calls AS MATERIALIZED (
    SELECT s.trace_id, s.span_id, s.parent_span_id,
      coalesce(s.execution_id,
        (SELECT e.execution_id FROM executions e  -- mostly the parent is the agent: no need to climb
         WHERE e.trace_id = s.trace_id AND e.span_id = s.parent_span_id ORDER BY e.execution_id LIMIT 1),
        enclosing_execution(s.trace_id, s.parent_span_id)) AS execution_id,
      s.start_time, s.model, s.input_tokens, s.output_tokens, s.total_tokens, s.cost_usd
    FROM spans s
    WHERE s.start_time BETWEEN since AND until
      AND s.step_kind = 'llm'
      AND coalesce(s.total_tokens, s.input_tokens, s.output_tokens) IS NOT NULL
  ), stated AS (
    SELECT c.execution_id, c.start_time AS used_at, c.model, c.input_tokens, c.output_tokens, c.total_tokens, c.cost_usd
    FROM calls c
    WHERE NOT EXISTS (SELECT FROM calls inner_call
                      WHERE inner_call.trace_id = c.trace_id AND inner_call.parent_span_id = c.span_id)
    UNION ALL
    SELECT e.execution_id, e.started_at, e.model, e.input_tokens, e.output_tokens, e.total_tokens, e.cost_usd
    FROM executions e
    WHERE e.started_at BETWEEN since AND until
      AND coalesce(e.total_tokens, e.input_tokens, e.output_tokens) IS NOT NULL
      AND (e.facts #>> '{total_tokens,0}') IS DISTINCT FROM '2'
      AND NOT EXISTS (SELECT FROM calls c
                      WHERE c.trace_id = e.trace_id
                        AND (c.execution_id = e.execution_id
                             OR (get_byte(uuid_send(e.execution_id), 6) >> 4 = 5 AND NOT e.facts ? 'harness')))
    UNION ALL
    SELECT m.execution_id, m.requested_at, m.model, m.input_tokens, m.output_tokens, NULL, m.cost_usd
    FROM agent_model_requests m
    JOIN executions e USING (execution_id)
    WHERE m.requested_at BETWEEN since AND until
  )
  SELECT s.execution_id, s.used_at, coalesce(s.model, '(none)'), s.input_tokens, s.output_tokens,
    coalesce(s.total_tokens, coalesce(s.input_tokens, 0) + coalesce(s.output_tokens, 0)), s.cost_usd
  FROM stated s
$$;
