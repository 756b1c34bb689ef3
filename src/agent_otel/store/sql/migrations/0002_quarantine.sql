-- Quarantined items can be retried, and what many of them share is kept once.

CREATE TABLE quarantine_origins (
  sha256 bytea PRIMARY KEY,
  raw bytea NOT NULL  -- an export request with one empty item: its resource and scope
);

ALTER TABLE quarantine
  ADD origin_sha256 bytea REFERENCES quarantine_origins,  -- not null: raw is the item alone, the rest stands there
  ADD retried_at timestamptz,
  ADD retry_reason text,  -- why the last retry refused it
  ADD resolved_at timestamptz;  -- stored since; the row stays as the record that it was refused once

-- Only what is open is unique: an item that was stored and is refused again is a new refusal.
ALTER TABLE quarantine DROP CONSTRAINT quarantine_sha256_signal_key;
CREATE UNIQUE INDEX quarantine_open ON quarantine (sha256, signal) WHERE resolved_at IS NULL;
CREATE INDEX quarantine_sha256 ON quarantine (sha256);
CREATE INDEX quarantine_received_at ON quarantine (received_at);

DO $$
BEGIN
  IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
    ALTER TABLE quarantine_origins ALTER COLUMN raw SET COMPRESSION lz4;
  ELSE
    ALTER TABLE quarantine_origins ALTER COLUMN raw SET STORAGE EXTERNAL;
  END IF;
END $$;
