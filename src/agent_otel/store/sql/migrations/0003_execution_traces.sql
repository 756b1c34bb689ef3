-- Where steps stand that name an execution of another trace; no index on spans has the execution.

CREATE TABLE execution_traces (
  execution_id uuid NOT NULL,
  trace_id uuid NOT NULL,
  PRIMARY KEY (execution_id, trace_id)
);

INSERT INTO execution_traces
SELECT DISTINCT s.execution_id, s.trace_id
FROM spans s
WHERE s.execution_id IS NOT NULL AND s.step_kind IS NOT NULL
  AND NOT EXISTS (SELECT FROM executions e WHERE e.execution_id = s.execution_id AND e.trace_id = s.trace_id);
