"""Model requests that are told of one by one, and the usage of executions that they add up to: each counts once.

Owners and figures of a request may become known in any order, also before its execution is there or after it has ended.
So every transaction that touches an execution of a harness, or a request, sets the usage of all executions concerned
anew from the table. Batches without any cost nothing.
"""

import uuid
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from agent_otel.model import merge_facts
from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import ExecutionFacts, ModelRequest

#: Advisory locks of ours, of which a transaction takes at most one for each place.
_LOCK: Final = 0x616F_7465
_PLACES: Final = 64


def concerned(records: Iterable[ExecutionFacts]) -> list[ExecutionFacts]:
    """The records that tell of model requests, or of executions whose usage these are."""
    return [record for record in records if record.requests or "harness" in record.facts]


def lock(connection: Connection, records: Sequence[ExecutionFacts]) -> None:
    """Wait until no other transaction works on these records' sessions, inside the caller's own.

    To be called before `merging.executions`: rows are locked after this, so writers never wait for each other in turn.
    """
    places = {zlib.crc32(session.encode()) % _PLACES for record in records for session in _sessions(record)}
    if places:
        connection.execute(queries.load("usage")["lock_sessions"], [_LOCK, sorted(places)])


def merge(connection: Connection, records: Sequence[ExecutionFacts]) -> None:
    """Merge model requests into their rows, and show what they add up to in the executions that are there."""
    if not records:
        return
    owners = {record.execution_id for record in records}
    requests = _merged(request for record in records for request in record.requests)
    if requests:
        owners |= _stored(connection, requests)
    connection.execute(queries.load("usage")["show_usage"], [sorted(owners)])


def _stored(connection: Connection, requests: Sequence[ModelRequest]) -> set[uuid.UUID]:
    """Merge requests into their rows; return the executions whose usage that may have changed."""
    columns = [
        [request.session_id for request in requests],
        [request.request_id for request in requests],
        [orjson.dumps(request.facts).decode() for request in requests],
    ]
    sessions = sorted({request.session_id for request in requests})
    before = _column(connection, "unnamed_choices", [sessions])
    owners = _column(connection, "merge_model_requests", columns)
    changed = before ^ _column(connection, "unnamed_choices", [sessions])
    if changed:
        owners |= _column(connection, "executions_of_sessions", [sorted(changed)])
    return owners - {None}


def _column(connection: Connection, statement: str, parameters: Sequence[object]) -> set[Any]:
    return {value for (value,) in connection.execute(queries.load("usage")[statement], parameters)}


def _sessions(record: ExecutionFacts) -> Iterable[str]:
    yield from (request.session_id for request in record.requests)
    if "session_id" in record.facts:
        yield record.facts["session_id"][1]


def _merged(requests: Iterable[ModelRequest]) -> list[ModelRequest]:
    merged: dict[tuple[str, str], ModelRequest] = {}
    for request in requests:
        key = request[:2]
        known = merged.get(key)
        merged[key] = request if known is None else request._replace(facts=merge_facts(known.facts, request.facts))
    return [merged[key] for key in sorted(merged)]
