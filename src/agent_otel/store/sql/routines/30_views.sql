-- What users, panels and reports read, first of all steps. The names are those of the requirements.

-- An execution without an end counts as abandoned when its last sign of life is too old: 5 minutes where it ever sent a
-- heartbeat, else 24 hours. Decided when read, so that a late end still wins. Both limits can be set:
-- ALTER DATABASE … SET agent_otel.abandoned_after = '2 hours'; … SET agent_otel.abandoned_after_heartbeat = '10 minutes';
CREATE OR REPLACE FUNCTION status_now(recorded_status text, last_event_at timestamptz, heartbeat boolean) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE
    WHEN recorded_status <> 'in_progress' THEN recorded_status
    WHEN last_event_at < now() - CASE WHEN heartbeat
      THEN coalesce(nullif(current_setting('agent_otel.abandoned_after_heartbeat', true), ''), '5 minutes')::interval
      ELSE coalesce(nullif(current_setting('agent_otel.abandoned_after', true), ''), '24 hours')::interval
    END THEN 'abandoned'
    ELSE 'in_progress'
  END;

-- A span id as the 16 hex digits that OpenTelemetry and Jaeger show.
CREATE OR REPLACE FUNCTION span_hex(span_id int8) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lpad(to_hex(span_id), 16, '0');

-- Milliseconds between two instants whose nanoseconds stand apart. Reckoned as numeric: 1001 stays 1001.
CREATE OR REPLACE FUNCTION elapsed_ms(start_time timestamptz, start_ns int2, end_time timestamptz, end_ns int2) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (extract(epoch FROM end_time - start_time) * 1000 + (end_ns - start_ns) / 1e6)::float8;

-- Where the start was never stated (its rank begins with -), the first sign of life stands for it and nothing is known
-- of the duration. Such executions have no span: the facts of the others need not be read.
CREATE OR REPLACE FUNCTION known_duration_ms(elapsed int8, span_id int8, facts jsonb) RETURNS int8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN span_id IS NOT NULL OR left(facts #>> '{started,0}', 1) <> '-' THEN elapsed END;

-- The execution that encloses a span which does not name it: the nearest span above that is an execution's own.
-- Two statements and plans made for the values at hand: so only the days of the trace are opened, not every partition.
CREATE OR REPLACE FUNCTION enclosing_execution(trace uuid, parent int8) RETURNS uuid
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  nearest uuid;
  earliest timestamptz;
  latest timestamptz;
BEGIN
  SELECT e.execution_id INTO nearest FROM executions e
  WHERE e.trace_id = trace AND e.span_id = parent
  ORDER BY e.execution_id LIMIT 1;
  IF nearest IS NOT NULL THEN
    RETURN nearest;
  END IF;
  SELECT min_start, max_start INTO earliest, latest FROM traces WHERE trace_id = trace;
  RETURN (
    WITH RECURSIVE upward AS (
      SELECT parent AS span_id, ARRAY[]::int8[] AS seen
      UNION ALL
      SELECT s.parent_span_id, u.seen || u.span_id
      FROM upward u
      JOIN spans s ON s.trace_id = trace AND s.span_id = u.span_id AND s.start_time BETWEEN earliest AND latest
      WHERE u.span_id <> ALL (u.seen) AND cardinality(u.seen) < 1000
    )
    SELECT e.execution_id
    FROM upward u
    JOIN executions e ON e.trace_id = trace AND e.span_id = u.span_id
    ORDER BY cardinality(u.seen), e.execution_id
    LIMIT 1);
END $$;

-- The spans of its trace, between two instants, that an execution encloses: all below its span, down to the next
-- executions. Of two executions with one span the first does. All at once, because every span of other instrumentations
-- is found this way; by one plan, because making one takes longer than it runs. Partitions of other days are left out
-- when it starts.
CREATE OR REPLACE FUNCTION spans_enclosed(execution uuid, trace uuid, top int8, earliest timestamptz, latest timestamptz)
  RETURNS int8[]
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = agent_otel, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  others int8[];
  is_second boolean;
BEGIN
  SELECT coalesce(array_agg(e.span_id) FILTER (WHERE e.span_id <> top), '{}'),
    bool_or(e.span_id = top AND e.execution_id < execution)
  INTO others, is_second
  FROM executions e
  WHERE e.trace_id = trace AND e.span_id IS NOT NULL;
  IF is_second THEN
    RETURN '{}';
  END IF;
  RETURN ARRAY(
    WITH RECURSIVE known AS MATERIALIZED (
      SELECT s.span_id, s.parent_span_id FROM spans s
      WHERE s.trace_id = trace AND s.start_time BETWEEN earliest AND latest AND s.parent_span_id IS NOT NULL
    ), enclosed AS (
      SELECT k.span_id FROM known k WHERE k.parent_span_id = top
      UNION
      SELECT k.span_id FROM enclosed e JOIN known k ON k.parent_span_id = e.span_id WHERE e.span_id <> ALL (others)
    )
    SELECT e.span_id FROM enclosed e);
END $$;

-- The nth place, from 1, that none of `taken` holds.
CREATE OR REPLACE FUNCTION place_beside(nth int8, taken numeric[]) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN nth + (
    SELECT count(*)
    FROM (SELECT place, row_number() OVER (ORDER BY place) AS rank
          FROM (SELECT DISTINCT place FROM unnest(taken) AS t (place) WHERE place >= 1) stated) ranked
    WHERE place - rank < nth);

-- The same; mostly nothing is taken, and this much is done without a call.
CREATE OR REPLACE FUNCTION free_place(nth int8, taken numeric[]) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN taken IS NULL THEN nth ELSE place_beside(nth, taken) END;

-- One row a step. A step's place: the explicit sequence, else the order in time (by its end where the start was
-- estimated from a latency), ties by span id, over the places that no explicit sequence holds.
CREATE OR REPLACE VIEW agent_execution_steps AS
SELECT
  e.execution_id,
  coalesce(s.explicit_sequence,
    free_place(row_number() OVER (PARTITION BY e.execution_id, s.explicit_sequence IS NULL
                                  ORDER BY s.place, s.place_ns, s.span_id),
               array_agg(s.explicit_sequence) FILTER (WHERE s.explicit_sequence IS NOT NULL)
                 OVER (PARTITION BY e.execution_id))) AS sequence,
  s.kind,
  s.tool,
  s.action,
  s.latency_ms,
  s.tokens,
  s.success,
  s.observation,
  s.error_type,
  s.error_message,
  s.input,
  s.output,
  s.model,
  s.input_tokens,
  s.output_tokens,
  s.cost_usd,
  s.batch_size,
  s.tool_call_id,
  s.started_at,
  s.ended_at,
  s.trace_id AS correlation_id,
  span_hex(s.span_id) AS span_id,
  span_hex(s.parent_span_id) AS parent_span_id,
  s.name
