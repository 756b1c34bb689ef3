"""What an execution and a step share: a context manager, sync and async, that is also a decorator."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Token
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from agent_otel.guard import swallow, warn_once
from agent_otel.wrapping import wrap

P = ParamSpec("P")
R = TypeVar("R")


class Scope(ABC):
    """Begun, made current, made not current, ended: the four moments of a helper."""

    __slots__ = ("_context", "_tokens")

    def __init__(self) -> None:
        self._context: Context | None = None
        self._tokens: list[Token[Context] | None] = []

    @abstractmethod
    def _fresh(self) -> Self:
        """Another one from the same arguments, for the next call of a decorated function."""

    @abstractmethod
    def _start(self) -> Context:
        """Start the span; the context in which it is current."""

    @abstractmethod
    def _finish(self, error: BaseException | None) -> None:
        """End the span; `error` left the block."""

    def begin(self) -> None:
        """Start without becoming current; for callback APIs, where no block encloses the work."""
        if self._context is not None:
            warn_once(f"agent_otel: {self!r} already runs; make another one for another run")
            return
        try:
            self._context = self._start()
        except Exception as error:
            if not swallow("starting a span", error):
                raise

    def end(self, error: BaseException | None = None) -> None:
        """End what `begin` started. A second call does nothing."""
        if self._context is None:
            return
        self._context = None
        try:
            self._finish(error)
        except Exception as ours:
            if not swallow("ending a span", ours):
                raise

    @contextmanager
    def current(self) -> Iterator[None]:
        """Be current in this thread or task while the block runs."""
        self._attach()
        try:
            yield
        finally:
            self._detach()

    def __enter__(self) -> Self:
        self.begin()
        self._attach()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._detach()
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, tb)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, coroutine, generator or async generator: each call is a fresh one of this."""
        return wrap(function, self._fresh)

    def _attach(self) -> None:
        self._tokens.append(None if self._context is None else otel_context.attach(self._context))

    def _detach(self) -> None:
        token = self._tokens.pop() if self._tokens else None
        if token is not None:
            otel_context.detach(token)
