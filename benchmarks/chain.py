"""How long the chain of one execution takes to ask for, beside 20,000 other executions on 90 days.

One tree, 12 levels deep and 200 wide at its lowest, each leaf below a tool step of its own, with an LLM step; every
tenth leaf in a trace of its own, joined by a link. Everything goes through the exporter's mapping and writer.
Asked for by a leaf's id, as the reader role. What PostgreSQL reads for it is counted, and how it reads is saved to
benchmarks/plans/chain.txt.

python benchmarks/run.py chain [--others N]
"""

import argparse
import datetime as dt
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, LiteralString

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store.connection import Connection, connect
from agent_otel.store.migrations import migrate
from agent_otel.store.writer import Writer
from tests.fixtures.chains import Call, Chains, Member, batch

TARGET_MS: Final = 200
DEEP, WIDE, DAYS, ROUNDS = 12, 200, 90, 15
_DAY_MS: Final = 86_400_000
_PLAN: Final = Path(__file__).parent / "plans" / "chain.txt"
_ASK: Final[LiteralString] = "SELECT * FROM agent_chain(%s)"
_READS: Final = """
SELECT relname, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
WHERE schemaname = 'agent_otel' AND (seq_scan > 0 OR idx_scan > 0) ORDER BY relname
"""


def main(arguments: Sequence[str]) -> int:
    """Print the times; return 1 when the median is over the target, or more was read than the tree's own days."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--others", type=int, default=20_000, help="executions beside the tree (20000)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), free_port()) as server:
        migrate(server.url)
        tree = _fill(server.url, options.others)
        with connect(server.url, application="benchmark", autocommit=True) as connection:
            connection.execute("ANALYZE")
            connection.execute("SET ROLE agent_otel_reader")
            times, rows = _timed(connection, tree.execution_id(len(tree.members) - 1))
            reads = _reads(connection, tree.execution_id(len(tree.members) - 1))
            plan = _plans(connection, tree)
    _PLAN.parent.mkdir(exist_ok=True)
    _PLAN.write_text(f"{_described(reads)}\n\n{plan}\n", encoding="utf-8")
    median, worst = statistics.median(times), max(times)
    print(f"chain: {rows} rows, median {median:.0f} ms, worst of {ROUNDS} {worst:.0f} ms (target {TARGET_MS} ms)")
    print(_described(reads))
    days = {name for name, _, _ in reads if re.fullmatch(r"spans_\d+", name)}
    scanned = [name for name, scans, _ in reads if scans and name in {"executions", "traces", *days}]
    print(f"partitions of spans read: {sorted(days)}; scanned from end to end: {scanned}")
    return int(median > TARGET_MS or rows != DEEP + WIDE or len(days) != 1 or bool(scanned))


def _fill(url: str, others: int) -> Chains:
    now_ms = time.time_ns() // 1_000_000
    first_ms = (now_ms // _DAY_MS - DAYS) * _DAY_MS
    tree = Chains(list(_tree(DAYS // 2 * _DAY_MS + _DAY_MS // 2)), first_ms * 1_000_000)
    beside = Chains([_other(number, others) for number in range(others)], first_ms * 1_000_000)
    _make_days(url, first_ms)
    with closing(Writer(url)) as writer:
        for chains in (beside, tree):
            for records in _cut(list(chains.records()), 2_000):
                assert not writer.write(batch(records)).refused
    return tree


def _make_days(url: str, first_ms: int) -> None:
    """Make the partitions, which an exporter would make as the days pass: at most 32 a minute."""
    with connect(url, application="benchmark", autocommit=True) as connection:
        first = dt.datetime.fromtimestamp(first_ms / 1000, dt.UTC).date()
        days = [first + dt.timedelta(days=number) for number in range(DAYS + 1)]
        for some in _cut(days, 30):
            connection.execute("SELECT ensure_partitions(%s)", [some])
            connection.execute("DELETE FROM new_partitions")


def _tree(start: int) -> Iterator[Member]:
    for level in range(DEEP):
        above: Any = ("step", level - 1) if level else None
        yield Member("foreign", start=start + level, length=60_000 - 2 * level, above=above, tokens=(2000, 100))
    for leaf in range(WIDE):
        member = Member("foreign", start=start + 100 + leaf * 10, length=25, calls=(Call(7, 3, 0.25),))
        linked = leaf % 10 == 0
        yield member._replace(**({"trace": 1 + leaf, "link": DEEP - 1} if linked else {"above": ("step", DEEP - 1)}))


def _other(number: int, others: int) -> Member:
    """Pairs of executions with a step each, spread over the days."""
    start = number // 2 * 2 * DAYS * _DAY_MS // max(others, 1)
    return Member(trace=number // 2, start=start, calls=(Call(5, 5),), stated=number - 1 if number % 2 else None)


def _cut(records: list[Any], size: int) -> Iterator[list[Any]]:
    return (records[at : at + size] for at in range(0, len(records), size))


def _timed(connection: Connection, leaf: uuid.UUID) -> tuple[list[float], int]:
    times, rows = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = len(connection.execute(_ASK, [leaf]).fetchall())
        times.append((time.perf_counter() - began) * 1000)
    return times, rows


def _reads(connection: Connection, leaf: uuid.UUID) -> list[tuple[str, int, int]]:
    """Tables that one question reads: name, scans from end to end, rows."""
    with connection.transaction():
        before = {name: (scans, read) for name, scans, read in connection.execute(_READS).fetchall()}
        connection.execute(_ASK, [leaf])
        after = connection.execute(_READS).fetchall()
    added = [
        (name, scans - before.get(name, (0, 0))[0], read - before.get(name, (0, 0))[1]) for name, scans, read in after
    ]
    return [(name, scans, read) for name, scans, read in added if scans or read]


def _described(reads: Sequence[tuple[str, int, int]]) -> str:
    lines = [
        f"  {name:<24} {read:>8} rows" + (f", {scans} from end to end" if scans else "") for name, scans, read in reads
    ]
    return "\n".join(["One question reads:", *lines])


def _plans(connection: Connection, tree: Chains) -> str:
    """The plans of the statements that read tables, with the values they get."""
    trace = tree.trace_id(0)
    times = connection.execute("SELECT min_start, max_start FROM traces WHERE trace_id = %s", [trace]).fetchone()
    assert times is not None
    ids = [tree.execution_id(number) for number in range(len(tree.members))]
    questions: list[tuple[str, LiteralString, list[Any]]] = [
        ("children as stated", "SELECT execution_id FROM executions WHERE parent_execution_id = ANY (%s)", [ids]),
        ("executions of traces", "SELECT execution_id FROM executions WHERE trace_id = ANY (%s)", [[trace]]),
        (
            "executions linked to traces",
            "SELECT execution_id FROM executions WHERE link_trace_id = ANY (%s)",
            [[trace]],
        ),
        (
            "the span above one that is no execution",
            "SELECT parent_span_id FROM spans WHERE trace_id = %s AND span_id = %s AND start_time BETWEEN %s AND %s",
            [trace, int.from_bytes(tree.span_id(0), signed=True), *times],
        ),
        (
            "LLM calls of a trace",
            "SELECT total_tokens FROM spans WHERE trace_id = %s AND start_time BETWEEN %s AND %s AND step_kind = 'llm'",
            [trace, *times],
        ),
    ]
    parts = []
    for what, question, parameters in questions:
        explain: LiteralString = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) "
        lines = [line for (line,) in connection.execute(explain + question, parameters).fetchall()]
        parts.append("\n".join([f"-- {what}", *(line[:160] for line in lines)]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
