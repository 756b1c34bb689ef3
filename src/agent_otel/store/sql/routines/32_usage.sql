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
