"""The history is the same for the same seed, is about what it is meant to be about, and ends when it should."""

import hashlib
import itertools
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

from agent_otel.exporter.signals import TRACES
from tests.fixtures.sink import Answer, Sink
from tests.history import ledger
from tests.history.delivery import Refused
from tests.history.execution import Execution
from tests.history.export_requests import Requests
from tests.history.family import family
from tests.history.pace import Pace
from tests.history.plan import Plan
from tests.history.telling import Telling
from tests.history.times import DAY, DAYS, HOUR

ROOT = Path(__file__).parents[2]


def _digests(plan: Plan) -> tuple[str, str]:
    """Of all that is sent, and of the ledger."""
    sent, book, requests = hashlib.sha256(), hashlib.sha256(), Requests()
    for slot in plan.slots():
        executions = family(plan, slot)
        for request in requests.add(executions):
            sent.update(request.body)
        for execution in executions:
            book.update(ledger.line(execution))
    for request in requests.rest():
        sent.update(request.body)
    return sent.hexdigest(), book.hexdigest()


def test_the_same_seed_gives_the_same_bytes(plan: Plan) -> None:
    """Requests and ledger, to the byte; another seed gives others."""
    few = plan._replace(executions=150)
    assert _digests(few) == _digests(few)
    sent, book = _digests(few)
    other_sent, other_book = _digests(few._replace(seed=8))
    assert sent != other_sent
    assert book != other_book


def test_as_many_executions_as_asked_for(plan: Plan, executions: list[Execution]) -> None:
    """Each with an id of its own, within the 90 days, in families of the sizes that were planned."""
    assert len(executions) == plan.executions == len({each.execution_id for each in executions})
    for each in executions:
        assert plan.until - DAYS * DAY <= each.started < plan.until
        assert each.ended is None or each.started <= each.ended < plan.until
        assert all(each.started < step.started <= step.ended <= (each.ended or plan.until) for step in each.steps)
    sizes = Counter(each.family for each in executions)
    assert sizes == {slot.family: slot.size for slot in plan.slots()}
    assert plan._replace(executions=1).slots()[0].size == 1


def test_it_has_what_audits_look_for(executions: list[Execution]) -> None:
    """Every kind of end, of telling and of opinion occurs."""
    ended = Counter(each.status for each in executions)
    assert set(ended) == {"success", "error", "partial", "cancelled", "in_progress"}
    assert {how for each in executions for verdict in each.verdicts for how in [verdict.how]} == {
        "client", "attributes", "record",
    }  # fmt: skip
    assert max(len(each.verdicts) for each in executions) >= 3
    assert {issue.by is None for each in executions for issue in each.issues} == {True, False}
    for wanted in (
        [each for each in executions if not each.placed],
        [each for each in executions if each.foreign],
        [each for each in executions if each.link and not each.parent_execution_id],
        [each for each in executions if each.heartbeats],
        [each for each in executions if each.criteria_start and each.criteria_start != each.criteria_end],
        [each for each in executions if each.ended and each.ended - each.started > 300 * 10**9],
        [each for each in executions if each.learning],
        [each for each in executions if each.agent is None],
    ):
        assert wanted


def test_siblings_run_in_parallel_and_parents_outlast_them(executions: list[Execution]) -> None:
    """Some children of a parent overlap; who delegated ends last, if it ends."""
    by_id = {each.execution_id: each for each in executions}
    children = [each for each in executions if each.parent_execution_id in by_id]
    overlapping = 0
    for one, other in itertools.pairwise(children):
        if one.parent_execution_id == other.parent_execution_id and one.ended:
            overlapping += other.started < one.ended
    assert overlapping > 20
    for child in children:
        assert child.parent_execution_id is not None
        parent = by_id[child.parent_execution_id]
        assert parent.ended is None or child.ended is None or child.ended <= parent.ended


