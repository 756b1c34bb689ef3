-- Commands and calls of external APIs of one execution: as stated, and as its steps show them.

-- A tool's input; NULL where it is no JSON. jsonb takes neither NUL nor half a surrogate: such are replaced, so that
-- nothing can be hidden behind one. Not PARALLEL SAFE: the handler takes a subtransaction.
CREATE OR REPLACE FUNCTION tool_input(input text) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
  RETURN input::jsonb;
EXCEPTION WHEN others THEN
  BEGIN
    RETURN regexp_replace(input, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi')::jsonb;
  EXCEPTION WHEN others THEN
    RETURN NULL;
  END;
END $$;

-- Whether a tool runs commands.
CREATE OR REPLACE FUNCTION runs_commands(tool text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN tool IN ('Bash', 'bash', 'shell', 'sh', 'execute_command');

-- Whether a tool's input can hold a command that calls an API: most hold none, and need not be parsed. The backslash:
-- JSON may spell such characters by escapes.
CREATE OR REPLACE FUNCTION may_call_api(input text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN input ~ '://|gh|aws|gcloud|gsutil|bq|\\[u/]';

-- Whether a tool's input may have a URL as a member: it costs less to ask this first than to parse them all.
CREATE OR REPLACE FUNCTION may_have_url(input text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN strpos(input, '"url"') > 0;

-- The command in the input of a tool that runs commands: a text, or a list of words. By hand, not in one expression: so
-- the input is parsed once.
CREATE OR REPLACE FUNCTION input_command(input text) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
  command jsonb := agent_otel.tool_input(input) -> 'command';
BEGIN
  IF jsonb_typeof(command) = 'string' THEN
    RETURN command #>> '{}';
  ELSIF jsonb_typeof(command) = 'array' THEN
    RETURN (SELECT string_agg(word, ' ' ORDER BY place)
            FROM jsonb_array_elements_text(command) WITH ORDINALITY AS words (word, place));
  END IF;
  RETURN NULL;
END $$;

-- The URL that a tool's input asks for; NULL where it has none.
CREATE OR REPLACE FUNCTION input_url(input text) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
  url jsonb := agent_otel.tool_input(input) -> 'url';
BEGIN
  RETURN CASE WHEN jsonb_typeof(url) = 'string' THEN url #>> '{}' END;
END $$;

-- The first URL in a text.
CREATE OR REPLACE FUNCTION first_url(text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN substring($1 FROM '(?i)https?://[^\s''"<>`|;)]+');

-- Host of a URL, in lower case, without user and port.
CREATE OR REPLACE FUNCTION url_host(url text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lower(substring(url FROM '^[A-Za-z]+://(?:[^/?#@]*@)*(\[[^]]*\]|[^/:?#]+)'));

-- Host that a command line of a cloud talks to; NULL for other commands.
CREATE OR REPLACE FUNCTION command_host(command text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE substring(command FROM
      '^\s*(?:(?:sudo|[A-Za-z_][A-Za-z0-9_]*=(?:"[^"]*"|''[^'']*''|\S*))\s+)*(gh|aws|gcloud|gsutil|bq)(?:\s|$)')
    WHEN 'gh' THEN 'github.com'
    WHEN 'aws' THEN 'amazonaws.com'
    WHEN 'gcloud' THEN 'googleapis.com'
    WHEN 'gsutil' THEN 'googleapis.com'
    WHEN 'bq' THEN 'googleapis.com'
  END;

-- The commands of an execution, as often as its steps ran them and as stated.
CREATE OR REPLACE FUNCTION commands_told(execution uuid, stated text[])
  RETURNS TABLE (command text, step_sequence numeric, success boolean, span_id text)
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT told.command, told.sequence, told.success, told.span_id
  FROM (
    SELECT input_command(s.input) AS command, s.sequence, s.success, s.span_id
    FROM agent_execution_steps s
    WHERE s.execution_id = execution AND s.kind = 'tool' AND runs_commands(s.tool)
    OFFSET 0  -- so inputs are parsed once
  ) told
  WHERE told.command <> ''
  UNION ALL
  SELECT c.command, NULL, NULL, NULL FROM unnest(stated) AS c (command) WHERE c.command <> '';
END;

-- Each of them once: as its first step ran it, else as stated.
CREATE OR REPLACE FUNCTION execution_commands(execution uuid, stated text[])
  RETURNS TABLE (command text, step_sequence numeric, success boolean)
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT DISTINCT ON (t.command COLLATE "C") t.command, t.step_sequence, t.success
  FROM commands_told(execution, stated) t
  ORDER BY t.command COLLATE "C", t.step_sequence, t.span_id;
END;

-- The calls of external APIs of an execution, each once: as stated; URLs in its commands and in what its tools were
-- given; command lines of clouds.
CREATE OR REPLACE FUNCTION execution_api_calls(execution uuid, stated text[], stated_commands text[])
  RETURNS TABLE (api_call text, host text)
  LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH asked AS MATERIALIZED (
    SELECT CASE WHEN runs_commands(s.tool) THEN input_command(s.input) END AS command,
      CASE WHEN may_have_url(s.input) THEN input_url(s.input) END AS url
    FROM agent_execution_steps s
    WHERE s.execution_id = execution AND s.kind = 'tool'
      AND ((runs_commands(s.tool) AND may_call_api(s.input)) OR may_have_url(s.input))
  ), commands AS MATERIALIZED (
    SELECT a.command, command_host(a.command) AS host FROM asked a WHERE a.command <> ''
    UNION ALL
    SELECT c.command, command_host(c.command) FROM unnest(stated_commands) AS c (command)
  )
  SELECT DISTINCT ON (told.api_call COLLATE "C") told.api_call, told.host
  FROM (
    SELECT c.api_call, url_host(first_url(c.api_call)) AS host FROM unnest(stated) AS c (api_call)
    UNION ALL
    SELECT a.url, url_host(first_url(a.url)) FROM asked a
    UNION ALL
    SELECT u.url[1], url_host(u.url[1])
    FROM commands c
    CROSS JOIN LATERAL regexp_matches(c.command, 'https?://[^\s''"<>`|;)]+', 'gi') AS u (url)
    WHERE strpos(c.command, '://') > 0
    UNION ALL
    SELECT c.command, c.host FROM commands c WHERE c.host IS NOT NULL
  ) told
  WHERE told.api_call <> ''
  ORDER BY told.api_call COLLATE "C", told.host;
END;

COMMENT ON FUNCTION commands_told(uuid, text[]) IS 'an execution''s commands, as often as they were told of';
COMMENT ON FUNCTION execution_commands(uuid, text[]) IS 'an execution''s commands, each once: those of its steps, and those only stated';
COMMENT ON FUNCTION execution_api_calls(uuid, text[], text[]) IS 'an execution''s calls of external APIs, of all sources';
