"""What SQL says afterwards: the good spans that must be rows, the spoilt items that must be in quarantine."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from agent_otel.store.connection import connect
from tests.fuzz.payload import SpanId

_T = TypeVar("_T")
_AT_ONCE: Final = 10_000
_MISSING_SPANS: Final = """
SELECT w.trace_id, w.span_id FROM unnest(%s::uuid[], %s::bigint[]) AS w (trace_id, span_id)
WHERE NOT EXISTS (SELECT FROM agent_otel.spans s WHERE s.trace_id = w.trace_id AND s.span_id = w.span_id)
"""
_MISSING_ITEMS: Final = """
SELECT w.sha256 FROM unnest(%s::bytea[]) AS w (sha256)
WHERE NOT EXISTS (SELECT FROM agent_otel.quarantine q WHERE q.sha256 = w.sha256)
"""


def missing_spans(database_url: str, wanted: Iterable[SpanId]) -> list[SpanId]:
    """Those of the wanted spans that are no rows."""
    missing: list[SpanId] = []
    with connect(database_url, application="fuzz", autocommit=True) as connection:
        for part in _parts(wanted):
            traces = [uuid.UUID(bytes=trace_id) for trace_id, _ in part]
            spans = [int.from_bytes(span_id, signed=True) for _, span_id in part]
            rows = connection.execute(_MISSING_SPANS, [traces, spans]).fetchall()
            missing += [(trace_id.bytes, span_id.to_bytes(8, signed=True)) for trace_id, span_id in rows]
    return missing


def missing_items(database_url: str, wanted: Iterable[bytes]) -> list[bytes]:
    """Those of the wanted requests of one item that are not in quarantine, byte for byte."""
    items = {hashlib.sha256(raw).digest(): raw for raw in wanted}
    missing: list[bytes] = []
    with connect(database_url, application="fuzz", autocommit=True) as connection:
        for part in _parts(items):
            missing += [
                items[bytes(digest)] for (digest,) in connection.execute(_MISSING_ITEMS, [list(part)]).fetchall()
            ]
    return missing


def _parts(values: Iterable[_T]) -> Iterator[Sequence[_T]]:
    rest = iter(values)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
