"""One thing that is sent, and what may come of it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

#: A span's trace id and span id, as they are sent.
SpanId = tuple[bytes, bytes]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

OK: Final = frozenset({200})
#: Whatever a spoilt request may be answered: taken (what is wrong is one item's), malformed, too much of something.
TAKEN_OR_REFUSED: Final = frozenset({200, 400, 413})
REFUSED: Final = frozenset({400, 413})
#: No answer: the connection was closed, or the sender closed it first.
NO_ANSWER: Final = 0


class Payload(NamedTuple):
    """Bytes for one door. Answers of gRPC are named by the HTTP status that means the same."""

    kind: str
    #: grpc, http: a request by a client of the protocol. http-wire, grpc-wire: bytes on a TCP connection of their own.
    door: str
    body: bytes
    #: Statuses that the specifications allow for it.
    allowed: frozenset[int] = OK
    #: Good spans in it; rows afterwards, when the answer is 200.
    good: tuple[SpanId, ...] = ()
    #: A request that holds just the spoilt item; in quarantine afterwards, when the answer says that one is rejected.
    spoilt: bytes | None = None
    path: str = "/v1/traces"
    headers: Mapping[str, str] = {}
    method: str = "POST"
