"""A run of the fuzzer: payloads from a seed, sent by a few clients; what was wrong with any of them."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from tests.fuzz import encoding_payloads, evidence, json_payloads, protobuf_payloads, wire_payloads
from tests.fuzz.payload import Payload, SpanId
from tests.fuzz.sender import BOUND, Answer, Sender
from tests.fuzz.target import Memory, Target

_CLIENTS: Final = 4
#: A good request must be answered within this many seconds at any moment of the run.
_GOOD_SECONDS: Final = 5.0
MOST_MEMORY: Final = 300.0

Make = Callable[[random.Random], Payload]
#: What is sent, and how often it is drawn. What takes the exporter long to refuse is rare, so that a run ends.
MAKERS: Final[tuple[tuple[int, Make], ...]] = (
    (200, protobuf_payloads.spoilt_item),
    (60, protobuf_payloads.spoilt_log_record),
    (150, protobuf_payloads.spoilt_request),
    (20, protobuf_payloads.noise),
    (4, protobuf_payloads.many_tiny),
    (120, json_payloads.spoilt_item),
    (120, json_payloads.spoilt_request),
    (4, json_payloads.heavy),
    (60, encoding_payloads.spoilt_gzip),
    (15, encoding_payloads.cut_gzip),
    (15, encoding_payloads.members),
    (2, encoding_payloads.too_many_members),
    (1, encoding_payloads.bomb),
    (30, encoding_payloads.wrong_headers),
    (40, encoding_payloads.good),
    (40, wire_payloads.http_request),
    (40, wire_payloads.http_head),
    (20, wire_payloads.lying_length),
    (20, wire_payloads.broken_chunks),
    (5, wire_payloads.large_head),
    (10, wire_payloads.garbage),
    (10, wire_payloads.grpc_frames),
    (5, wire_payloads.grpc_message),
    (9, wire_payloads.half_open),
)


class Outcome(NamedTuple):
    """What a run saw."""

    #: By kind of payload and status; 0 is no answer.
    counts: Counter[tuple[str, int]]
    #: One line for each thing that was wrong.
    failures: list[str]
    #: Slowest answer by kind, in seconds.
    slowest: dict[str, float]
    good_spans: int
    quarantined: int
    told_to_come_back: int


class Campaign:
    """Sends `payloads` payloads; the n-th depends on the seed and n only."""

    def __init__(self, target: Target, seed: int, payloads: int, makers: Sequence[tuple[int, Make]] = MAKERS) -> None:
        self._target = target
        self._seed = seed
        self._payloads = payloads
        self._weights, self._makers = [weight for weight, _ in makers], [make for _, make in makers]
        self._lock = threading.Lock()
        self._next = 0
        self._counts: Counter[tuple[str, int]] = Counter()
        self._failures: list[str] = []
        self._slowest: dict[str, float] = {}
        self._good: list[SpanId] = []
        self._kept: list[bytes] = []
        self._rejected = self._told = 0

    def run(self) -> tuple[Outcome, Memory]:
        """Send everything, then look at the process, its log, its counters and its database."""
        memory = Memory(self._target, self.progress)
        with ThreadPoolExecutor(_CLIENTS) as clients:
            for client in [clients.submit(self._client) for _ in range(_CLIENTS)]:
                client.result()
        memory.stop()
        self._look(memory)
        good, kept = len(self._good), len(self._kept)
        return Outcome(self._counts, self._failures, self._slowest, good, kept, self._told), memory

    def progress(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self._next / self._payloads

    def payload(self, number: int) -> Payload:
        """The n-th payload."""
        rng = random.Random(f"{self._seed}:{number}")
        return rng.choices(self._makers, self._weights)[0](rng)

    def _client(self) -> None:
        sender = Sender(self._target.addresses)
        try:
            while (number := self._take()) is not None:
                self._one(sender, number)
        finally:
            sender.close()
            with self._lock:
                self._told += sender.told_to_come_back

    def _take(self) -> int | None:
        with self._lock:
            if self._next >= self._payloads or not self._target.alive:
                return None
            self._next += 1
            return self._next - 1

    def _one(self, sender: Sender, number: int) -> None:
        payload = self.payload(number)
        try:
            answer = sender.send(payload)
        except Exception as error:  # noqa: BLE001 - whatever happens to a payload is a finding, and the run goes on
            self._fail(
                number, payload, f"no answer within {BOUND} s" if isinstance(error, TimeoutError) else repr(error)
            )
            return
        self._note(payload, answer)
        if answer.status not in payload.allowed:
            self._fail(number, payload, f"answered {answer.status}, allowed is {sorted(payload.allowed)}")
        elif payload.kind == "good" and answer.seconds > _GOOD_SECONDS:
            self._fail(number, payload, f"a good request took {answer.seconds:.1f} s")

    def _note(self, payload: Payload, answer: Answer) -> None:
        with self._lock:
            self._counts[payload.kind, answer.status] += 1
            self._slowest[payload.kind] = max(answer.seconds, self._slowest.get(payload.kind, 0.0))
            self._rejected += answer.rejected
            if answer.status == 200:
                self._good += payload.good
                if answer.rejected and payload.spoilt is not None:
                    self._kept.append(payload.spoilt)

    def _fail(self, number: int, payload: Payload, what: str) -> None:
        with self._lock:
            self._failures.append(f"payload {number} ({payload.kind}, {payload.door}): {what}; {payload.body[:120]!r}")

    def _look(self, memory: Memory) -> None:
        target = self._target
        if not target.alive:
            self._failures += ["a worker ended", *target.faults()]
            return
        started = time.monotonic()
        sender = Sender(target.addresses)
        good = encoding_payloads.good(random.Random(self._seed))
        answer = sender.send(good)
        sender.close()
        if answer.status != 200 or time.monotonic() - started > _GOOD_SECONDS:
            self._failures.append(f"a good request at the end: {answer}")
        self._failures += [f"in the log: {line[:2000]}" for line in target.faults()]
        missing = evidence.missing_spans(target.database_url, [*self._good, *good.good])
        self._failures += [f"good span not stored: {trace.hex()} {span.hex()}" for trace, span in missing]
        lost = evidence.missing_items(target.database_url, self._kept)
        self._failures += [f"rejected item not in quarantine: {raw[:120]!r}" for raw in lost]
        if memory.largest > MOST_MEMORY:
            self._failures.append(f"resident memory {memory.largest:.0f} MiB, allowed are {MOST_MEMORY:.0f}")
        if (held := target.metric("in_flight_bytes")) != 0:
            self._failures.append(f"{held} bytes are still held although nothing is under way")
