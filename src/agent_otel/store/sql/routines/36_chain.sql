-- The chain: who delegated whom, and what each and all below it took. Nothing of it is stored: a parent may arrive last.
-- The parent of an execution: the one that it states; else the nearest execution above its span; else the one at, or
-- nearest above, the span that its delegated_by link names.
-- Plans are made for the values at hand where spans are read, so that only the days of the trace are opened.

-- For each of some spans of a trace: the nearest execution at or above it. Where there is none: is_broken, whether the
-- way up ends at a span that is not stored. At most 1,000 levels.
CREATE OR REPLACE FUNCTION nearest_executions(trace uuid, places int8[])
  RETURNS TABLE (place int8, execution_id uuid, is_broken boolean)
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 SET search_path = agent_otel, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
  others int8[];
  earliest timestamptz;
  latest timestamptz;
BEGIN
  -- Mostly the span is an execution's own: no need to read spans.
  RETURN QUERY
  SELECT DISTINCT ON (e.span_id) e.span_id, e.execution_id, false
  FROM executions e
  WHERE e.trace_id = trace AND e.span_id = ANY (places)
  ORDER BY e.span_id, e.execution_id;
  others := ARRAY(SELECT unnest(places)
                  EXCEPT SELECT e.span_id FROM executions e WHERE e.trace_id = trace AND e.span_id = ANY (places));
  IF others = '{}' THEN
    RETURN;
  END IF;
  SELECT t.min_start, t.max_start INTO earliest, latest FROM traces t WHERE t.trace_id = trace;
  RETURN QUERY
  WITH RECURSIVE upward AS (
    SELECT start.place, start.place AS span_id, 0 AS level FROM unnest(others) AS start (place)
    UNION
    SELECT u.place, s.parent_span_id, u.level + 1
    FROM upward u
    JOIN spans s ON s.trace_id = trace AND s.span_id = u.span_id AND s.start_time BETWEEN earliest AND latest
    WHERE s.parent_span_id IS NOT NULL AND u.level < 1000
      AND NOT EXISTS (SELECT FROM executions e WHERE e.trace_id = trace AND e.span_id = u.span_id)
  ), nearest AS (
    SELECT DISTINCT ON (u.place) u.place, e.execution_id, u.span_id
    FROM upward u
    LEFT JOIN executions e ON e.trace_id = trace AND e.span_id = u.span_id
    ORDER BY u.place, e.execution_id IS NULL, CASE WHEN e.execution_id IS NULL THEN -u.level ELSE u.level END,
      e.execution_id
  )
  SELECT n.place, n.execution_id, n.execution_id IS NULL AND NOT EXISTS (
    SELECT FROM spans s WHERE s.trace_id = trace AND s.span_id = n.span_id AND s.start_time BETWEEN earliest AND latest)
  FROM nearest n;
END $$;

-- The parents of some executions, NULL where there is none; is_missing, whether one is named that is not stored.
CREATE OR REPLACE FUNCTION effective_parents(executions uuid[])
  RETURNS TABLE (execution_id uuid, parent uuid, is_missing boolean)
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 SET search_path = agent_otel, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT e.execution_id, e.parent_execution_id AS stated, e.trace_id, e.parent_span_id, e.link_trace_id, e.link_span_id
    FROM agent_otel.executions e
    WHERE e.execution_id = ANY ($1)
  ), above AS MATERIALIZED (  -- once a trace, not once an execution
    SELECT t.trace_id, n.*
    FROM (SELECT trace_id, array_agg(DISTINCT parent_span_id) AS places
          FROM asked WHERE stated IS NULL AND parent_span_id IS NOT NULL GROUP BY trace_id) t
    CROSS JOIN LATERAL nearest_executions(t.trace_id, t.places) n
  ), enclosed AS MATERIALIZED (
    SELECT a.execution_id, n.execution_id AS parent, n.is_broken
    FROM asked a JOIN above n ON n.trace_id = a.trace_id AND n.place = a.parent_span_id
    WHERE a.stated IS NULL
  ), unenclosed AS MATERIALIZED (
    SELECT a.execution_id, a.link_trace_id, a.link_span_id
    FROM asked a
    LEFT JOIN enclosed n ON n.execution_id = a.execution_id
    WHERE a.stated IS NULL AND n.parent IS NULL AND a.link_span_id IS NOT NULL
  ), named AS MATERIALIZED (
    SELECT t.link_trace_id, n.*
    FROM (SELECT link_trace_id, array_agg(DISTINCT link_span_id) AS places FROM unenclosed GROUP BY link_trace_id) t
    CROSS JOIN LATERAL nearest_executions(t.link_trace_id, t.places) n
  ), linked AS MATERIALIZED (
    SELECT u.execution_id, n.execution_id AS parent, n.is_broken
    FROM unenclosed u JOIN named n ON n.link_trace_id = u.link_trace_id AND n.place = u.link_span_id
  )
  SELECT a.execution_id, coalesce(a.stated, n.parent, l.parent),
    CASE
      WHEN a.stated IS NOT NULL
        THEN NOT EXISTS (SELECT FROM agent_otel.executions p WHERE p.execution_id = a.stated)
      ELSE coalesce(n.parent, l.parent) IS NULL AND (coalesce(n.is_broken, false) OR coalesce(l.is_broken, false))
    END
  FROM asked a
  LEFT JOIN enclosed n ON n.execution_id = a.execution_id
  LEFT JOIN linked l ON l.execution_id = a.execution_id;
