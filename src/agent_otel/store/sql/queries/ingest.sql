-- name: intern_resources
-- Add the resources that are new; the same resource has the same id everywhere.
INSERT INTO resources (resource_id, digest, service_name, service_namespace, schema_url, attributes,
                       dropped_attributes_count, otlp)
SELECT * FROM unnest(%s::int8[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::int8[], %s::bytea[])
ON CONFLICT DO NOTHING

-- name: intern_scopes
-- Add the scopes that are new.
INSERT INTO scopes (scope_id, digest, name, version, schema_url, attributes, dropped_attributes_count, otlp)
SELECT * FROM unnest(%s::int8[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::int8[], %s::bytea[])
ON CONFLICT DO NOTHING

-- name: interned_resources
-- The digests that stand behind resource ids: two resources must never share one.
SELECT resource_id, digest FROM resources WHERE resource_id = ANY (%s)

-- name: interned_scopes
-- The digests that stand behind scope ids.
SELECT scope_id, digest FROM scopes WHERE scope_id = ANY (%s)

-- name: ensure_partitions
-- Make the missing day partitions; the days that may not be made now come back.
SELECT unnest(ensure_partitions(%s::date[]))

-- name: stage_spans
-- Where a batch with replays waits; gone with the transaction.
CREATE TEMP TABLE IF NOT EXISTS staged_spans (LIKE span_shape INCLUDING STORAGE) ON COMMIT DELETE ROWS

-- name: stage_events
-- Likewise for events.
CREATE TEMP TABLE IF NOT EXISTS staged_execution_events (LIKE execution_event_shape INCLUDING STORAGE) ON COMMIT DELETE ROWS

-- name: insert_staged_spans
-- Keep what is new and say which rows that were.
INSERT INTO spans SELECT * FROM staged_spans ON CONFLICT DO NOTHING
RETURNING trace_id, span_id, start_time, start_ns, digest

-- name: insert_staged_events
-- Keep what is new and say which rows that were.
INSERT INTO execution_events SELECT * FROM staged_execution_events ON CONFLICT DO NOTHING
RETURNING event_id, time, time_ns, digest

-- name: conflicting_spans
-- Staged rows of one partition whose key is taken by a row with other content, and that content's digest.
SELECT c.trace_id, c.span_id, c.start_time, c.start_ns, s.digest
FROM staged_spans c
JOIN spans s ON s.trace_id = c.trace_id AND s.span_id = c.span_id AND s.start_time = c.start_time
            AND s.start_ns = c.start_ns AND s.digest <> c.digest
WHERE s.start_time >= %s AND s.start_time < %s

-- name: conflicting_events
-- Likewise for events.
SELECT c.event_id, c.time, c.time_ns, e.digest
FROM staged_execution_events c
JOIN execution_events e ON e.event_id = c.event_id AND e.time = c.time AND e.time_ns = c.time_ns
                       AND e.digest <> c.digest
WHERE e.time >= %s AND e.time < %s

-- name: execution_traces
-- Note in which traces steps of an execution stand.
INSERT INTO execution_traces SELECT * FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING

-- name: merge_executions
-- Merge what a batch says of executions into their rows; idempotent, in any order.
-- Arrays go in binary: escaping JSON for a text array took a tenth of the exporter's time.
INSERT INTO executions AS e (execution_id, facts, content)
SELECT * FROM unnest(%b::uuid[], %b::text[]::jsonb[], %b::text[]::jsonb[])
ON CONFLICT (execution_id) DO UPDATE SET
  facts = merge_facts(e.facts, excluded.facts),
  content = CASE WHEN excluded.content IS NULL THEN e.content ELSE merge_facts(e.content, excluded.content) END

-- name: merge_notes
-- Keep what a batch says about executions; of one note the highest rank stands, so replays and any order change nothing.
INSERT INTO execution_notes AS n (execution_id, note_id, kind, noted_at, rank, note)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::timestamptz[], %b::text[], %b::text[]::jsonb[])
ON CONFLICT (execution_id, note_id) DO UPDATE SET
  kind = excluded.kind, noted_at = excluded.noted_at, rank = excluded.rank, note = excluded.note
  WHERE excluded.rank > n.rank

-- name: merge_traces
-- Widen the traces of the spans that were really inserted.
INSERT INTO traces AS t (trace_id, min_start, max_start, max_end, span_count, error_count, root_start, root_span_id, root_name,
                         root_resource_id)
SELECT * FROM unnest(%b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::int8[], %b::int8[],
                     %b::timestamptz[], %b::int8[], %b::text[], %b::int8[])
ON CONFLICT (trace_id) DO UPDATE SET
  min_start = least(t.min_start, excluded.min_start),
  max_start = greatest(t.max_start, excluded.max_start),
  max_end = greatest(t.max_end, excluded.max_end),
  span_count = t.span_count + excluded.span_count,
  error_count = t.error_count + excluded.error_count,
  (root_start, root_span_id, root_name, root_resource_id) = (
    SELECT r.* FROM (VALUES (t.root_start, t.root_span_id, t.root_name, t.root_resource_id),
                            (excluded.root_start, excluded.root_span_id, excluded.root_name, excluded.root_resource_id)) r
    ORDER BY r.column1, r.column2 LIMIT 1)

-- name: quarantine_origins
-- Keep once what quarantined items share.
INSERT INTO quarantine_origins (sha256, raw)
SELECT * FROM unnest(%s::bytea[], %s::bytea[])
ON CONFLICT DO NOTHING

-- name: quarantine
-- Keep what can never be stored as it is; while an item is open in there it is not added again.
INSERT INTO quarantine (sha256, signal, reason, raw, origin_sha256)
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::bytea[], %s::bytea[])
ON CONFLICT DO NOTHING
