"""What careless code would do; each must lose under the faults, or the campaign could not see a loss.

Applied to the exporter's own processes, or to the command's, by `at_start/sitecustomize.py`, never by anything that is
shipped.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

VARIABLE: Final = "FAULTS_SPOILER"


def acknowledge_early() -> None:
    """Say OK as soon as a batch is queued, before COMMIT."""
    from agent_otel.exporter.group_commit import GroupCommit

    submit: Callable[..., Future[int]] = GroupCommit.submit

    def submit_and_promise(self: GroupCommit, *batch: Any) -> "Future[int]":
        submit(self, *batch)
        done: Future[int] = Future()
        done.set_result(0)
        return done

    GroupCommit.submit = submit_and_promise  # type: ignore[method-assign,assignment]


def commit_asynchronously() -> None:
    """COMMIT without waiting for the disk."""
    from agent_otel.store import writer
    from agent_otel.store.connection import Connection

    def settle_for_less(connection: Connection) -> None:
        connection.execute("SET synchronous_commit = off")

    writer._require_durability = settle_for_less


def promise_before_writing() -> None:
    """Let the command say that its records are spooled, and write nothing."""
    from agent_otel import hand_over

    hand_over.hand_over = lambda *_: hand_over.Handed(True, False, "only promised")


_SPOILERS: Final[Mapping[str, Callable[[], None]]] = {
    spoiler.__name__: spoiler for spoiler in (acknowledge_early, commit_asynchronously, promise_before_writing)
}


def apply(name: str) -> None:
    """Spoil what runs in this process."""
    _SPOILERS[name]()


def environment(spoiler: Callable[[], None]) -> dict[str, str]:
    """What makes a Python program and its children apply a spoiler when they start; it needs rig.PYTHONPATH too."""
    return {VARIABLE: spoiler.__name__}
