"""What is written: one NamedTuple a table, fields in column order, so that COPY and SELECT share one definition."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

#: A span's identity: trace id (16 bytes), span id (signed), start in µs since the Unix epoch, nanoseconds below that.
SpanKey: TypeAlias = tuple[bytes, int, int, int]
#: An event's identity: event id (16 bytes), time in µs since the Unix epoch, nanoseconds below that.
EventKey: TypeAlias = tuple[bytes, int, int]
#: Why an item is refused whose resource or scope has the id of another: ids are 64 bits of a digest, and somebody made
#: two of them collide.
COLLISION: Final = "collision: its resource or scope shares its 64-bit id with another one that is stored"
#: One record among all that claim its identity: key and digest.
Version: TypeAlias = tuple[SpanKey | EventKey, bytes]


class SpanRow(NamedTuple):
    """One span. Times are µs since the Unix epoch with the nanoseconds below apart; JSON columns are encoded bytes."""

    trace_id: bytes
    span_id: int
    start_time: int
    end_time: int
    resource_id: int
    scope_id: int
    batch_id: int
    start_ns: int
    end_ns: int
    kind: int
    status_code: int
    digest: bytes
    name: str
    attributes: bytes
    execution_id: bytes | None = None
    parent_span_id: int | None = None
    flags: int | None = None
    dropped_attributes_count: int | None = None
    dropped_events_count: int | None = None
    dropped_links_count: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost_usd: float | None = None
    status_message: str | None = None
    trace_state: str | None = None
    step_kind: str | None = None
    operation: str | None = None
    agent_name: str | None = None
    tool_name: str | None = None
    model: str | None = None
    session_id: str | None = None
    error_type: str | None = None
    content: bytes | None = None
    events: bytes | None = None
    links: bytes | None = None
    otlp: bytes | None = None

    @property
    def key(self) -> SpanKey:
        """What identifies it; a replay has the same key and the same digest."""
        return (self.trace_id, self.span_id, self.start_time, self.start_ns)


class EventRow(NamedTuple):
    """One log record. `time` is when it happened (or was observed), in µs since the Unix epoch."""

    event_id: bytes
    time: int
    resource_id: int
    scope_id: int
    batch_id: int
    time_ns: int
    severity_number: int
    digest: bytes
    event_name: str
    attributes: bytes
    execution_id: bytes | None = None
    trace_id: bytes | None = None
    span_id: int | None = None
    event_time: int | None = None
    event_time_ns: int | None = None
    observed_time: int | None = None
    observed_time_ns: int | None = None
    flags: int | None = None
    dropped_attributes_count: int | None = None
    severity_text: str | None = None
    body: bytes | None = None
    content: bytes | None = None
    otlp: bytes | None = None

    @property
    def key(self) -> EventKey:
        """What identifies it; a replay has the same key and the same digest."""
        return (self.event_id, self.time, self.time_ns)


class ResourceRow(NamedTuple):
    """One distinct resource; its id is the first 8 bytes of its digest."""

    resource_id: int
    digest: bytes
    service_name: str | None
    service_namespace: str | None
    schema_url: str
    attributes: str
    dropped_attributes_count: int
    otlp: bytes | None


class ScopeRow(NamedTuple):
    """One distinct instrumentation scope; its id is the first 8 bytes of its digest."""

    scope_id: int
    digest: bytes
    name: str
    version: str
    schema_url: str
    attributes: str
    dropped_attributes_count: int
    otlp: bytes | None


Interned: TypeAlias = ResourceRow | ScopeRow


class QuarantineRow(NamedTuple):
    """What can never be stored as it is: an export request that holds just this item, and why."""

    signal: str
    reason: str
    raw: bytes
    #: When not empty, `raw` is the item alone, and this is the request with the item left empty: kept once for all.
    origin: bytes = b""


class ModelRequest(NamedTuple):
    """What one record says of a model request; its facts merge as those of executions (see exporter/usage.py)."""

    session_id: str
    request_id: str
    facts: dict[str, Any]


class Note(NamedTuple):
    """What one record says about an execution as a note beside its facts (see exporter/notes.py)."""

    note_id: uuid.UUID
    kind: str  #: verification, evaluation, issue, learning or error
    time_ns: int
    rank: str  #: of all that is told under one id, the highest stands
    note: bytes  #: a JSON object


class ExecutionFacts(NamedTuple):
    """What one record says of an execution (see agent_otel.model), and of model requests; without facts, only that."""

    execution_id: uuid.UUID
    facts: dict[str, Any]
    content: dict[str, Any]
    requests: Sequence[ModelRequest] = ()
    notes: Sequence[Note] = ()


class Source(Protocol):
    """Where a row came from."""

    @property
    def raw(self) -> bytes:
        """The item's own bytes, as they arrived."""

    def request(self) -> bytes:
        """An export request that holds just this item, as it arrived."""

    def origin(self) -> "Source":
        """The same with an empty item: equal, and with the same hash, for all items of one resource and scope."""


