-- An execution as one JSON document: the mandatory fields, member for member and in their order.

-- A JSON text as JSON; any other text as a JSON string. It catches an error, which parallel workers must not.
CREATE OR REPLACE FUNCTION json_or_text(value text) RETURNS json
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE
AS $$
BEGIN
  RETURN value::json;
EXCEPTION WHEN OTHERS THEN
  RETURN to_json(value);
END $$;

-- The names in tool definitions: members of a JSON array that are names, or have one. Any other text is one name.
CREATE OR REPLACE FUNCTION tool_names(definitions text) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL UNSAFE
  RETURN (
    SELECT CASE WHEN json_typeof(parsed) = 'array'
      THEN ARRAY(SELECT coalesce(tool ->> 'name', tool -> 'function' ->> 'name', tool #>> '{}')
                 FROM json_array_elements(parsed) WITH ORDINALITY AS t (tool, place) ORDER BY place)
      ELSE ARRAY[parsed #>> '{}'] END
    FROM json_or_text(definitions) AS d (parsed));

-- The issues of an execution with the members of the requirements, the first 1,000.
CREATE OR REPLACE FUNCTION issue_documents(execution uuid) RETURNS json
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (SELECT coalesce(json_agg(json_build_object(
              'type', issue ->> 'type',
              'description', issue ->> 'description',
              'impact', issue ->> 'impact',
              'resolution', issue ->> 'resolution',
              'prevention', issue ->> 'prevention') ORDER BY place), '[]')
          FROM jsonb_array_elements(notes_of(execution, 'issue')) WITH ORDINALITY AS t (issue, place));

-- json, not jsonb: it keeps the order. A list that nobody stated is [], any other member null.
CREATE OR REPLACE VIEW agent_execution_documents AS
SELECT
  a.execution_id,
  a.started_at,
  json_build_object(
    'execution_id', a.execution_id,
    'session_id', a.session_id,
    'timestamp_start', iso_utc(a.started_at),
    'timestamp_end', iso_utc(a.completed_at),
    'duration_ms', a.duration_ms,
    'main_agent_context', json_build_object(
      'user_request', a.user_request,
      'main_agent_reasoning', a.main_agent_reasoning,
      'expected_outcome', a.expected_outcome,
      'risk_assessment', a.risk_assessment),
    'agent_metadata', json_build_object(
      'name', a.agent_name,
      'version', a.version,
      'tools_available', coalesce(tool_names(a.tools_available), '{}'),
      'configuration', a.configuration),
    'delegation', json_build_object(
      'prompt_sent', a.prompt_sent,
      'prompt_length', a.prompt_length,
      'context_provided', a.context_provided,
      'instructions', a.instructions),
    'execution', json_build_object(
      'actions_taken', actions_of(a.execution_id),
      'real_time_status', a.real_time_status,
      'resource_usage', a.resource_usage),
    'output', json_build_object(
      'raw_response', a.raw_response,
      'structured_data', json_or_text(a.structured_data),
      'files_modified', coalesce(a.files_modified, '{}'),
      'commands_executed', coalesce(a.commands_executed, '{}'),
      'api_calls_made', coalesce(a.api_calls_made, '{}')),
    'verification', json_build_object(
      'status', a.verification_status,
      'expected_vs_actual', a.expected_vs_actual,
      'success_criteria_met', coalesce(a.success_criteria_met, '{}'),
      'success_criteria_failed', coalesce(a.success_criteria_failed, '{}'),
      'confidence_score', a.confidence_score,
      'manual_verification_required', a.manual_verification_required),
    'quality_metrics', json_build_object(
      'completeness', a.completeness,
      'accuracy', a.accuracy,
      'efficiency', a.efficiency,
      'adherence_to_standards', a.adherence_to_standards),
    'issues', issue_documents(a.execution_id),
    'learning', json_build_object(
      'insights_gained', coalesce(a.insights_gained, '{}'),
      'process_improvements', coalesce(a.process_improvements, '{}'),
      'agent_performance', a.agent_performance,
      'recommendation_for_future', a.recommendation_for_future)
  ) AS document
FROM agent_executions a;
