"""Controls: the same load, faults and comparison on a pipeline that was made careless. Each must lose."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, POSTGRES
from tests.faults import faults, process_tree, spoilers
from tests.faults.clients import COLLECTOR_HTTP, MIX, Load
from tests.faults.faults import Fault
from tests.faults.rig import PYTHONPATH, Rig
from tests.faults.scene import Scene

OVERLAYS: Final = Path(__file__).parent / "overlays"
_HELD_S: Final = 1.0
#: Makes each commit wait, whatever it stores.
_HOLD_COMMITS: Final[Any] = "LOCK TABLE agent_otel.traces IN ACCESS EXCLUSIVE MODE"
_RELOAD: Final[Any] = "SELECT pg_reload_conf()"


class Control(NamedTuple):
    """A careless pipeline and the fault that shows it. `options` are the agent client's."""

    spoil: Callable[[Rig], AbstractContextManager[None]]
    fault: Fault
    mix: Sequence[Load] = MIX
    options: Sequence[str] = ()


@contextmanager
def commits_not_on_disk(rig: Rig) -> Iterator[None]:
    """synchronous_commit=off, and a log writer that comes by every 10 s only, however much there is to write."""
    with rig.connect() as connection:
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
        connection.execute(_RELOAD)
    with _spoiled_exporter(rig, spoilers.commit_asynchronously):
        yield
    with rig.connect() as connection:
        connection.execute("ALTER SYSTEM RESET wal_writer_delay")
        connection.execute("ALTER SYSTEM RESET wal_writer_flush_after")
        connection.execute(_RELOAD)


def acknowledged_early(rig: Rig) -> AbstractContextManager[None]:
    """An exporter that says OK before COMMIT."""
    return _spoiled_exporter(rig, spoilers.acknowledge_early)


@contextmanager
def queue_in_memory(rig: Rig) -> Iterator[None]:
    """A Collector without storage."""
    rig.change(COLLECTOR, {}, f"--config={OVERLAYS / 'queue_in_memory.yaml'}")
    yield
    rig.restore(COLLECTOR)


def as_shipped(_: Rig) -> AbstractContextManager[None]:
    """Nothing is changed but the client."""
    return nullcontext()


def kill_exporter_that_waits_for_commit(scene: Scene) -> None:
    """Hold all commits for a moment, kill the exporter with all its processes, and start it again."""
    rig = scene.rig
    with rig.connect() as connection, connection.transaction():
        connection.execute(_HOLD_COMMITS)
        scene.clients.rest(_HELD_S)
        process_tree.send(process_tree.tree(rig.pid(EXPORTER)), signal.SIGKILL)
        rig.await_end(EXPORTER)
    rig.bring_up(EXPORTER)


CONTROLS: Final = (
    Control(
        commits_not_on_disk,
        Fault("synchronous_commit=off", faults.stop_database_at_once, faults.kill_recovered(POSTGRES)),
    ),
    Control(
        acknowledged_early,
        Fault("OK before COMMIT", faults.nothing, kill_exporter_that_waits_for_commit),
    ),
    Control(
        queue_in_memory,
        Fault("Collector queue in memory", faults.kill(COLLECTOR), faults.kill_recovered(COLLECTOR)),
    ),
    Control(
        as_shipped,
        Fault("stock processor on the client", faults.kill_client, faults.start_client),
        (Load("agent", COLLECTOR_HTTP, 200),),
        ("--stock",),
    ),
)


@contextmanager
def _spoiled_exporter(rig: Rig, spoiler: Callable[[], None]) -> Iterator[None]:
    rig.change(EXPORTER, {**spoilers.environment(spoiler), "PYTHONPATH": PYTHONPATH})
    yield
    rig.restore(EXPORTER)
