"""Questions that docs/schema.md answers with SQL to paste into psql; tests/docs/test_schema.py asks each of them."""

from typing import Final, LiteralString

QUESTIONS: Final[dict[str, LiteralString]] = {
    "What is running now, and how far is it?": """\
SELECT agent_name, description, stage, percent, running_ms
FROM agent_executions_active
ORDER BY started_at;""",
    "What did the latest execution do, step by step?": """\
SELECT s.sequence, s.tool, s.action, s.latency_ms, s.success, s.error_message
FROM (SELECT execution_id FROM agent_executions WHERE completed_at IS NOT NULL ORDER BY started_at DESC LIMIT 1) latest
JOIN agent_execution_steps s USING (execution_id)
ORDER BY s.sequence;""",
    "Everything about it, as one JSON document?": """\
SELECT jsonb_pretty(document::jsonb)
FROM agent_execution_documents
WHERE execution_id = (SELECT execution_id FROM agent_executions ORDER BY started_at DESC LIMIT 1);""",
    "How often does each agent succeed, and how long does it take?": """\
SELECT
  agent_name,
  count(*) AS executions,
  round(100.0 * count(*) FILTER (WHERE status = 'success')
        / nullif(count(*) FILTER (WHERE status IN ('success', 'partial', 'error', 'abandoned')), 0), 1) AS success_rate,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50_duration_ms
FROM agent_executions
WHERE started_at >= now() - interval '7 days'
GROUP BY agent_name
ORDER BY executions DESC, agent_name;""",
    "Who claims success although the latest verdict says otherwise?": """\
SELECT agent_name, started_at, expected_outcome, expected_vs_actual, success_criteria_failed, verified_by
FROM agent_refuted_successes
ORDER BY started_at DESC;""",
    "Which verdicts were given, by whom and when?": """\
SELECT execution_id, agent_name, verified_at, status, verified_by, confidence_score, is_current
FROM agent_verifications
ORDER BY verified_at DESC;""",
    "Which success criteria were changed after the start?": """\
SELECT execution_id, agent_name, success_criteria_at_start, criteria_added, criteria_dropped
FROM agent_executions
WHERE criteria_changed AND started_at >= now() - interval '7 days';""",
    "What goes wrong most often, and how is it avoided?": """\
SELECT type, description, count(*) AS times, array_agg(DISTINCT agent_name) AS agents, max(prevention) AS prevention
FROM agent_issues
WHERE noted_at >= now() - interval '30 days'
GROUP BY type, description
ORDER BY times DESC, type, description;""",
    "What was learned?": """\
SELECT agent_name, insight, count(*) AS times
FROM agent_learning, unnest(insights_gained) AS insight
GROUP BY agent_name, insight
ORDER BY times DESC, agent_name, insight;""",
    "Who changed which files, on whose behalf?": """\
SELECT started_at, agent_name, triggered_by, user_id, file
FROM agent_executions, unnest(files_modified) AS file
WHERE started_at >= now() - interval '7 days'
ORDER BY started_at DESC, file;""",
}


def section() -> list[str]:
    """The lines of the section."""
    lines = [
        "## Ten questions",
        "",
        "To paste into `agent-otel psql`, or into psql as a role whose `search_path` is `agent_otel`.",
    ]
    for question, statement in QUESTIONS.items():
        lines += ["", f"### {question}", "", "```sql", statement, "```"]
    return lines
