"""Resident memory of a process and its children over time."""

import statistics
import threading
from types import TracebackType
from typing import Final, Self

from benchmarks import processes

_EVERY_S: Final = 0.25
MIB: Final = 1024 * 1024


class MemorySampler(threading.Thread):
    """Samples while it is entered; bytes of the whole tree."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self._samples: list[int] = []
        #: The most that a single process had.
        self.largest_process = 0

    def run(self) -> None:
        """Sample until the end."""
        while not self._ended.wait(_EVERY_S):
            resident = [use.resident for use in processes.tree(self._pid).values()]
            self._samples.append(sum(resident))
            self.largest_process = max(self.largest_process, *resident)

    @property
    def peak(self) -> int:
        """The most at any time."""
        return max(self._samples)

    def thirds(self) -> tuple[float, float, float]:
        """Medians of the first, second and last third of the samples."""
        third = len(self._samples) // 3
        first, second, last = (
            statistics.median(self._samples[at : at + third]) for at in (0, third, len(self._samples) - third)
        )
        return first, second, last

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join()
