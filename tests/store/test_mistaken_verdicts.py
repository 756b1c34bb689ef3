"""A verdict on an id that no execution has."""

import uuid
from contextlib import closing

from agent_otel import semconv as s
from agent_otel.store.reader import Reader
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span
from tests.fixtures.notes import verdict


def test_it_does_not_become_the_last_execution(database_url: str) -> None:
    """`last` stays the one that ran: else the next verdict on `last` would be mistaken as well."""
    ran, mistyped = uuid.uuid4(), uuid.uuid4()
    with closing(Writer(database_url)) as writer, Reader(database_url) as reader:
        writer.write(verdict("MATCH", 10**12).record(mistyped))
        assert reader.find(None) is None
        writer.write(event(ran, s.EVENT_STARTED, 0, {}))
        assert reader.find(None) == ran
        writer.write(final_span(ran, 10**9, {}))
        assert reader.find(None) == ran
        assert reader.find(mistyped) == mistyped
        # Told of at last, it is one like any other.
        writer.write(event(mistyped, s.EVENT_STARTED, 2 * 10**9, {}))
        assert reader.find(None) == mistyped