def test_one_agent_gets_worse_and_one_better(plan: Plan) -> None:
    """Between the first and the last third: coder degrades, tester improves, in outcome and in quality."""
    many = plan._replace(executions=6000)
    begin = plan.until - DAYS * DAY
    thirds: dict[tuple[str | None, bool], list[Execution]] = {}
    for slot in many.slots():
        for each in family(many, slot):
            days = (each.started - begin) / DAY
            if (days < 30 or days > 66) and not many.calendar.is_outage(each.started):
                thirds.setdefault((each.agent, days > 45), []).append(each)

    def rate(agent: str, late: bool) -> float:
        counted = [each.status for each in thirds[agent, late] if each.status in ("success", "error", "partial")]
        return counted.count("success") / len(counted)

    def quality(agent: str, late: bool) -> float:
        return statistics.mean(each.quality_score for each in thirds[agent, late] if each.quality_score is not None)

    assert rate("coder", True) < rate("coder", False) - 0.1
    assert quality("coder", True) < quality("coder", False) - 0.1
    assert rate("tester", True) > rate("tester", False) + 0.1
    assert quality("tester", True) > quality("tester", False) + 0.1


def test_what_runs_and_what_is_abandoned_differ_by_the_clock(plan: Plan, executions: list[Execution]) -> None:
    """By the rule of the store an hour after the end, no open execution is near the line between both."""
    for each in executions:
        if each.ended is None:
            silent = plan.until - ledger.entry(each)["signs_ns"]
            limit = 5 * 60 * 10**9 if each.heartbeats else DAY
            assert abs(silent - limit) > HOUR / 2


def test_the_ledger_is_the_same_from_one_process_and_from_two(plan: Plan, tmp_path: Path) -> None:
    """And every request is counted; a receiver that acknowledges anything will do."""
    few = plan._replace(executions=60)
    told = []
    with Sink() as sink:
        address = sink.endpoint.removeprefix("http://")
        for processes in (1, 2):
            path = tmp_path / f"{processes}.jsonl"
            told.append((Telling(few, address, path, paced=False, processes=processes).tell(), path.read_bytes()))
    assert told[0] == told[1]
    assert len(list(ledger.read(tmp_path / "1.jsonl"))) == 60


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(400), "400"),
        (Answer(200, body=TRACES.partial(3, "no partition").SerializeToString()), "3 of .* no partition"),
        (Answer(200, body=b"\xff"), "Error parsing"),
    ],
)
def test_what_is_not_taken_is_told(plan: Plan, tmp_path: Path, answer: Answer, why: str) -> None:
    """An endpoint that does not take all of a request ends the telling."""
    few = plan._replace(executions=20)
    with Sink(lambda _: answer) as sink, pytest.raises((Refused, DecodeError), match=why):
        Telling(few, sink.endpoint.removeprefix("http://"), tmp_path / "l.jsonl", paced=False).tell()


def test_days_do_not_follow_each_other_too_soon() -> None:
    """At most three in any fifth of a second, however often each is told of."""
    pace = Pace(3, 0.2)
    begun: list[tuple[int, float]] = []
    settled: list[int] = []
    for day in (1, 1, 2, 3, 2, 4, 5, 6, 7, 8, 8):
        pace.keep(day, lambda: settled.append(len(begun)))
        begun.append((day, time.monotonic()))
    firsts = sorted(dict(reversed(begun)).values())
    assert all(later - earlier >= 0.1 for earlier, later in zip(firsts, firsts[3:], strict=False))
    assert len(settled) == 5


def test_the_command(tmp_path: Path) -> None:
    """As later issues use it: told to an endpoint, with a ledger; 1 where nobody takes it."""
    path = tmp_path / "history.jsonl"
    until = "2026-07-01T12:00:00+02:00"
    with Sink() as sink:
        words = ["--executions", "30", "--seed", "5", "--until", until, "--endpoint", sink.endpoint, "--at-once"]
        command = [sys.executable, "-m", "tests.history", *words, "--ledger", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("30 executions in ")
        assert {received.path for received in sink.accepted} == {"/v1/logs", "/v1/traces"}
    told = list(ledger.read(path))
    assert len(told) == 30
    assert max(entry["started_ns"] for entry in told) < 1_782_900_000 * 10**9
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("not all of it was taken: ")
