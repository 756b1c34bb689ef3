"""What stands in quarantine, as the request that it came in."""

from typing import Final, NamedTuple

from agent_otel.errors import AgentOtelError, MalformedRequestError
from agent_otel.exporter import decode_json, envelope
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.refusals import Refusals
from agent_otel.exporter.signals import SIGNALS, Signal

_BY_NAME: Final = {signal.name: signal for signal in SIGNALS}


class Decoded(NamedTuple):
    """The items of a request, and why others of it cannot be items."""

    items: list[RawItem]
    problems: list[str]


def signal_of(name: str) -> Signal:
    """The signal of that name. Raises LookupError."""
    return _BY_NAME[name]


def request(raw: bytes, origin: bytes | None) -> bytes:
    """The exact request, put together again where the item and what it shares with others are kept apart."""
    if origin is None:
        return raw
    (empty,) = envelope.decode(origin)
    return empty._replace(raw=raw).request()


def is_json(body: bytes) -> bool:
    """Whether a request is OTLP/JSON; no protobuf message begins with a brace."""
    return body.removeprefix(b"\xef\xbb\xbf").startswith(b"{")


def decode(signal: Signal, body: bytes) -> Decoded:
    """The items of a request; never raises for its content."""
    try:
        if is_json(body):
            return _decode_json(signal, body)
        try:
            return Decoded(envelope.decode(body), [])
        except MalformedRequestError:
            # JSON may begin with white space, of which a line feed is also how a protobuf request begins.
            if not body.lstrip().startswith(b"{"):
                raise
            return _decode_json(signal, body)
    except AgentOtelError as error:
        return Decoded([], [str(error)])


def _decode_json(signal: Signal, body: bytes) -> Decoded:
    refusals = Refusals(signal.name, body, len(body))
    items = decode_json.decode(body, signal, refusals)
    return Decoded(items, [row.reason for row in refusals.take()])
