-- Usage of executions whose harness tells of model requests one by one: each request counts once.

-- Whether telemetry without request ids knows at least as many requests of a session as the transcript alone does.
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

-- Whether a row of model_requests counts. Normally each does: the API's request id makes one row of what both sources
-- tell. Where answers come without that id (some gateways), the transcript has the message's id and telemetry has none,
-- and nothing says which two belong together. Then one of the two counts for the whole session, never both: the one that
-- knows more requests, telemetry if as many, because it has the cost. What has a request id counts beside that.
CREATE OR REPLACE FUNCTION is_counted(session_id text, request_id text, facts jsonb) RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN facts ? 'figures' AND CASE
    WHEN starts_with(request_id, 'event:') THEN unnamed_requests_count(session_id)
    WHEN facts ? 'telemetry' OR starts_with(request_id, 'req_') THEN true
    ELSE NOT unnamed_requests_count(session_id)
  END;

-- One row a model request. input_tokens includes the cached ones, as everywhere.
CREATE OR REPLACE VIEW agent_model_requests AS
SELECT
  m.execution_id,
  m.session_id,
  m.request_id,
  m.requested_at,
  m.facts #>> '{figures,1,model}' AS model,
  coalesce((m.facts #>> '{figures,1,input}')::int8, 0) + coalesce((m.facts #>> '{figures,1,cache_read}')::int8, 0)
    + coalesce((m.facts #>> '{figures,1,cache_creation}')::int8, 0) AS input_tokens,
  coalesce((m.facts #>> '{figures,1,output}')::int8, 0) AS output_tokens,
  coalesce((m.facts #>> '{figures,1,cache_read}')::int8, 0) AS cache_read_tokens,
  coalesce((m.facts #>> '{figures,1,cache_creation}')::int8, 0) AS cache_creation_tokens,
  (m.facts #>> '{figures,1,cost}')::float8 AS cost_usd,
  ARRAY(SELECT source FROM unnest(ARRAY['telemetry', 'transcript']) AS t (source) WHERE m.facts ? source) AS sources
FROM model_requests m
WHERE is_counted(m.session_id, m.request_id, m.facts);

-- A sum of tokens as a fact: rank 2 is above all that a record states (1…). What cannot be true does not overflow.
CREATE OR REPLACE FUNCTION summed(tokens numeric) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN jsonb_build_array('2', least(tokens, 9007199254740992));

-- What the counted requests of an execution add up to, as facts: {} where none of its requests counts, NULL where it has
-- none. Cost is summed as numeric, because floats would add up to something else in another order. The model of most
-- requests stands where nobody states one.
CREATE OR REPLACE FUNCTION counted_usage(execution uuid) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE SET search_path = agent_otel, pg_temp
AS $$
  SELECT coalesce(
    (SELECT jsonb_strip_nulls(jsonb_build_object(
       'input_tokens', summed(sum(input_tokens)),
       'output_tokens', summed(sum(output_tokens)),
       'cache_read_tokens', summed(sum(cache_read_tokens)),
       'cache_creation_tokens', summed(sum(cache_creation_tokens)),
       'total_tokens', summed(sum(input_tokens + output_tokens)),
       'cost_usd', CASE WHEN count(cost_usd) > 0 THEN jsonb_build_array('2', sum(cost_usd::numeric)::float8) END,
       'model', CASE WHEN count(model) > 0
                  THEN jsonb_build_array('-2', mode() WITHIN GROUP (ORDER BY model COLLATE "C")) END))
     FROM agent_model_requests
     WHERE execution_id = execution
     HAVING count(*) > 0),
    (SELECT '{}'::jsonb FROM model_requests
     WHERE execution_id = execution AND facts ? 'figures' LIMIT 1))
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
