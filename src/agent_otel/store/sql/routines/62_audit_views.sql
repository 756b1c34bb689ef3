-- The audit questions. Ask for a period of started_at: executions are found by its index, their steps by their traces.

CREATE OR REPLACE VIEW audit_slow AS
SELECT a.execution_id, a.agent_name, a.started_at, a.duration_ms, a.status, a.description
FROM agent_executions a
WHERE a.duration_ms > slow_ms()
ORDER BY a.duration_ms DESC, a.execution_id;

CREATE OR REPLACE VIEW audit_failures AS
SELECT a.execution_id, a.agent_name, a.started_at, a.status, a.error_type, error_pattern(a.error_message) AS pattern,
  a.error_message
FROM agent_executions a
WHERE a.status IN ('error', 'partial', 'abandoned')
ORDER BY a.started_at DESC, a.execution_id;

CREATE OR REPLACE VIEW audit_files AS
WITH critical AS MATERIALIZED (SELECT security_critical() AS pattern)
SELECT a.execution_id, a.agent_name, a.started_at, f.file,
  regexp_substr(f.file, critical.pattern, 1, 1, 'i') AS matched, a.user_id, a.triggered_by
FROM agent_executions a
CROSS JOIN critical
CROSS JOIN LATERAL unnest(a.files_modified) AS f (file)
WHERE f.file ~* critical.pattern
ORDER BY a.started_at DESC, a.execution_id, f.file COLLATE "C";

CREATE OR REPLACE VIEW audit_commands AS
SELECT a.execution_id, a.agent_name, a.started_at, c.command, c.step_sequence, c.success
FROM agent_executions a
CROSS JOIN LATERAL execution_commands(a.execution_id, a.commands_executed) c
ORDER BY a.started_at DESC, a.execution_id, c.step_sequence, c.command COLLATE "C";

CREATE OR REPLACE VIEW audit_apis AS
WITH services AS MATERIALIZED (SELECT s.place, s.name, s.pattern FROM api_services() s)
SELECT a.execution_id, a.agent_name, a.started_at, c.api_call, c.host, found.service
FROM agent_executions a
CROSS JOIN LATERAL execution_api_calls(a.execution_id, a.api_calls, a.commands_executed) c
-- OFFSET 0: looked for once a row, also where a filter asks for it.
CROSS JOIN LATERAL (
  SELECT (SELECT s.name FROM services s WHERE coalesce(c.host, c.api_call) ~* s.pattern ORDER BY s.place LIMIT 1) AS service
  OFFSET 0
) found
ORDER BY a.started_at DESC, a.execution_id, c.api_call COLLATE "C";

-- The root is the topmost known execution, at most 32 levels up; a cycle ends where it would come to itself.
CREATE OR REPLACE VIEW audit_who AS
SELECT a.execution_id, a.agent_name, a.started_at, a.user_id, a.triggered_by,
  CASE WHEN a.parent_execution_id IS NULL THEN coalesce(a.user_id, a.triggered_by, a.agent_name) ELSE (
    WITH RECURSIVE upward AS (
      SELECT a.execution_id, a.parent_execution_id, ARRAY[a.execution_id] AS path
      UNION ALL
      SELECT e.execution_id, e.parent_execution_id, u.path || e.execution_id
      FROM upward u
      JOIN executions e ON e.execution_id = u.parent_execution_id
      WHERE cardinality(u.path) <= 32 AND e.execution_id <> ALL (u.path)
    )
    SELECT coalesce(r.facts #>> '{user_id,1}', r.facts #>> '{triggered_by,1}', r.agent_name)
    FROM upward u
    JOIN executions r USING (execution_id)
    ORDER BY cardinality(u.path) DESC
    LIMIT 1) END AS on_behalf_of,
  p.agent_name AS parent_agent,
  coalesce(a.description, left(a.prompt, 200)) AS task,
  a.status,
  coalesce(a.files_modified_count, 0) AS files,
  (SELECT count(DISTINCT c.command) FROM commands_told(a.execution_id, a.commands_executed) c) AS commands,
  a.project,
  a.session_id
FROM agent_executions a
LEFT JOIN executions p ON p.execution_id = a.parent_execution_id
WHERE a.last_event_at IS NOT NULL  -- else only a verdict names it: nobody did anything
ORDER BY a.started_at DESC, a.execution_id;

COMMENT ON VIEW audit_slow IS 'Executions of more than agent_otel.slow_ms (300000), the slowest first.';
COMMENT ON VIEW audit_failures IS 'Executions that ended as error or partial, or were abandoned. audit_failure_patterns(since, until) counts them by kind.';
COMMENT ON COLUMN audit_failures.pattern IS 'the message without ids, hex, paths, quotations and numbers: error_pattern()';
COMMENT ON VIEW audit_files IS 'One row an execution and modified file that agent_otel.security_critical matches (secrets, auth, credentials, config).';
COMMENT ON COLUMN audit_files.matched IS 'what of the file''s name matched';
COMMENT ON VIEW audit_commands IS 'One row an execution and command that it ran: of its tool steps, and as stated.';
COMMENT ON COLUMN audit_commands.step_sequence IS 'place of the first step that ran it; NULL when it is only stated';
COMMENT ON COLUMN audit_commands.success IS 'whether that step succeeded';
COMMENT ON VIEW audit_apis IS 'One row an execution and call of an external API: as stated, URLs in commands and tool inputs, command lines of clouds.';
COMMENT ON COLUMN audit_apis.host IS 'of the URL, or of the cloud that a command line talks to';
COMMENT ON COLUMN audit_apis.service IS 'by agent_otel.api_services over the host, without one over the call''s text';
COMMENT ON VIEW audit_who IS 'One row an execution: who did what, on whose behalf.';
COMMENT ON COLUMN audit_who.on_behalf_of IS 'the topmost execution''s user, else what triggered it, else its agent';
COMMENT ON COLUMN audit_who.task IS 'its description, else the beginning of its prompt';
COMMENT ON COLUMN audit_who.files IS 'how many files it modified';
COMMENT ON COLUMN audit_who.commands IS 'how many different commands it ran: rows of audit_commands';
