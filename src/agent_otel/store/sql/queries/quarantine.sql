-- name: entries
-- The newest entries, filtered; short_id is a prefix of the id that nothing else in quarantine has.
SELECT
  CASE WHEN EXISTS (
    SELECT FROM quarantine other
    WHERE other.sha256 BETWEEN decode(left(q.id, 12), 'hex') AND decode(rpad(left(q.id, 12), 64, 'f'), 'hex')
      AND other.sha256 <> decode(q.id, 'hex'))
    THEN q.id ELSE left(q.id, 12) END AS short_id,
  q.*
FROM agent_quarantine q
WHERE (%(resolved)s OR q.is_open)
  AND (%(signal)s::text IS NULL OR q.signal = %(signal)s)
  AND (%(since)s::timestamptz IS NULL OR q.received_at >= %(since)s)
  AND (%(reason)s::text IS NULL OR strpos(lower(q.reason), lower(%(reason)s)) > 0)
ORDER BY q.received_at DESC, q.quarantine_id DESC
LIMIT %(limit)s

-- name: reasons
-- How many entries there are by reason, the most frequent first; the same filters.
SELECT q.reason, count(*) AS entries, sum(q.bytes)::int8 AS bytes
FROM agent_quarantine q
WHERE (%(resolved)s OR q.is_open)
  AND (%(signal)s::text IS NULL OR q.signal = %(signal)s)
  AND (%(since)s::timestamptz IS NULL OR q.received_at >= %(since)s)
  AND (%(reason)s::text IS NULL OR strpos(lower(q.reason), lower(%(reason)s)) > 0)
GROUP BY q.reason
ORDER BY entries DESC, q.reason

-- name: named
-- The entries whose ids lie in a range, open ones first, then the newest.
SELECT q.*
FROM quarantine k JOIN agent_quarantine q USING (quarantine_id)
WHERE k.sha256 BETWEEN %(lowest)s AND %(highest)s
ORDER BY q.is_open DESC, q.received_at DESC, q.quarantine_id DESC
LIMIT %(limit)s

-- name: kept
-- The bytes of one entry.
SELECT q.raw, o.raw AS origin
FROM quarantine q LEFT JOIN quarantine_origins o ON o.sha256 = q.origin_sha256
WHERE q.quarantine_id = %(id)s

-- name: next_open
-- The open entries after one of them, as many as go together: up to a size, which one may exceed alone.
WITH candidates AS (
  SELECT q.quarantine_id, q.sha256, q.signal, q.raw, q.origin_sha256,
    -- Neighbours mostly share their origin, and it is loaded once.
    octet_length(q.raw) + CASE
      WHEN q.origin_sha256 IS DISTINCT FROM lag(q.origin_sha256) OVER (ORDER BY q.quarantine_id)
        THEN coalesce((SELECT octet_length(o.raw) FROM quarantine_origins o WHERE o.sha256 = q.origin_sha256), 0)
      ELSE 0 END AS bytes
  FROM quarantine q
  WHERE q.resolved_at IS NULL AND q.quarantine_id > %(after)s AND q.quarantine_id <= %(last)s
    AND (%(ids)s::int8[] IS NULL OR q.quarantine_id = ANY (%(ids)s))
  ORDER BY q.quarantine_id
  LIMIT %(rows)s
), summed AS (
  SELECT c.*, sum(c.bytes) OVER (ORDER BY c.quarantine_id) AS upto FROM candidates c
)
SELECT s.quarantine_id, encode(s.sha256, 'hex') AS id, s.signal, s.raw, s.origin_sha256
FROM summed s
WHERE s.upto <= %(bytes)s OR s.upto = s.bytes
ORDER BY s.quarantine_id

-- name: newest
-- The last entry there is now.
SELECT coalesce(max(quarantine_id), 0) AS quarantine_id FROM quarantine

-- name: origins
-- What entries share.
SELECT sha256, raw FROM quarantine_origins WHERE sha256 = ANY (%(digests)s)

-- name: mark
-- What a retry found: stored where there is no reason, else why it stays.
UPDATE quarantine q
SET retried_at = clock_timestamp(),
    retry_reason = outcome.reason,
    resolved_at = CASE WHEN outcome.reason IS NULL THEN clock_timestamp() END
FROM unnest(%(ids)s::int8[], %(reasons)s::text[]) AS outcome (quarantine_id, reason)
WHERE q.quarantine_id = outcome.quarantine_id AND q.resolved_at IS NULL

-- name: may_retry
-- Whether this user may store records and mark entries.
SELECT has_table_privilege('spans', 'INSERT') AND has_table_privilege('quarantine', 'UPDATE') AS allowed

-- name: stored_spans
-- The digests of spans that are stored under some keys, in one partition.
SELECT s.trace_id, s.span_id, s.start_time, s.start_ns, s.digest
FROM unnest(%(trace_ids)s::uuid[], %(span_ids)s::int8[], %(times)s::timestamptz[], %(ns)s::int2[]) AS k (trace_id, span_id, start_time, start_ns)
JOIN spans s USING (trace_id, span_id, start_time, start_ns)
WHERE s.start_time >= %(first)s AND s.start_time < %(end)s

-- name: stored_events
-- Likewise of events.
SELECT e.event_id, e.time, e.time_ns, e.digest
FROM unnest(%(event_ids)s::uuid[], %(times)s::timestamptz[], %(ns)s::int2[]) AS k (event_id, time, time_ns)
JOIN execution_events e USING (event_id, time, time_ns)
WHERE e.time >= %(first)s AND e.time < %(end)s
