"""Claude Code's tokens and cost: told of by its hooks, its log records and its spans, counted once."""

import json
import random
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import permutations

import pytest
from psycopg.errors import InsufficientPrivilege

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.claude_recordings import MODEL, VERSIONS, Session, Usage, together, usage
from tests.fixtures.quarantine import query

SHOWN = """SELECT input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, total_tokens,
             round(cost_usd::numeric, 9)::float8
           FROM agent_executions WHERE execution_id = %s"""
STATE = """SELECT (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.session_id, m.request_id) FROM model_requests m),
                  (SELECT jsonb_agg(e.facts ORDER BY e.execution_id) FROM executions e)"""


def write(url: str, batches: Iterable[Batch]) -> None:
    """Store the batches one after the other."""
    with closing(Writer(url)) as writer:
        for batch in batches:
            writer.write(batch)


def shown(url: str, execution_id: uuid.UUID) -> Usage | None:
    """What the view shows of an execution; None when there is none."""
    rows = query(url, SHOWN, execution_id)
    return Usage(*rows[0]) if rows else None


@pytest.mark.parametrize("version", VERSIONS)
def test_hooks_and_telemetry_are_one_account(database_url: str, version: str) -> None:
    """Each of the five requests counts once, for the agent that made it, with telemetry's cost."""
    session = Session(version)
    write(database_url, [*session.telemetry(), *session.hooks()])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert shown(database_url, session.agent) == usage(3, 4)
    assert query(database_url, "SELECT count(*), array_agg(DISTINCT model) FROM agent_executions") == [(2, [MODEL])]
    requests = "SELECT request_id, execution_id, sources FROM agent_model_requests ORDER BY request_id"
    owners = [session.prompt, session.prompt, session.agent, session.agent, session.prompt]
    assert query(database_url, requests) == [
        (f"req_01{k:04d}", owner, ["telemetry", "transcript"]) for k, owner in enumerate(owners, 1)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_any_order_any_batches_and_repeats_give_the_same_rows(database_url: str, version: str) -> None:
    """Shuffled, cut into batches anywhere, some records twice: rows and totals are the same, to the last fact."""
    session = Session(version)
    records = [*session.telemetry(), *session.hooks()]
    write(database_url, records)
    (expected,) = query(database_url, STATE)
    for seed in range(12):
        rng = random.Random(seed)
        _emptied(database_url)
        write(database_url, _cut([*records, *rng.choices(records, k=8)], rng))
        assert query(database_url, STATE) == [expected], seed


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_sources_may_come_in_any_order(database_url: str, version: str, order: tuple[int, ...]) -> None:
    """Log records, spans, starts and ends, each as a whole, in each of the 24 orders."""
    session = Session(version)
    hooks, telemetry = session.hooks(), session.telemetry()
    spans = len(session.spans)
    parts = [telemetry[spans:], telemetry[:spans], hooks[:2], hooks[2:]]
    write(database_url, [together(parts[index]) for index in order])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert shown(database_url, session.agent) == usage(3, 4)


def test_a_request_moves_to_the_sub_agent_that_made_it(database_url: str) -> None:
    """Older log records know only the prompt; the span names the sub-agent, and both totals follow."""
    session = Session("2.1.197")
    telemetry, spans = session.telemetry(), len(session.spans)
    starts = session.hooks()[:2]
    write(database_url, [*starts, *telemetry[spans:]])
    assert shown(database_url, session.prompt) == usage(1, 2, 3, 4, 5)
    assert shown(database_url, session.agent) == Usage(None, None, None, None, None, None)  # type: ignore[arg-type]
    write(database_url, telemetry[:spans])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert shown(database_url, session.agent) == usage(3, 4)


def test_an_execution_whose_requests_all_move_shows_what_it_stated(database_url: str) -> None:
    """Nothing of the sum stays behind where the last request leaves."""
    session = Session("2.1.197")
    telemetry, spans = session.telemetry(), len(session.spans)
    of_agent = [batch for batch in telemetry[spans:] if _tells_of(batch, {"req_010003", "req_010004"})]
    write(database_url, [session.final_span(session.prompt, session.requests(1)), *of_agent])
    assert shown(database_url, session.prompt) == usage(3, 4)
    write(database_url, telemetry[:spans])
    assert shown(database_url, session.prompt) == usage(1, cost=False)._replace(total_tokens=usage(1).total_tokens)
    assert query(database_url, "SELECT model FROM agent_executions") == [(None,)]


def test_telemetry_alone_makes_no_execution(database_url: str) -> None:
    """Its log records are found under the executions that hooks may tell of later; the requests wait for them."""
    session = Session("2.1.330")
    write(database_url, session.telemetry())
    assert query(database_url, "SELECT count(*) FROM executions") == [(0,)]
    assert query(database_url, "SELECT count(*) FROM agent_execution_steps") == [(0,)]
    bodies = "SELECT DISTINCT body #>> '{}' FROM execution_events WHERE execution_id = %s ORDER BY 1"
    assert ("claude_code.api_request",) in query(database_url, bodies, session.prompt)
    assert ("claude_code.api_request",) in query(database_url, bodies, session.agent)
    write(database_url, session.hooks()[:1])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert query(database_url, "SELECT count(*) FROM executions") == [(1,)]


def test_without_telemetry_the_transcript_counts(database_url: str) -> None:
    """Tokens from the transcript alone, without cost; a later look at it replaces what an earlier one saw."""
    session = Session("2.1.330")
    early = [{**request, "output": 1} for request in session.requests(1, 2)]
    write(
        database_url,
        [
            session.told(session.prompt, s.EVENT_USAGE, 9, session.requests(1, 2, 5)),
            session.told(session.prompt, s.EVENT_COMPLETED, 3, early),
        ],
    )
    assert shown(database_url, session.prompt) == usage(1, 2, 5, cost=False)
    assert query(database_url, "SELECT DISTINCT sources FROM agent_model_requests") == [(["transcript"],)]


def test_telemetry_wins_over_the_transcript(database_url: str) -> None:
    """Where both know the figures, telemetry's stand, though the transcript was read later."""
    session = Session("2.1.330")
    wrong = [{**request, "input": 9_999, "model": "other"} for request in session.requests(1, 2, 5)]
    write(database_url, [*session.telemetry(), session.told(session.prompt, s.EVENT_COMPLETED, 9, wrong)])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert query(database_url, "SELECT model FROM agent_executions") == [(MODEL,)]


def test_a_stated_model_stays(database_url: str) -> None:
    """The model of its requests stands only where nobody states one, whichever comes first."""
    session = Session("2.1.330")
    stating = session.record(session.prompt, s.EVENT_STARTED, 0, {s.GEN_AI_REQUEST_MODEL: "stated"})
    write(database_url, [session.hooks()[0], *session.telemetry(), stating])
    assert query(database_url, "SELECT model FROM agent_executions") == [("stated",)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("telemetry_first", [True, False], ids=["telemetry first", "hooks first"])
def test_without_request_ids_nothing_counts_twice(database_url: str, version: str, telemetry_first: bool) -> None:
    """The transcript has message ids, telemetry has none: together they are five requests, with telemetry's cost."""
    session = Session(version, request_ids=False)
    parts = [session.telemetry(), session.hooks()]
    write(database_url, [batch for part in (parts if telemetry_first else parts[::-1]) for batch in part])
    assert query(database_url, "SELECT count(*) FROM agent_model_requests") == [(5,)]
    (both,) = query(database_url, "SELECT sum(input_tokens), sum(output_tokens), sum(cost_usd) FROM agent_executions")
    everything = usage(1, 2, 3, 4, 5)
    assert (both[0], both[1], round(both[2], 9)) == (
        everything.input_tokens,
        everything.output_tokens,
        everything.cost_usd,
    )


def test_without_request_ids_the_source_that_knows_more_counts(database_url: str) -> None:
    """Telemetry that lost requests loses to the transcript: tokens are whole then, and cost is not known."""
    session = Session("2.1.330", request_ids=False)
    lost = [batch for batch in session.telemetry() if batch.events[0].execution is not None][1:]
    write(database_url, [*lost, *session.hooks()])
    assert shown(database_url, session.prompt) == usage(1, 2, 5, cost=False)
    assert shown(database_url, session.agent) == usage(3, 4, cost=False)


def test_writers_at_once_add_up_to_the_same(database_url: str) -> None:
    """Many sessions, hooks and telemetry through four writers at the same time: every total is right."""
    sessions = [Session(VERSIONS[number % 2], other=True) for number in range(24)]
    records = [batch for session in sessions for batch in [*session.telemetry(), *session.hooks()]]
    random.Random(7).shuffle(records)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: write(database_url, part), [records[start::4] for start in range(4)]))
    for session in sessions:
        assert shown(database_url, session.prompt) == usage(1, 2, 5)
        assert shown(database_url, session.agent) == usage(3, 4)


