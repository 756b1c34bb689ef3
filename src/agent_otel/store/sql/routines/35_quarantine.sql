-- One row a refusal, newest or oldest as you order it; the bytes are in the table `quarantine`.
CREATE OR REPLACE VIEW agent_quarantine AS
SELECT
  q.quarantine_id,
  encode(q.sha256, 'hex') AS id,
  q.received_at,
  q.signal,
  coalesce(q.retry_reason, q.reason) AS reason,
  q.reason AS first_reason,
  q.resolved_at IS NULL AS is_open,
  q.retried_at,
  q.resolved_at,
  octet_length(q.raw)::int8 AS bytes,
  q.origin_sha256 IS NOT NULL AS shares_origin
FROM quarantine q;
