-- The report on one day, and what reports have in common. Every figure stands here; programs only show them.

-- How often each of some labels was given, as an object in their order.
CREATE OR REPLACE FUNCTION label_counts(labels text[], given text[]) RETURNS json
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT json_object_agg(k.label, (SELECT count(*) FROM unnest(given) AS g (label) WHERE g.label = k.label)
                                 ORDER BY k.place)
          FROM unnest(labels) WITH ORDINALITY AS k (label, place));

-- All six statuses, with how many executions have each.
CREATE OR REPLACE FUNCTION status_counts(statuses text[]) RETURNS json
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN label_counts(ARRAY['in_progress', 'success', 'partial', 'error', 'cancelled', 'abandoned'], statuses);

-- What a failed execution is listed under: its status where it does not say why.
CREATE OR REPLACE FUNCTION failure_text(status text, error_type text, error_message text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(nullif(concat_ws(': ', nullif(error_type, ''), nullif(error_pattern(error_message), '')), ''), status);

-- The day from midnight to midnight in a time zone: 23 to 25 hours. Notes count by their execution's day.
CREATE OR REPLACE FUNCTION report_daily(day date, tz text DEFAULT 'UTC', roots_only boolean DEFAULT false,
                                        project text DEFAULT NULL)
  RETURNS json
  LANGUAGE sql STABLE SET search_path = agent_otel, pg_temp SET timezone = 'UTC'
AS $$
  WITH own AS MATERIALIZED (
    SELECT a.execution_id, a.started_at, shown_agent(a.agent_name) AS agent, a.status, a.duration_ms, a.error_type,
      a.error_message, a.quality_score, a.completeness, a.accuracy, a.efficiency, a.verification_status,
      a.input_tokens, a.output_tokens, a.total_tokens, a.cost_usd::numeric AS cost_usd
    FROM agent_executions a
    WHERE a.last_event_at IS NOT NULL  -- else only a verdict names it
      AND a.started_at >= report_daily.day::timestamp AT TIME ZONE tz
      AND a.started_at < (report_daily.day + 1)::timestamp AT TIME ZONE tz
      AND (NOT roots_only OR a.parent_execution_id IS NULL)
      AND (report_daily.project IS NULL OR a.project = report_daily.project)
  ), issues AS MATERIALIZED (
    SELECT o.agent, o.execution_id, o.started_at, coalesce(i.description, '(none)') AS issue, i.type, i.prevention
    FROM own o
    CROSS JOIN LATERAL (SELECT * FROM agent_issues n WHERE n.execution_id = o.execution_id OFFSET 0) i
  ), agents AS (
    SELECT o.agent, count(*) AS executions, count(success_percent(o.status)) AS counted,
      count(*) FILTER (WHERE o.status IN ('error', 'partial', 'abandoned')) AS failed,
      percent_of(count(*) FILTER (WHERE o.status = 'success'), count(success_percent(o.status))) AS success_rate,
      round(avg(o.duration_ms))::int8 AS average_duration,
      coalesce(sum(o.total_tokens), 0) AS total_tokens,
      coalesce(sum(o.cost_usd), 0)::float8 AS cost_usd,
      count(*) FILTER (WHERE o.status = 'success' AND o.verification_status = 'MISMATCH') AS refuted
    FROM own o
    GROUP BY o.agent
  ), problems AS (
    SELECT p.issue, p.type, count(*) AS count,
      array_agg(DISTINCT p.agent COLLATE "C" ORDER BY p.agent COLLATE "C") AS agents,
      (array_agg(p.execution_id ORDER BY p.started_at DESC, p.execution_id DESC))[1] AS example
    FROM (SELECT i.issue, i.type, i.agent, i.execution_id, i.started_at FROM issues i
          UNION ALL
          SELECT failure_text(o.status, o.error_type, o.error_message), 'ERROR', o.agent, o.execution_id, o.started_at
          FROM own o
          WHERE o.status IN ('error', 'partial', 'abandoned')) p
    GROUP BY p.issue, p.type
    ORDER BY count(*) DESC, p.type COLLATE "C", p.issue COLLATE "C"
    LIMIT 10
  ), opportunities AS (
    SELECT 1 AS place, 'said' AS kind, said.opportunity, NULL AS agent, count(*) AS count
    FROM own o
    CROSS JOIN LATERAL (SELECT * FROM agent_learning n WHERE n.execution_id = o.execution_id OFFSET 0) l
    CROSS JOIN LATERAL unnest(l.process_improvements) AS said (opportunity)
    GROUP BY said.opportunity
    UNION ALL
    SELECT 2, 'prevention', i.prevention, NULL, count(*) FROM issues i WHERE i.prevention <> '' GROUP BY i.prevention
    UNION ALL
    SELECT 3, 'success_rate',
      format('%s succeeded in %s %% of %s executions: look into its failures', a.agent, a.success_rate, a.counted),
      a.agent, a.failed
    FROM agents a WHERE a.counted >= 3 AND a.success_rate < 80
    UNION ALL
    SELECT 4, 'refuted',
      format('%s claimed success %s times where a verdict says MISMATCH: verify what it claims', a.agent, a.refuted),
      a.agent, a.refuted
    FROM agents a WHERE a.refuted > 0
  )
  SELECT json_build_object(
    'total_executions', count(*),
    'success_rate', percent_of(count(*) FILTER (WHERE o.status = 'success'), count(success_percent(o.status))),
    'average_duration', round(avg(o.duration_ms))::int8,
    'agents_used', (
      SELECT coalesce(json_agg(json_build_object(
          'agent', a.agent, 'executions', a.executions, 'success_rate', a.success_rate,
          'average_duration', a.average_duration, 'total_tokens', a.total_tokens, 'cost_usd', a.cost_usd)
        ORDER BY a.executions DESC, a.agent COLLATE "C"), '[]')
      FROM agents a),
    'quality_scores', json_build_object(
      'average', round(avg(o.quality_score::numeric), 3),
      'scored', count(o.quality_score),
      'high', count(*) FILTER (WHERE o.quality_score >= 0.8),
      'medium', count(*) FILTER (WHERE o.quality_score >= 0.5 AND o.quality_score < 0.8),
      'low', count(*) FILTER (WHERE o.quality_score < 0.5),
      'completeness', label_counts(ARRAY['HIGH', 'MEDIUM', 'LOW'], array_agg(o.completeness)),
      'accuracy', label_counts(ARRAY['HIGH', 'MEDIUM', 'LOW'], array_agg(o.accuracy)),
      'efficiency', label_counts(ARRAY['HIGH', 'MEDIUM', 'LOW'], array_agg(o.efficiency))),
    'top_issues', (
      SELECT coalesce(json_agg(json_build_object(
          'issue', p.issue, 'type', p.type, 'count', p.count, 'agents', p.agents, 'example', p.example)
        ORDER BY p.count DESC, p.type COLLATE "C", p.issue COLLATE "C"), '[]')
      FROM problems p),
    'improvement_opportunities', (
      SELECT coalesce(json_agg(json_build_object(
          'opportunity', x.opportunity, 'kind', x.kind, 'count', x.count, 'agent', x.agent)
        ORDER BY x.place, x.count DESC, x.opportunity COLLATE "C", x.agent COLLATE "C"), '[]')
      FROM opportunities x),
    'more', json_build_object(
      'since', report_daily.day::timestamp AT TIME ZONE tz,
      'until', (report_daily.day + 1)::timestamp AT TIME ZONE tz,
      'tz', tz,
      'by_status', status_counts(array_agg(o.status)),
      'verification', label_counts(ARRAY['MATCH', 'PARTIAL', 'MISMATCH', 'ERROR', 'unverified'],
                                   array_agg(coalesce(o.verification_status, 'unverified'))),
      'input_tokens', coalesce(sum(o.input_tokens), 0),
      'output_tokens', coalesce(sum(o.output_tokens), 0),
      'total_tokens', coalesce(sum(o.total_tokens), 0),
      'cost_usd', coalesce(sum(o.cost_usd), 0)::float8,
      'p50_duration', percentile_disc(0.5) WITHIN GROUP (ORDER BY o.duration_ms),
      'p95_duration', percentile_disc(0.95) WITHIN GROUP (ORDER BY o.duration_ms)))
  FROM own o
$$;

COMMENT ON FUNCTION report_daily(date, text, boolean, text) IS 'one day: the seven keys of the requirements, and more';
