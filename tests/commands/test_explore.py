"""`agent-otel list` and `show` on a real database."""

import datetime as dt
import json
import uuid
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agent_otel import ids, semconv
from agent_otel.cli import main
from agent_otel.commands.period import instant
from agent_otel.commands.terminal import clean, duration
from agent_otel.errors import ConfigurationError
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event

PARENT = uuid.UUID("11111111-1111-4111-8111-111111111111")
CHILD = uuid.UUID("22222222-2222-4222-8222-222222222222")
TRACE = uuid.UUID("33333333-3333-4333-8333-333333333333")
SECOND = 1_000_000_000


def span(
    name: str, span_id: int, parent: int, start: int, end: int, attributes: dict[str, object], failed: bool = False
) -> RawItem:
    """One span of the trace; times are seconds after START_NS."""
    record = Span(
        trace_id=TRACE.bytes,
        span_id=span_id.to_bytes(8),
        parent_span_id=parent.to_bytes(8) if parent else b"",
        name=name,
        start_time_unix_nano=START_NS + start * SECOND,
        end_time_unix_nano=START_NS + end * SECOND,
        attributes=to_attributes(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message="no such file") if failed else None,
    )
    return RawItem(record.SerializeToString(), b"", b"", b"", b"")


@pytest.fixture
def history(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A delegating agent with a failed step and a child, and another execution that still runs."""
    parent, child = ids.execution_span_id(PARENT), ids.execution_span_id(CHILD)
    writer = Writer(database_url)
    writer.write(
        map_spans(
            [
                span("invoke_agent boss", parent, 0, 0, 10, {
                    semconv.EXECUTION_ID: str(PARENT), semconv.GEN_AI_AGENT_NAME: "boss",
                    semconv.TASK_DESCRIPTION: "do \x1b[2J it", semconv.GEN_AI_USAGE_INPUT_TOKENS: 40,
                    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: 2,
                }),
                span("execute_tool cat", 7, parent, 1, 2, {
                    semconv.EXECUTION_ID: str(PARENT), semconv.STEP_KIND: "tool", semconv.GEN_AI_TOOL_NAME: "cat",
                    semconv.STEP_ACTION: "read notes",
                }, failed=True),
                span("invoke_agent helper", child, parent, 3, 4, {
                    semconv.EXECUTION_ID: str(CHILD), semconv.GEN_AI_AGENT_NAME: "helper",
                    semconv.PARENT_EXECUTION_ID: str(PARENT),
                }),
            ]
        )
    )  # fmt: skip
    writer.write(
        event(uuid.uuid4(), semconv.EVENT_PROGRESS, 0, {semconv.GEN_AI_AGENT_NAME: "late", semconv.PROGRESS_STAGE: "x"})
    )
    writer.close()
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))


@pytest.mark.usefixtures("history")
def test_show_draws_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps and delegated executions in order, with status, duration, tokens and errors, under any of its names."""
    for name in (str(PARENT), str(TRACE), TRACE.hex):
        assert main(["show", name]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "✓ boss  success  10.0 s  42 tokens",
            "├─ ✗ tool: cat read notes  1.0 s  (no such file)",
            "└─ ✓ helper  success  1.0 s",
            f"execution {PARENT}  correlation {TRACE}",
        ]


@pytest.mark.usefixtures("history")
def test_show_gives_everything_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds the columns of the views, steps and children."""
    assert main(["show", str(PARENT), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["agent_name"], tree["total_tokens"]) == ("boss", 42)
    assert [step["error_message"] for step in tree["steps"]] == ["no such file"]
    assert [child["execution_id"] for child in tree["children"]] == [str(CHILD)]


@pytest.mark.usefixtures("history")
def test_show_last_is_the_newest_that_nobody_delegated(capsys: pytest.CaptureFixture[str]) -> None:
    """`last` never names a sub-agent."""
    assert main(["show", "last"]) == 0
    assert "helper  success" not in capsys.readouterr().out.splitlines()[0]


@pytest.mark.usefixtures("history")
def test_an_unknown_id_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    """An id that nothing has, and a correlation text, are looked up and reported."""
    for name in (str(uuid.uuid4()), "my ticket"):
        assert main(["show", name]) == 1
        assert name in capsys.readouterr().err


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("arguments", "agents"),
    [
        (["--agent", "boss"], ["boss"]),
        (["--status", "success"], ["helper", "boss"]),
        (["--status", "abandoned"], ["late"]),
        (["--since", "2020-01-01", "--limit", "1"], ["helper"]),
        (["--since", "1h"], []),
    ],
)
def test_list_filters(arguments: list[str], agents: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By agent, status and start; newest first; at most --limit."""
    assert main(["list", "--json", *arguments]) == 0
    found = [json.loads(line)["agent_name"] for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert found == agents


@pytest.mark.usefixtures("history")
def test_a_table_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of a description never reach the terminal."""
    assert main(["list"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.usefixtures("history")
def test_a_limit_and_an_age_that_cannot_be_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong numbers are wrong usage, not a traceback."""
    with pytest.raises(SystemExit):
        main(["list", "--limit", "-1"])
    assert "--limit -1" in capsys.readouterr().err
    assert main(["list", "--since", "99999999999d"]) == 1
    assert "99999999999d" in capsys.readouterr().err


def test_a_database_without_our_schema_names_the_command(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`list` on a database that was never migrated says what to run."""
    assert main(["list", "--database-url", empty_database_url]) == 1
    assert "agent-otel migrate" in capsys.readouterr().err


def test_without_a_database_the_command_to_type_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stack, no URL: the message says what to do."""
    monkeypatch.delenv("AGENT_OTEL_DATABASE_URL", raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    assert main(["list"]) == 1
    assert "agent-otel up --detach" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["no-such", "LIST"])
def test_an_unknown_verb_is_wrong_usage(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the verb in the message."""
    assert main([verb]) == 2
    assert verb in capsys.readouterr().err


def test_since_takes_ages_and_dates() -> None:
    """30m, 2h, 7d back from now; ISO dates and times, UTC unless they say otherwise; anything else is named."""
    now = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    assert instant("2h", now) == now - dt.timedelta(hours=2)
    assert instant("7d", now) == now - dt.timedelta(days=7)
    assert instant("2026-01-31") == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert instant("2026-01-31T10:00+02:00") == dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC)
    with pytest.raises(ConfigurationError, match="yesterday"):
        instant("yesterday")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0 ms"), (850, "850 ms"), (12_340, "12.3 s"), (245_000, "4 min 5 s"), (7_500_000, "2 h 5 min")],
)
def test_durations_are_for_people(milliseconds: float | None, text: str) -> None:
    """The unit fits the size."""
    assert duration(milliseconds) == text


def test_clean_keeps_letters_and_drops_what_steers() -> None:
    """Escape sequences, line breaks and bidi overrides become spaces; long text is cut with a mark."""
    assert clean("a\x1b[2Jb\nc\u202ed é😀") == "a [2Jb c d é😀"
    assert clean("x" * 300, 10) == "x" * 9 + "…"