def test_the_ingest_role_may_count_and_no_more(database_url: str) -> None:
    """Everything that a writer does for usage works with its rights; requests are not for it to remove."""
    session = Session("2.1.330")
    as_ingest = f"{database_url}?options=-c%20role%3Dagent_otel_ingest"
    write(as_ingest, [*session.telemetry(), *session.hooks()])
    assert shown(database_url, session.prompt) == usage(1, 2, 5)
    assert query(as_ingest, "SELECT current_user") == [("agent_otel_ingest",)]
    with pytest.raises(InsufficientPrivilege):
        query(as_ingest, "DELETE FROM model_requests")


def test_hostile_figures_cost_nobody_else_anything(database_url: str) -> None:
    """Sums that no bigint holds are cut, and what is no list of requests is none."""
    session = Session("2.1.330")
    other = uuid.uuid4()
    many = json.dumps([{"id": f"req_{k}", "input": 10**15, "output": 10**15} for k in range(9_999)])
    lists = [(other, '[[1], 2, null, {}, {"id": "\\u0000"}]'), (other, "{"), (session.prompt, many)]
    with closing(Writer(database_url)) as writer:
        for execution_id, text in lists:
            written = writer.write(session.record(execution_id, s.EVENT_COMPLETED, 1, {s.MODEL_REQUESTS: text}))
            assert (written.events, written.refused) == (1, {})
    found = shown(database_url, session.prompt)
    assert found is not None
    assert (found.input_tokens, found.total_tokens) == (2**53, 2**53)
    assert query(database_url, "SELECT count(*) FROM executions") == [(2,)]


def _emptied(url: str) -> None:
    with connect(url, application="test", autocommit=True) as connection:
        connection.execute("TRUNCATE spans, execution_events, executions, execution_traces, traces, model_requests")


def _cut(records: Sequence[Batch], rng: random.Random) -> list[Batch]:
    """The records in another order, in batches of any size."""
    left = list(records)
    rng.shuffle(left)
    batches = []
    while left:
        size = rng.choice((1, 2, 5, 20))
        batches.append(together(left[:size]))
        left = left[size:]
    return batches


def _tells_of(batch: Batch, request_ids: set[str]) -> bool:
    told = batch.events[0].execution
    return told is not None and any(request.request_id in request_ids for request in told.requests)
