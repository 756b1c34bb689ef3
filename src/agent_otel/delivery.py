"""Delivery: takes records out of a segment, joins them to OTLP/HTTP requests and settles what was answered.

Accepted: acknowledged. 429, 5xx and network errors: kept, tried later. 413: sent in halves. 400, 415, 422: halved down
to the record that is refused, which is kept aside and counted, so that it costs no neighbour. Any other answer means
wrong address or credentials: kept, with one warning that says what to do. Standard library only.
"""

from __future__ import annotations

import os

from agent_otel.counts import ACKNOWLEDGED, DAMAGED, REFUSED, REJECTED, SENT
from agent_otel.http_connection import ANSWER_SECONDS, CONNECT_SECONDS, HttpConnection, NotHttpError, UnreachableError
from agent_otel.otlp_json import logs_request, traces_request
from agent_otel.record import LOGS, SPANS, SPANS_JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from agent_otel.counts import Counts
    from agent_otel.http_connection import Response
    from agent_otel.record import Record
    from agent_otel.refused import RefusedFolder
    from agent_otel.segment import Segment

#: Bytes of records that are read at once and, at most, joined into one request; a larger record goes alone.
MAX_REQUEST: Final = 4 * 1024**2
#: Seconds before the next attempt: doubled from the first to the last, with jitter, unless the receiver says otherwise.
FIRST_BACKOFF: Final = 0.25
LAST_BACKOFF: Final = 10.0
MAX_RETRY_AFTER: Final = 60.0
#: A request that gets this many 500s in a row is taken to be the cause, and treated like a 400.
MAX_SERVER_ERRORS: Final = 8

_JSON: Final = "application/json"
_PATHS: Final = {LOGS: "/v1/logs", SPANS_JSON: "/v1/traces", SPANS: "/v1/traces"}
_CONTENT_TYPES: Final = {LOGS: _JSON, SPANS_JSON: _JSON, SPANS: "application/x-protobuf"}
#: How records of a kind become one request. Protobuf messages of one type merge by concatenation: their lists join.
_JOINED: Final = {LOGS: logs_request, SPANS_JSON: traces_request, SPANS: b"".join}
#: What receivers say that stored all; ours, the Collector's.
_TAKEN_WHOLE: Final = (b"", b"{}", b'{"partialSuccess":{}}')
_ANSWER_TYPES: Final = ("application/json", "application/x-protobuf")
#: Answers that are about the records, not about where they were sent to.
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_NO_RECEIVER: Final = "is that an OTLP/HTTP receiver? Check AGENT_OTEL_ENDPOINT (the base URL, without /v1/traces)"
_ADVICE: Final = {
    401: "credentials are missing: set AGENT_OTEL_HEADERS",
    403: "credentials are refused: check AGENT_OTEL_HEADERS",
}


class Outcome:
    """Whether a segment is wholly settled; if not, why, and in how many seconds to try again.

    `unreachable`: nobody listens. `unreadable`: it is the segment's own fault, others may do better.
    """

    __slots__ = ("problem", "retry_after", "settled", "unreachable", "unreadable")

    def __init__(
        self,
        settled: bool,
        problem: str = "",
        retry_after: float = 0.0,
        unreachable: bool = False,
        unreadable: bool = False,
    ) -> None:
        self.settled = settled
        self.problem = problem
        self.retry_after = retry_after
        self.unreachable = unreachable
        self.unreadable = unreadable


SETTLED: Final = Outcome(True)


