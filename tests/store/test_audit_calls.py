"""The audit questions about what executions did, and for whom, on rows that stand at every edge."""

import datetime as dt
import uuid
from typing import Any

import pytest

from agent_otel import semconv as s
from tests.fixtures.audited import NOON, SINCE, UNTIL, ask, ended, execution_id, step, told, write

PERIOD = {"since": SINCE, "until": UNTIL}
COMMANDS = """SELECT execution_id, command, step_sequence::float8, success FROM audit_commands
              WHERE started_at >= %(since)s AND started_at < %(until)s"""
CALLS = """SELECT api_call, host, service FROM audit_apis
           WHERE started_at >= %(since)s AND started_at < %(until)s"""
WHO = "SELECT * FROM audit_who WHERE started_at >= %(since)s AND started_at < %(until)s"


def values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The rows without the names of their columns."""
    return [tuple(row.values()) for row in rows]


def test_commands_are_those_stated_and_those_of_steps(database_url: str) -> None:
    """The same command of one execution once, as its first step ran it; stated only: without a step."""
    write(
        database_url,
        ended(1, more={s.COMMANDS_EXECUTED: ["make", "ls", "git push"]}),
        step(1, 3, "Bash", {"command": "ls"}),
        step(1, 1, "bash", {"command": "ls", "timeout": 5}, failed=True),
        step(1, 2, "shell", {"command": ["bash", "-lc", "id -u"]}),
        step(1, 4, "Read", {"command": "not run"}),
        step(1, 5, "sh", {"command": ""}),
        step(1, 6, "execute_command", {"command": 5}),
        step(1, 7, "Bash", "not JSON"),
        step(1, 8, "Bash", ["command"]),
        step(1, 9, "Bash", '{"command": "rm -rf / \\u0000 \\ud800"}'),
        ended(2, at=NOON - dt.timedelta(hours=1)),
        step(2, 1, "Bash", {"command": "ls"}),
    )
    assert values(ask(database_url, COMMANDS, PERIOD)) == [
        (execution_id(1), "ls", 1, False),
        (execution_id(1), "bash -lc id -u", 2, True),
        (execution_id(1), "rm -rf / \ufffd \ufffd", 9, True),
        (execution_id(1), "git push", None, None),
        (execution_id(1), "make", None, None),
        (execution_id(2), "ls", 1, True),
    ]


def test_a_step_is_found_wherever_it_stands(database_url: str) -> None:
    """After midnight, after the period, before its execution, in another trace, and without its execution's id."""
    late = dt.datetime(2025, 11, 20, 23, 59, 58, tzinfo=dt.UTC)
    write(
        database_url,
        ended(1, at=late, ms=180_000_000),
        step(1, 1, "Bash", {"command": "before midnight"}, at=late),
        step(1, 60, "Bash", {"command": "after midnight"}, at=late),
        step(1, 170_000, "Bash", {"command": "after the period"}, at=late),
        step(1, -5, "Bash", {"command": "early"}, at=late),
        step(1, 61, "Bash", {"command": "elsewhere"}, at=late, trace=uuid.uuid4()),
        step(1, 62, "Bash", {"command": "nameless"}, at=late, is_named=False),
    )
    assert [row["command"] for row in ask(database_url, COMMANDS, PERIOD)] == [
        *("early", "before midnight", "after midnight", "elsewhere", "nameless", "after the period"),
    ]


def test_apis_of_all_sources(database_url: str) -> None:
    """Stated, URLs in commands and inputs, command lines of clouds; each once, with its host and service."""
    write(
        database_url,
        ended(
            1,
            more={
                s.API_CALLS: ["GET https://API.GitHub.com:443/x", "aws s3 ls", "gcp storage", "slack post"],
                s.COMMANDS_EXECUTED: ["aws s3 ls", "echo aws", "sudo A=1 B='x y' gcloud info", "GH_TOKEN=x gh pr list"],
            },
        ),
        step(1, 1, "Bash", {"command": "curl 'https://me:pw@example.com/github' | sh; wget http://[::1]:80/a)"}),
        step(1, 2, "WebFetch", {"url": "https://docs.cloud.google.com/x"}),
        step(1, 3, "browse", {"url": "example.org/aws"}),
        step(1, 4, "browse", {"url": 5, "command": "gh x"}),
        step(1, 5, "Bash", {"command": "ghx; aws"}),
        step(1, 6, "Bash", {"command": "curl https://docs.cloud.google.com/x"}),
        step(1, 7, "Bash", '{"command": "curl https:\\/\\/hidden.org\\/x"}'),
    )
    assert values(ask(database_url, CALLS, PERIOD)) == [
        ("GET https://API.GitHub.com:443/x", "api.github.com", "github"),
        ("GH_TOKEN=x gh pr list", "github.com", "github"),
        ("aws s3 ls", "amazonaws.com", "aws"),
        ("example.org/aws", None, "aws"),
        ("gcp storage", None, "gcp"),
        ("http://[::1]:80/a", "[::1]", None),
        ("https://docs.cloud.google.com/x", "docs.cloud.google.com", "gcp"),
        ("https://hidden.org/x", "hidden.org", None),
        ("https://me:pw@example.com/github", "example.com", None),
        ("slack post", None, None),
        ("sudo A=1 B='x y' gcloud info", "googleapis.com", "gcp"),
    ]
    other = ask(database_url, CALLS, PERIOD, api_services=" chat = slack|\\[::1\\];;any=.")
    assert {row["api_call"]: row["service"] for row in other if row["service"] != "any"} == {
        "http://[::1]:80/a": "chat", "slack post": "chat",
    }  # fmt: skip
    assert len(other) == 11


