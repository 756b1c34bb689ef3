-- The report on one agent, and its health.

-- How an agent does at a moment: by its executions of the last 24 hours, else by its last 20 that ended.
CREATE OR REPLACE FUNCTION agent_health(agent text, at timestamptz DEFAULT now()) RETURNS json
  LANGUAGE sql STABLE SET search_path = agent_otel, pg_temp SET timezone = 'UTC'
AS $$
  WITH week AS MATERIALIZED (
    SELECT a.execution_id, a.started_at, a.status, a.duration_ms
    FROM agent_executions a
    WHERE a.started_at > at - interval '7 days' AND a.started_at <= at
      AND shown_agent(a.agent_name) = agent AND success_percent(a.status) IS NOT NULL
  ), today AS MATERIALIZED (
    SELECT * FROM week w WHERE w.started_at > at - interval '24 hours'
  ), looked_at AS MATERIALIZED (
    SELECT * FROM today
    UNION ALL
    (SELECT a.execution_id, a.started_at, a.status, a.duration_ms
     FROM agent_executions a
     WHERE NOT EXISTS (SELECT FROM today) AND a.started_at <= at
       AND shown_agent(a.agent_name) = agent AND success_percent(a.status) IS NOT NULL
     ORDER BY a.started_at DESC, a.execution_id DESC
     LIMIT 20)
  ), figures AS (
    SELECT count(*) AS n,
      percent_of(count(*) FILTER (WHERE l.status <> 'success'), count(*)) AS error_rate,
      percentile_disc(0.5) WITHIN GROUP (ORDER BY l.duration_ms) AS p50,
      (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY w.duration_ms) FROM week w) AS p50_7d,
      NOT EXISTS (SELECT FROM (SELECT x.status FROM looked_at x ORDER BY x.started_at DESC, x.execution_id DESC LIMIT 5) last
                  WHERE last.status = 'success') AS last_failed
    FROM looked_at l
  )
  SELECT json_build_object(
    'health', CASE
      WHEN f.n < 3 THEN 'healthy'
      WHEN f.last_failed OR f.error_rate >= 50 THEN 'failed'
      WHEN f.error_rate >= 10 OR f.p50 > 2 * f.p50_7d THEN 'degraded'
      ELSE 'healthy'
    END,
    'n', f.n,
    'error_rate', f.error_rate,
    'p50_duration', f.p50,
    'p50_7d', f.p50_7d)
  FROM figures f
$$;

-- Which way an agent goes, by the figures of two halves of a period.
CREATE OR REPLACE FUNCTION trend_direction(first_counted int8, second_counted int8, first_rate numeric, second_rate numeric,
                                           first_p50 int8, second_p50 int8)
  RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN least(first_counted, second_counted) < 3 THEN 'unknown'
    WHEN second_rate - first_rate >= 5 THEN 'improving'
    WHEN second_rate - first_rate <= -5 THEN 'degrading'
    WHEN second_p50 > 1.2 * first_p50 THEN 'degrading'
    WHEN second_p50 < 0.8 * first_p50 THEN 'improving'
    ELSE 'stable'
  END;

CREATE OR REPLACE FUNCTION report_agent(agent text, since timestamptz DEFAULT now() - interval '30 days',
                                        until timestamptz DEFAULT now())
  RETURNS json
  LANGUAGE sql STABLE SET search_path = agent_otel, pg_temp SET timezone = 'UTC'