class Delivery:
    """Delivers segments to one receiver. Not thread-safe: one thread at a time. `warn` is told each problem once."""

    def __init__(
        self,
        endpoint: str,
        headers: tuple[tuple[str, str], ...],
        counts: Counts,
        refused: RefusedFolder,
        warn: Callable[[str], None],
        *,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._endpoint = endpoint
        self._connection = HttpConnection(endpoint, headers, connect_seconds, answer_seconds)
        self._counts = counts
        self._refused = refused
        self._warn = warn
        self._backoff = FIRST_BACKOFF
        self._server_errors = 0
        self._has_accepted = False
        #: Records settled behind one that still waits: (path, begin). They are not sent again.
        self._ahead: set[tuple[str, int]] = set()

    def deliver(self, segment: Segment, deadline: float, max_bytes: int | None = None) -> Outcome:
        """Send what waits in the segment, `max_bytes` of it at most, until `deadline` of time.monotonic. Never raises.

        Unsettled without a problem: the next record is more than may be sent.
        """
        end = None if max_bytes is None else segment.acknowledged + max_bytes
        try:
            while not segment.finished:
                room = MAX_REQUEST if end is None else min(MAX_REQUEST, end - segment.acknowledged)
                if end is not None and segment.next_size() > room:
                    return Outcome(False)
                records = segment.window(room)
                if not records:
                    self._give_up_rest(segment)
                    return SETTLED
                outcome = self._send_window(segment, records, deadline)
                if not outcome.settled:
                    return outcome
        except OSError as error:  # of the segment's files
            return Outcome(False, f"{segment.path}: {error}", LAST_BACKOFF, unreadable=True)
        return SETTLED

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send_window(self, segment: Segment, records: list[Record], deadline: float) -> Outcome:
        """Events first, for the live view, then spans; each kind joined into one request."""
        for kind in _PATHS:
            waiting = [r for r in records if r.kind == kind and (segment.path, r.begin) not in self._ahead]
            outcome = self._send(segment, waiting, deadline) if waiting else SETTLED
            if not outcome.settled:
                self._acknowledge_settled(segment, records)
                return outcome
        self._count_damage(segment, records)
        segment.acknowledge(records[-1].end)
        self._ahead = {entry for entry in self._ahead if entry[0] != segment.path}
        return SETTLED

    def _send(self, segment: Segment, records: list[Record], deadline: float, *, suspect: bool = False) -> Outcome:
        kind = records[0].kind
        body = _JOINED[kind]([record.payload for record in records])
        try:
            response = self._connection.post(_PATHS[kind], _CONTENT_TYPES[kind], body, deadline)
        except UnreachableError as error:
            return self._later(str(error), unreachable=True)
        except NotHttpError:
            return self._misdirected(
                f"{self._endpoint} does not speak HTTP; is it a gRPC port (4317)? "
                "Set AGENT_OTEL_ENDPOINT to the HTTP port (4318)"
            )
        except TimeoutError:
            return self._later(f"{self._endpoint} gives no answer in time")
        except OSError as error:
            return self._later(f"{self._endpoint}: {type(error).__name__}: {error}")
        return self._judge(segment, records, response, deadline, suspect=suspect)

    def _judge(
        self, segment: Segment, records: list[Record], response: Response, deadline: float, *, suspect: bool
    ) -> Outcome:
        """What the answer means for these records; `suspect`: they are part of what was refused, or met many a 500."""
        status = response.status
        self._counts.add(SENT, sum(record.items for record in records))
        if is_acknowledgement(response):
            self._accept(segment, records, response)
            return SETTLED
        if status < 300:
            kind = response.headers.get("content-type", "a body without a type")
            return self._misdirected(f"{self._endpoint} answers with {kind}: {_NO_RECEIVER}", LAST_BACKOFF)
        if status in (408, 429) or status >= 500:
            self._server_errors = self._server_errors + 1 if status == 500 else 0
            if status != 500 or (not suspect and self._server_errors < MAX_SERVER_ERRORS):
                return self._later(f"{self._endpoint} answers {status}", _retry_after(response))
        elif status not in _REFUSALS or not self._takes_otlp(deadline):
            advice = _ADVICE.get(status, _NO_RECEIVER)
            return self._misdirected(f"{self._endpoint} answers {status}: {advice}", LAST_BACKOFF)
        return self._divide(segment, records, status, deadline)

    def _takes_otlp(self, deadline: float) -> bool:
        """Whether there is a receiver at all: it took something before, or takes an empty request, as OTLP says.

        Otherwise a server of another kind that answers 400 to anything would have every record refused.
        """
        if not self._has_accepted:
            try:
                response = self._connection.post(_PATHS[LOGS], _CONTENT_TYPES[LOGS], logs_request([]), deadline)
            except OSError:
                return False
            self._has_accepted = is_acknowledgement(response)
        return self._has_accepted

    def _divide(self, segment: Segment, records: list[Record], status: int, deadline: float) -> Outcome:
        """Send in halves what was refused as a whole; keep aside what is refused alone."""
        if len(records) > 1:
            middle = len(records) // 2
            first = self._send(segment, records[:middle], deadline, suspect=True)
            return self._send(segment, records[middle:], deadline, suspect=True) if first.settled else first
        record = records[0]
        kept = "kept in" if self._refused.keep(record, status) else "not kept, there is no room in"
        self._warn(f"agent_otel: {self._endpoint} refuses a record with {status}; it is {kept} {self._refused.path}")
        self._server_errors = 0
        self._lose(segment, REFUSED, record.items)
        self._settle(segment, records, 0)
        return SETTLED

    def _accept(self, segment: Segment, records: list[Record], response: Response) -> None:
        self._backoff, self._server_errors, self._has_accepted = FIRST_BACKOFF, 0, True
        items = sum(record.items for record in records)
        rejected = 0 if response.body in _TAKEN_WHOLE else self._rejected(records[0].kind, response.body, items)
        if rejected:
            self._lose(segment, REJECTED, rejected)
        self._settle(segment, records, items - rejected)

    def _rejected(self, kind: int, body: bytes, items: int) -> int:
        from agent_otel.partial_success import partial_success  # for an answer that says anything

        rejected, message = partial_success(kind, body)
        if rejected > 0:
            self._warn(f"agent_otel: the receiver stored all but some items: {message[:500]}")
        return max(0, min(rejected, items))

    def _settle(self, segment: Segment, records: list[Record], delivered: int) -> None:
        segment.tally.delivered += delivered
        self._counts.add(ACKNOWLEDGED, delivered)
        self._ahead.update((segment.path, record.begin) for record in records)

    def _lose(self, segment: Segment, reason: str, items: int) -> None:
        segment.tally.lost += items
        self._counts.add(reason, items)

    def _acknowledge_settled(self, segment: Segment, records: list[Record]) -> None:
        """Acknowledge up to the first record that still waits."""
        settled = segment.acknowledged
        for record in records:
            if (segment.path, record.begin) not in self._ahead:
                break
            settled = record.end
        if settled > segment.acknowledged:
            segment.acknowledge(settled)

    def _count_damage(self, segment: Segment, records: list[Record]) -> None:
        position = segment.acknowledged
        for record in records:
            if record.begin != position or record.kind not in _PATHS:
                self._damaged(segment)
            position = record.end

    def _give_up_rest(self, segment: Segment) -> None:
        """No whole record is left: a torn tail, as a process leaves it that died while it wrote."""
        self._damaged(segment)
        segment.acknowledge(segment.size)

    def _damaged(self, segment: Segment) -> None:
        self._counts.add(DAMAGED, 1)
        self._warn(f"agent_otel: {os.path.basename(segment.path)}: damaged bytes were passed over")

    def _misdirected(self, problem: str, seconds: float | None = None) -> Outcome:
        self._warn(f"agent_otel: {problem}. Nothing is lost: the spool keeps it")
        return self._later(problem, seconds)

    def _later(self, problem: str, seconds: float | None = None, *, unreachable: bool = False) -> Outcome:
        if seconds is None:
            seconds = self._backoff * (0.5 + os.urandom(1)[0] / 512)
            self._backoff = min(self._backoff * 2, LAST_BACKOFF)
        return Outcome(False, problem, seconds, unreachable)


def is_acknowledgement(response: Response) -> bool:
    """Whether an OTLP receiver took it: its body, if any, is of OTLP's types, which a web server's page is not."""
    kind = response.headers.get("content-type", "")
    return 200 <= response.status < 300 and (not response.body or kind.startswith(_ANSWER_TYPES))


def _retry_after(response: Response) -> float | None:
    """Seconds that the receiver asks for; dates are not understood and mean our own backoff."""
    seconds = response.headers.get("retry-after", "")
    return min(float(seconds), MAX_RETRY_AFTER) if seconds.isdecimal() else None