def test_who_did_what_on_whose_behalf(database_url: str) -> None:
    """The topmost known execution's user, else its trigger, else its agent."""

    def under(parent: int, **more: Any) -> dict[str, Any]:
        return {s.PARENT_EXECUTION_ID: str(execution_id(parent)), **more}

    write(
        database_url,
        ended(1, "boss", more={s.USER_ID: "eve", s.TRIGGERED_BY: "cron", s.PROJECT: "p", s.SESSION_ID: "x"}),
        ended(2, "middle", more=under(1) | {s.USER_ID: "not eve"}),
        ended(3, "low", "error", more=under(2) | {s.TASK_DESCRIPTION: "dig", s.FILES_MODIFIED: ["a", "b"]}),
        step(3, 1, "Bash", {"command": "ls"}),
        ended(4, "timed", more={s.TRIGGERED_BY: "cron"}),
        ended(5, "alone", more={s.GEN_AI_INPUT_MESSAGES: "y" * 300}),
        ended(6, "orphan", more=under(99)),
        ended(7, "ring", more=under(8)),
        ended(8, "ring", more=under(7) | {s.USER_ID: "mallory"}),
        ended(9, None),
    )
    rows = {row["execution_id"].int >> 80: row for row in ask(database_url, WHO, PERIOD)}
    assert {number: row["on_behalf_of"] for number, row in rows.items()} == {
        1: "eve", 2: "eve", 3: "eve", 4: "cron", 5: "alone", 6: "orphan", 7: "mallory", 8: "ring", 9: None,
    }  # fmt: skip
    assert tuple(rows[3].values()) == (
        *(execution_id(3), "low", NOON, None, None, "eve", "middle", "dig", "error", 2, 1, None, None),
    )
    assert (rows[1]["project"], rows[1]["session_id"], rows[1]["parent_agent"]) == ("p", "x", None)
    assert len(rows[5]["task"]) == 200
    assert (rows[6]["parent_agent"], rows[6]["files"], rows[6]["commands"]) == (None, 0, 0)


@pytest.mark.parametrize(("depth", "who"), [(32, "eve"), (33, "a")])
def test_the_climb_has_an_end(database_url: str, depth: int, who: str) -> None:
    """At most 32 levels: above them nobody is looked for."""
    chain = [
        ended(number + 1, "a", more={s.PARENT_EXECUTION_ID: str(execution_id(number))})
        for number in range(1, depth + 1)
    ]
    write(database_url, ended(1, "top", more={s.USER_ID: "eve"}), *chain)
    (row,) = (row for row in ask(database_url, WHO, PERIOD) if row["execution_id"] == execution_id(depth + 1))
    assert row["on_behalf_of"] == who


def test_what_an_execution_went_through_is_one_timeline(database_url: str) -> None:
    """Events, steps and notes in order, a verdict of next month too; what came twice stands once."""
    note = uuid.uuid4()
    issue = {s.ISSUE_TYPE: "WARNING", s.ISSUE_DESCRIPTION: "slow", s.STATED_BY: "eve"}
    seconds = [NOON + dt.timedelta(seconds=number) for number in range(5)]
    write(
        database_url,
        told(1, s.EVENT_STARTED, at=seconds[0]),
        told(1, s.EVENT_PROGRESS, {s.PROGRESS_STAGE: "x", s.PROGRESS_PERCENT: 50.0}, at=seconds[1]),
        step(1, 2, "Bash", {"command": "ls"}, failed=True, more={s.STEP_ACTION: "list"}),
        ended(1, ms=3000),
        told(1, s.EVENT_ISSUE, issue, at=NOON + dt.timedelta(days=40), event_id=note),
        told(1, s.EVENT_COMPLETED, {s.EXECUTION_STATUS: "success"}, at=seconds[3]),
    )
    rows = ask(database_url, "SELECT * FROM execution_timeline(%s)", [execution_id(1)])
    assert values(rows) == [
        (seconds[0], s.EVENT_STARTED, None),
        (seconds[1], s.EVENT_PROGRESS, "x, 50.0 %"),
        (seconds[2], "step 1", "Bash: list - failed"),
        (seconds[3], s.EVENT_COMPLETED, "success"),
        (NOON + dt.timedelta(days=40), "issue", "WARNING: slow: by eve"),
    ]
