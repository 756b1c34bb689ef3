-- ingest: adds rows, reads only what tells a replay from a conflict. reader: reads. retention: acts through functions.
GRANT USAGE ON SCHEMA agent_otel TO agent_otel_ingest, agent_otel_reader, agent_otel_retention;

-- One by one instead of ON ALL TABLES: a table that somebody else keeps in this schema is not ours to grant.
DO $$
DECLARE
  ours record;
BEGIN
  FOR ours IN SELECT format('TABLE %s', c.oid::regclass) AS what, 'SELECT' AS privilege
              FROM pg_class c
              WHERE c.relnamespace = 'agent_otel'::regnamespace AND c.relowner = current_user::regrole
                AND c.relkind IN ('r', 'p', 'v')
              UNION ALL
              SELECT format('FUNCTION %s', p.oid::regprocedure), 'EXECUTE'
              FROM pg_proc p
              WHERE p.pronamespace = 'agent_otel'::regnamespace AND p.proowner = current_user::regrole
  LOOP
    EXECUTE format('GRANT %s ON %s TO agent_otel_reader', ours.privilege, ours.what);
  END LOOP;
END $$;

GRANT INSERT ON spans, execution_events, quarantine, quarantine_origins, execution_traces TO agent_otel_ingest;
GRANT SELECT (trace_id, span_id, start_time, start_ns, digest) ON spans TO agent_otel_ingest;
GRANT SELECT (event_id, time, time_ns, digest) ON execution_events TO agent_otel_ingest;
GRANT SELECT (sha256, signal) ON quarantine TO agent_otel_ingest;
GRANT SELECT, INSERT ON resources, scopes TO agent_otel_ingest;
GRANT SELECT, INSERT, UPDATE ON executions, execution_notes, model_requests, traces TO agent_otel_ingest;
GRANT SELECT ON span_shape, execution_event_shape, schema_migrations TO agent_otel_ingest;
GRANT USAGE ON SEQUENCE batch_ids TO agent_otel_ingest;

REVOKE EXECUTE ON FUNCTION ensure_partitions(date[]) FROM PUBLIC, agent_otel_reader;
REVOKE EXECUTE ON FUNCTION make_partition(regclass, text, timestamptz, timestamptz) FROM PUBLIC, agent_otel_reader;
GRANT EXECUTE ON FUNCTION ensure_partitions(date[]) TO agent_otel_ingest;
GRANT EXECUTE ON FUNCTION merge_facts(jsonb, jsonb), with_usage(jsonb, jsonb), counted_usage(uuid), summed(numeric),
  is_counted(text, jsonb, boolean), figure(jsonb, text), unnamed_requests_count(text) TO agent_otel_ingest;
GRANT EXECUTE ON FUNCTION unix_ns_to_timestamp(numeric) TO agent_otel_ingest;
