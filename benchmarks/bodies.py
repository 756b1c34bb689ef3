"""Request bodies in which every span is new, for next to no CPU: encoded once, then only ids and times are replaced."""

import datetime as dt
import random
import struct
import uuid
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv
from benchmarks import agent_traces
from benchmarks.agent_traces import SPANS_PER_TRACE, Trace

#: Traces that are encoded; in requests of 512 spans some are cut in two, as in life.
TRACES: Final = 256
SPANS: Final = TRACES * SPANS_PER_TRACE

#: The low bytes of a little-endian time in ns (16.8 ms) and of a double: they change, the value hardly does.
_LOW_BYTES: Final = 3
_NOISES: Final = 4


class _Fresh(NamedTuple):
    """What replaces a trace's own bytes each time it is sent; all of the same width as what it replaces."""

    trace_id: bytes
    trace_hex: bytes
    root: bytes
    execution: bytes
    noise: tuple[bytes, ...]

    def pieces(self) -> list[bytes]:
        return [self.trace_id, self.trace_hex, self.root, self.execution, *self.noise]


_PIECES: Final = 4 + _NOISES
_CONSTANTS: Final = TRACES * _PIECES


class Bodies:
    """An endless supply of export requests of `per_request` spans; not thread-safe."""

    def __init__(self, per_request: int, seed: str) -> None:
        if SPANS % per_request:
            raise ValueError(f"a request's spans must divide {SPANS}")
        rng = random.Random(seed)
        spans = _spans(rng)
        self._constants: list[bytes] = []
        self._templates = [self._template(spans[at : at + per_request]) for at in range(0, SPANS, per_request)]
        self._random = random.Random()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            pieces = [piece for _ in range(TRACES) for piece in self._fresh().pieces()] + self._constants
            for template in self._templates:
                yield b"".join(template(pieces))

    def _fresh(self) -> _Fresh:
        trace_id = self._random.randbytes(16)
        execution = uuid.UUID(int=self._random.getrandbits(128), version=4)
        noise = tuple(self._random.randbytes(_LOW_BYTES) for _ in range(_NOISES))
        return _Fresh(trace_id, trace_id.hex().encode(), execution.bytes[8:], str(execution).encode(), noise)

    def _template(self, spans: list[tuple[int, Trace, Span]]) -> Callable[[list[bytes]], tuple[bytes, ...]]:
        """What picks a request's pieces, fresh and constant ones in turn."""
        body = agent_traces.request([span for _, _, span in spans]).SerializeToString()
        picked: list[int] = []
        done = end = 0
        for number, trace, span in spans:
            encoded = span.SerializeToString()
            start = body.index(encoded, end)
            end = start + len(encoded)
            for at, width, piece in sorted(_replaceable(trace, span, encoded)):
                picked += [self._constant(body[done : start + at]), number * _PIECES + piece]
                done = start + at + width
        return itemgetter(*picked, self._constant(body[done:]))

    def _constant(self, piece: bytes) -> int:
        self._constants.append(piece)
        return _CONSTANTS + len(self._constants) - 1


def _spans(rng: random.Random) -> list[tuple[int, Trace, Span]]:
    # Noon, so that no run writes into two days.
    noon = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    start_ns = int(noon.timestamp()) * 10**9
    spans = []
    for number in range(TRACES):
        trace = Trace(rng.randbytes(16), uuid.UUID(bytes=rng.randbytes(16), version=4))
        spans += [(number, trace, span) for span in agent_traces.spans(trace, rng, start_ns + number * 10**9)]
    return spans


def _replaceable(trace: Trace, span: Span, encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """Position in the encoded span, width, and the number of the piece that goes there."""
    texts = (trace.trace_id, trace.trace_id.hex().encode(), trace.root, str(trace.execution_id).encode())
    for piece, text in enumerate(texts):
        at = encoded.find(text)
        while at >= 0:
            yield at, len(text), piece
            at = encoded.find(text, at + len(text))
    for number, value in enumerate(_numbers(span)):
        yield encoded.index(value), _LOW_BYTES, len(texts) + (span.span_id[0] + number) % _NOISES


def _numbers(span: Span) -> Iterator[bytes]:
    """The encoded times and cost of a span."""
    yield struct.pack("<Q", span.start_time_unix_nano)
    yield struct.pack("<Q", span.end_time_unix_nano)
    for attribute in span.attributes:
        if attribute.key == semconv.COST_USD:
            yield struct.pack("<d", attribute.value.double_value)
