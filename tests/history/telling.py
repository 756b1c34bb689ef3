"""A history is told: its records go to an endpoint, its ledger to a file; by one process or by several."""

import concurrent.futures
import multiprocessing
from pathlib import Path
from typing import Final, NamedTuple

from tests.history import ledger
from tests.history.delivery import Delivery
from tests.history.export_requests import Requests
from tests.history.family import family
from tests.history.pace import Pace
from tests.history.plan import Plan

#: The exporter makes at most 32 days a minute, some of them around today.
_DAYS_A_MINUTE: Final = 28
_MINUTE_S: Final = 61.0
_CONNECTIONS: Final = 2


class Telling(NamedTuple):
    """How a history is told. `address` is host:port; `paced` spares the endpoint more new days than it would make."""

    plan: Plan
    address: str
    ledger: Path
    paced: bool = True
    processes: int = 1

    def tell(self) -> int:
        """Send everything and write the ledger; return the number of records. Raises when anything was not taken."""
        if self.processes == 1:
            return _share(self, 0, self.ledger)
        parts = [self.ledger.with_name(f"{self.ledger.name}.{number}") for number in range(self.processes)]
        spawn = multiprocessing.get_context("spawn")
        try:
            with concurrent.futures.ProcessPoolExecutor(self.processes, spawn) as pool:
                told = sum(pool.map(_share, [self] * self.processes, range(self.processes), parts))
            ledger.merge(parts, self.ledger)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
        return told


def _share(telling: Telling, number: int, path: Path) -> int:
    """Tell every nth family."""
    requests = Requests()
    pace = Pace(_DAYS_A_MINUTE, _MINUTE_S if telling.paced else 0.0)
    with Delivery(telling.address, _CONNECTIONS) as delivery, path.open("wb") as book:
        for slot in telling.plan.slots()[number :: telling.processes]:
            executions = family(telling.plan, slot)
            book.writelines(map(ledger.line, executions))
            for request in requests.add(executions):
                pace.keep(request.day, delivery.settle)
                delivery.send(request)
        for request in requests.rest():
            pace.keep(request.day, delivery.settle)
            delivery.send(request)
        delivery.settle()
        return delivery.records
