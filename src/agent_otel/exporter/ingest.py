"""What every door does with a request: decode, map, store, and only then answer."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from enum import Enum
from itertools import product
from typing import Final

from google.protobuf.message import Message

from agent_otel.errors import RetryableError
from agent_otel.exporter import decode_json, envelope
from agent_otel.exporter.config import Config
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.group_commit import GroupCommit
from agent_otel.exporter.limits import Limits
from agent_otel.exporter.metrics import Metrics
from agent_otel.exporter.refusals import Refusals
from agent_otel.exporter.signals import SIGNALS, Signal
from agent_otel.store.quarantining import Packing
from agent_otel.store.rows import Batch

logger: Final = logging.getLogger(__name__)

#: Parts of up to this many bytes are mapped in turn: also a Collector's, of 1 MiB and a little. Under one interpreter
#: lock several at once would all be done late, and nothing could be written meanwhile. Nobody waits for a larger part:
#: it shares the interpreter with the others.
_IN_TURN: Final = 2 * 1024 * 1024


class Encoding(Enum):
    """How a request is spelled; its response is spelled the same."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Ingest:
    """The one export behind all doors. Any number of threads may call it."""

    def __init__(self, commits: GroupCommit, config: Config, metrics: Metrics) -> None:
        self._commits = commits
        self._config = config
        self._metrics = metrics
        self._turn = threading.Lock()
        for limit in config.limits._fields:
            metrics.capped.labels(limit)
        for signal, counter in product(SIGNALS, (metrics.received, metrics.stored, metrics.quarantined)):
            # So that they are 0 and not absent before the first request.
            counter.labels(signal.name)

    def export(self, signal: Signal, body: bytes, encoding: Encoding, deadline: float | None = None) -> Message:
        """Store a request and return its response: everything in it is committed then, or kept in quarantine.

        `deadline` is a time.monotonic(); the configured limit holds as well. Raises MalformedRequestError or
        RequestTooLargeError when the request as a whole is wrong, RetryableError when it should be sent again; part of
        it may be committed then, which does no harm.
        """
        latest = time.monotonic() + self._config.request_seconds
        refusals = Refusals(signal.name, body, self._config.max_body)
        items = self._decode(signal, body, encoding, refusals)
        total = len(items) + refusals.total
        self._metrics.received.labels(signal.name).inc(total)
        self._store(signal, items, refusals, latest if deadline is None else min(latest, deadline))
        self._metrics.rejected.labels(signal.name, "store").inc(refusals.by_store)
        self._metrics.rejected.labels(signal.name, "receiver").inc(refusals.total - refusals.by_store)
        self._metrics.stored.labels(signal.name).inc(total - refusals.total)
        if not refusals.total:
            return signal.success()
        logger.warning("items refused", extra={"signal": signal.name, "reason": refusals.message()})
        return signal.partial(refusals.total, refusals.message())

    def _decode(self, signal: Signal, body: bytes, encoding: Encoding, refusals: Refusals) -> list[RawItem]:
        if encoding is Encoding.JSON:
            return decode_json.decode(body, signal, refusals, self._config.max_items)
        return envelope.decode(body, self._config.max_items)

    def _store(self, signal: Signal, items: list[RawItem], refusals: Refusals, deadline: float) -> None:
        """Commit the items, part by part; a part is mapped while the one before it is written."""
        pending: Future[int] | None = None
        for batch in self._batches(signal, items, refusals):
            if pending is not None:
                _settle(refusals, pending, deadline)
            pending = self._commits.submit(batch)
        if pending is not None:
            _settle(refusals, pending, deadline)

    def _batches(self, signal: Signal, items: list[RawItem], refusals: Refusals) -> Iterator[Batch]:
        if not items and not refusals.total:
            return
        for part, size in _parts(items, self._config.transaction_rows, self._config.transaction_bytes):
            with self._turn if size <= _IN_TURN else nullcontext():
                batch = _mapped(signal, part, self._config.limits)
            for row in batch.quarantine:
                refusals.refuse(row.reason, row.raw, row.origin)
            batch.quarantine = refusals.take()
            batch.size = size
            self._metrics.quarantined.labels(signal.name).inc(len(batch.quarantine))
            for limit, count in batch.capped.items():
                self._metrics.capped.labels(limit).inc(count)
            yield batch


def _settle(refusals: Refusals, pending: "Future[int]", deadline: float) -> None:
    try:
        refusals.refused_by_store(pending.result(max(0.0, deadline - time.monotonic())))
    except TimeoutError:
        pending.cancel()
        raise RetryableError("the database did not commit in time; send it again", "request_seconds") from None


def _mapped(signal: Signal, items: list[RawItem], limits: Limits) -> Batch:
    try:
        return signal.to_batch(items, limits)
    except Exception:
        logger.exception("mapping failed; trying item by item", extra={"signal": signal.name})
    batch, packing = Batch(), Packing()
    for item in items:
        try:
            batch.extend(signal.to_batch([item], limits))
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost neither the item nor its neighbours
            reason = f"could not be mapped: {type(error).__name__}"
            batch.quarantine.append(packing.row(signal.name, reason, item))
    return batch


def _parts(items: list[RawItem], most: int, largest: int) -> Iterator[tuple[list[RawItem], int]]:
    """The items in pieces of at most `most` items and, unless a single one is larger, `largest` bytes; their bytes."""
    part: list[RawItem] = []
    size = 0
    for item, item_size in zip(items, _sizes(items), strict=True):
        if part and (len(part) == most or size + item_size > largest):
            yield part, size
            part, size = [], 0
        part.append(item)
        size += item_size
    yield part, size


def _sizes(items: list[RawItem]) -> Iterator[int]:
    """The bytes of each item, with those of its resource and scope where the item before it had others."""
    resource = scope = None
    for item in items:
        size = len(item.raw)
        if item.resource is not resource:
            resource = item.resource
            size += len(resource)
        if item.scope is not scope:
            scope = item.scope
            size += len(scope)
        yield size
