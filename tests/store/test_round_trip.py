"""Records through the writer, PostgreSQL and the reader: what comes back is what went in."""

import uuid
from contextlib import closing

import pytest
from hypothesis import given
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.store.reader import Reader
from agent_otel.store.writer import Writer
from tests.fixtures import otlp_strategies as otlp
from tests.fixtures.claude_recordings import VERSIONS, Session


def canonical(message: Span | LogRecord | Resource | InstrumentationScope) -> bytes:
    """What two records share that differ in nothing but the order of attributes and an empty status."""
    encoded = message.SerializeToString()
    return Canonical(type(message).FromString(encoded), encoded).encoded


def test_spans_come_back_from_the_database(database_url: str) -> None:
    """Random spans, with their resources and scopes, are read back equal."""
    writer, reader = Writer(database_url), Reader(database_url)

    @given(otlp.SPANS | otlp.PLAIN_SPANS, otlp.RESOURCES, otlp.SCOPES)
    def round_trip(span: Span, resource: Resource, scope: InstrumentationScope) -> None:
        trace_id = uuid.uuid4()
        span.trace_id = trace_id.bytes
        # Days in between would each need a partition, and those are made at a limited rate.
        span.start_time_unix_nano = span.start_time_unix_nano % 10**13
        raw = RawItem(span.SerializeToString(), resource.SerializeToString(), scope.SerializeToString(), b"", b"")
        batch = map_spans([raw])
        assert writer.write(batch).spans == 1, batch.quarantine
        (row,) = reader.spans(trace_id)
        assert canonical(rebuild.span(row)) == canonical(span)
        assert canonical(rebuild.resource(reader.resource(row["resource_id"]))) == canonical(resource)
        assert canonical(rebuild.scope(reader.scope(row["scope_id"]))) == canonical(scope)

    with closing(writer), reader:
        round_trip()


def test_log_records_come_back_from_the_database(database_url: str) -> None:
    """Random log records are read back equal."""
    writer, reader = Writer(database_url), Reader(database_url)

    @given(otlp.LOG_RECORDS | otlp.PLAIN_LOG_RECORDS)
    def round_trip(record: LogRecord) -> None:
        trace_id = uuid.uuid4()
        record.trace_id = trace_id.bytes
        record.time_unix_nano = 1 + record.time_unix_nano % 10**13
        batch = map_logs([RawItem(record.SerializeToString(), b"", b"", b"", b"")])
        assert writer.write(batch).events == 1, batch.quarantine
        (row,) = reader.events(trace_id)
        assert canonical(rebuild.log_record(row)) == canonical(record)

    with closing(writer), reader:
        round_trip()


@pytest.mark.parametrize("version", VERSIONS)
def test_claude_code_s_own_telemetry_comes_back(database_url: str, version: str) -> None:
    """Recorded spans and log records, though rows belong to executions that records do not name; and their origins."""
    session = Session(version)
    trace_id = uuid.UUID(bytes=Span.FromString(session.spans[0].raw).trace_id)
    with closing(Writer(database_url)) as writer:
        for batch in session.telemetry():
            writer.write(batch)
    with Reader(database_url) as reader:
        spans, events = reader.spans(trace_id), reader.events(trace_id)
        found = {canonical(rebuild.span(row)) for row in spans} | {canonical(rebuild.log_record(row)) for row in events}
        assert found == {canonical(Span.FromString(item.raw)) for item in session.spans} | {
            canonical(LogRecord.FromString(item.raw)) for item in session.logs
        }
        for rows, item in ((spans, session.spans[0]), (events, session.logs[0])):
            resource, scope = reader.resource(rows[0]["resource_id"]), reader.scope(rows[0]["scope_id"])
            assert canonical(rebuild.resource(resource)) == canonical(Resource.FromString(item.resource))
            assert canonical(rebuild.scope(scope)) == canonical(InstrumentationScope.FromString(item.scope))
