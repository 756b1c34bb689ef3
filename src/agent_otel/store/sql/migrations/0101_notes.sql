-- What is said about an execution beside its facts: verdicts, evaluations, issues, learning, errors. Told any number of
-- times, by log records and by events of its span, a note is one row: the highest rank stands.

CREATE TABLE execution_notes (
  execution_id uuid NOT NULL,  -- it may be told of later, or never
  note_id uuid NOT NULL,
  noted_at timestamptz NOT NULL,
  kind text COLLATE "C" NOT NULL,
  rank text COLLATE "C" NOT NULL,  -- begins with the time in nanoseconds, as 16 hex digits
  note jsonb NOT NULL,
  PRIMARY KEY (execution_id, note_id)
);

CREATE INDEX execution_notes_noted_at ON execution_notes (noted_at);

ALTER TABLE executions
  ADD COLUMN verification_status text GENERATED ALWAYS AS (facts #>> '{verification_status,1}') STORED;

CREATE INDEX executions_refuted ON executions (started_at) WHERE verification_status IN ('ERROR', 'MISMATCH');
