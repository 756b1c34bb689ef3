"""Spans that clients hold an acknowledgement for and that SQL does not show yet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from agent_otel.errors import AgentOtelError
from agent_otel.local_stack.process import wait_until
from agent_otel.store.connection import Connection
from tests.faults import ledger
from tests.faults.rig import Rig

_VISIBLE: Final[Any] = """
SELECT replace(trace_id::text, '-', ''), count(*) FROM spans
WHERE trace_id = ANY(%s::uuid[]) AND start_time BETWEEN now() - interval '2 hours' AND now() + interval '2 hours'
GROUP BY trace_id
"""
_QUIET_S: Final = 2.0


@dataclass
class _Pending:
    """A trace that is not wholly visible: since when acknowledged, of how many spans, and how many are visible."""

    since: int
    acknowledged: int = 0
    visible: int = 0


class Backlog:
    """Follows the ledgers of running clients and looks for their traces in SQL."""

    def __init__(self, rig: Rig, ledgers: Sequence[Path]) -> None:
        self._rig = rig
        self._offsets = dict.fromkeys(ledgers, 0)
        self._pending: dict[str, _Pending] = {}
        self._connection: Connection | None = None
        self.acknowledged = 0

    @property
    def size(self) -> int:
        """Spans acknowledged and, at the last look, not visible."""
        return sum(max(0, trace.acknowledged - trace.visible) for trace in self._pending.values())

    @property
    def lag(self) -> float:
        """Seconds since the oldest of them was acknowledged."""
        oldest = min((trace.since for trace in self._pending.values()), default=time.time_ns())
        return (time.time_ns() - oldest) / 1e9

    def look(self) -> int:
        """Read on in the ledgers, look into SQL, return the size. Raises when the database is away."""
        self.follow()
        if self._pending:
            for trace_id, visible in self._visible():
                self._pending[trace_id].visible = visible
            self._pending = {key: trace for key, trace in self._pending.items() if trace.visible < trace.acknowledged}
        return self.size

    def follow(self) -> None:
        """Read on in the ledgers."""
        for path, offset in self._offsets.items():
            with path.open() as file:
                file.seek(offset)
                text = file.read()
            self._offsets[path] = offset + text.rfind("\n") + 1
            for entry in ledger.parse(text):
                if entry.kind == ledger.SPANS:
                    self._add(entry.fields[0], entry.fields[1].count(",") + 1, entry.time_ns)

    def await_end(self, seconds: float) -> None:
        """Return once all is visible, or nothing is on its way any more: Collector's queue empty, no change for 2 s."""
        sizes: list[tuple[float, int]] = []

        def settled() -> bool:
            sizes.append((time.monotonic(), self._look_or_wait()))
            if self._rig.queued():
                return False
            recent = {size for when, size in sizes if when > sizes[-1][0] - _QUIET_S}
            return sizes[-1][1] == 0 or (sizes[-1][0] - sizes[0][0] > _QUIET_S and len(recent) == 1)

        wait_until(settled, seconds)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _add(self, trace_id: str, spans: int, time_ns: int) -> None:
        self._pending.setdefault(trace_id, _Pending(time_ns)).acknowledged += spans
        self.acknowledged += spans

    def _look_or_wait(self) -> int:
        try:
            return self.look()
        except (psycopg.Error, AgentOtelError):
            return -1

    def _visible(self) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = self._rig.connect()
        try:
            return self._connection.execute(_VISIBLE, [list(self._pending)]).fetchall()
        except psycopg.Error:
            self.close()
            raise
