"""The one guard between agent-otel and the agent that it watches.

An error of ours is logged once, swallowed and counted; the agent goes on. It is raised only when ``raise_errors`` is
on: ``AGENT_OTEL_RAISE=1``, or `agent_otel.testing.capture(raise_errors=True)`.
"""

import functools
import logging
import os
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, ParamSpec

P = ParamSpec("P")

logger: Final = logging.getLogger("agent_otel")

#: How many distinct messages are remembered as already logged; beyond that they are only counted.
MAX_REMEMBERED: Final = 1_000

raise_errors: bool = os.environ.get("AGENT_OTEL_RAISE") == "1"
#: Swallowed errors by "where: type", for diagnosis.
swallowed: Final[Counter[str]] = Counter()
_logged: Final[set[str]] = set()


class Guard:
    """Context manager that keeps an error of ours away from the agent."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        return isinstance(error, Exception) and swallow(self._where, error)


def guarded(function: Callable[P, None]) -> Callable[P, None]:
    """Decorate a function whose errors must not reach the agent."""
    where = function.__qualname__

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            if not swallow(where, error):
                raise

    return call


def swallow(where: str, error: Exception) -> bool:
    """Count and log `error`; False when it is to be raised after all."""
    if raise_errors:
        return False
    swallowed[f"{where}: {type(error).__name__}"] += 1
    warn_once(f"agent_otel: {where} failed, the agent goes on without it: {type(error).__name__}: {error}")
    return True


def warn_once(message: str) -> None:
    """Log a warning the first time that this message comes up in the process."""
    if message in _logged or len(_logged) >= MAX_REMEMBERED:
        return
    _logged.add(message)
    logger.warning("%s", message)


def forget_logged() -> None:
    """Log messages anew that were logged before; for tests."""
    _logged.clear()
