-- The routines as they were released with schema 0004, for the test of the upgrade. Never edited.

-- The facts of two records of an execution: per field the pair [rank, value] with the higher rank, objects member by
-- member, of which the first 1,000 in byte order stay. The same rule as model.merge_facts; ranks are compared byte by
-- byte.
CREATE OR REPLACE FUNCTION merge_facts(present jsonb, candidate jsonb) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
  IF present IS NULL THEN
    RETURN candidate;
  ELSIF candidate IS NULL OR candidate = present THEN
    RETURN present;
  END IF;
  RETURN (
    SELECT coalesce(jsonb_object_agg(key,
      CASE
        WHEN present_value IS NULL THEN candidate_value
        WHEN candidate_value IS NULL THEN present_value
        WHEN jsonb_typeof(present_value) = 'object' AND jsonb_typeof(candidate_value) = 'object'
          THEN agent_otel.merge_facts(present_value, candidate_value)
        WHEN (candidate_value ->> 0) COLLATE "C" > (present_value ->> 0) COLLATE "C" THEN candidate_value
        ELSE present_value
      END), '{}')
    FROM (SELECT key, p.value AS present_value, c.value AS candidate_value
          FROM jsonb_each(present) p FULL JOIN jsonb_each(candidate) c USING (key)
          ORDER BY key COLLATE "C" LIMIT 1000) members
  );
END $$;

-- The values of a field that merges by key: {key: [rank, value]} to {key: value}.
CREATE OR REPLACE FUNCTION fact_values(field jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT jsonb_object_agg(key, value -> 1) FROM jsonb_each(field));

-- The members of a field that unites lists: {member: [rank, true]} to a sorted array.
CREATE OR REPLACE FUNCTION fact_members(field jsonb) RETURNS text[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(field) AS t (key));

-- Partitions by UTC day, made by LIKE + ATTACH: unlike CREATE … PARTITION OF, that does not wait for an open COPY.
CREATE OR REPLACE FUNCTION make_partition(parent regclass, partition text, lower_bound timestamptz, upper_bound timestamptz)
  RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE TABLE agent_otel.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
                 partition, parent);
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION agent_otel.%I FOR VALUES FROM (%s) TO (%s)', parent, partition,
                 coalesce(quote_literal(lower_bound), 'MINVALUE'), coalesce(quote_literal(upper_bound), 'MAXVALUE'));
END $$;

-- Make the day partitions that are missing; return the days that could not be made because 32 were made within the
-- last minute. The days around now are always made, and the nearest first: old days never push today's spans aside.
-- Days before 2020 and from 2100 have their outlier partitions and are never asked for.
CREATE OR REPLACE FUNCTION ensure_partitions(days date[]) RETURNS date[]
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = agent_otel, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  wanted date;
  refused date[] := '{}';
  recent int;
  parent text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('agent_otel.ensure_partitions', 0));
  DELETE FROM new_partitions WHERE made_at < clock_timestamp() - interval '1 hour';
  SELECT count(*) INTO recent FROM new_partitions WHERE made_at > clock_timestamp() - interval '1 minute';
  FOR wanted IN SELECT day FROM unnest(days) AS d (day) GROUP BY day ORDER BY abs(day - current_date), day LOOP
    IF wanted < '2020-01-01' OR wanted >= '2100-01-01' THEN
      CONTINUE;
    ELSIF (SELECT count(*) = 2 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent IN ('spans'::regclass, 'execution_events'::regclass)
             AND c.relname IN ('spans_' || to_char(wanted, 'YYYYMMDD'), 'execution_events_' || to_char(wanted, 'YYYYMMDD')))
    THEN
      CONTINUE;
    ELSIF to_regclass('spans_' || to_char(wanted, 'YYYYMMDD')) IS NOT NULL THEN
      -- Detached, to be archived: nothing more goes in there.
      refused := refused || wanted;
      CONTINUE;
    ELSIF recent >= 32 AND wanted NOT BETWEEN current_date - 1 AND current_date + 3 THEN
      refused := refused || wanted;
      CONTINUE;
    END IF;
    FOREACH parent IN ARRAY ARRAY['spans', 'execution_events'] LOOP
      PERFORM make_partition(parent::regclass, parent || '_' || to_char(wanted, 'YYYYMMDD'), wanted, wanted + 1);
    END LOOP;
    INSERT INTO new_partitions (day) VALUES (wanted);
    recent := recent + 1;
  END LOOP;
  RETURN refused;
