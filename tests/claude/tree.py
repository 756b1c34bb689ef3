"""What stands in the audit trail about some sessions, read back from PostgreSQL and Jaeger."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row

from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from tests.fixtures.stack import jaeger_trace

_EXECUTIONS: Final = """
  SELECT execution_id, correlation_id, session_id, parent_execution_id, agent_name, agent_instance_id,
         prompt, description, status, error_type, end_inferred, cost_usd,
         input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens
  FROM agent_executions
  WHERE session_id = ANY (%(sessions)s)
  ORDER BY started_at, execution_id"""
_STEPS: Final = """
  SELECT execution_id, tool_call_id, tool, success
  FROM agent_execution_steps
  WHERE execution_id = ANY (%(executions)s) AND kind = 'tool'
  ORDER BY execution_id, sequence"""
_STRANGERS: Final = """
  SELECT format('execution %%s (%%s, session %%s)', execution_id, agent_name, session_id) FROM agent_executions
  WHERE session_id IS NULL OR session_id <> ALL (%(sessions)s)
  UNION ALL
  SELECT format('quarantined: %%s', reason) FROM quarantine"""
_ID: Final = "aotel.execution.id"
_STEP_KIND: Final = "aotel.step.kind"


class Step(NamedTuple):
    """A tool call as the view shows it."""

    tool_call_id: str | None
    tool: str | None
    success: bool


class Execution(NamedTuple):
    """A row of agent_executions, with its tool calls in their order."""

    row: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def id(self) -> uuid.UUID:
        """Its id."""
        found: uuid.UUID = self.row["execution_id"]
        return found


def executions(stack: LocalStack, sessions: Collection[str]) -> list[Execution]:
    """All executions of the sessions, the earliest first."""
    return read(stack.reader_url, sessions)


def read(url: str, sessions: Collection[str]) -> list[Execution]:
    """As `executions`, from the database at `url`."""
    connection = connect(url, application="test", autocommit=True)
    with connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_EXECUTIONS, {"sessions": list(sessions)}).fetchall()
        steps = cursor.execute(_STEPS, {"executions": [row["execution_id"] for row in rows]}).fetchall()
    return [
        Execution(row, tuple(_step(step) for step in steps if step["execution_id"] == row["execution_id"]))
        for row in rows
    ]


def strangers(stack: LocalStack, sessions: Collection[str]) -> list[str]:
    """Executions of other sessions than these, and what was refused."""
    with connect(stack.database_url, application="test", autocommit=True) as connection:
        return [words for (words,) in connection.execute(_STRANGERS, {"sessions": list(sessions)}).fetchall()]


def spans_in_jaeger(stack: LocalStack, execution: Execution) -> int:
    """How many spans of this execution itself, not of its steps, Jaeger has."""
    found = jaeger_trace(stack, execution.row["correlation_id"])
    spans = (span for r in found.resource_spans for scope in r.scope_spans for span in scope.spans)
    attributes = ({each.key: each.value.string_value for each in span.attributes} for span in spans)
    return sum(each.get(_ID) == str(execution.id) and _STEP_KIND not in each for each in attributes)


def _step(row: Mapping[str, Any]) -> Step:
    return Step(row["tool_call_id"], row["tool"], row["success"])
