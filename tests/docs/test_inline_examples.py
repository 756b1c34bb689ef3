"""Inline code in the prose of every page: commands, settings, files, names, and what only a running stack can say."""

import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from agent_otel.local_stack import state
from agent_otel.local_stack.slots import EXPORTER
from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from tests.docs import page
from tests.docs.inline import FOREIGN, RULES
from tests.docs.page import Inline
from tests.fixtures.stack import post, wait_for

_WRITTEN = page.pages()
_STATEMENT = re.compile(r"^(SELECT|ALTER|CREATE|DELETE|INSERT|UPDATE) .+")
_OUR_METRIC = re.compile(r"^agent_otel_exporter_\w+")
_COLLECTORS_METRIC = re.compile(r"^otelcol_\w+$")
_PATH = re.compile(r"^/(?:healthz|readyz|metrics)\b.*")


def _all(*patterns: "re.Pattern[str]", without: bool = False) -> list[Inline]:
    """Inline code that fits one of the patterns; `without`: that fits none."""
    found = [code for each in _WRITTEN for code in page.inline(each)]
    return [code for code in found if any(pattern.match(code.text) for pattern in patterns) is not without]


@pytest.mark.parametrize("name", _WRITTEN)
def test_a_rule_takes_each(name: str) -> None:
    """A rule of tests/docs/inline.py holds for it, or the table there says whose it is."""
    live = (_STATEMENT, _OUR_METRIC, _COLLECTORS_METRIC, _PATH)
    here = [code for code in _all(*live, without=True) if code.page == name and code.text not in FOREIGN]
    assert [code for code in here if not any(rule(code) for rule in RULES)] == []


def test_whose_it_is_stands_only_where_it_is_used() -> None:
    """The table of foreign words has none that no page uses."""
    assert set(FOREIGN) == {code.text for code in _all(re.compile("")) if code.text in FOREIGN}


@pytest.mark.parametrize(
    "invented",
    [
        *("agent-otel shwo last", "agent-otel list --sinse 1d", "quarantine lst --all", "--no-such-option"),
        *("make tee", "python -m tests.no_such", "python benchmarks/run.py no_such", "AGENT_OTEL_ENDPIONT"),
        *("AGENT_OTEL_CAPTURE=everything", "agent_otel.log_step(execution_id, tol=…)", "exporter/no_such.py"),
        *("agent_executions_inactive", "MAX_ATRIBUTES", "agent-otel quarantine list | shwo", "…_HTTTP"),
    ],
)
def test_rules_find_what_is_wrong(invented: str) -> None:
    """Near to each right one is a wrong one that no rule lets through."""
    code = Inline("docs/operations.md", 1, invented)
    try:
        taken = [rule.__name__ for rule in RULES if rule(code)]
    except AssertionError:
        return
    assert taken == []


@pytest.mark.parametrize("code", _all(_STATEMENT), ids=lambda code: code.text)
def test_sql_runs(code: Inline, database_url: str) -> None:
    """In the prose as in blocks; `…` stands for a name."""
    statement: Any = code.text.replace("…", "example")
    with connect(database_url, application="test") as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture(scope="module")
def admin(stack: LocalStack) -> str:
    """The exporter's admin page."""
    found = state.read(Path(stack.environ["AGENT_OTEL_HOME"]) / "state")
    assert found
    url = next(part.ready_url for part in found.parts if part.name == EXPORTER)
    assert url
    return url.removesuffix("/readyz")


@pytest.fixture(scope="module")
def metrics(stack: LocalStack, admin: str) -> str:
    """The exporter's metrics, after it has cut a value: some exist only once they count."""
    value = AnyValue(string_value="x" * 100_000)
    span = Span(name="long", trace_id=b"\1" * 16, span_id=b"\2" * 8, start_time_unix_nano=1_795_000_000_000_000_000)
    span.end_time_unix_nano = span.start_time_unix_nano + 1
    span.attributes.append(KeyValue(key="custom.text", value=value))
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])
    post(f"{stack.endpoint}/v1/traces", request.SerializeToString())
    capped = "agent_otel_exporter_values_capped_total{"
    wait_for(lambda: capped in _get(f"{admin}/metrics"), capped)
    return _get(f"{admin}/metrics")


def test_metrics_are_those_of_the_exporter(metrics: str) -> None:
    """Each by its name, with the labels that the page names."""
    for code in _all(_OUR_METRIC):
        name, brace, label = code.text.partition("{")
        begin = f"{name}{{{label.partition('=')[0]}=" if brace else f"{name} "
        assert any(line.startswith(begin) for line in metrics.splitlines()), code


def test_metrics_of_the_collector_are_read_by_a_test() -> None:
    """They count only what failed: tests/local_stack/test_collector.py kills Jaeger and reads them."""
    source = page.text("tests/local_stack/test_collector.py")
    assert _all(_COLLECTORS_METRIC)
    assert [code for code in _all(_COLLECTORS_METRIC) if code.text not in source] == []


def test_the_admin_port_has_the_paths(admin: str) -> None:
    """Each answers 200; what it does not have, 404."""
    paths = {path for code in _all(_PATH) for path in code.text.split()}
    assert paths == {"/healthz", "/readyz", "/metrics"}
    assert all(_get(f"{admin}{path}") for path in paths)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _get(f"{admin}/no-such")


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        return str(answer.read().decode())