FROM executions e
-- A step that names its execution may stand in another trace than the execution.
JOIN LATERAL (
  SELECT e.trace_id
  UNION
  SELECT x.trace_id FROM execution_traces x WHERE x.execution_id = e.execution_id
) place ON true
JOIN traces t ON t.trace_id = place.trace_id
JOIN LATERAL (
  SELECT
    s.trace_id,
    s.execution_id,
    s.span_id,
    s.parent_span_id,
    s.name,
    s.step_kind AS kind,
    coalesce(s.tool_name, s.model, s.attributes ->> 'aotel.step.name') AS tool,
    s.attributes ->> 'aotel.step.action' AS action,
    elapsed_ms(s.start_time, s.start_ns, s.end_time, s.end_ns) AS latency_ms,
    coalesce(s.total_tokens, s.input_tokens + s.output_tokens, s.input_tokens, s.output_tokens) AS tokens,
    s.status_code <> 2 AND (s.attributes ->> 'aotel.step.success') IS DISTINCT FROM 'false' AS success,
    s.attributes ->> 'aotel.step.observation' AS observation,
    s.error_type,
    coalesce(s.status_message, s.attributes ->> 'aotel.error.message') AS error_message,
    s.content ->> 'gen_ai.tool.call.arguments' AS input,
    s.content ->> 'gen_ai.tool.call.result' AS output,
    s.model,
    s.input_tokens,
    s.output_tokens,
    s.cost_usd,
    CASE WHEN jsonb_typeof(s.attributes -> 'aotel.step.batch_size') = 'number'
      THEN (s.attributes ->> 'aotel.step.batch_size')::numeric END AS batch_size,
    s.attributes ->> 'gen_ai.tool.call.id' AS tool_call_id,
    s.start_time AS started_at,
    s.end_time AS ended_at,
    CASE WHEN jsonb_typeof(s.attributes -> 'aotel.step.sequence') = 'number'
      THEN (s.attributes ->> 'aotel.step.sequence')::numeric END AS explicit_sequence,
    CASE WHEN s.attributes ->> 'aotel.step.start_estimated' = 'true' THEN s.end_time ELSE s.start_time END AS place,
    CASE WHEN s.attributes ->> 'aotel.step.start_estimated' = 'true' THEN s.end_ns ELSE s.start_ns END AS place_ns
  FROM spans s
  WHERE s.trace_id = t.trace_id AND s.start_time BETWEEN t.min_start AND t.max_start AND s.step_kind IS NOT NULL
    AND (s.execution_id = e.execution_id
         OR (s.execution_id IS NULL AND s.trace_id = e.trace_id
             AND s.span_id = ANY ((SELECT spans_enclosed(e.execution_id, e.trace_id, e.span_id, t.min_start, t.max_start))::int8[])))
  OFFSET 0  -- so the spans that it encloses are looked for once, and only where a span names no execution
) s ON true;

-- One row an execution with its steps in it, in the words of the episode-log-steps skill.
-- json, not jsonb: it keeps the members of a step in the order of the skill's ExecutionStep.
CREATE OR REPLACE VIEW agent_episodes AS
SELECT
  e.execution_id AS episode_id,
  e.agent_name,
  e.facts #>> '{description,1}' AS description,
  status_now(e.recorded_status, e.last_event_at, e.heartbeat) AS status,
  e.started_at,
  e.ended_at AS completed_at,
  known_duration_ms(e.duration_ms, e.span_id, e.facts) AS duration_ms,
  (SELECT coalesce(json_agg(
      CASE WHEN s.batch_size > 1
        THEN json_build_object('tool', s.tool, 'action', s.action, 'latency_ms', s.latency_ms, 'tokens', s.tokens,
                               'success', s.success, 'observation', s.observation, 'batch_size', s.batch_size)
        ELSE json_build_object('tool', s.tool, 'action', s.action, 'latency_ms', s.latency_ms, 'tokens', s.tokens,
                               'success', s.success, 'observation', s.observation)
      END ORDER BY s.sequence, s.span_id), '[]')
   FROM agent_execution_steps s
   WHERE s.execution_id = e.execution_id) AS steps
FROM executions e;