class SpanItem(NamedTuple):
    """A span's row, where it came from, and what it says of its execution."""

    row: SpanRow
    source: Source
    execution: ExecutionFacts | None = None


class EventItem(NamedTuple):
    """An event's row, where it came from, and what it says of its execution."""

    row: EventRow
    source: Source
    execution: ExecutionFacts | None = None


class Batch:
    """Everything that one or more requests put into the database, in one transaction."""

    __slots__ = ("capped", "collided", "events", "quarantine", "resources", "scopes", "size", "spans")

    def __init__(self) -> None:
        self.spans: list[SpanItem] = []
        self.events: list[EventItem] = []
        self.resources: dict[int, ResourceRow] = {}
        self.scopes: dict[int, ScopeRow] = {}
        self.quarantine: list[QuarantineRow] = []
        #: Items whose resource or scope has the id of another one in this batch.
        self.collided: list[SpanItem | EventItem] = []
        #: By limit, how often it kept something out of a JSON or text column.
        self.capped: Counter[str] = Counter()
        #: Bytes of the requests in it; what the limits on in-flight data count.
        self.size = 0

    def items(self) -> "list[SpanItem | EventItem]":
        """Spans and events together, collided ones last."""
        return [*self.spans, *self.events, *self.collided]

    def collides(self, resource: ResourceRow, scope: ScopeRow) -> bool:
        """Whether another resource or scope of this batch has the id of one of these."""
        return (
            self.resources.get(resource.resource_id, resource).digest != resource.digest
            or self.scopes.get(scope.scope_id, scope).digest != scope.digest
        )

    def extend(self, other: "Batch") -> None:
        """Take over everything that `other` holds."""
        resources = _collisions(self.resources, other.resources)
        scopes = _collisions(self.scopes, other.scopes)
        if resources or scopes:
            other = other.without(resources, scopes)
        self.spans.extend(other.spans)
        self.events.extend(other.events)
        self.resources.update(other.resources)
        self.scopes.update(other.scopes)
        self.quarantine.extend(other.quarantine)
        self.collided.extend(other.collided)
        self.capped.update(other.capped)
        self.size += other.size

    def without(self, resources: Set[int], scopes: Set[int]) -> "Batch":
        """A copy in which the items of these resources and scopes are set apart as collided."""
        rest = Batch()
        rest.resources = {row_id: row for row_id, row in self.resources.items() if row_id not in resources}
        rest.scopes = {row_id: row for row_id, row in self.scopes.items() if row_id not in scopes}
        rest.quarantine, rest.collided, rest.size = self.quarantine, self.collided.copy(), self.size

        def collides(item: SpanItem | EventItem) -> bool:
            return item.row.resource_id in resources or item.row.scope_id in scopes

        rest.spans = [item for item in self.spans if not collides(item)]
        rest.events = [item for item in self.events if not collides(item)]
        rest.collided += filter(collides, self.spans)
        rest.collided += filter(collides, self.events)
        return rest


def _collisions(present: Mapping[int, Interned], candidates: Mapping[int, Interned]) -> set[int]:
    shared = present.keys() & candidates.keys()
    return {row_id for row_id in shared if present[row_id].digest != candidates[row_id].digest}


_NONE: Final[Mapping[Version, str]] = MappingProxyType({})


class Written(NamedTuple):
    """What became of a batch."""

    spans: int = 0
    events: int = 0
    #: What was not stored and is in quarantine, and why: another row with the same key and other content stands there,
    #: or PostgreSQL would never take it.
    refused: Mapping[Version, str] = _NONE
