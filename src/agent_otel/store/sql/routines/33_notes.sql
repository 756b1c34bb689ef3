-- What is said about executions, one row a note. A note of an execution that nobody told of has no agent.

-- Every verdict, whoever gave it and when; the latest is the current one.
CREATE OR REPLACE VIEW agent_verifications AS
SELECT
  n.execution_id,
  e.agent_name,
  n.noted_at AS verified_at,
  n.note ->> 'status' AS status,
  n.note ->> 'expected_vs_actual' AS expected_vs_actual,
  json_texts(n.note -> 'success_criteria_met') AS success_criteria_met,
  json_texts(n.note -> 'success_criteria_failed') AS success_criteria_failed,
  (n.note ->> 'confidence_score')::float8 AS confidence_score,
  (n.note ->> 'manual_verification_required')::boolean AS manual_verification_required,
  n.note ->> 'by' AS verified_by,
  n.note_id = current_verdict(e.facts) AS is_current,
  n.note_id AS verification_id,
  status_now(e.recorded_status, e.last_event_at, e.heartbeat) AS execution_status,
  e.started_at
FROM execution_notes n
JOIN executions e USING (execution_id)
WHERE n.kind = 'verification';

CREATE OR REPLACE VIEW agent_evaluations AS
SELECT
  n.execution_id,
  e.agent_name,
  n.noted_at AS evaluated_at,
  n.note ->> 'name' AS name,
  n.note ->> 'label' AS label,
  (n.note ->> 'value')::float8 AS value,
  n.note ->> 'explanation' AS explanation,
  n.note ->> 'by' AS evaluated_by
FROM execution_notes n
JOIN executions e USING (execution_id)
WHERE n.kind = 'evaluation';

CREATE OR REPLACE VIEW agent_issues AS
SELECT
  n.execution_id,
  e.agent_name,
  n.noted_at,
  n.note ->> 'type' AS type,
  n.note ->> 'description' AS description,
  n.note ->> 'impact' AS impact,
  n.note ->> 'resolution' AS resolution,
  n.note ->> 'prevention' AS prevention,
  n.note ->> 'by' AS noted_by,
  n.note_id AS issue_id
FROM execution_notes n
JOIN executions e USING (execution_id)
WHERE n.kind = 'issue';

CREATE OR REPLACE VIEW agent_learning AS
SELECT
  n.execution_id,
  e.agent_name,
  n.noted_at,
  json_texts(n.note -> 'insights_gained') AS insights_gained,
  json_texts(n.note -> 'process_improvements') AS process_improvements,
  n.note ->> 'agent_performance' AS agent_performance,
  n.note ->> 'recommendation_for_future' AS recommendation_for_future,
  n.note ->> 'by' AS noted_by,
  n.note_id AS learning_id
FROM execution_notes n
JOIN executions e USING (execution_id)
WHERE n.kind = 'learning';

CREATE OR REPLACE VIEW agent_errors AS
SELECT
  n.execution_id,
  e.agent_name,
  n.noted_at AS occurred_at,
  n.note ->> 'type' AS type,
  n.note ->> 'message' AS message,
  n.note ->> 'stack' AS stack,
  n.note ->> 'recovery_action' AS recovery_action,
  n.note_id AS error_id
FROM execution_notes n
JOIN executions e USING (execution_id)
WHERE n.kind = 'error';

-- By the table, whose index finds the few that count.
CREATE OR REPLACE VIEW agent_refuted_successes AS
SELECT
  e.execution_id,
  e.agent_name,
  e.started_at,
  e.ended_at AS completed_at,
  e.facts #>> '{expected_outcome,1}' AS expected_outcome,
  n.note ->> 'expected_vs_actual' AS expected_vs_actual,
  json_texts(n.note -> 'success_criteria_failed') AS success_criteria_failed,
  (n.note ->> 'confidence_score')::float8 AS confidence_score,
  n.noted_at AS verified_at,
  n.note ->> 'by' AS verified_by
FROM executions e
LEFT JOIN execution_notes n ON n.execution_id = e.execution_id AND n.note_id = current_verdict(e.facts)
WHERE e.verification_status = 'MISMATCH' AND e.recorded_status = 'success';
