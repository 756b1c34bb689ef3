-- name: slow
-- Executions of more than agent_otel.slow_ms.
SELECT * FROM audit_slow
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY duration_ms DESC, execution_id
LIMIT %(limit)s

-- name: failures
-- Failures by agent, status, type and pattern.
SELECT * FROM audit_failure_patterns(%(since)s, %(until)s, %(agent)s) LIMIT %(limit)s

-- name: verdicts
-- Executions whose current verdict is ERROR or MISMATCH.
SELECT * FROM audit_verdicts
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: refuted
-- Executions that claim success, where the current verdict is MISMATCH.
SELECT * FROM agent_refuted_successes
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: criteria
-- Executions whose success criteria changed after the start.
SELECT * FROM audit_criteria
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: quality_low
-- Executions of LOW completeness or accuracy.
SELECT * FROM audit_quality_low
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: quality_high
-- Executions of HIGH completeness, accuracy and efficiency.
SELECT * FROM audit_quality_high
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: files
-- Security-critical files that were modified.
SELECT * FROM audit_files
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id, file COLLATE "C"
LIMIT %(limit)s

-- name: apis
-- External APIs by host.
SELECT host, service, count(*) AS calls, count(DISTINCT execution_id) AS executions,
  array_agg(DISTINCT shown_agent(agent_name) COLLATE "C" ORDER BY shown_agent(agent_name) COLLATE "C") AS agents,
  max(started_at) AS last_at
FROM audit_apis
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
  AND (service IS NOT NULL OR %(every)s::boolean)
GROUP BY host, service
ORDER BY calls DESC, host COLLATE "C", service COLLATE "C"
LIMIT %(limit)s

-- name: commands
-- Commands that were run.
SELECT * FROM audit_commands
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id, step_sequence, command COLLATE "C"
LIMIT %(limit)s

-- name: who
-- Who did what, on whose behalf.
SELECT * FROM audit_who
WHERE started_at >= %(since)s AND started_at < %(until)s AND (%(agent)s::text IS NULL OR agent_name = %(agent)s)
ORDER BY started_at DESC, execution_id
LIMIT %(limit)s

-- name: report_daily
-- One day.
SELECT report_daily(%(day)s::date, %(tz)s, %(roots_only)s, %(project)s) AS report

-- name: report_agent
-- One agent over a period.
SELECT report_agent(%(agent)s, %(since)s, %(until)s) AS report

-- name: agents
-- Agents of a period.
SELECT DISTINCT shown_agent(agent_name) COLLATE "C" AS agent FROM agent_executions
WHERE started_at >= %(since)s AND started_at < %(until)s
ORDER BY agent

-- name: zone
-- A time zone as the server spells it; none where it has no zone of that name.
SELECT name FROM pg_timezone_names WHERE lower(name) = lower(%(tz)s) ORDER BY name LIMIT 1

-- name: today
-- Today in a time zone.
SELECT (now() AT TIME ZONE %(tz)s)::date AS day

-- name: dossier_summary
-- What an execution is, who it was for and how it went.
SELECT a.execution_id, a.agent_name, a.agent_version, a.status, a.description, a.started_at, a.completed_at, a.duration_ms,
  a.error_type, a.error_message, w.user_id, w.triggered_by, w.on_behalf_of, w.parent_agent, a.parent_execution_id,
  a.project, a.session_id, a.correlation_id, a.service_name, a.model, a.input_tokens, a.output_tokens, a.total_tokens,
  a.cost_usd, a.quality_score, a.verification_status, a.verdicts AS verdict_count, a.success_criteria,
  a.criteria_changed, a.criteria_added, a.criteria_dropped, a.capture_mode, a.end_inferred
FROM agent_executions a
LEFT JOIN audit_who w ON w.execution_id = %(id)s  -- nobody, where only a verdict names it
WHERE a.execution_id = %(id)s

-- name: dossier_document
-- The mandatory fields, as the requirements list them.
SELECT document FROM agent_execution_documents WHERE execution_id = %(id)s

-- name: dossier_verdicts
-- Every verdict on it, in order.
SELECT verified_at, status, expected_vs_actual, success_criteria_met, success_criteria_failed, confidence_score,
  manual_verification_required, verified_by, is_current, verification_id
FROM agent_verifications
WHERE execution_id = %(id)s
ORDER BY verified_at, verification_id

-- name: dossier_evaluations
-- Every evaluation of it, in order.
SELECT evaluated_at, name, label, value, explanation, evaluated_by
FROM agent_evaluations
WHERE execution_id = %(id)s
ORDER BY evaluated_at, name COLLATE "C"

-- name: dossier_errors
-- Errors that it told of, in order.
SELECT occurred_at, type, message, stack, recovery_action FROM agent_errors WHERE execution_id = %(id)s
ORDER BY occurred_at, error_id

-- name: dossier_critical_files
-- Security-critical files that it modified.
SELECT file, matched FROM audit_files WHERE execution_id = %(id)s ORDER BY file COLLATE "C"

-- name: dossier_commands
-- Commands that it ran.
SELECT command, step_sequence, success FROM audit_commands WHERE execution_id = %(id)s
ORDER BY step_sequence, command COLLATE "C"

-- name: dossier_api_calls
-- External APIs that it called.
SELECT api_call, host, service FROM audit_apis WHERE execution_id = %(id)s ORDER BY api_call COLLATE "C"

-- name: dossier_chain
-- The tree of executions that it belongs to.
SELECT depth, execution_id = %(id)s AS is_this, execution_id, agent_name, status, started_at, duration_ms,
  parent_execution_id, parent_is_missing, in_cycle, crosses_trace, own_tokens, own_cost_usd, inclusive_tokens,
  inclusive_cost_usd, inclusive_duration_ms
FROM agent_chain(%(id)s)
ORDER BY path

-- name: dossier_timeline
-- What happened, in order.
SELECT at, event, detail FROM execution_timeline(%(id)s)

-- name: set
-- A setting for this one question.
SELECT set_config('agent_otel.' || %(name)s, %(value)s, true)

-- name: pattern
-- Fails where it is no regular expression.
SELECT '' ~* security_critical()
