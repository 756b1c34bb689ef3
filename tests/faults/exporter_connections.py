"""How many connections the exporter holds in PostgreSQL, looked at often."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Any, Final, Self

from tests.faults.rig import Rig

_EVERY_S: Final = 0.02
_ROWS: Final[Any] = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'agent-otel exporter%'"


class ExporterConnections:
    """The most rows of `pg_stat_activity` at any look while the block ran, and how often it looked."""

    def __init__(self, rig: Rig) -> None:
        self.most = 0
        self.looks = 0
        self._rig = rig
        self._over = Event()
        self._thread = ThreadPoolExecutor(1)
        self._done: Future[None] | None = None

    def __enter__(self) -> Self:
        self._done = self._thread.submit(self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.shutdown()
        assert self._done is not None
        self._done.result()

    def _look(self) -> None:
        with self._rig.connect() as connection:
            while not self._over.wait(_EVERY_S):
                row = connection.execute(_ROWS).fetchone()
                assert row is not None
                self.most = max(self.most, row[0])
                self.looks += 1
        connection.close()
