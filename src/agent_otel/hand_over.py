"""Hand the records of one short process over: to the disk first, then to the receiver, within a few milliseconds.

Records are in an fsync'd segment of their own before anything is sent. Acknowledged, the segment is removed and a
little of what others left is sent after it. Not acknowledged, they are moved to a segment that is there already. Only
when the spool cannot be used does all depend on one try to deliver them directly.
"""

from __future__ import annotations

import time

from agent_otel.counts import TOO_LARGE
from agent_otel.delivery import Delivery, Outcome
from agent_otel.errors import AgentOtelError
from agent_otel.record import HEADER_SIZE, MAX_PAYLOAD, Record, frame
from agent_otel.refused import RefusedFolder
from agent_otel.segment import Segment, Tally
from agent_otel.spool import Spool, SpoolRefusedError, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from agent_otel.settings import Settings

#: Of the time to send, what connecting to one address may take; all requests with their answers have the whole.
CONNECT_SHARE: Final = 0.5
#: What of others' records goes along: no more than either.
DRAIN_SECONDS: Final = 0.005
DRAIN_BYTES: Final = 64 * 1024


class Handed:
    """Where the records are: `spooled`, on the disk for a later delivery, or all `delivered`. If not, `problem`."""

    __slots__ = ("delivered", "problem", "spooled")

    def __init__(self, spooled: bool, delivered: bool, problem: str) -> None:
        self.spooled = spooled
        self.delivered = delivered
        self.problem = problem


def hand_over(records: list[tuple[int, int, bytes]], settings: Settings) -> Handed:
    """Keep and deliver records (kind, number of spans or events, payload). Raises no Exception."""
    handover = _Handover(settings)
    try:
        try:
            return handover.run(records)
        finally:
            handover.close()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost the caller its own work
        return Handed(handover.is_spooled, False, f"{type(error).__name__}: {error}")


class _Unspooled(Segment):
    """Records that no disk holds, for one try to deliver them."""

    def __init__(self, records: list[tuple[int, int, bytes]], tally: Tally) -> None:
        self.path = "what could not be spooled"
        self.tally = tally
        self.size = self.acknowledged = 0
        self._records: list[Record] = []
        for kind, items, payload in records:
            begin, self.size = self.size, self.size + HEADER_SIZE + len(payload)
            self._records.append(Record(kind, items, payload, begin, self.size))
            tally.appended += items

    def window(self, max_bytes: int) -> list[Record]:  # noqa: ARG002 - one request has to do
        """The records that are not settled."""
        return [record for record in self._records if record.begin >= self.acknowledged]

    def acknowledge(self, offset: int) -> None:
        """Everything before `offset` is settled."""
        self.acknowledged = offset

    def remove(self) -> None:
        """There is nothing to remove."""


class _Handover:
    """One call. `is_spooled`: the records are on the disk."""

    def __init__(self, settings: Settings) -> None:
        self.is_spooled = False
        self._spool = Spool(f"{settings.state_dir}/spool", settings.spool_limit)
        self._refused: OSError | AgentOtelError | None = None  # why the spool did not take them
        self._settings = settings
        self._delivery: Delivery | None = None
        self._problems: list[str] = []
        self._warned: list[str] = []

    def run(self, records: list[tuple[int, int, bytes]]) -> Handed:
        """All of it, with time limits on everything but the disk."""
        segment = self._kept([record for record in records if self._fits(record)])
        begun = time.monotonic()
        outcome = self._deliver(segment, begun + self._settings.send_milliseconds / 1_000)
        if outcome.settled:
            self.is_spooled = False
            self._problems += self._warned
            segment.remove()
            if time.monotonic() - begun < DRAIN_SECONDS:  # else a receiver so slow would answer in vain
                self._drain()
        else:
            self._problems.append(outcome.problem)
            self._leave(segment)
        tally = self._spool.tally
        delivered = outcome.settled and not tally.lost and not tally.dropped
        return Handed(self.is_spooled, delivered, "" if delivered else "; ".join(self._problems))

    def close(self) -> None:
        """Let go of everything, and write down what was counted."""
        if self._delivery is not None:
            self._delivery.close()
        self._spool.close()
        if not isinstance(self._refused, SpoolRefusedError):
            self._spool.counts.persist()

    def _fits(self, record: tuple[int, int, bytes]) -> bool:
        _, items, payload = record
        if len(payload) <= MAX_PAYLOAD:
            return True
        self._problems.append(f"a record of {len(payload)} bytes is lost: the limit is {MAX_PAYLOAD}")
        return self._spool.lose(TOO_LARGE, items, self._problems[-1])

    def _kept(self, records: list[tuple[int, int, bytes]]) -> Segment:
        """The records on the disk, if at all possible."""
        framed = b"".join([frame(*record) for record in records])
        try:
            segment = self._spool.put(framed, sum([items for _, items, _ in records]))
        except (OSError, AgentOtelError) as error:
            self._refused = error
            self._problems.append(str(error))
            return _Unspooled(records, self._spool.tally)
        try:
            segment.sync()
            self.is_spooled = True
        except OSError as error:
            self._problems.append(f"not safe on the disk: {error}")
        return segment

    def _leave(self, segment: Segment) -> None:
        """What was not acknowledged waits with the rest; or is lost, if the spool did not take it."""
        waiting = segment.tally.waiting
        if self._refused is not None:
            self._spool.lose(reason(self._refused), waiting, self._problems[0])
            self._problems.append(f"{waiting} lost")
        elif self.is_spooled:
            self._spool.fold(segment)

    def _drain(self) -> None:
        """Send a little of what others left."""
        if isinstance(self._refused, SpoolRefusedError):
            return
        deadline, room = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
        for segment in self._spool.orphans():
            before = segment.acknowledged
            outcome = self._deliver(segment, deadline, room)
            room -= segment.acknowledged - before
            if outcome.settled:
                segment.remove()
            else:
                segment.close()
            if (outcome.problem and not outcome.unreadable) or room <= 0 or time.monotonic() >= deadline:
                return

    def _deliver(self, segment: Segment, deadline: float, max_bytes: int | None = None) -> Outcome:
        try:
            delivery = self._delivery = self._delivery or self._connected()
        except ValueError as error:  # an endpoint that is none
            return Outcome(False, str(error))
        return delivery.deliver(segment, deadline, max_bytes)

    def _connected(self) -> Delivery:
        return Delivery(
            self._settings.endpoint,
            self._settings.headers,
            self._spool.counts,
            RefusedFolder(self._spool.folder),
            lambda text: self._warned.append(text.removeprefix("agent_otel: ")),
            connect_seconds=self._settings.send_milliseconds / 1_000 * CONNECT_SHARE,
            answer_seconds=self._settings.send_milliseconds / 1_000,
        )
