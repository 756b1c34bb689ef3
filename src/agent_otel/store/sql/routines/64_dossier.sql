-- What happened in an execution, in order: its events, its steps, and what was said about it, however late.
CREATE OR REPLACE FUNCTION execution_timeline(execution uuid)
  RETURNS TABLE (at timestamptz, event text, detail text)
  LANGUAGE sql STABLE SET search_path = agent_otel, pg_temp
AS $$
  -- Its own events stand in the days of its life: so no other partition is read. What comes later is a note.
  WITH life AS MATERIALIZED (
    SELECT e.started_at - interval '1 day' AS earliest, greatest(e.ended_at, e.last_event_at) + interval '1 day' AS latest
    FROM executions e
    WHERE e.execution_id = execution
  )
  SELECT t.at, t.event, nullif(t.detail, '')
  FROM (
    SELECT v.time AS at, v.time_ns AS ns, 1 AS place, v.event_name AS event, v.event_id::text AS id,
      concat_ws(', ', v.attributes ->> 'aotel.progress.stage', v.attributes ->> 'aotel.progress.percent' || ' %',
                v.attributes ->> 'aotel.execution.status', v.attributes ->> 'error.type') AS detail
    FROM execution_events v
    WHERE v.execution_id = execution
      AND v.time BETWEEN (SELECT l.earliest FROM life l) AND (SELECT l.latest FROM life l)
      AND NOT EXISTS (SELECT FROM execution_notes n WHERE n.execution_id = execution AND n.note_id = v.event_id)
    UNION ALL
    SELECT s.started_at, 0, 2, 'step ' || s.sequence, s.span_id,
      concat_ws(': ', s.tool, s.action) || CASE WHEN s.success THEN '' ELSE ' - failed' END
    FROM agent_execution_steps s
    WHERE s.execution_id = execution
    UNION ALL
    SELECT n.noted_at, 0, 3, n.kind, n.note_id::text,
      concat_ws(': ', coalesce(n.note ->> 'status', n.note ->> 'type', n.note ->> 'name'),
                coalesce(n.note ->> 'expected_vs_actual', n.note ->> 'description', n.note ->> 'message',
                         n.note ->> 'label', n.note ->> 'value', n.note ->> 'recommendation_for_future'),
                'by ' || (n.note ->> 'by'))
    FROM execution_notes n
    WHERE n.execution_id = execution
  ) t
  ORDER BY t.at, t.ns, t.place, t.id
$$;

COMMENT ON FUNCTION execution_timeline(uuid) IS 'events, steps, verdicts, issues and learning of an execution, in order';