END $$;

-- The members of the tree that an execution belongs to. Not the whole of it: the way up from it, its siblings, and what
-- is below it. parent: NULL for the first. A cycle is cut at its earliest member, which comes first then, and whose
-- named_parent is the member before it. At most 1,000 levels up and down.
CREATE OR REPLACE FUNCTION chain_members(execution uuid, whole boolean)
  RETURNS TABLE (execution_id uuid, parent uuid, named_parent uuid, parent_is_missing boolean, in_cycle boolean, path uuid[])
  LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = agent_otel, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  upward uuid[] := ARRAY[execution];  -- from the execution to the topmost known
  above record;
  circle uuid[] := '{}';
  members uuid[];
  parents uuid[];
  level uuid[];
  below record;
  fresh uuid[];
  seen uuid[] := '{}';  -- traces whose executions are in the next two
  known uuid[] := '{}';
  known_parents uuid[] := '{}';
BEGIN
  LOOP
    SELECT p.parent, p.is_missing INTO above FROM effective_parents(ARRAY[upward[cardinality(upward)]]) p;
    IF NOT FOUND THEN
      RETURN;
    END IF;
    EXIT WHEN above.parent IS NULL OR above.is_missing OR cardinality(upward) > 1000;
    IF above.parent = ANY (upward) THEN
      circle := upward[array_position(upward, above.parent):];
      EXIT;
    END IF;
    upward := upward || above.parent;
  END LOOP;
  IF circle <> '{}' THEN
    upward := upward[:array_position(upward, (
      SELECT e.execution_id FROM executions e WHERE e.execution_id = ANY (circle)
      ORDER BY e.started_at, e.execution_id LIMIT 1))];
    SELECT p.parent, p.is_missing INTO above FROM effective_parents(ARRAY[upward[cardinality(upward)]]) p;
  END IF;

  -- Down again, level by level.
  members := upward[cardinality(upward):];
  parents := ARRAY[NULL::uuid];
  IF NOT whole THEN
    FOR i IN REVERSE cardinality(upward) - 1 .. 2 LOOP
      members := members || upward[i];
      parents := parents || upward[i + 1];
    END LOOP;
  END IF;
  level := members[cardinality(members):];
  FOR depth IN 1 .. 1000 LOOP
    fresh := ARRAY(SELECT DISTINCT e.trace_id FROM executions e
                   WHERE e.execution_id = ANY (level) AND e.trace_id IS NOT NULL AND e.trace_id <> ALL (seen));
    IF fresh <> '{}' THEN
      seen := seen || fresh;
      SELECT known || array_agg(p.execution_id), known_parents || array_agg(p.parent) INTO known, known_parents
      FROM effective_parents(ARRAY(
        SELECT e.execution_id FROM executions e
        WHERE e.trace_id = ANY (fresh) AND e.parent_execution_id IS NULL AND e.parent_span_id IS NOT NULL
        UNION
        SELECT e.execution_id FROM executions e
        WHERE e.link_trace_id = ANY (fresh) AND e.parent_execution_id IS NULL)) p
      WHERE p.parent IS NOT NULL;
    END IF;
    SELECT array_agg(c.execution_id) AS children, array_agg(c.parent) AS parents INTO below
    FROM (SELECT e.execution_id, e.parent_execution_id AS parent FROM executions e WHERE e.parent_execution_id = ANY (level)
          UNION
          SELECT k.execution_id, k.parent FROM unnest(known, known_parents) AS k (execution_id, parent)
          WHERE k.parent = ANY (level)) c
    WHERE c.execution_id <> ALL (members);
    EXIT WHEN below.children IS NULL;
    members := members || below.children;
    parents := parents || below.parents;
    -- Of the siblings only those below the execution are asked for.
    level := CASE WHEN NOT whole AND depth = 1 AND cardinality(upward) > 1 THEN ARRAY[execution] ELSE below.children END;
  END LOOP;

  RETURN QUERY
  WITH RECURSIVE tree AS (
    SELECT members[1] AS execution_id, NULL::uuid AS parent, ARRAY[members[1]] AS path
    UNION ALL
    SELECT m.execution_id, m.parent, t.path || m.execution_id
    FROM tree t JOIN unnest(members, parents) AS m (execution_id, parent) ON m.parent = t.execution_id
  )
  SELECT t.execution_id, t.parent, coalesce(t.parent, above.parent), t.parent IS NULL AND above.is_missing,
    t.execution_id = ANY (circle), t.path
  FROM tree t;
END $$;
