-- What the members of a chain took, each token once, and when they ran.

-- The LLM calls of a trace that report figures, without those whose own LLM calls repeat them.
CREATE OR REPLACE FUNCTION llm_calls(trace uuid)
  RETURNS TABLE (parent_span_id int8, execution_id uuid, input_tokens int8, output_tokens int8, total_tokens int8,
                 cost_usd float8)
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
  earliest timestamptz;
  latest timestamptz;
BEGIN
  SELECT t.min_start, t.max_start INTO earliest, latest FROM traces t WHERE t.trace_id = trace;
  RETURN QUERY
  WITH calls AS MATERIALIZED (
    SELECT s.span_id, s.parent_span_id, s.execution_id, s.input_tokens, s.output_tokens, s.total_tokens, s.cost_usd
    FROM spans s
    WHERE s.trace_id = trace AND s.start_time BETWEEN earliest AND latest AND s.step_kind = 'llm'
      AND coalesce(s.total_tokens, s.input_tokens, s.output_tokens, s.cost_usd) IS NOT NULL
  )
  SELECT c.parent_span_id, c.execution_id, c.input_tokens, c.output_tokens, c.total_tokens, c.cost_usd
  FROM calls c
  WHERE NOT EXISTS (SELECT FROM calls inner_call WHERE inner_call.parent_span_id = c.span_id);
END $$;

-- A sum as int8 and as float8: what cannot be true does not overflow. Floats are summed as numeric, because they would
-- add up to something else in another order.
CREATE OR REPLACE FUNCTION bounded_int8(total numeric) RETURNS int8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN total IS NOT NULL THEN least(total, 9223372036854775807)::int8 END;
CREATE OR REPLACE FUNCTION bounded_float8(total numeric) RETURNS float8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN total IS NOT NULL THEN greatest(least(total, 1e308), -1e308)::float8 END;

-- What the own LLM steps of some executions add up to; no row for those without any. A step that names its execution
-- may stand in another trace.
CREATE OR REPLACE FUNCTION own_llm_usage(executions uuid[])
  RETURNS TABLE (execution_id uuid, input_tokens numeric, output_tokens numeric, total_tokens numeric, cost_usd numeric)
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH places AS MATERIALIZED (
    SELECT e.trace_id FROM agent_otel.executions e WHERE e.execution_id = ANY ($1) AND e.trace_id IS NOT NULL
    UNION
    SELECT x.trace_id FROM execution_traces x WHERE x.execution_id = ANY ($1)
  ), calls AS MATERIALIZED (
    SELECT p.trace_id, c.* FROM places p CROSS JOIN LATERAL llm_calls(p.trace_id) c
  ), enclosing AS MATERIALIZED (
    SELECT t.trace_id, n.place, n.execution_id
    FROM (SELECT c.trace_id, array_agg(DISTINCT c.parent_span_id) AS places FROM calls c
          WHERE c.execution_id IS NULL AND c.parent_span_id IS NOT NULL GROUP BY c.trace_id) t
    CROSS JOIN LATERAL nearest_executions(t.trace_id, t.places) n
  ), owned AS (
    SELECT c.execution_id, c.input_tokens, c.output_tokens, c.total_tokens, c.cost_usd
    FROM calls c WHERE c.execution_id IS NOT NULL
    UNION ALL
    SELECT n.execution_id, c.input_tokens, c.output_tokens, c.total_tokens, c.cost_usd
    FROM calls c JOIN enclosing n ON n.trace_id = c.trace_id AND n.place = c.parent_span_id
    WHERE c.execution_id IS NULL
  )
  SELECT o.execution_id, sum(o.input_tokens), sum(o.output_tokens),
    sum(coalesce(o.total_tokens, o.input_tokens + o.output_tokens, o.input_tokens, o.output_tokens)),
    sum(o.cost_usd::numeric)
  FROM owned o
  WHERE o.execution_id = ANY ($1)
  GROUP BY o.execution_id;
END $$;

