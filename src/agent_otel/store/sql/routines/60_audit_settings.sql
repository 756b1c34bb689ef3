-- What the audit questions look for can be set, for a database or a session:
-- ALTER DATABASE … SET agent_otel.slow_ms = '60000'; an empty setting is none.
CREATE OR REPLACE FUNCTION audit_setting(name text, otherwise text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(nullif(current_setting('agent_otel.' || name, true), ''), otherwise);

-- agent_otel.slow_ms: executions of more milliseconds are slow.
CREATE OR REPLACE FUNCTION slow_ms() RETURNS numeric
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN audit_setting('slow_ms', '300000')::numeric;

-- agent_otel.security_critical: a regular expression, upper and lower case alike, over the names of modified files. By
-- default an author is nobody critical, what authorizes is.
CREATE OR REPLACE FUNCTION security_critical() RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN audit_setting('security_critical', 'secret|auth(?!or(?!i[sz]))|credential|config');

-- agent_otel.api_services: name=regular expression over a host, separated by semicolons; the first that fits names it.
CREATE OR REPLACE FUNCTION api_services() RETURNS TABLE (place int8, name text, pattern text)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT ordinality, trim(split_part(entry, '=', 1)), trim(substr(entry, strpos(entry, '=') + 1))
  FROM string_to_table(audit_setting('api_services',
      'github=github;aws=aws|amazonaws;gcp=gcp|googleapis|gcloud|cloud\.google'), ';')
    WITH ORDINALITY AS entries (entry, ordinality)
  WHERE trim(entry) <> '';
END;

-- An agent's name as lists and reports show it.
CREATE OR REPLACE FUNCTION shown_agent(agent_name text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(nullif(agent_name, ''), '(none)');

-- Percent of a whole with one decimal, half away from zero; NULL of nothing.
CREATE OR REPLACE FUNCTION percent_of(part int8, whole int8) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN round(100.0 * part / nullif(whole, 0), 1);

-- What error messages of one kind have in common: without ids, addresses, paths, quotations and numbers.
CREATE OR REPLACE FUNCTION error_pattern(message text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN left(btrim(
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(message,
      '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<uuid>', 'gi'),
      '0x[0-9a-f]+|(?=[a-f]*[0-9])[0-9a-f]{8,}', '<hex>', 'gi'),
      '(/[\w.-]+){2,}', '<path>', 'g'),
      '''[^'']*''|"[^"]*"', '<text>', 'g'),
      '[0-9]+(\.[0-9]+)?', '<n>', 'g'),
      '[ \t\n\v\f\r]+', ' ', 'g')), 200);

COMMENT ON FUNCTION slow_ms() IS 'agent_otel.slow_ms: executions of more milliseconds are slow';
COMMENT ON FUNCTION security_critical() IS 'agent_otel.security_critical: which modified files are critical';
COMMENT ON FUNCTION api_services() IS 'agent_otel.api_services: which hosts belong to which service';
COMMENT ON FUNCTION error_pattern(text) IS 'what error messages of one kind have in common';
COMMENT ON FUNCTION shown_agent(text) IS 'the agent''s name, (none) where there is none';
