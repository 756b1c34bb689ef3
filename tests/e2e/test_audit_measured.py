"""What nobody tells but the machine: resources, changed files, errors with their stack."""

import subprocess
from pathlib import Path
from typing import Any, Final

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import agent, client_environment, rows, wait_for

_MEASURED: Final = """
  SELECT resource_usage, files_modified, files_modified_count FROM agent_executions
  WHERE agent_name = %(agent)s AND status = 'success' AND resource_usage IS NOT NULL"""
_ERRORS: Final = "SELECT errors FROM agent_executions WHERE agent_name = %(agent)s AND status = 'success'"
_FAILING: Final = """
import agent_otel, sys
with agent_otel.execution(sys.argv[1]) as run:
    try:
        raise TimeoutError("no answer")
    except TimeoutError as error:
        run.record_error(error, recovery_action="asked again")
agent_otel.flush(timeout=30)
"""


def test_a_command_is_measured_and_its_files_are_found(stack: LocalStack, tmp_path: Path) -> None:
    """`exec --track-files`: processor time and memory of the command, and what it changed, unasked."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "kept").write_text("before")
    (work / "changed").write_text("before")
    (work / "removed").write_text("before")
    shell = Shell(environment(stack.endpoint, tmp_path / "home"), work)
    name = f"measured {tmp_path}"
    script = "echo after > changed; echo new > made; rm removed; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"
    assert shell.call("exec", "--agent", name, "--track-files", ".", "--", "sh", "-c", script).code == 0
    wait_for(lambda: rows(stack, _MEASURED, {"agent": name}), "the execution")
    ((usage, files, count),) = rows(stack, _MEASURED, {"agent": name})
    assert usage["cpu_time_s"] > 0
    assert usage["memory_max_bytes"] > 100_000
    assert (files, count) == (["changed", "made", "removed"], 3)


def test_an_error_has_its_type_message_stack_and_recovery(stack: LocalStack, tmp_path: Path) -> None:
    """All four members of the tracker's schema, of an error that did not end the execution."""
    name = f"failing {tmp_path}"
    command = [*agent(_FAILING), name]
    subprocess.run(command, env=client_environment(stack, tmp_path), check=True, capture_output=True, timeout=60)
    wait_for(lambda: any(found for (found,) in rows(stack, _ERRORS, {"agent": name})), "the error")
    errors: list[dict[str, Any]] = rows(stack, _ERRORS, {"agent": name})[0][0]
    ((kind, message, action, stack_trace),) = [
        (error["type"], error["message"], error["recovery_action"], error["stack"]) for error in errors
    ]
    assert (kind, message, action) == ("TimeoutError", "no answer", "asked again")
    assert stack_trace.rstrip().endswith("TimeoutError: no answer")
    assert "Traceback" in stack_trace