-- Whether another instrumentation made the execution: then its id is derived, and what it states may be a sum.
CREATE OR REPLACE FUNCTION is_foreign(execution_id uuid, facts jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN get_byte(uuid_send(execution_id), 6) >> 4 = 5 AND NOT facts ? 'harness';

-- The chain's rows: of the whole tree, or true only of the execution itself (see chain_members).
CREATE OR REPLACE FUNCTION chain_rows(execution uuid, whole boolean)
  RETURNS TABLE (execution_id uuid, agent_name text, status text, started_at timestamptz, completed_at timestamptz,
    duration_ms int8, parent_execution_id uuid, parent_is_missing boolean, root_execution_id uuid, depth int, path uuid[],
    in_cycle boolean, child_executions uuid[], parallel_with uuid[], correlation_id uuid, crosses_trace boolean,
    own_input_tokens int8, own_output_tokens int8, own_tokens int8, own_cost_usd float8, own_duration_ms int8,
    inclusive_input_tokens int8, inclusive_output_tokens int8, inclusive_tokens int8, inclusive_cost_usd float8,
    inclusive_duration_ms int8)
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH members AS MATERIALIZED (
    SELECT m.*, e.trace_id, e.agent_name, e.started_at, e.ended_at, s.status,
      known_duration_ms(e.duration_ms, e.span_id, e.facts) AS duration_ms,
      CASE WHEN t.began IS NOT NULL THEN numrange(t.began, greatest(t.began, t.ended), '[]') END AS ran,
      is_foreign(e.execution_id, e.facts) AS is_foreign,
      e.input_tokens, e.output_tokens,
      coalesce(e.total_tokens, e.input_tokens + e.output_tokens, e.input_tokens, e.output_tokens) AS total_tokens,
      e.cost_usd::numeric AS cost_usd
    FROM chain_members(execution, whole) m
    JOIN executions e USING (execution_id)
    CROSS JOIN LATERAL (SELECT status_now(e.recorded_status, e.last_event_at, e.heartbeat) AS status) s
    -- When it ran, in ns since the Unix epoch: an open one until now, an abandoned one until its last sign of life.
    -- Unknown where the start was never stated.
    LEFT JOIN LATERAL (SELECT (e.facts #>> '{started,1}')::numeric AS began,
      coalesce((e.facts #>> '{ended,1}')::numeric, CASE s.status WHEN 'in_progress' THEN extract(epoch FROM now()) * 1000000000
                                                   ELSE (e.facts #>> '{last_event,1}')::numeric END) AS ended) t
      ON e.span_id IS NOT NULL OR left(e.facts #>> '{started,0}', 1) <> '-'
  ), used AS MATERIALIZED (
    SELECT * FROM own_llm_usage(ARRAY(
      SELECT m.execution_id FROM members m WHERE m.is_foreign OR m.total_tokens IS NULL OR m.cost_usd IS NULL))
  ), told AS MATERIALIZED (
    -- Steps before statements where statements may be sums.
    SELECT m.execution_id, m.path,
      CASE WHEN from_steps THEN u.input_tokens ELSE m.input_tokens END AS input_tokens,
      CASE WHEN from_steps THEN u.output_tokens ELSE m.output_tokens END AS output_tokens,
      CASE WHEN from_steps THEN u.total_tokens ELSE m.total_tokens END AS total_tokens,
      CASE WHEN cost_from_steps THEN u.cost_usd ELSE m.cost_usd END AS cost_usd,
      m.is_foreign AND NOT from_steps AS may_be_sum,
      m.is_foreign AND NOT cost_from_steps AS cost_may_be_sum
    FROM members m
    LEFT JOIN used u USING (execution_id)
    CROSS JOIN LATERAL (SELECT
      u.total_tokens IS NOT NULL AND (m.is_foreign OR m.total_tokens IS NULL) AS from_steps,
      u.cost_usd IS NOT NULL AND (m.is_foreign OR m.cost_usd IS NULL) AS cost_from_steps) source
  ), accounted AS MATERIALIZED (
    -- Who has somebody below that tells figures.
    SELECT above.execution_id, bool_or(t.total_tokens IS NOT NULL) AS tokens, bool_or(t.cost_usd IS NOT NULL) AS cost
    FROM told t
    CROSS JOIN LATERAL unnest(t.path[:cardinality(t.path) - 1]) AS above (execution_id)
    GROUP BY above.execution_id
  ), own AS MATERIALIZED (
    SELECT t.execution_id,
      CASE WHEN tokens_count THEN t.input_tokens END AS input_tokens,
      CASE WHEN tokens_count THEN t.output_tokens END AS output_tokens,
      CASE WHEN tokens_count THEN t.total_tokens END AS total_tokens,
      CASE WHEN cost_counts THEN t.cost_usd END AS cost_usd
    FROM told t
    LEFT JOIN accounted a USING (execution_id)
    CROSS JOIN LATERAL (SELECT
      NOT (t.may_be_sum AND coalesce(a.tokens, false)) AS tokens_count,
      NOT (t.cost_may_be_sum AND coalesce(a.cost, false)) AS cost_counts) counted
  ), inclusive AS MATERIALIZED (
    SELECT above.execution_id, sum(o.input_tokens) AS input_tokens, sum(o.output_tokens) AS output_tokens,
      sum(o.total_tokens) AS total_tokens, sum(o.cost_usd) AS cost_usd, range_agg(m.ran) AS ran
    FROM members m
    JOIN own o USING (execution_id)
    CROSS JOIN LATERAL unnest(m.path) AS above (execution_id)
    GROUP BY above.execution_id
  ), children AS MATERIALIZED (
    SELECT m.parent AS execution_id, array_agg(m.execution_id ORDER BY m.started_at, m.execution_id) AS ids,
      range_agg(m.ran) AS ran
    FROM members m
    WHERE m.parent IS NOT NULL
    GROUP BY m.parent
  ), families AS MATERIALIZED (  -- without the children's ids: those would be copied for each of them
    SELECT c.execution_id AS parent, cardinality(c.ids) AS size FROM children c
  ), siblings AS MATERIALIZED (  -- each will be compared with each: not where there are too many
    SELECT m.execution_id, m.parent, m.started_at, lower(m.ran) AS began, upper(m.ran) AS ended
    FROM members m JOIN families f ON f.parent = m.parent AND f.size BETWEEN 2 AND 1000
  ), parallel AS MATERIALIZED (
    SELECT s.execution_id, array_agg(other.execution_id ORDER BY other.started_at, other.execution_id) AS ids
    FROM siblings s
    JOIN siblings other ON other.parent = s.parent AND other.execution_id <> s.execution_id
      AND s.began < other.ended AND other.began < s.ended
    GROUP BY s.execution_id
  )
  SELECT m.execution_id, m.agent_name, m.status, m.started_at, m.ended_at, m.duration_ms, m.named_parent,
    m.parent_is_missing, m.path[1], cardinality(m.path) - 1, m.path, m.in_cycle, coalesce(c.ids, '{}'),
    CASE WHEN f.size > 1000 THEN NULL ELSE coalesce(p.ids, '{}') END,
    m.trace_id, coalesce(above.trace_id <> m.trace_id, false),
    bounded_int8(o.input_tokens), bounded_int8(o.output_tokens), bounded_int8(o.total_tokens), bounded_float8(o.cost_usd),
    CASE WHEN m.ran IS NOT NULL THEN
      (SELECT bounded_int8(div(coalesce(sum(upper(r) - lower(r)), 0), 1000000))
       FROM unnest(nummultirange(m.ran) - coalesce(c.ran, '{}')) AS alone (r)) END,
    bounded_int8(i.input_tokens), bounded_int8(i.output_tokens), bounded_int8(i.total_tokens), bounded_float8(i.cost_usd),
    CASE WHEN i.ran IS NOT NULL THEN
      (SELECT bounded_int8(div(coalesce(sum(upper(r) - lower(r)), 0), 1000000)) FROM unnest(i.ran) AS together (r)) END
  FROM members m
  JOIN own o USING (execution_id)
  JOIN inclusive i USING (execution_id)
  LEFT JOIN children c USING (execution_id)
  LEFT JOIN parallel p USING (execution_id)
  LEFT JOIN members above ON above.execution_id = m.named_parent
  LEFT JOIN families f ON f.parent = m.parent
  ORDER BY cardinality(m.path), m.started_at, m.execution_id;
END $$;

CREATE OR REPLACE FUNCTION agent_chain(execution uuid)
  RETURNS TABLE (execution_id uuid, agent_name text, status text, started_at timestamptz, completed_at timestamptz,
    duration_ms int8, parent_execution_id uuid, parent_is_missing boolean, root_execution_id uuid, depth int, path uuid[],
    in_cycle boolean, child_executions uuid[], parallel_with uuid[], correlation_id uuid, crosses_trace boolean,
    own_input_tokens int8, own_output_tokens int8, own_tokens int8, own_cost_usd float8, own_duration_ms int8,
    inclusive_input_tokens int8, inclusive_output_tokens int8, inclusive_tokens int8, inclusive_cost_usd float8,
    inclusive_duration_ms int8)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp
AS $$
  SELECT * FROM chain_rows(execution, true)
$$;

-- One row an execution. Asked by execution_id it reads that execution's tree alone; filters on the other columns of the
-- execution itself (correlation_id, started_at, agent_name) choose first and then ask once for each.
CREATE OR REPLACE VIEW agent_execution_chain AS
SELECT
  e.execution_id,
  e.agent_name,
  c.status,
  e.started_at,
  c.completed_at,
  c.duration_ms,
  c.parent_execution_id,
  c.parent_is_missing,
  c.root_execution_id,
  c.depth,
  c.path,
  c.in_cycle,
  c.child_executions,
  c.parallel_with,
  e.trace_id AS correlation_id,
  c.crosses_trace,
  c.own_input_tokens,
  c.own_output_tokens,
  c.own_tokens,
  c.own_cost_usd,
  c.own_duration_ms,
  c.inclusive_input_tokens,
  c.inclusive_output_tokens,
  c.inclusive_tokens,
  c.inclusive_cost_usd,
  c.inclusive_duration_ms
FROM executions e
JOIN LATERAL chain_rows(e.execution_id, false) c ON c.execution_id = e.execution_id;

-- All trees that have a member in a trace, each once and whole.
CREATE OR REPLACE FUNCTION agent_chains(correlation uuid) RETURNS SETOF agent_execution_chain
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp
AS $$
DECLARE
  member uuid;
  told uuid[] := '{}';
  tree agent_execution_chain;
BEGIN
  FOR member IN SELECT e.execution_id FROM executions e WHERE e.trace_id = correlation ORDER BY e.started_at, e.execution_id LOOP
    CONTINUE WHEN member = ANY (told);
    FOR tree IN SELECT * FROM agent_chain(member) LOOP
      told := told || tree.execution_id;
      RETURN NEXT tree;
    END LOOP;
  END LOOP;
END $$;

COMMENT ON COLUMN executions.parent_span_id IS 'the span above its own; enclosing executions are found by it';
COMMENT ON COLUMN executions.link_trace_id IS 'of the first link of type delegated_by on its span';
COMMENT ON COLUMN executions.link_span_id IS 'likewise';
COMMENT ON FUNCTION agent_chain(uuid) IS 'The whole tree that an execution belongs to, one row a member; nothing for an unknown id.';
COMMENT ON FUNCTION agent_chains(uuid) IS 'The trees that have a member in a trace, whole: agent_chain() of each.';
COMMENT ON VIEW agent_execution_chain IS
  'One row an execution: its place among those that delegated it and that it delegated, what it took itself, and with all below it. Ask WHERE execution_id = …; for a whole tree SELECT * FROM agent_chain(…) with any member''s id, or FROM agent_chains(…) with the correlation id: one question instead of one a member.';
COMMENT ON COLUMN agent_execution_chain.parent_execution_id IS
  'as stated; else the nearest execution above its span; else the one that its delegated_by link names';
COMMENT ON COLUMN agent_execution_chain.parent_is_missing IS 'whether it names a parent (states it, links to it, or has a span above) that is not stored';
COMMENT ON COLUMN agent_execution_chain.root_execution_id IS 'the topmost known; of a cycle its earliest member. To filter by it, ask agent_chain()';
COMMENT ON COLUMN agent_execution_chain.path IS 'from the root to itself';
COMMENT ON COLUMN agent_execution_chain.in_cycle IS 'whether it is, through others, its own parent; a cycle is cut at its earliest member';
COMMENT ON COLUMN agent_execution_chain.parallel_with IS 'siblings that ran at the same time; NULL among more than 1,000 siblings';
COMMENT ON COLUMN agent_execution_chain.crosses_trace IS 'whether its parent is in another trace';
COMMENT ON COLUMN agent_execution_chain.own_tokens IS
  'as stated; else of its own LLM steps. Of other instrumentations, which repeat sums on parents: of its steps, else as stated where nothing below it tells any';
COMMENT ON COLUMN agent_execution_chain.own_cost_usd IS 'likewise';
COMMENT ON COLUMN agent_execution_chain.own_duration_ms IS 'its time less that of its children; while it runs, until now; where abandoned, until its last sign of life';
COMMENT ON COLUMN agent_execution_chain.inclusive_tokens IS 'its own and those of all below it, each once';
COMMENT ON COLUMN agent_execution_chain.inclusive_duration_ms IS 'how long it or any below it ran; parallel time once';
