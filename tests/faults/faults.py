"""What is done to the pipeline: one function a fault that strikes, one that has things work again.

A fault strikes while the exporter is held still for a moment, wherever it is, so that the count of spans which are
acknowledged and not visible is exact.
"""

import os
import signal
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import psycopg

from agent_otel.errors import AgentOtelError
from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, POSTGRES
from tests.faults import process_tree, proxy
from tests.faults.rig import Rig
from tests.faults.scene import Scene

_RECOVERY_S: Final = 30.0
#: What `agent-otel up` waits before it starts a part again.
_RESTART_DELAY_S: Final = 0.5
_BACKENDS: Final[Any] = "SELECT pid FROM pg_stat_activity WHERE application_name = 'agent-otel exporter' ORDER BY pid"


class NothingToStrikeError(Exception):
    """What the fault is meant for is not there at this moment."""


class Fault(NamedTuple):
    """A kind of fault."""

    name: str
    strike: Callable[[Scene], None]
    recover: Callable[[Scene], None]


def kill_worker(scene: Scene) -> None:
    """SIGKILL one of the exporter's workers."""
    scene.struck_workers = scene.rig.exporter_workers()
    os.kill(scene.rng.choice(scene.struck_workers), signal.SIGKILL)


def await_worker(scene: Scene) -> None:
    """The supervisor starts another; an exporter without workers is started again by us."""
    rig, before = scene.rig, scene.struck_workers
    if before == [rig.pid(EXPORTER)]:
        kill_recovered(EXPORTER)(scene)
        return
    _require(
        lambda: len(rig.exporter_workers()) == len(before) and rig.exporter_workers() != before,
        "the supervisor started no other worker",
    )


def kill(part: str) -> Callable[[Scene], None]:
    """SIGKILL a part that is one process."""

    def strike(scene: Scene) -> None:
        os.kill(scene.rig.pid(part), signal.SIGKILL)

    return strike


def kill_supervisor(scene: Scene) -> None:
    """SIGKILL the exporter's supervisor."""
    scene.struck_workers = scene.rig.exporter_workers()
    os.kill(scene.rig.pid(EXPORTER), signal.SIGKILL)


def await_supervisor(scene: Scene) -> None:
    """Start the exporter again; the workers that lost their supervisor have to end by themselves."""
    kill_recovered(EXPORTER)(scene)
    _require(lambda: all(map(process_tree.gone, scene.struck_workers)), "workers outlive their supervisor")


def kill_recovered(part: str) -> Callable[[Scene], None]:
    """Start the part again, as `agent-otel up` does."""

    def recover(scene: Scene) -> None:
        scene.rig.await_end(part)
        scene.clients.rest(_RESTART_DELAY_S)
        scene.rig.bring_up(part)

    return recover


def kill_client(scene: Scene) -> None:
    """SIGKILL one of the clients."""
    scene.struck_client = scene.clients.choose(scene.rng)
    scene.struck_client.kill()


def start_client(scene: Scene) -> None:
    """Start it again: it delivers what the killed one left in its spool."""
    client = scene.struck_client
    assert client is not None
    before = client.begins
    client.start()
    _require(lambda: client.begins > before, "the client did not start again")


def kill_backend(scene: Scene) -> None:
    """SIGKILL the PostgreSQL process of one of the exporter's connections; the others are ended by the postmaster."""
    with scene.rig.connect() as connection:
        backends = [pid for (pid,) in connection.execute(_BACKENDS).fetchall()]
    if not backends:
        raise NothingToStrikeError
    os.kill(scene.rng.choice(backends), signal.SIGKILL)


def await_database(scene: Scene) -> None:
    """PostgreSQL recovers by itself."""
    _require(lambda: _answers(scene.rig), "PostgreSQL did not recover")


def stop_database_at_once(scene: Scene) -> None:
    """What `pg_ctl stop -m immediate` does: no checkpoint, the next start has to recover from the log."""
    os.kill(scene.rig.pid(POSTGRES), signal.SIGQUIT)


def reset_connection(scene: Scene) -> None:
    """Reset a connection in the middle of a request, or after it was taken and before its answer."""
    scene.struck_proxy = scene.rng.choice(scene.proxies)
    scene.struck_proxy.arm(scene.rng.choice([proxy.REQUEST, proxy.ANSWER]))


def await_reset(scene: Scene) -> None:
    """Return once it was reset."""
    struck = scene.struck_proxy
    assert struck is not None
    _require(lambda: not struck.armed, "nothing passed that could be reset")


def nothing(scene: Scene) -> None:
    """The fault is in `recover`, because it lasts, or in the clients' surroundings."""


def stop_processes(part: str) -> Callable[[Scene], None]:
    """SIGSTOP all processes of a part for a while, then SIGCONT."""

    def recover(scene: Scene) -> None:
        with process_tree.frozen(process_tree.tree(scene.rig.pid(part))):
            scene.clients.rest(scene.stop_seconds)

    return recover


KILLS: Final = (
    Fault("kill -9 exporter worker", kill_worker, await_worker),
    Fault("kill -9 exporter supervisor", kill_supervisor, await_supervisor),
    Fault("kill -9 Collector", kill(COLLECTOR), kill_recovered(COLLECTOR)),
    Fault("kill -9 client", kill_client, start_client),
    Fault("kill -9 PostgreSQL backend", kill_backend, await_database),
    Fault("pg_ctl stop -m immediate", stop_database_at_once, kill_recovered(POSTGRES)),
)
RESET: Final = Fault("connection reset", reset_connection, await_reset)
STOPS: Final = (
    Fault("SIGSTOP PostgreSQL", nothing, stop_processes(POSTGRES)),
    Fault("SIGSTOP exporter", nothing, stop_processes(EXPORTER)),
)
CLOCK: Final = Fault("client clock 1 h off", nothing, nothing)


def _answers(rig: Rig) -> bool:
    try:
        rig.connect().close()
    except (AgentOtelError, psycopg.Error):
        return False
    return True


def _require(condition: Callable[[], bool], otherwise: str) -> None:
    if not wait_until(condition, _RECOVERY_S):
        raise RuntimeError(otherwise)
