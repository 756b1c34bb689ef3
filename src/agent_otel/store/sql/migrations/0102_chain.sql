-- Who delegated an execution that does not state it: the span above its own, or the span that a link names.

-- Of what is stored: the same facts, out of the executions' spans. The rank is that of the record that placed the
-- execution, so a replay of its span changes nothing and a later end still wins.
WITH placed AS (
  SELECT e.execution_id, e.facts #>> '{span_id,0}' AS rank, s.parent_span_id, l.link
  FROM executions e
  JOIN traces t ON t.trace_id = e.trace_id
  JOIN spans s ON s.trace_id = e.trace_id AND s.span_id = e.span_id AND s.start_time BETWEEN t.min_start AND t.max_start
    AND (s.parent_span_id IS NOT NULL OR s.links IS NOT NULL)
  LEFT JOIN LATERAL (
    SELECT link
    FROM jsonb_array_elements(s.links) WITH ORDINALITY AS a (link, place)
    WHERE link #>> '{attributes,aotel.link.type}' = 'delegated_by'
      AND link ->> 'trace_id' ~ '^[0-9a-f]{32}$' AND link ->> 'trace_id' ~ '[1-9a-f]'
      AND link ->> 'span_id' ~ '^[0-9a-f]{16}$' AND link ->> 'span_id' ~ '[1-9a-f]'
    ORDER BY place LIMIT 1
  ) l ON true
)
UPDATE executions e
SET facts = e.facts || jsonb_strip_nulls(jsonb_build_object(
  'parent_span_id', CASE WHEN p.parent_span_id IS NOT NULL THEN jsonb_build_array(p.rank, p.parent_span_id) END,
  'link_trace_id', CASE WHEN p.link IS NOT NULL THEN jsonb_build_array(p.rank, p.link ->> 'trace_id') END,
  'link_span_id', CASE WHEN p.link IS NOT NULL
    THEN jsonb_build_array(p.rank, ('x' || (p.link ->> 'span_id'))::bit(64)::int8) END))
FROM (SELECT DISTINCT ON (execution_id) * FROM placed ORDER BY execution_id, parent_span_id, link ->> 'span_id') p
WHERE e.execution_id = p.execution_id;

ALTER TABLE executions
  ADD parent_span_id int8 GENERATED ALWAYS AS ((facts #>> '{parent_span_id,1}')::int8) STORED,
  ADD link_trace_id uuid GENERATED ALWAYS AS ((facts #>> '{link_trace_id,1}')::uuid) STORED,
  ADD link_span_id int8 GENERATED ALWAYS AS ((facts #>> '{link_span_id,1}')::int8) STORED;

-- An execution is found by its span, a trace's executions as before.
DROP INDEX executions_trace;
CREATE INDEX executions_span ON executions (trace_id, span_id);
CREATE INDEX executions_link ON executions (link_trace_id) WHERE link_trace_id IS NOT NULL;
