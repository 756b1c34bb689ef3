"""What the command sent, looked up in PostgreSQL."""

from typing import Any

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.stack import rows, wait_for


def stages(stack: LocalStack, execution_id: str) -> list[str]:
    """The stages of an execution in PostgreSQL, sorted."""
    query: Any = """SELECT attributes ->> 'aotel.progress.stage' FROM execution_events
                    WHERE execution_id = %(id)s AND event_name = 'aotel.execution.progress' ORDER BY 1"""
    return [stage for (stage,) in rows(stack, query, {"id": execution_id})]


def wait_for_stages(stack: LocalStack, execution_id: str, *expected: str) -> None:
    """Wait until exactly these are there."""
    wait_for(lambda: stages(stack, execution_id) == sorted(expected), f"stages {expected}")


def wait_for_end(stack: LocalStack, execution_id: str) -> None:
    """Wait until the execution's row says success."""
    query = "SELECT status FROM agent_execution_logs WHERE execution_id = %(id)s"
    wait_for(lambda: rows(stack, query, {"id": execution_id}) == [("success",)], "the end")
