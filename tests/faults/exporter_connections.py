"""How many connections the exporter holds in PostgreSQL, looked at often."""

from typing import Any, Final

from tests.faults.beside import Beside
from tests.faults.rig import Rig

_EVERY_S: Final = 0.02
_ROWS: Final[Any] = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'agent-otel exporter%'"


class ExporterConnections(Beside):
    """The most rows of `pg_stat_activity` at any look while the block ran, and how often it looked."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.most = 0
        self.looks = 0
        self._rig = rig

    def go_on(self) -> None:
        """Look, and look again."""
        with self._rig.connect() as connection:
            while not self.over.wait(_EVERY_S):
                row = connection.execute(_ROWS).fetchone()
                assert row is not None
                self.most = max(self.most, row[0])
                self.looks += 1
        connection.close()
