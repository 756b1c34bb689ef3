-- Model requests of harnesses that tell of them one by one. Two sources may tell of the same request: a row is both.

CREATE TABLE model_requests (
  session_id text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,  -- event:… where telemetry names none
  facts jsonb NOT NULL,  -- as in executions: [rank, value], merged by merge_facts
  execution_id uuid GENERATED ALWAYS AS
    (coalesce(facts #>> '{stated,1}', facts #>> '{agent,1}', facts #>> '{prompt,1}')::uuid) STORED,
  requested_at timestamptz GENERATED ALWAYS AS (unix_ns_to_timestamp((facts #>> '{figures,1,time}')::numeric)) STORED,
  PRIMARY KEY (session_id, request_id)
) WITH (fillfactor = 80);

CREATE INDEX model_requests_execution ON model_requests (execution_id);
CREATE INDEX model_requests_unnamed ON model_requests (session_id)
  WHERE request_id >= 'event:' AND request_id < 'event;';
CREATE INDEX model_requests_requested_at ON model_requests (requested_at);
