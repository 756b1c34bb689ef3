"""What the scripted model did, request by request: the truth that everything recorded is compared with."""

import json
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple, Self

#: US dollars a million tokens (input, output, cache read, cache creation for 5 minutes), by the model's name.
_PRICES: Final = {"claude-sonnet-4-5": (3.0, 15.0, 0.3, 3.75), "claude-haiku-4-5": (1.0, 5.0, 0.1, 1.25)}


class Usage(NamedTuple):
    """Tokens, as the API counts them: `input` is without cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0

    def __add__(self, other: Self) -> "Usage":  # type: ignore[override]  # of figures, not of tuples
        return Usage(*map(sum, zip(self, other, strict=True)))

    @property
    def all_input(self) -> int:
        """Input with cache, as OpenTelemetry's conventions count it."""
        return self.input + self.cache_read + self.cache_creation


class ToolCall(NamedTuple):
    """A tool call that the model asked for."""

    id: str
    tool: str


class Request(NamedTuple):
    """One request that was answered with a message."""

    id: str
    session: str
    script: str
    turn: int
    model: str
    usage: Usage
    calls: tuple[ToolCall, ...]

    @property
    def cost_usd(self) -> float:
        """What it costs at the API's list prices."""
        prices = next(prices for name, prices in _PRICES.items() if self.model.startswith(name))
        return sum(price * tokens for price, tokens in zip(prices, self.usage, strict=True)) / 1e6


class Ledger:
    """Every request in the order of the answers. For threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        """Note an answer before it is given."""
        with self._lock:
            self._requests.append(request)

    def requests(self) -> list[Request]:
        """All requests so far."""
        with self._lock:
            return list(self._requests)

    def write(self, path: Path) -> None:
        """One request a line."""
        path.write_text("".join(json.dumps(_plain(request)) + "\n" for request in self.requests()))


def total(requests: Iterable[Request]) -> Usage:
    """The sum of their tokens."""
    return sum((request.usage for request in requests), Usage())


def _plain(request: Request) -> dict[str, Any]:
    calls = [call._asdict() for call in request.calls]
    return {**request._asdict(), "usage": request.usage._asdict(), "calls": calls}
