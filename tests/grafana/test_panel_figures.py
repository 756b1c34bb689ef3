"""What the panels say about a known history is what the shared definitions make of it."""

import uuid
from collections import Counter
from typing import Any

import pytest

from agent_otel import semconv
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.model import STATUS_RANK
from agent_otel.store.writer import Writer
from grafana import figures, lists
from grafana.columns import STATUS_COLORS
from grafana.panels import Panel
from tests.fixtures.executions import final_span
from tests.grafana.asking import Reader, reading, rows_of
from tests.grafana.conftest import Audience
from tests.grafana.history import RAN, llm_call


def figure(reader: Reader, panel: Panel, **choices: Any) -> Any:
    """The one figure of a panel."""
    ((only,),) = rows_of(reader, panel, **choices)
    return only


def test_the_success_rate_is_the_one_that_every_report_shares(reader: Reader) -> None:
    """success / (success + partial + error + abandoned) in percent, one decimal; cancelled and running do not count."""
    outcomes = Counter(ran.status for ran in RAN)
    counted = sum(outcomes[status] for status in ("success", "partial", "error", "abandoned"))
    assert counted < len(RAN)
    assert figure(reader, figures.SUCCESS_RATE) == round(100 * outcomes["success"] / counted, 1) == 57.1
    assert figure(reader, figures.SUCCESS_RATE, agent=["coder"]) == 75.0
    assert figure(reader, figures.SUCCESS_RATE, status=["error"]) == 57.1, "the status must not change the rate"
    assert figure(reader, figures.SUCCESS_RATE, agent=["nobody"]) is None


@pytest.mark.parametrize("status", STATUS_COLORS)
def test_each_status_counts_as_the_definition_says(reader: Reader, status: str) -> None:
    """100 for success, 0 for partial, error and abandoned, nothing for cancelled and in progress."""
    expected = {"success": 100, "partial": 0, "error": 0, "abandoned": 0}.get(status)
    assert reader.execute("SELECT success_percent(%s)", [status]).fetchone() == (expected,)


def test_the_statuses_are_those_of_the_model() -> None:
    """The variable offers every recorded status and the one that is decided when read."""
    assert set(STATUS_COLORS) == {*STATUS_RANK, "abandoned"}


def test_counts_are_of_the_time_range(reader: Reader) -> None:
    """Executions and failures of the range; what runs now started outside of it and is counted apart."""
    assert figure(reader, figures.EXECUTIONS) == len(RAN)
    assert figure(reader, figures.EXECUTIONS, status=["success", "error"]) == 5
    assert figure(reader, figures.FAILED) == 3
    assert figure(reader, figures.RUNNING) == 1


def test_what_falls_silent_no_longer_runs(audience: Audience) -> None:
    """Running now follows the limit after which an execution counts as abandoned."""
    ((_, agent, session, _, stage, _, running_ms, trace_id),) = rows_of(audience.reader, lists.RUNNING)
    assert (agent, session, stage, trace_id) == ("coder", "s1", "read", audience.history.running.hex)
    assert 0 <= running_ms < 60_000
    audience.reader.execute("SET agent_otel.abandoned_after = '0 seconds'")
    assert figure(audience.reader, figures.RUNNING) == 0
    assert rows_of(audience.reader, lists.RUNNING) == []


def test_series_add_up_to_the_counts(reader: Reader) -> None:
    """Executions over time are those of the range, by status; the rate over time is the rate of each interval."""
    series: Counter[str] = Counter()
    for _, status, executions in rows_of(reader, figures.OVER_TIME):
        series[status] += executions
    assert series == Counter(ran.status for ran in RAN)
    assert [rate for _, rate in rows_of(reader, figures.SUCCESS_OVER_TIME)] == [57.1]


