-- Partitions by UTC day, made by LIKE + ATTACH: unlike CREATE … PARTITION OF, that does not wait for an open COPY.
CREATE OR REPLACE FUNCTION make_partition(parent regclass, partition text, lower_bound timestamptz, upper_bound timestamptz)
  RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE TABLE agent_otel.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
                 partition, parent);
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION agent_otel.%I FOR VALUES FROM (%s) TO (%s)', parent, partition,
                 coalesce(quote_literal(lower_bound), 'MINVALUE'), coalesce(quote_literal(upper_bound), 'MAXVALUE'));
END $$;

-- Make the day partitions that are missing; return the days that could not be made because 32 were made within the
-- last minute. The days around now are always made, and the nearest first: old days never push today's spans aside.
-- Days before 2020 and from 2100 have their outlier partitions and are never asked for.
CREATE OR REPLACE FUNCTION ensure_partitions(days date[]) RETURNS date[]
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = agent_otel, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  wanted date;
  refused date[] := '{}';
  recent int;
  parent text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('agent_otel.ensure_partitions', 0));
  DELETE FROM new_partitions WHERE made_at < clock_timestamp() - interval '1 hour';
  SELECT count(*) INTO recent FROM new_partitions WHERE made_at > clock_timestamp() - interval '1 minute';
  FOR wanted IN SELECT day FROM unnest(days) AS d (day) GROUP BY day ORDER BY abs(day - current_date), day LOOP
    IF wanted < '2020-01-01' OR wanted >= '2100-01-01' THEN
      CONTINUE;
    ELSIF (SELECT count(*) = 2 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent IN ('spans'::regclass, 'execution_events'::regclass)
             AND c.relname IN ('spans_' || to_char(wanted, 'YYYYMMDD'), 'execution_events_' || to_char(wanted, 'YYYYMMDD')))
    THEN
      CONTINUE;
    ELSIF to_regclass('spans_' || to_char(wanted, 'YYYYMMDD')) IS NOT NULL THEN
      -- Detached, to be archived: nothing more goes in there.
      refused := refused || wanted;
      CONTINUE;
    ELSIF recent >= 32 AND wanted NOT BETWEEN current_date - 1 AND current_date + 3 THEN
      refused := refused || wanted;
      CONTINUE;
    END IF;
    FOREACH parent IN ARRAY ARRAY['spans', 'execution_events'] LOOP
      PERFORM make_partition(parent::regclass, parent || '_' || to_char(wanted, 'YYYYMMDD'), wanted, wanted + 1);
    END LOOP;
    INSERT INTO new_partitions (day) VALUES (wanted);
    recent := recent + 1;
  END LOOP;
  RETURN refused;
END $$;

DO $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['spans', 'execution_events'] LOOP
    IF to_regclass(parent || '_before_2020') IS NULL THEN
      PERFORM make_partition(parent::regclass, parent || '_before_2020', NULL, '2020-01-01 00:00:00+00');
      PERFORM make_partition(parent::regclass, parent || '_from_2100', '2100-01-01 00:00:00+00', NULL);
    END IF;
  END LOOP;
END $$;

-- Empty tables of the same shape: ingest may read these, so that it can make its staging tables without reading spans.
DROP TABLE IF EXISTS span_shape, execution_event_shape;
CREATE TABLE span_shape (LIKE spans INCLUDING STORAGE INCLUDING COMPRESSION);
CREATE TABLE execution_event_shape (LIKE execution_events INCLUDING STORAGE INCLUDING COMPRESSION);