END $$;

DO $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['spans', 'execution_events'] LOOP
    IF to_regclass(parent || '_before_2020') IS NULL THEN
      PERFORM make_partition(parent::regclass, parent || '_before_2020', NULL, '2020-01-01 00:00:00+00');
      PERFORM make_partition(parent::regclass, parent || '_from_2100', '2100-01-01 00:00:00+00', NULL);
    END IF;
  END LOOP;
END $$;

-- Empty tables of the same shape: ingest may read these, so that it can make its staging tables without reading spans.
DROP TABLE IF EXISTS span_shape, execution_event_shape;
CREATE TABLE span_shape (LIKE spans INCLUDING STORAGE INCLUDING COMPRESSION);
CREATE TABLE execution_event_shape (LIKE execution_events INCLUDING STORAGE INCLUDING COMPRESSION);

-- What users, panels and reports read. The names are those of the requirements.

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
  (e.facts #>> '{prompt_length,1}')::int8 AS prompt_length,
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
  e.quality_score,
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
  (e.facts #>> '{output_size,1}')::int8 AS output_size,
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
  e.facts #>> '{prompt_id,1}' AS prompt_id
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

-- Joined to the table for its index on open executions: the status that is decided when read has none.
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
WHERE e.recorded_status = 'in_progress' AND a.status = 'in_progress';

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

-- The nth place, from 1, that none of `taken` holds.
CREATE OR REPLACE FUNCTION free_place(nth int8, taken numeric[]) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN nth + (
    SELECT count(*)
    FROM (SELECT place, row_number() OVER (ORDER BY place) AS rank
          FROM (SELECT DISTINCT place FROM unnest(taken) AS t (place) WHERE place >= 1) stated) ranked
    WHERE place - rank < nth);

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
) s ON s.execution_id = e.execution_id
  OR (s.execution_id IS NULL AND s.trace_id = e.trace_id
      AND enclosing_execution(s.trace_id, s.parent_span_id) = e.execution_id);

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

-- Usage of executions whose harness tells of model requests one by one: each request counts once.
-- Normally each row of model_requests counts: the API's request id makes one row of what both sources tell. Where answers
-- come without that id (some gateways), the transcript has the message's id and telemetry has none, and nothing says
-- which two belong together. Then one of the two counts for the whole session, never both: the one that knows more
-- requests, telemetry if as many, because it has the cost. What has a request id counts beside that.

-- Whether, in a session, telemetry without request ids counts in place of what the transcript alone tells.
CREATE OR REPLACE FUNCTION unnamed_requests_count(session text) RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp
AS $$
  SELECT unnamed.total > 0 AND unnamed.total >= (
    SELECT count(*) FROM model_requests t
    WHERE t.session_id = session AND t.facts ? 'transcript' AND NOT t.facts ? 'telemetry'
      AND NOT starts_with(t.request_id, 'req_'))
  FROM (SELECT count(*) AS total FROM model_requests m
        WHERE m.session_id = session AND m.request_id >= 'event:' AND m.request_id < 'event;') unnamed
$$;

-- Whether a row counts, by what its session has chosen.
CREATE OR REPLACE FUNCTION is_counted(request_id text, facts jsonb, unnamed_count boolean) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN facts ? 'figures' AND CASE
    WHEN starts_with(request_id, 'event:') THEN unnamed_count
    WHEN facts ? 'telemetry' OR starts_with(request_id, 'req_') THEN true
    ELSE NOT unnamed_count
  END;

-- One of a request's token counts; what nobody told is none.
CREATE OR REPLACE FUNCTION figure(facts jsonb, name text) RETURNS int8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce((facts #>> ARRAY['figures', '1', name])::int8, 0);

-- One row a model request. input_tokens includes the cached ones, as everywhere.
CREATE OR REPLACE VIEW agent_model_requests AS
WITH choices AS MATERIALIZED (
  SELECT session_id, unnamed_requests_count(session_id) AS unnamed_count
  FROM (SELECT DISTINCT m.session_id FROM model_requests m
        WHERE m.request_id >= 'event:' AND m.request_id < 'event;') without_ids
)
SELECT
  m.execution_id,
  m.session_id,
  m.request_id,
  m.requested_at,
  m.facts #>> '{figures,1,model}' AS model,
  figure(m.facts, 'input') + figure(m.facts, 'cache_read') + figure(m.facts, 'cache_creation') AS input_tokens,
  figure(m.facts, 'output') AS output_tokens,
  figure(m.facts, 'cache_read') AS cache_read_tokens,
  figure(m.facts, 'cache_creation') AS cache_creation_tokens,
  (m.facts #>> '{figures,1,cost}')::float8 AS cost_usd,
  ARRAY(SELECT source FROM unnest(ARRAY['telemetry', 'transcript']) AS t (source) WHERE m.facts ? source) AS sources
FROM model_requests m
LEFT JOIN choices c USING (session_id)
WHERE is_counted(m.request_id, m.facts, coalesce(c.unnamed_count, false));

-- A sum of tokens as a fact: rank 2 is above all that a record states (1…). What cannot be true does not overflow.
CREATE OR REPLACE FUNCTION summed(tokens numeric) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN jsonb_build_array('2', least(tokens, 9007199254740992));

-- What the counted requests of an execution add up to, as facts: {} where none of its requests counts, NULL where it has
-- none. Cost is summed as numeric, because floats would add up to something else in another order. The model of most
-- requests stands where nobody states one. Not by the view: that looks at every session, and here one look each is enough.
CREATE OR REPLACE FUNCTION counted_usage(execution uuid) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp
AS $$
  WITH own AS MATERIALIZED (
    SELECT * FROM model_requests WHERE execution_id = execution AND facts ? 'figures'
  ), choices AS MATERIALIZED (
    SELECT session_id, unnamed_requests_count(session_id) AS unnamed_count FROM (SELECT DISTINCT session_id FROM own) s
  ), counted AS (
    SELECT
      figure(o.facts, 'input') + figure(o.facts, 'cache_read') + figure(o.facts, 'cache_creation') AS taken,
      figure(o.facts, 'output') AS given,
      figure(o.facts, 'cache_read') AS cache_read,
      figure(o.facts, 'cache_creation') AS cache_creation,
      (o.facts #>> '{figures,1,cost}')::float8::numeric AS cost,
      o.facts #>> '{figures,1,model}' AS model
    FROM own o
    JOIN choices c USING (session_id)
    WHERE is_counted(o.request_id, o.facts, c.unnamed_count)
  )
  SELECT coalesce(
    (SELECT jsonb_strip_nulls(jsonb_build_object(
       'input_tokens', summed(sum(taken)),
       'output_tokens', summed(sum(given)),
       'cache_read_tokens', summed(sum(cache_read)),
       'cache_creation_tokens', summed(sum(cache_creation)),
       'total_tokens', summed(sum(taken + given)),
       'cost_usd', CASE WHEN count(cost) > 0 THEN jsonb_build_array('2', sum(cost)::float8) END,
       'model', CASE WHEN count(model) > 0
                  THEN jsonb_build_array('-2', mode() WITHIN GROUP (ORDER BY model COLLATE "C")) END))
     FROM counted
     HAVING count(*) > 0),
    (SELECT '{}'::jsonb FROM own LIMIT 1))
$$;

-- The facts of an execution with that usage in place of any earlier. What records state of usage shows where it has no
-- requests; where it has, but others' count in their place, it would count them twice.
CREATE OR REPLACE FUNCTION with_usage(facts jsonb, usage jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp
AS $$
  SELECT CASE WHEN usage = '{}' THEN stated.facts
    ELSE merge_facts(merge_facts(stated.facts, stated.facts -> 'stated_usage'), usage) END
  FROM (SELECT jsonb_object_agg(key, value) AS facts
        FROM jsonb_each(with_usage.facts)
        WHERE jsonb_typeof(value) = 'object' OR value ->> 0 NOT IN ('2', '-2')) stated
$$;

-- One row a session. Tokens and cost are the sum of its executions' own.
CREATE OR REPLACE VIEW agent_sessions AS
SELECT
  a.session_id,
  (array_agg(a.project ORDER BY a.started_at DESC NULLS LAST, a.execution_id) FILTER (WHERE a.project IS NOT NULL))[1]
    AS project,
  min(a.started_at) AS first_started_at,
  max(a.completed_at) AS last_completed_at,
  max(a.last_event_at) AS last_event_at,
  count(*) AS executions,
  count(*) FILTER (WHERE a.status = 'in_progress') AS running,
  count(*) FILTER (WHERE a.status IN ('error', 'partial', 'abandoned')) AS failed,
  sum(a.input_tokens) AS input_tokens,
  sum(a.output_tokens) AS output_tokens,
  sum(a.total_tokens) AS total_tokens,
  sum(a.cost_usd) AS cost_usd
FROM agent_executions a
WHERE a.session_id IS NOT NULL
GROUP BY a.session_id;

-- One row a refusal, newest or oldest as you order it; the bytes are in the table `quarantine`.
CREATE OR REPLACE VIEW agent_quarantine AS
SELECT
  q.quarantine_id,
  encode(q.sha256, 'hex') AS id,
  q.received_at,
  q.signal,
  coalesce(q.retry_reason, q.reason) AS reason,
  q.reason AS first_reason,
  q.resolved_at IS NULL AS is_open,
  q.retried_at,
  q.resolved_at,
  octet_length(q.raw)::int8 AS bytes,
  q.origin_sha256 IS NOT NULL AS shares_origin
FROM quarantine q;

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

-- What \d+ in psql and docs/schema.md say.
COMMENT ON TABLE spans IS 'Every span, once. A replay meets its key; other content under the same key is quarantined.';
COMMENT ON COLUMN spans.span_id IS 'the 8 bytes of the span id as a signed big-endian integer; span_hex() spells it';
COMMENT ON COLUMN spans.start_ns IS 'nanoseconds below the microsecond of start_time';
COMMENT ON COLUMN spans.end_ns IS 'nanoseconds below the microsecond of end_time';
COMMENT ON COLUMN spans.digest IS 'SHA-256 over the canonical OTLP encoding of resource, scope and span';
COMMENT ON COLUMN spans.execution_id IS 'only where the span itself carries it; enclosing_execution() finds it for others';
COMMENT ON COLUMN spans.attributes IS 'every attribute that is not content';
COMMENT ON COLUMN spans.content IS 'prompts, messages, tool input and output';
COMMENT ON COLUMN spans.otlp IS 'the exact bytes, only where jsonb would lose something (NUL, NaN, -0, bytes, repeated keys)';
COMMENT ON COLUMN spans.batch_id IS 'the commit that it came with';
COMMENT ON TABLE execution_events IS 'Every log record: lifecycle events of executions, and any other. A replay meets its key.';
COMMENT ON COLUMN execution_events.event_id IS 'aotel.event.id, else the first 16 bytes of the digest';
COMMENT ON COLUMN execution_events.time IS 'when it happened, else when it was observed';
COMMENT ON COLUMN execution_events.digest IS 'SHA-256 over the canonical OTLP encoding without the observed time';
COMMENT ON TABLE executions IS 'One row an execution, from its first event to its last. Records merge in any order.';
COMMENT ON COLUMN executions.facts IS 'per field [rank, value]; the highest rank stands; the other columns are read off it';
COMMENT ON COLUMN executions.content IS 'likewise for prompt, instructions, context, tools and result';
COMMENT ON COLUMN executions.recorded_status IS 'as recorded; abandoned is decided when a view is read';
COMMENT ON TABLE resources IS 'Every distinct resource (the program that sent), once.';
COMMENT ON TABLE scopes IS 'Every distinct instrumentation scope, once.';
COMMENT ON TABLE traces IS 'One row a trace: its extent in time, its counts, its root.';
COMMENT ON COLUMN traces.max_start IS 'with min_start: where a look-up of the trace''s spans has to look';
COMMENT ON TABLE execution_traces IS 'Traces with steps of an execution that came without it: mostly its own, and any other that they stand in.';
COMMENT ON TABLE model_requests IS 'Model requests of executions whose harness tells of them one by one: one row each, however many sources tell of it.';
COMMENT ON COLUMN model_requests.request_id IS 'as the model''s API names it; the message''s id where the transcript has no other; event:… where telemetry names none';
COMMENT ON COLUMN model_requests.facts IS 'per fact [rank, value]: figures (telemetry above transcript); owner: stated by a hook, agent, prompt; who told of it';
COMMENT ON COLUMN model_requests.execution_id IS 'whose it is: as a hook stated, else the sub-agent that telemetry names, else the prompt''s';
COMMENT ON TABLE quarantine IS 'What could not be stored as it was, with its bytes and the reason.';
COMMENT ON COLUMN quarantine.raw IS 'an export request that holds just this item: OTLP protobuf, or JSON when it starts with {; with origin_sha256 the item alone';
COMMENT ON COLUMN quarantine.reason IS 'why it was refused when it came';
COMMENT ON COLUMN quarantine.origin_sha256 IS 'the resource and scope it came under, where they are larger than the item and kept once for all';
COMMENT ON COLUMN quarantine.retry_reason IS 'why `agent-otel quarantine retry` refused it last';
COMMENT ON COLUMN quarantine.resolved_at IS 'when a retry found it stored; the row stays as the record that it was refused once';
COMMENT ON TABLE quarantine_origins IS 'Resource and scope of quarantined items, once for all that share them: an export request with one empty item.';
COMMENT ON TABLE new_partitions IS 'Day partitions made in the last hour: at most 32 are made in a minute.';
COMMENT ON TABLE schema_migrations IS 'Which migration files were applied, and their checksums.';
COMMENT ON TABLE span_shape IS 'Empty: the shape of spans, for staging tables.';
COMMENT ON TABLE execution_event_shape IS 'Empty: the shape of execution_events, for staging tables.';
COMMENT ON VIEW agent_execution_logs IS 'The thirteen columns of the log-execution skill; beside its statuses: partial, abandoned.';
COMMENT ON VIEW agent_executions IS 'Everything known of each execution.';
COMMENT ON COLUMN agent_executions.correlation_id IS 'the trace id; for an execution without a span, the one that its requested_correlation stands for';
COMMENT ON COLUMN agent_executions.started_at IS 'as stated; where nothing states it, the first sign of life, and duration_ms is NULL';
COMMENT ON COLUMN agent_executions.reasoning IS 'why this agent was chosen for the task';
COMMENT ON COLUMN agent_executions.expected_outcome IS 'what should come of it, as said beforehand';
COMMENT ON COLUMN agent_executions.success_criteria IS 'how to tell that it came; of all records, sorted';
COMMENT ON COLUMN agent_executions.risk_assessment IS 'what may go wrong, as said beforehand';
COMMENT ON COLUMN agent_executions.agent_configuration IS 'how the agent is set up';
COMMENT ON COLUMN agent_executions.structured_data IS 'the result in parsed form, as the JSON text that was sent';
COMMENT ON COLUMN agent_executions.files_modified_count IS 'as stated; the number of files_modified where it was not';
COMMENT ON COLUMN agent_executions.commands_executed IS 'of all records, sorted';
COMMENT ON COLUMN agent_executions.api_calls IS 'of all records, sorted';
COMMENT ON COLUMN agent_executions.issues_found IS 'for agents that review';
COMMENT ON COLUMN agent_executions.memory_max_bytes IS 'largest resident memory';
COMMENT ON COLUMN agent_executions.cpu_time_s IS 'processor time, user and system, in seconds';
COMMENT ON VIEW agent_execution_steps IS 'One row a step: what was done, how long it took, whether it worked. A step that names its execution stands under it in any trace.';
COMMENT ON COLUMN agent_execution_steps.correlation_id IS 'the trace that the step stands in';
COMMENT ON COLUMN agent_executions.end_inferred IS 'whether its end was concluded by a harness; a stated end replaces it, whenever it was';
COMMENT ON VIEW agent_episodes IS 'One row an execution, with its steps as a JSON array: the episode of the episode-log-steps skill.';
COMMENT ON COLUMN agent_episodes.episode_id IS 'the execution id';
COMMENT ON COLUMN agent_episodes.steps IS 'in order, [] without any; members tool, action, latency_ms, tokens, success, observation in this order (so json, not jsonb), and batch_size where a step stands for several';
COMMENT ON VIEW agent_executions_active IS 'Executions running now, with stage and percent.';
COMMENT ON VIEW agent_quarantine IS 'What was refused, when and why; is_open until a retry has stored it. `agent-otel quarantine show` decodes it.';
COMMENT ON COLUMN agent_quarantine.reason IS 'why it stays: the last retry''s reason, else the first';
COMMENT ON COLUMN agent_quarantine.bytes IS 'of the item; with what it shares with others only where shares_origin is false';
COMMENT ON COLUMN agent_executions.harness IS 'whose hooks tell of it: claude-code; its tokens and cost are then the sums of agent_model_requests';
COMMENT ON COLUMN agent_executions.prompt_id IS 'the harness''s id of the prompt that it served';
COMMENT ON VIEW agent_model_requests IS 'One row a model request of a harness''s execution, each once, whoever told of it.';
COMMENT ON COLUMN agent_model_requests.execution_id IS 'who made it; there is no execution of that id where hooks told of none';
COMMENT ON COLUMN agent_model_requests.input_tokens IS 'with those read from and written to the cache';
COMMENT ON COLUMN agent_model_requests.cost_usd IS 'as telemetry says it; NULL where only the transcript tells of the request';
COMMENT ON COLUMN agent_model_requests.sources IS 'telemetry, transcript or both; figures are telemetry''s where both tell';
COMMENT ON VIEW agent_sessions IS 'One row a session: from when to when, how many executions, what they used.';
COMMENT ON COLUMN agent_sessions.project IS 'of its latest execution that names one';
COMMENT ON COLUMN agent_sessions.last_event_at IS 'the last end or sign of life of any';
COMMENT ON COLUMN agent_sessions.failed IS 'error, partial or abandoned; cancelled ones count as neither';
COMMENT ON COLUMN agent_sessions.cost_usd IS 'of the executions whose cost is known';

-- ingest: adds rows, reads only what tells a replay from a conflict. reader: reads. retention: acts through functions.
GRANT USAGE ON SCHEMA agent_otel TO agent_otel_ingest, agent_otel_reader, agent_otel_retention;

-- One by one instead of ON ALL TABLES: a table that somebody else keeps in this schema is not ours to grant.
DO $$
DECLARE
  ours record;
BEGIN
  FOR ours IN SELECT format('TABLE %s', c.oid::regclass) AS what, 'SELECT' AS privilege
              FROM pg_class c
              WHERE c.relnamespace = 'agent_otel'::regnamespace AND c.relowner = current_user::regrole
                AND c.relkind IN ('r', 'p', 'v')
              UNION ALL
              SELECT format('FUNCTION %s', p.oid::regprocedure), 'EXECUTE'
              FROM pg_proc p
              WHERE p.pronamespace = 'agent_otel'::regnamespace AND p.proowner = current_user::regrole
  LOOP
    EXECUTE format('GRANT %s ON %s TO agent_otel_reader', ours.privilege, ours.what);
  END LOOP;
END $$;

GRANT INSERT ON spans, execution_events, quarantine, quarantine_origins, execution_traces TO agent_otel_ingest;
GRANT SELECT (trace_id, span_id, start_time, start_ns, digest) ON spans TO agent_otel_ingest;
GRANT SELECT (event_id, time, time_ns, digest) ON execution_events TO agent_otel_ingest;
GRANT SELECT (sha256, signal) ON quarantine TO agent_otel_ingest;
GRANT SELECT, INSERT ON resources, scopes TO agent_otel_ingest;
GRANT SELECT, INSERT, UPDATE ON executions, model_requests, traces TO agent_otel_ingest;
GRANT SELECT ON span_shape, execution_event_shape, schema_migrations TO agent_otel_ingest;
GRANT USAGE ON SEQUENCE batch_ids TO agent_otel_ingest;

REVOKE EXECUTE ON FUNCTION ensure_partitions(date[]) FROM PUBLIC, agent_otel_reader;
REVOKE EXECUTE ON FUNCTION make_partition(regclass, text, timestamptz, timestamptz) FROM PUBLIC, agent_otel_reader;
GRANT EXECUTE ON FUNCTION ensure_partitions(date[]) TO agent_otel_ingest;
GRANT EXECUTE ON FUNCTION merge_facts(jsonb, jsonb), with_usage(jsonb, jsonb), counted_usage(uuid), summed(numeric),
  is_counted(text, jsonb, boolean), figure(jsonb, text), unnamed_requests_count(text) TO agent_otel_ingest;
GRANT EXECUTE ON FUNCTION unix_ns_to_timestamp(numeric) TO agent_otel_ingest;