def test_percentiles_are_of_what_ended(reader: Reader) -> None:
    """p50 and p95 by agent in whole milliseconds, interpolated; abandoned executions have no duration."""
    rows = {agent: figures_of for agent, *figures_of in rows_of(reader, figures.DURATIONS)}
    assert rows["coder"] == [4, 2500, 8950]
    assert rows["tester"] == [2, 4500, 4950]
    assert rows["(none)"] == [1, 6000, 6000]
    assert rows[RAN[-1].agent] == [0, None, None]


def test_lists_lead_to_the_trace(audience: Audience) -> None:
    """Each row ends in the trace id as Jaeger writes it: the correlation id without dashes."""
    rows = rows_of(audience.reader, lists.LATEST)
    assert {row[-1] for row in rows} == {execution_id.hex for execution_id in audience.history.ids}
    failed = {execution_id.hex for execution_id, ran in zip(audience.history.ids, RAN, strict=True) if ran.status in
              ("error", "partial", "abandoned")}  # fmt: skip
    assert {row[-1] for row in rows_of(audience.reader, lists.FAILURES)} == failed
    assert {row[3:5] for row in rows_of(audience.reader, lists.FAILURES, agent=["tester"])} == {
        ("Timeout", "it took too long")
    }


def tokens(reader: Reader, **choices: Any) -> dict[str, float]:
    """The panel's tokens by model."""
    found: Counter[str] = Counter()
    for _, model, count in rows_of(reader, figures.TOKENS, **choices):
        found[model] += count
    return dict(found)


def test_tokens_are_counted_once(reader: Reader) -> None:
    """A call that repeats the tokens of the call inside it does not count; an execution's own figure does without."""
    assert tokens(reader) == {"m1": 100, "m2": 7, "m3": 70}
    assert tokens(reader, session=["s1"]) == {"m1": 100, "m2": 7}
    assert tokens(reader, agent=["tester"]) == {}


def test_steps_win_over_what_the_execution_states(database_url: str) -> None:
    """An execution that states a sum and has calls with tokens is counted by its calls."""
    execution_id, writer = uuid.uuid4(), Writer(database_url)
    values = {semconv.EXECUTION_STATUS: "success", semconv.TOTAL_TOKENS: 1000, semconv.GEN_AI_REQUEST_MODEL: "sum"}
    writer.write(final_span(execution_id, 5, values))
    call = llm_call(execution_id, 21, 0, "m", 30, **{semconv.EXECUTION_ID: str(execution_id)})
    writer.write(map_spans([RawItem(call.SerializeToString(), b"", b"", b"", b"")]))
    writer.close()
    with reading(database_url) as reader:
        assert tokens(reader) == {"m": 30}


def test_sums_of_other_instrumentations_are_not_added_to_their_calls(database_url: str) -> None:
    """A foreign agent repeats the sum of the agents below it: where any call of the trace reports tokens, it is out."""
    trace, writer = uuid.uuid4(), Writer(database_url)
    root, nested, call = (llm_call(trace, span, parent, "m", 50) for span, parent in ((1, 0), (2, 1), (3, 2)))
    for agent in (root, nested):
        agent.attributes[0].value.string_value = semconv.OPERATION_INVOKE_AGENT
    for span in (call, nested, root):
        writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")]))
    writer.close()
    with reading(database_url) as reader:
        assert reader.execute("SELECT count(*) FROM panel_executions").fetchone() == (2,)
        assert tokens(reader) == {"m": 50}


def test_calls_outside_any_execution_are_shown(database_url: str) -> None:
    """An application without agents still sees its tokens: under the agent (none)."""
    writer = Writer(database_url)
    call = llm_call(uuid.uuid4(), 1, 0, "m", 9)
    writer.write(map_spans([RawItem(call.SerializeToString(), b"", b"", b"", b"")]))
    writer.close()
    with reading(database_url) as reader:
        assert tokens(reader) == {"m": 9}
        assert tokens(reader, agent=["(none)"]) == {"m": 9}
        assert tokens(reader, agent=["coder"]) == {}
