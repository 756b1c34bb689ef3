"""`agent-otel show --chain`, and `show` of executions that only their spans say to be delegated, on a real database."""

import json
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from agent_otel.cli import main
from agent_otel.store.writer import Writer
from tests.fixtures.chains import LOST, Call, Chains, Member, batch
from tests.fixtures.executions import START_NS


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A database that the command finds."""
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    return database_url


def stored(url: str, members: Sequence[Member]) -> Chains:
    """The members, written."""
    chains = Chains(members, START_NS)
    with closing(Writer(url)) as writer:
        writer.write(batch(list(chains.records())))
    return chains


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines that `show` prints."""
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_tree_has_own_and_inclusive_figures(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever member is asked for, the tree begins at the top, and the one asked for is pointed at."""
    chains = stored(
        url,
        [
            Member(length=10_000, tokens=(40, 2), cost=0.5),
            Member("foreign", start=1000, length=3000, above=("step", 0), tokens=(7, 0), calls=(Call(5, 2),)),
            Member(start=2000, length=4000, stated=0, trace=1, cost=0.25),
            Member(start=2500, length=500, above=("execution", 1)),
        ],
    )
    id0, id1, id2, id3 = (chains.execution_id(number) for number in range(4))
    assert shown(capsys, str(id3), "--chain") == [
        f"✓ agent 0  success  10.0 s (own 5.0 s)  49 tokens (own 42 tokens)  $0.7500 (own $0.5000)  {id0}",
        f"├─ ✓ agent 1  success  3.0 s (own 2.5 s)  7 tokens  [parallel with 1]  {id1}",
        f"│  └─ ✓ agent 3  success  500 ms  {id3}  ◀",
        f"└─ ✓ agent 2  success  4.0 s  $0.2500  [in trace {chains.trace_id(1)}]  [parallel with 1]  {id2}",
        "in all  4 executions  10.0 s  49 tokens  $0.7500",
    ]


def test_cycles_and_missing_parents_are_marked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A cycle ends, at its earliest member; what is not stored is named."""
    chains = stored(
        url,
        [
            *(Member(stated=1, length=1), Member(start=5, stated=0, length=1)),
            *(Member(stated=LOST, trace=1), Member("foreign", above=("execution", LOST), trace=0)),
        ],
    )
    id0, id1, id2, id3 = (chains.execution_id(number) for number in range(4))
    cycle = shown(capsys, str(id1), "--chain")
    assert f"[in a cycle: delegated by {id1}]  {id0}" in cycle[0]
    assert f"[in a cycle: delegated by {id0}]  {id1}  ◀" in cycle[1]
    assert len(cycle) == 3
    assert f"[its parent {chains.execution_id(LOST)} is not stored]" in shown(capsys, str(id2), "--chain")[0]
    assert "[the span above it is not stored]" in shown(capsys, str(id3), "--chain")[0]
    assert shown(capsys, str(id0))[1].startswith("└─ ✓ agent 1")


def test_json_has_the_columns(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--json: one object a member, numbers as numbers, also for a correlation id and `last`."""
    chains = stored(url, [Member(tokens=(1, 2), cost=0.5), Member(stated=0, trace=1, start=1)])
    for name in (str(chains.execution_id(1)), str(chains.trace_id(0)), chains.trace_id(1).hex, "last"):
        rows = json.loads("\n".join(shown(capsys, name, "--chain", "--json")))
        assert [row["depth"] for row in rows] == [0, 1]
        assert (rows[0]["own_tokens"], rows[0]["inclusive_cost_usd"]) == (3, 0.5)
        assert rows[0]["child_executions"] == [str(chains.execution_id(1))]


def test_a_very_deep_chain_is_drawn_as_far_as_a_terminal_goes(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """1,200 levels: neither an endless loop nor a recursion error; the rest is counted."""
    chains = stored(url, [Member(stated=number - 1 if number else None) for number in range(1200)])
    lines = shown(capsys, str(chains.execution_id(0)), "--chain")
    assert len(lines) == 43
    assert lines[-2] == "… and 960 more below level 40; --json has them"


def test_show_follows_spans_and_links_too(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nested invoke_agent spans of another instrumentation are a tree without anybody stating a parent."""
    chains = stored(
        url,
        [Member("foreign"), Member("foreign", above=("step", 0), start=1), Member("foreign", link=1, trace=1, start=2)],
    )
    lines = shown(capsys, str(chains.execution_id(0)))
    assert [line.strip("│ ├└─✓").split("  ")[0] for line in lines[:-1]] == [
        "agent 0",
        "tool: step",
        "agent 1",
        "agent 2",
    ]


def test_an_unknown_id_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and the id in the message; nothing on standard output."""
    for name in (str(uuid.uuid4()), "my ticket", "last"):
        assert main(["show", name, "--chain"]) == 1
        captured = capsys.readouterr()
        assert name in captured.err or "no execution yet" in captured.err
        assert captured.out == ""
