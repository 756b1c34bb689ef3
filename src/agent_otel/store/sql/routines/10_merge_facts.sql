-- The facts of two records of an execution: per field the pair [rank, value] with the higher rank, objects member by
-- member, of which the first 1,000 in byte order stay. The same rule as model.merge_facts; ranks are compared byte by
-- byte.
CREATE OR REPLACE FUNCTION merge_facts(present jsonb, candidate jsonb) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
  IF present IS NULL THEN
    RETURN candidate;
  ELSIF candidate IS NULL OR candidate = present THEN
    RETURN present;
  END IF;
  RETURN (
    SELECT coalesce(jsonb_object_agg(key,
      CASE
        WHEN present_value IS NULL THEN candidate_value
        WHEN candidate_value IS NULL THEN present_value
        WHEN jsonb_typeof(present_value) = 'object' AND jsonb_typeof(candidate_value) = 'object'
          THEN agent_otel.merge_facts(present_value, candidate_value)
        WHEN (candidate_value ->> 0) COLLATE "C" > (present_value ->> 0) COLLATE "C" THEN candidate_value
        ELSE present_value
      END), '{}')
    FROM (SELECT key, p.value AS present_value, c.value AS candidate_value
          FROM jsonb_each(present) p FULL JOIN jsonb_each(candidate) c USING (key)
          ORDER BY key COLLATE "C" LIMIT 1000) members
  );
END $$;

-- The values of a field that merges by key: {key: [rank, value]} to {key: value}.
CREATE OR REPLACE FUNCTION fact_values(field jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT jsonb_object_agg(key, value -> 1) FROM jsonb_each(field));

-- The members of a field that unites lists: {member: [rank, place]} to an array, in the order in which they were told.
-- Rows of earlier releases have ["", true], which says nothing of the order: those come last, sorted.
CREATE OR REPLACE FUNCTION fact_members(field jsonb) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT array_agg(key ORDER BY (value ->> 0) COLLATE "C" DESC, value -> 1, key COLLATE "C")
          FROM jsonb_each(field));

-- The texts of a JSON array; NULL where it is none.
CREATE OR REPLACE FUNCTION json_texts(list jsonb) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(list) = 'array'
    THEN ARRAY(SELECT member FROM jsonb_array_elements_text(list) WITH ORDINALITY AS t (member, place) ORDER BY place) END;

-- The members of one list that are not in another, in order.
CREATE OR REPLACE FUNCTION texts_without(list text[], others text[]) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ARRAY(SELECT member FROM unnest(list) WITH ORDINALITY AS t (member, place)
               WHERE member <> ALL (others) ORDER BY place);
