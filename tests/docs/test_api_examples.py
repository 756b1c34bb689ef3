"""docs/api.md: its signatures are those of the program, and the examples in its texts run."""

import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import agent_otel
from agent_otel import testing
from agent_otel.store.connection import connect
from tests.docs import page

_PAGE = "docs/api.md"
#: Each Python block, and what it is the signature of.
_SIGNATURES = [(page.heading(block), block.text) for block in page.blocks(_PAGE, "python")]
#: Inline code that does something.
_INLINE = sorted({code.text for code in page.inline(_PAGE) if re.search(r"\w\(", code.text)})


def test_each_has_a_signature() -> None:
    """One a heading; every public function has one."""
    titles = [title for title, _ in _SIGNATURES]
    assert len(set(titles)) == len(titles)
    functions = {name for name in agent_otel.__all__ if inspect.isfunction(getattr(agent_otel, name))}
    assert {f"agent_otel.{name}" for name in functions} <= set(titles)


@pytest.mark.parametrize(("title", "text"), _SIGNATURES, ids=[title for title, _ in _SIGNATURES])
def test_signatures_are_those_of_the_program(title: str, text: str) -> None:
    """Names, order, kinds and defaults, as Python itself reads both."""
    space: dict[str, Any] = {}
    name = title.rpartition(".")[2]
    source = f"from __future__ import annotations\ndef {text.strip().removeprefix('@contextmanager').strip()}: ..."
    exec(source, space)  # noqa: S102  # the page's own signature
    real = list(inspect.signature(_resolved(title)).parameters.values())
    shown = list(inspect.signature(space[name]).parameters.values())
    real = real[1:] if real and real[0].name == "self" else real
    assert [(each.name, each.kind, each.default) for each in shown] == [
        (each.name, each.kind, each.default) for each in real
    ]


def _resolved(title: str) -> Any:
    first, *rest = title.removeprefix("agent_otel.").removeprefix("testing.").split(".")
    found: Any = getattr(agent_otel, first) if first in agent_otel.__all__ else getattr(testing, first)
    for part in rest:
        found = getattr(found, part)
    return found


@pytest.fixture
def space(database_url: str) -> Iterator[dict[str, Any]]:
    """What the examples take for granted: the imports, and a reader's own agent, work and provider."""
    provider = TracerProvider()
    names: dict[str, Any] = {name: getattr(agent_otel, name) for name in agent_otel.__all__}
    names |= {"agent_otel": agent_otel, "subprocess": subprocess, "provider": provider}
    names |= {"BatchSpanProcessor": BatchSpanProcessor, "OTLPSpanExporter": OTLPSpanExporter}
    names |= {"command": [sys.executable, "-c", "import os; os.environ['TRACEPARENT']"]}
    names |= {"my_agent": _my_agent, "work": lambda item: (item, agent_otel.current_execution()), "item": 1}
    with ThreadPoolExecutor(1) as pool:
        yield {**names, "pool": pool}
    provider.shutdown()


def _my_agent(prompt: str) -> None:
    with agent_otel.execution("my_agent", prompt=prompt), agent_otel.step("search"):
        pass


def test_indented_examples_run(space: dict[str, Any], database_url: str) -> None:
    """The exporter in a program's own provider stores what the program traces; the tests' capture captures."""
    examples = [textwrap.dedent(block.text) for block in page.blocks(_PAGE, page.INDENTED)]
    for example in examples:
        exec(re.sub(r"postgresql://…/agent_otel", database_url, example), space)  # noqa: S102
    assert any("PostgresSpanExporter" in example for example in examples)
    space["provider"].get_tracer("reader").start_span("of a reader").end()
    assert space["provider"].force_flush()
    with connect(database_url, application="test") as connection:
        assert connection.execute("SELECT name FROM spans").fetchall() == [("of a reader",)]
    connection.close()


@pytest.mark.parametrize("text", _INLINE)
def test_inline_examples_run(text: str, space: dict[str, Any]) -> None:
    """Inside an execution; what is left open is closed, and a child process has the trace."""
    with testing.capture(raise_errors=True) as captured, agent_otel.execution("reader") as run:
        if text.endswith(":"):
            exec(f"{text} pass", space)  # noqa: S102
        else:
            _finish(eval(text, space), run)  # noqa: S307
    assert captured.span("invoke_agent reader")["attributes"]["aotel.execution.status"] == "success"


def _finish(value: Any, run: agent_otel.Execution) -> None:
    if isinstance(value, BatchSpanProcessor):
        value.shutdown()  # type: ignore[no-untyped-call]
    elif isinstance(value, subprocess.CompletedProcess):
        assert value.returncode == 0
    elif hasattr(value, "result"):
        found = value if value is run else value.result()
        assert found in (run, (1, run))


def test_there_are_examples() -> None:
    """That find something to run."""
    assert len(_INLINE) >= 5
    assert len(page.blocks(_PAGE, page.INDENTED)) >= 2
