"""What the shell says of an execution beside its facts, on its way to PostgreSQL and Jaeger."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.test_identity import spans_in_jaeger
from tests.fixtures.git_repository import GitRepository
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import rows, wait_for

VERDICT = "gen_ai.evaluation.result"


@pytest.fixture
def shell(stack: LocalStack, tmp_path: Path) -> Shell:
    """A shell on the stack."""
    return Shell(environment(stack.endpoint, tmp_path / "home"), tmp_path)


def said(stack: LocalStack, execution_id: str) -> list[tuple[str, int, dict[str, Any]]]:
    """Name, severity and attributes of what was said of an execution, oldest first; what was told again once."""
    query: Any = """SELECT event_name, severity_number, attributes FROM (
                      SELECT DISTINCT ON (event_id) * FROM execution_events
                      WHERE execution_id = %(id)s AND event_name IN
                        ('gen_ai.evaluation.result', 'aotel.execution.issue', 'aotel.execution.learning')
                      ORDER BY event_id, time) said
                    ORDER BY time, event_name, event_id"""
    return rows(stack, query, {"id": execution_id})


def labels(stack: LocalStack, execution_id: str) -> list[str]:
    """The verdicts on an execution, oldest first."""
    found = [attributes for name, _, attributes in said(stack, execution_id) if name == VERDICT]
    return [attributes["gen_ai.evaluation.score.label"] for attributes in found]


def test_a_whole_execution(stack: LocalStack, shell: Shell, tmp_path: Path) -> None:
    """Criteria that came up, changed files, verdict, issue, learning: events in PostgreSQL, on the span in Jaeger."""
    repository = GitRepository(tmp_path / "repository")
    execution_id = shell.start(
        *("--user-request", "fix it", "--criteria", "tests pass", "--configuration", "careful"),
        *("--track-files", str(repository.folder)),
    )
    own = ("--execution-id", execution_id)
    repository.write("kept.txt", "fixed")
    shell.delivered("progress", *own, "--stage", "fixing", "--criteria", "no new warnings")
    repository.commit()
    shell.delivered(
        *("complete", *own, "--completeness", "HIGH", "--adherence", "style guide: 9 of 10"),
        *("--verification-status", "PARTIAL", "--criteria-met", "tests pass", "--criteria-failed", "no new warnings"),
        *("--confidence", "0.8", "--verified-by", "ci", "--issue", '{"type": "WARNING", "description": "one warning"}'),
        *("--learning", '{"insights_gained": ["warnings count"]}'),
    )
    wait_for(lambda: len(said(stack, execution_id)) == 3, "what was said")
    issue, learning, verdict = sorted(said(stack, execution_id), key=lambda one: one[0])
    assert (issue[1], issue[2]["aotel.issue.description"]) == (13, "one warning")
    assert learning[2]["aotel.learning.insights_gained"] == ["warnings count"]
    assert (verdict[2]["gen_ai.evaluation.score.label"], verdict[2]["aotel.stated_by"]) == ("PARTIAL", "ci")
    query: Any = """SELECT status, files_modified, success_criteria FROM agent_executions WHERE execution_id = %(id)s"""
    wait_for(lambda: rows(stack, query, {"id": execution_id})[0][0] == "success", "the end")
    _, files, criteria = rows(stack, query, {"id": execution_id})[0]
    assert (files, sorted(criteria)) == (["kept.txt"], ["no new warnings", "tests pass"])
    trace_id = trace_of(stack, execution_id)
    wait_for(lambda: len(spans_in_jaeger(stack, trace_id)) == 1, "the span in Jaeger")
    (span,) = spans_in_jaeger(stack, trace_id).values()
    assert {"aotel.verification.status", "aotel.quality.completeness"} <= {pair.key for pair in span.attributes}
    assert {event.name for event in span.events} >= {VERDICT, "aotel.execution.issue", "aotel.execution.learning"}


def trace_of(stack: LocalStack, execution_id: str) -> uuid.UUID:
    """The trace that an execution lies in."""
    query = "SELECT correlation_id FROM agent_executions WHERE execution_id = %(id)s"
    ((trace_id,),) = rows(stack, query, {"id": execution_id})
    return uuid.UUID(str(trace_id))


def test_verdicts_before_after_and_twice(stack: LocalStack, shell: Shell, tmp_path: Path) -> None:
    """All are kept, from the machine that ran it and from any other."""
    execution_id = shell.start()
    shell.delivered("verify", execution_id, "--status", "PARTIAL")
    for _ in range(2):  # the second is told again, and the same
        shell.told("complete", "--execution-id", execution_id, "--verification-status", "MATCH")
    shell.delivered("verify", execution_id, "--status", "MATCH", "--by", "ci")
    elsewhere = Shell(environment(stack.endpoint, tmp_path / "elsewhere"), tmp_path)
    elsewhere.delivered("verify", execution_id, "--status", "MISMATCH", "--by", "ci")
    elsewhere.delivered("verify", execution_id, "--status", "MISMATCH", "--by", "ci")
    wait_for(lambda: len(labels(stack, execution_id)) >= 5, "the verdicts")
    assert labels(stack, execution_id) == ["PARTIAL", "MATCH", "MATCH", "MISMATCH", "MISMATCH"]


def test_a_verdict_in_an_outage(stack: LocalStack, shell: Shell, tmp_path: Path, nowhere: str) -> None:
    """It waits on the disk and arrives once."""
    execution_id = shell.start()
    shell.delivered("complete", "--execution-id", execution_id)
    alone = Shell(environment(nowhere, tmp_path / "home"), tmp_path)
    answer = alone.call("verify", execution_id, "--status", "MISMATCH")
    assert (answer.code, answer.json["spooled"]) == (0, True)
    shell.delivered("flush")
    wait_for(lambda: labels(stack, execution_id) == ["MISMATCH"], "the verdict")
    shell.delivered("verify", execution_id, "--status", "MATCH")
    wait_for(lambda: len(labels(stack, execution_id)) >= 2, "the second verdict")
    assert labels(stack, execution_id) == ["MISMATCH", "MATCH"]


def test_names_that_a_database_knows(stack: LocalStack, shell: Shell, tmp_path: Path) -> None:
    """A correlation id of any form, and the last; of an id that it does not know it says so and records it."""
    text = f"ticket {uuid.uuid4()} = 7"
    execution_id = shell.start("--correlation-id", text)
    shell.delivered("complete", "--execution-id", execution_id)
    correlation_id = trace_of_once_there(stack, execution_id)
    elsewhere = environment(stack.endpoint, tmp_path / "elsewhere", AGENT_OTEL_DATABASE_URL=stack.reader_url)
    reviewer = Shell(elsewhere, tmp_path)
    for name in (text, str(correlation_id), execution_id):
        assert reviewer.delivered("verify", name, "--status", "MATCH")["execution_id"] == execution_id
    assert reviewer.delivered("verify", "last", "--status", "MATCH")["execution_id"]
    unknown = str(uuid.uuid4())
    answer = reviewer.call("verify", unknown, "--status", "MATCH")
    assert (answer.code, answer.json["success"], answer.json["execution_id"]) == (0, True, unknown)
    assert answer.json["warning"] == "unknown execution: the database has none of this id"
    assert answer.err == f"agent-otel verify: {answer.json['warning']}\n"
    wait_for(lambda: labels(stack, unknown) == ["MATCH"], "the verdict on an execution that is not there yet")
    none = reviewer.call("verify", "no such ticket", "--status", "MATCH")
    assert (none.code, none.json["recorded"]) == (1, False)
    assert "no execution or correlation has the id 'no such ticket'" in none.err


def trace_of_once_there(stack: LocalStack, execution_id: str) -> uuid.UUID:
    """The trace of an execution that is on its way."""
    query = "SELECT 1 FROM agent_executions WHERE execution_id = %(id)s AND status = 'success'"
    wait_for(lambda: bool(rows(stack, query, {"id": execution_id})), "the execution")
    return trace_of(stack, execution_id)


def test_exec_says_which_files_a_command_changed(stack: LocalStack, shell: Shell, tmp_path: Path) -> None:
    """By time and size in a plain folder."""
    (tmp_path / "work").mkdir()
    words = ("exec", "--json", "answers", "--track-files", "work", "--", "sh", "-c", "echo 1 > work/a; echo 2 > work/b")
    assert shell.call(*words).code == 0
    execution_id = json.loads((tmp_path / "answers").read_text().splitlines()[0])["execution_id"]
    query = "SELECT files_modified FROM agent_executions WHERE execution_id = %(id)s AND status = 'success'"
    wait_for(lambda: rows(stack, query, {"id": execution_id}) == [(["a", "b"],)], "the files")
