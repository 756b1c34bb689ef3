"""Where the steps of an execution stand, for those that come without it: its own trace is known only later."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import ExecutionFacts, SpanRow

#: Places remembered as stored; beyond that the memory is emptied and filled anew.
REMEMBERED: Final = 10_000

#: Execution id and trace id, 16 bytes each.
Place: TypeAlias = tuple[bytes, bytes]


class StepPlaces:
    """Remembers which places are stored. A step that comes with its execution's own span costs nothing."""

    def __init__(self) -> None:
        self._known: set[Place] = set()
        self._added: list[Place] = []

    def add(self, connection: Connection, spans: Sequence[SpanRow], records: Iterable[ExecutionFacts]) -> None:
        """Store the places of newly inserted steps, inside the caller's transaction."""
        steps = {
            (span.execution_id, span.trace_id)
            for span in spans
            if span.execution_id is not None and span.step_kind is not None
        }
        self._added = sorted(steps - self._known - set(_placed(records))) if steps else []
        if self._added:
            columns = [[uuid.UUID(bytes=member) for member in column] for column in zip(*self._added, strict=True)]
            connection.execute(queries.load("ingest")["execution_traces"], columns)

    def committed(self) -> None:
        """Remember what the committed transaction has added."""
        if len(self._known) + len(self._added) > REMEMBERED:
            self._known.clear()
        self._known.update(self._added)

    def forget(self) -> None:
        """Look again: another database may be behind the URL."""
        self._known.clear()


def _placed(records: Iterable[ExecutionFacts]) -> Iterable[Place]:
    """Where executions say that they are themselves."""
    for record in records:
        # Without a span id the trace is assumed: it may turn out to be another.
        if "span_id" in record.facts:
            yield record.execution_id.bytes, uuid.UUID(record.facts["trace_id"][1]).bytes