AS $$
  WITH own AS MATERIALIZED (
    SELECT a.execution_id, a.started_at, a.status, a.duration_ms, a.error_type, a.quality_score, a.verification_status,
      CASE WHEN a.status IN ('error', 'partial', 'abandoned') THEN error_pattern(a.error_message) END AS pattern,
      a.total_tokens, a.cost_usd::numeric AS cost_usd, a.agent_version,
      CASE WHEN a.started_at < since + (until - since) / 2 THEN 1 ELSE 2 END AS half
    FROM agent_executions a
    WHERE a.last_event_at IS NOT NULL AND a.started_at >= since AND a.started_at < until
      AND shown_agent(a.agent_name) = agent
  ), modes AS MATERIALIZED (
    SELECT o.status, o.error_type, o.pattern, count(*) AS count,
      percent_of(count(*), (SELECT count(success_percent(w.status)) FROM own w)) AS percent,
      max(o.started_at) AS last_at,
      (array_agg(o.execution_id ORDER BY o.started_at DESC, o.execution_id DESC))[1] AS example
    FROM own o
    WHERE o.status IN ('error', 'partial', 'abandoned')
    GROUP BY o.status, o.error_type, o.pattern
    ORDER BY count(*) DESC, o.error_type COLLATE "C", o.pattern COLLATE "C", o.status COLLATE "C"
    LIMIT 10
  ), halves AS (
    SELECT o.half, count(success_percent(o.status)) AS counted,
      percent_of(count(*) FILTER (WHERE o.status = 'success'), count(success_percent(o.status))) AS rate,
      percentile_disc(0.5) WITHIN GROUP (ORDER BY o.duration_ms) AS p50,
      round(avg(o.quality_score::numeric), 3) AS quality
    FROM own o
    GROUP BY o.half
  ), trend AS (
    SELECT
      trend_direction(coalesce(a.counted, 0), coalesce(b.counted, 0), a.rate, b.rate, a.p50, b.p50) AS direction,
      a.rate AS first_rate, b.rate AS second_rate, a.p50 AS first_p50, b.p50 AS second_p50,
      a.quality AS first_quality, b.quality AS second_quality, b.counted AS second_counted
    FROM (SELECT) one
    LEFT JOIN halves a ON a.half = 1
    LEFT JOIN halves b ON b.half = 2
  ), recommendations AS (
    SELECT 1 AS place, 'said' AS kind, l.recommendation_for_future AS recommendation, count(*) AS count
    FROM own o
    CROSS JOIN LATERAL (SELECT * FROM agent_learning n WHERE n.execution_id = o.execution_id OFFSET 0) l
    WHERE l.recommendation_for_future <> ''
    GROUP BY l.recommendation_for_future
    UNION ALL
    SELECT 2, 'failure_mode',
      format('%s of %s executions were %s: %s', m.count, (SELECT count(success_percent(w.status)) FROM own w),
             m.status, concat_ws(': ', nullif(m.error_type, ''), coalesce(nullif(m.pattern, ''), 'nothing says why'))),
      m.count
    FROM modes m WHERE m.count >= 2
    UNION ALL
    SELECT 3, 'trend',
      format('it gets worse: success rate %s to %s %%, median duration %s to %s ms', t.first_rate, t.second_rate,
             t.first_p50, t.second_p50),
      t.second_counted
    FROM trend t WHERE t.direction = 'degrading'
  )
  SELECT json_build_object(
    'execution_count', count(*),
    'success_rate', percent_of(count(*) FILTER (WHERE o.status = 'success'), count(success_percent(o.status))),
    'average_quality_score', round(avg(o.quality_score::numeric), 3),
    'common_failure_modes', (
      SELECT coalesce(json_agg(json_build_object(
          'status', m.status, 'error_type', m.error_type, 'pattern', m.pattern, 'count', m.count, 'percent', m.percent,
          'last_at', m.last_at, 'example', m.example)
        ORDER BY m.count DESC, m.error_type COLLATE "C", m.pattern COLLATE "C", m.status COLLATE "C"), '[]')
      FROM modes m),
    'performance_trend', (
      SELECT json_build_object(
        'direction', t.direction,
        'success_rate', json_build_object('first', t.first_rate, 'second', t.second_rate),
        'p50_duration', json_build_object('first', t.first_p50, 'second', t.second_p50),
        'quality', json_build_object('first', t.first_quality, 'second', t.second_quality))
      FROM trend t),
    'recommendations', (
      SELECT coalesce(json_agg(json_build_object('recommendation', r.recommendation, 'kind', r.kind, 'count', r.count)
        ORDER BY r.place, r.count DESC, r.recommendation COLLATE "C"), '[]')
      FROM recommendations r),
    'more', json_build_object(
      'agent', agent,
      'since', since,
      'until', until,
      'health', agent_health(agent, until),
      'by_status', status_counts(array_agg(o.status)),
      'average_duration', round(avg(o.duration_ms))::int8,
      'p95_duration', percentile_disc(0.95) WITHIN GROUP (ORDER BY o.duration_ms),
      'total_tokens', coalesce(sum(o.total_tokens), 0),
      'cost_usd', coalesce(sum(o.cost_usd), 0)::float8,
      'refuted', count(*) FILTER (WHERE o.status = 'success' AND o.verification_status = 'MISMATCH'),
      'versions', coalesce(array_agg(DISTINCT o.agent_version COLLATE "C" ORDER BY o.agent_version COLLATE "C")
                             FILTER (WHERE o.agent_version IS NOT NULL), '{}')))
  FROM own o
$$;

COMMENT ON FUNCTION agent_health(text, timestamptz) IS 'healthy, degraded or failed, and the figures that say so';
COMMENT ON FUNCTION report_agent(text, timestamptz, timestamptz) IS 'one agent: the six keys of the requirements, and more';
