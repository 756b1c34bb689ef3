"""Something that goes on in a thread while a block runs; its failure is the block's."""

from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self


class Beside(ABC):
    """`go_on` runs until `over` is set, which is when the block ends."""

    def __init__(self) -> None:
        self.over = Event()
        self._thread = ThreadPoolExecutor(1)
        self._done: Future[None] | None = None

    @abstractmethod
    def go_on(self) -> None:
        """What is done, again and again."""

    def __enter__(self) -> Self:
        self._done = self._thread.submit(self.go_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._thread.shutdown()
        assert self._done is not None
        self._done.result()
