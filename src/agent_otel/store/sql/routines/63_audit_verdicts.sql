-- The audit questions about verdicts, criteria and quality. Ask for a period of started_at.

CREATE OR REPLACE VIEW audit_verdicts AS
SELECT a.execution_id, a.agent_name, a.started_at, a.status, a.verification_status, a.expected_vs_actual,
  a.success_criteria_failed, a.confidence_score, a.verified_at, a.verified_by
FROM agent_executions a
WHERE a.verification_status IN ('ERROR', 'MISMATCH')
ORDER BY a.started_at DESC, a.execution_id;

CREATE OR REPLACE VIEW audit_criteria AS
SELECT a.execution_id, a.agent_name, a.started_at, a.success_criteria_at_start, a.criteria_added, a.criteria_dropped
FROM agent_executions a
WHERE a.criteria_changed
ORDER BY a.started_at DESC, a.execution_id;

CREATE OR REPLACE VIEW audit_quality_low AS
SELECT a.execution_id, a.agent_name, a.started_at, a.completeness, a.accuracy, a.efficiency, a.adherence_to_standards,
  a.quality_score
FROM agent_executions a
WHERE a.completeness = 'LOW' OR a.accuracy = 'LOW'
ORDER BY a.started_at DESC, a.execution_id;

CREATE OR REPLACE VIEW audit_quality_high AS
SELECT a.execution_id, a.agent_name, a.started_at, a.completeness, a.accuracy, a.efficiency, a.adherence_to_standards,
  a.quality_score
FROM agent_executions a
WHERE a.completeness = 'HIGH' AND a.accuracy = 'HIGH' AND a.efficiency = 'HIGH'
ORDER BY a.started_at DESC, a.execution_id;

-- Failures of one kind: same agent, status, type and pattern. Percent is of what counts of the agent in the period.
CREATE OR REPLACE FUNCTION audit_failure_patterns(since timestamptz, until timestamptz, agent text DEFAULT NULL)
  RETURNS TABLE (agent_name text, status text, error_type text, pattern text, count int8, percent numeric,
                 first_at timestamptz, last_at timestamptz, example uuid)
  LANGUAGE sql STABLE SET search_path = agent_otel, pg_temp
AS $$
  WITH counted AS MATERIALIZED (
    SELECT a.execution_id, a.agent_name, a.started_at, a.status, a.error_type,
      CASE WHEN a.status <> 'success' THEN error_pattern(a.error_message) END AS pattern
    FROM agent_executions a
    WHERE a.started_at >= since AND a.started_at < until AND success_percent(a.status) IS NOT NULL
      AND (agent IS NULL OR a.agent_name = agent)
  ), agents AS (
    SELECT c.agent_name, count(*) AS counted FROM counted c GROUP BY c.agent_name
  )
  SELECT c.agent_name, c.status, c.error_type, c.pattern, count(*),
    percent_of(count(*), a.counted),
    min(c.started_at), max(c.started_at), (array_agg(c.execution_id ORDER BY c.started_at DESC, c.execution_id DESC))[1]
  FROM counted c
  JOIN agents a ON a.agent_name IS NOT DISTINCT FROM c.agent_name
  WHERE c.status <> 'success'
  GROUP BY c.agent_name, c.status, c.error_type, c.pattern, a.counted
  ORDER BY count(*) DESC, c.agent_name COLLATE "C", c.error_type COLLATE "C", c.pattern COLLATE "C", c.status COLLATE "C"
$$;

COMMENT ON VIEW audit_verdicts IS 'Executions whose current verdict is ERROR or MISMATCH.';
COMMENT ON VIEW audit_criteria IS 'Executions whose success criteria changed after the start.';
COMMENT ON VIEW audit_quality_low IS 'Executions of LOW completeness or LOW accuracy.';
COMMENT ON VIEW audit_quality_high IS 'Executions of HIGH completeness, accuracy and efficiency.';
COMMENT ON FUNCTION audit_failure_patterns(timestamptz, timestamptz, text)
  IS 'failures of a period by agent, status, type and pattern, the most frequent first';
