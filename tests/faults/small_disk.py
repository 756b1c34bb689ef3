"""A small file system of our own, to fill and to free."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.slots import POSTGRES
from tests.faults.faults import Fault, await_database, kill_recovered
from tests.faults.scene import Scene

NAME: Final = "disk of the database full"
MIB: Final = 1024**2
_SIZE_MIB: Final = 512
#: Left for PostgreSQL when the disk is filled: it finds it full a moment later, in the middle of its work.
_LEFT: Final = 4 * MIB
_BALLAST: Final = "ballast"
_MOUNT_S: Final = 10
_FULL_S: Final = 60.0
_STAYS_FULL_S: Final = 2.0
_SEEN: Final = "No space left on device"


class SmallDisk:
    """A tmpfs in `folder`, gone with the block. Needs root."""

    def __init__(self, folder: Path, size_mib: int = _SIZE_MIB) -> None:
        self.folder = folder
        self._size_mib = size_mib

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={self._size_mib}m,mode=0700", "agent-otel-faults", str(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("umount", "--lazy", str(self.folder))

    def fill(self, left: int = _LEFT) -> None:
        """Take all but `left` bytes."""
        with (self.folder / _BALLAST).open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, max(1, shutil.disk_usage(self.folder).free - left))

    def free(self) -> None:
        """Give it back."""
        (self.folder / _BALLAST).unlink()

    def forbid_writing(self) -> None:
        """Make it read-only, also for root."""
        _run("mount", "-o", "remount,ro", str(self.folder))

    def fault(self) -> Fault:
        """Fill the disk until PostgreSQL has met its end, for a while, then free it."""

        def recover(scene: Scene) -> None:
            log = scene.rig.log(POSTGRES)
            before = log.read_text().count(_SEEN)
            if not wait_until(lambda: log.read_text().count(_SEEN) > before, _FULL_S):
                raise RuntimeError("PostgreSQL never met the end of the disk")
            scene.clients.rest(_STAYS_FULL_S)
            self.free()
            _bring_back(scene)

        return Fault(NAME, lambda _: self.fill(), recover)


def unavailable() -> str:
    """Why this cannot be done here; empty when it can."""
    return "" if os.geteuid() == 0 else "mounting a small file system needs root"


def _bring_back(scene: Scene) -> None:
    """PostgreSQL goes on by itself, unless it found no room to recover; then it is started again."""
    if scene.rig.ended(POSTGRES):
        kill_recovered(POSTGRES)(scene)
    await_database(scene)
    with scene.rig.connect() as connection:
        connection.execute("CHECKPOINT")  # so that the log does not fill what is left


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_MOUNT_S)
    if done.returncode:
        raise LocalStackError(f"{' '.join(command)}: {done.stderr.strip()}")
