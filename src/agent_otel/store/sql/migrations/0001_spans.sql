-- Spans, log records, executions and what could not be stored.
-- Times: timestamptz holds microseconds; the nanoseconds below stand in a smallint beside it.
-- Ids: a trace id is a uuid; a span id is its 8 bytes read as a signed big-endian integer.

CREATE TABLE resources (
  resource_id int8 PRIMARY KEY,  -- first 8 bytes of digest: the same resource gets the same id in every process
  digest bytea NOT NULL,
  service_name text,
  service_namespace text,
  schema_url text NOT NULL,
  attributes jsonb NOT NULL,
  dropped_attributes_count int8 NOT NULL,
  otlp bytea,  -- exact bytes, only where jsonb would lose something
  first_seen timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE scopes (
  scope_id int8 PRIMARY KEY,
  digest bytea NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  schema_url text NOT NULL,
  attributes jsonb NOT NULL,
  dropped_attributes_count int8 NOT NULL,
  otlp bytea,
  first_seen timestamptz NOT NULL DEFAULT now()
);

CREATE SEQUENCE batch_ids AS int8 INCREMENT BY 1000;  -- a writer leases 1000 at a time

CREATE TABLE spans (
  trace_id uuid NOT NULL,
  span_id int8 NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz NOT NULL,
  resource_id int8 NOT NULL,
  scope_id int8 NOT NULL,
  batch_id int8 NOT NULL,
  start_ns int2 NOT NULL,
  end_ns int2 NOT NULL,
  kind int2 NOT NULL,
  status_code int2 NOT NULL,
  digest bytea NOT NULL,  -- SHA-256 over the canonical OTLP encoding of resource, scope and span
  name text NOT NULL,
  attributes jsonb NOT NULL,  -- every attribute that is not content
  execution_id uuid,  -- only where the span itself carries it
  parent_span_id int8,
  flags int8,
  dropped_attributes_count int8,
  dropped_events_count int8,
  dropped_links_count int8,
  input_tokens int8,
  output_tokens int8,
  total_tokens int8,
  cost_usd float8,
  status_message text,
  trace_state text,
  step_kind text,
  operation text,
  agent_name text,
  tool_name text,
  model text,
  session_id text,
  error_type text,
  content jsonb,  -- prompts, messages, tool input and output
  events jsonb,
  links jsonb,
  otlp bytea,  -- exact bytes, only where jsonb would lose something
  PRIMARY KEY (trace_id, span_id, start_time, start_ns)
) PARTITION BY RANGE (start_time);

CREATE INDEX spans_start_time ON spans USING brin (start_time);
CREATE INDEX spans_errors ON spans (start_time) WHERE status_code = 2;

CREATE TABLE execution_events (
  event_id uuid NOT NULL,
  time timestamptz NOT NULL,  -- when it happened, else when it was observed
  resource_id int8 NOT NULL,
  scope_id int8 NOT NULL,
  batch_id int8 NOT NULL,
  time_ns int2 NOT NULL,
  severity_number int2 NOT NULL,
  digest bytea NOT NULL,
  event_name text NOT NULL,
  attributes jsonb NOT NULL,
  execution_id uuid,
  trace_id uuid,
  span_id int8,
  event_time timestamptz,
  event_time_ns int2,
  observed_time timestamptz,
  observed_time_ns int2,
  flags int8,
  dropped_attributes_count int8,
  severity_text text,
  body jsonb,
  content jsonb,
  otlp bytea,
  PRIMARY KEY (event_id, time, time_ns)
) PARTITION BY RANGE (time);

CREATE INDEX execution_events_execution ON execution_events (execution_id, time) WHERE execution_id IS NOT NULL;
CREATE INDEX execution_events_trace ON execution_events (trace_id) WHERE trace_id IS NOT NULL AND execution_id IS NULL;

-- Columns are read off `facts`, which merges in any order (routines/merge_facts.sql, model.py).
CREATE FUNCTION unix_ns_to_timestamp(ns numeric) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN timestamptz '1970-01-01 00:00:00+00' + div(ns, 1000)::int8 * interval '1 microsecond';

CREATE TABLE executions (
  execution_id uuid PRIMARY KEY,
  facts jsonb NOT NULL,
  content jsonb,
  first_stored timestamptz NOT NULL DEFAULT now(),
  trace_id uuid GENERATED ALWAYS AS ((facts #>> '{trace_id,1}')::uuid) STORED,
  span_id int8 GENERATED ALWAYS AS ((facts #>> '{span_id,1}')::int8) STORED,
  parent_execution_id uuid GENERATED ALWAYS AS ((facts #>> '{parent_execution_id,1}')::uuid) STORED,
  resource_id int8 GENERATED ALWAYS AS ((facts #>> '{resource_id,1}')::int8) STORED,
  started_at timestamptz GENERATED ALWAYS AS (unix_ns_to_timestamp((facts #>> '{started,1}')::numeric)) STORED,
  ended_at timestamptz GENERATED ALWAYS AS (unix_ns_to_timestamp((facts #>> '{ended,1}')::numeric)) STORED,
  last_event_at timestamptz GENERATED ALWAYS AS (unix_ns_to_timestamp((facts #>> '{last_event,1}')::numeric)) STORED,
  duration_ms int8 GENERATED ALWAYS AS
    (div((facts #>> '{ended,1}')::numeric - (facts #>> '{started,1}')::numeric, 1000000)::int8) STORED,
  input_tokens int8 GENERATED ALWAYS AS ((facts #>> '{input_tokens,1}')::int8) STORED,
  output_tokens int8 GENERATED ALWAYS AS ((facts #>> '{output_tokens,1}')::int8) STORED,
  total_tokens int8 GENERATED ALWAYS AS ((facts #>> '{total_tokens,1}')::int8) STORED,
  cost_usd float8 GENERATED ALWAYS AS ((facts #>> '{cost_usd,1}')::float8) STORED,
  quality_score float8 GENERATED ALWAYS AS ((facts #>> '{quality_score,1}')::float8) STORED,
  heartbeat boolean GENERATED ALWAYS AS (facts ? 'heartbeat') STORED,
  recorded_status text GENERATED ALWAYS AS (facts #>> '{status,1}') STORED,
  agent_name text GENERATED ALWAYS AS (facts #>> '{agent_name,1}') STORED,
  session_id text GENERATED ALWAYS AS (facts #>> '{session_id,1}') STORED,
  project text GENERATED ALWAYS AS (facts #>> '{project,1}') STORED,
  model text GENERATED ALWAYS AS (facts #>> '{model,1}') STORED,
  error_type text GENERATED ALWAYS AS (facts #>> '{error_type,1}') STORED
) WITH (fillfactor = 70);

CREATE INDEX executions_started_at ON executions (started_at);
CREATE INDEX executions_trace ON executions (trace_id);
CREATE INDEX executions_parent ON executions (parent_execution_id) WHERE parent_execution_id IS NOT NULL;
CREATE INDEX executions_session ON executions (left(session_id, 255));
CREATE INDEX executions_open ON executions (started_at) WHERE recorded_status = 'in_progress';

CREATE TABLE traces (
  trace_id uuid PRIMARY KEY,
  min_start timestamptz NOT NULL,
  max_start timestamptz NOT NULL,  -- with min_start: where a look-up of the trace's spans has to look
  max_end timestamptz NOT NULL,
  span_count int8 NOT NULL,
  error_count int8 NOT NULL,
  root_start timestamptz,  -- of the root span that started first, ties by span id
  root_span_id int8,
  root_name text,
  root_resource_id int8
) WITH (fillfactor = 80);

CREATE INDEX traces_min_start ON traces (min_start);

CREATE TABLE quarantine (
  quarantine_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT now(),
  signal text NOT NULL,  -- traces or logs
  reason text NOT NULL,
  sha256 bytea NOT NULL,
  raw bytea NOT NULL,  -- an export request that holds just this item: OTLP protobuf, or JSON when it starts with {
  UNIQUE (sha256, signal)
);

CREATE TABLE new_partitions (  -- what ensure_partitions made and when: it makes at most 32 a minute
  day date NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Large content leaves the row, so that scans pass it by; lz4 where this server has it.
DO $$
DECLARE
  has_lz4 boolean := (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression');
  target record;
BEGIN
  FOR target IN SELECT * FROM (VALUES ('spans', 'content'), ('execution_events', 'content'), ('executions', 'content'),
                                      ('spans', 'otlp'), ('execution_events', 'otlp'), ('quarantine', 'raw')) t (tab, col)
  LOOP
    IF has_lz4 THEN
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION lz4', target.tab, target.col);
    ELSE
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE EXTERNAL', target.tab, target.col);
    END IF;
  END LOOP;
END $$;
