"""R, the yardstick: rows that are ready for binary COPY, into the same day's partition, on one connection.

2,048 rows a commit, the partition's key and indexes on, logged, fsync and synchronous_commit on: what PostgreSQL alone
takes on this machine at this moment. Nothing is decoded, mapped or merged.
"""

import datetime as dt
import random
import time
from itertools import islice
from typing import Final

from psycopg import sql

from agent_otel.exporter.envelope import decode
from agent_otel.exporter.mapping import map_spans
from agent_otel.store.copy_format import HEADER, TRAILER, pack_spans
from agent_otel.store.rows import SpanRow
from benchmarks.bodies import SPANS, Bodies
from benchmarks.pipeline import Pipeline

ROWS_A_COMMIT: Final = 2_048
#: Where a packed row has its trace id: after the number of columns (2 bytes) and the value's length (4).
_TRACE_ID: Final = slice(6, 22)


class Reference:
    """Packed rows of `spans` spans; made once, written again and again."""

    def __init__(self, pipeline: Pipeline, spans: int) -> None:
        self._pipeline = pipeline
        day = dt.datetime.now(dt.UTC).date()
        pipeline.connection.execute("SELECT ensure_partitions(%s)", [[day]])
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(f"spans_{day:%Y%m%d}"), sql.SQL(", ").join(map(sql.Identifier, SpanRow._fields))
        )
        bodies = islice(Bodies(512, "reference"), SPANS // 512)
        packed = [_packed(item.row) for body in bodies for item in map_spans(decode(body)).spans]
        self._commits = [_stream(packed, first) for first in range(0, spans, ROWS_A_COMMIT)]

    def run(self) -> float:
        """Rows a second, from the first COPY to the last COMMIT."""
        connection = self._pipeline.connection
        self._pipeline.empty()
        started = time.monotonic()
        for commit in self._commits:
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(self._copy) as copy:
                copy.write(commit)
        seconds = time.monotonic() - started
        rows = self._pipeline.visible_spans()
        if rows != len(self._commits) * ROWS_A_COMMIT:
            raise SystemExit(f"the reference wrote {rows} rows: the run does not count")
        return rows / seconds


def _packed(row: SpanRow) -> bytes:
    return b"".join(pack_spans([row], 1))[len(HEADER) : -len(TRAILER)]


def _stream(packed: list[bytes], first: int) -> bytes:
    """A commit's COPY stream: rows of new traces, in the key's order as our writer sorts them."""
    fresh: dict[bytes, bytes] = {}
    rows = []
    for number in range(first, first + ROWS_A_COMMIT):
        row = packed[number % len(packed)]
        trace_id = fresh.setdefault(row[_TRACE_ID], random.randbytes(16))
        rows.append(row[: _TRACE_ID.start] + trace_id + row[_TRACE_ID.stop :])
    return HEADER + b"".join(sorted(rows)) + TRAILER
