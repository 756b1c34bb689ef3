"""What a writer refuses: counted item by item, kept whole, in bounded space, and never at the cost of a neighbour."""

from collections.abc import Iterator

import pytest

from agent_otel.exporter import quarantined
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.store.quarantine import Quarantine
from agent_otel.store.quarantining import REPEATED
from agent_otel.store.reader import Reader
from agent_otel.store.rows import COLLISION, Batch, QuarantineRow
from agent_otel.store.tables import CONFLICT
from agent_otel.store.writer import Writer
from tests.fixtures.quarantine import batch, items, query, resource, span


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer on a database of its own."""
    writer = Writer(database_url)
    yield writer
    writer.close()


def joined(*parts: Batch) -> Batch:
    """Several requests in one transaction."""
    whole = Batch()
    for part in parts:
        whole.extend(part)
    return whole


def forge(part: Batch, what: str, victim: Batch) -> Batch:
    """Give the batch's one resource (or scope) the id of the victim's, as a chosen prefix of a digest would."""
    ((victim_id, _),) = getattr(victim, what).items()
    ((_, row),) = getattr(part, what).items()
    name = "resource_id" if what == "resources" else "scope_id"
    setattr(part, what, {victim_id: row._replace(**{name: victim_id})})
    part.spans = [item._replace(row=item.row._replace(**{name: victim_id})) for item in part.spans]
    part.events = [item._replace(row=item.row._replace(**{name: victim_id})) for item in part.events]
    return part


def under_scope(*numbers: int, scope: bytes) -> Batch:
    """Spans under a scope of that name."""
    encoded = b"\x0a" + bytes([len(scope)]) + scope
    return map_spans([item._replace(scope=encoded) for item in items(*map(span, numbers))])


def parts(what: str) -> tuple[Batch, Batch, Batch]:
    """An honest batch, one whose resource (or scope) collides with it, and one that has nothing to do with either."""
    if what == "resources":
        good, forged = batch(span(0), resource=resource("good")), batch(span(1), span(2), resource=resource("forged"))
        other = batch(span(3), resource=resource("other"))
    else:
        good, forged = under_scope(0, scope=b"good"), under_scope(1, 2, scope=b"forged")
        other = under_scope(3, scope=b"other")
    return good, forge(forged, what, good), other


@pytest.mark.parametrize("what", ["resources", "scopes"])
@pytest.mark.parametrize("when", ["one transaction", "remembered", "stored by another"])
def test_a_forged_collision_costs_only_itself(database_url: str, writer: Writer, what: str, when: str) -> None:
    """Spans whose resource or scope has the id of another are quarantined for that, and their neighbours stored."""
    good, forged, other = parts(what)
    refused = {(item.row.key, item.row.digest) for item in forged.spans}
    if when == "one transaction":
        written = writer.write(joined(good, forged, other))
        assert written.spans == 2
    else:
        first = Writer(database_url) if when == "stored by another" else writer
        first.write(good)
        written = writer.write(joined(forged, other))
        assert written.spans == 1
        if first is not writer:
            first.close()
    assert written.refused == dict.fromkeys(refused, COLLISION)
    assert query(database_url, "SELECT span_id FROM spans ORDER BY 1") == [(1,), (4,)]
    assert query(database_url, "SELECT reason, count(*) FROM quarantine GROUP BY 1") == [(COLLISION, 2)]
    name = "service_name FROM resources" if what == "resources" else "name FROM scopes"
    assert ("forged",) not in query(database_url, f"SELECT {name}")
    # And what is honest is stored again and again.
    assert writer.write(good).refused == {}


def test_a_collision_inside_one_request_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two resources of one request with one id: the second's spans are refused by the mapping already."""
    monkeypatch.setattr("agent_otel.exporter.origin.short_id", lambda _digest: 7)
    request = [*items(span(0), resource=resource("a")), *items(span(1), resource=resource("b"))]
    mapped = map_spans([*request, *items(span(2), resource=resource("a"))])
    assert [item.row.span_id for item in mapped.spans] == [1, 3]
    assert [row.reason for row in mapped.quarantine] == [COLLISION]


def test_of_two_that_contradict_in_one_transaction_one_is_refused(writer: Writer) -> None:
    """Two requests bring the same key with other content: exactly one of them is told that its span was refused."""
    first, second = batch(span(0, name="first")), batch(span(0, name="second"))
    written = writer.write(joined(first, second))
    counts = [
        sum((item.row.key, item.row.digest) in written.refused for item in part.items()) for part in (first, second)
    ]
    assert counts == [0, 1]
    assert list(written.refused.values()) == [CONFLICT]


def test_a_replay_beside_a_forgery_is_not_refused(writer: Writer, database_url: str) -> None:
    """Whichever stands first in the transaction, what is stored is a replay and only the other is refused."""
    original, forged = batch(span(0)), batch(span(0, name="forged"))
    writer.write(original)
    for both in (joined(original, forged), joined(forged, original)):
        assert set(writer.write(both).refused) == {(item.row.key, item.row.digest) for item in forged.spans}
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(1,)]


def test_conflicts_are_found_on_every_day_of_a_batch(writer: Writer, database_url: str) -> None:
    """Also before 2020, from 2100, at the first and the last nanosecond of a day, and at the end of time."""
    day = 1_763_596_800_000_000_000
    starts = [
        0,
        1,
        1_577_836_799_999_999_999,
        day,
        day + 86_399_999_999_999,
        day - 1,
        4_102_444_800_000_000_000,
        2**64 - 2,
    ]
    originals = batch(*(span(number, start=start) for number, start in enumerate(starts)))
    assert writer.write(originals).spans == len(starts)
    forged = batch(*(span(number, name="forged", start=start) for number, start in enumerate(starts)))
    assert set(writer.write(forged).refused.values()) == {CONFLICT}
    assert len(writer.write(forged).refused) == len(starts)
    with Quarantine(database_url) as quarantine:
        assert len(quarantine.conflicts(forged)) == len(starts)
        assert quarantine.conflicts(originals) == {}
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(len(starts),)]


def test_quarantine_keeps_a_shared_resource_once(writer: Writer, database_url: str) -> None:
    """A thousand refused spans under a resource of a megabyte take megabytes, and come back byte by byte."""
    large = resource("large", 2**20)
    numbers = range(1000)
    writer.write(batch(*map(span, numbers)))
    forged = items(*(span(number, name="forged") for number in numbers), resource=large)
    assert len(writer.write(map_spans(forged)).refused) == 1000
    sizes = (
        "SELECT sum(octet_length(raw)) FROM quarantine UNION ALL SELECT sum(octet_length(raw)) FROM quarantine_origins"
    )
    small, shared = (size for (size,) in query(database_url, sizes))
    assert small < 100 * 1000
    assert len(large) <= shared < len(large) + 100
    with Reader(database_url) as reader:
        entries, _ = reader.quarantined(limit=2000)
        kept = {quarantined.request(*reader.quarantined_bytes(entry["quarantine_id"])) for entry in entries[:50]}
    assert kept <= {item.request() for item in forged}
    assert len(kept) == 50


def test_a_refused_item_is_a_kibibyte_more_at_most(writer: Writer, database_url: str) -> None:
    """A small resource stays with the item, so that `raw` is a whole request; a larger one stands apart."""
    size = len(span(0, name="forged").SerializeToString())
    writer.write(batch(span(0), span(1)))
    for number, padding in ((0, 0), (1, REPEATED)):
        writer.write(batch(span(number, name="forged"), resource=resource("r", padding)))
    rows = query(database_url, "SELECT octet_length(raw), origin_sha256 IS NULL FROM quarantine ORDER BY quarantine_id")
    assert rows[0][1]
    assert rows[0][0] <= size + REPEATED
    assert rows[1] == (size, False)


@pytest.mark.parametrize(
    ("reason", "stored"),
    [("nul \0", "nul \ufffd"), ("half \ud800", "half ?"), ("x" * 1000, "x" * 1000), ("y" * 10**6, "y" * 999 + "…")],
    ids=["nul", "surrogate", "at the limit", "beyond it"],
)
def test_no_reason_keeps_an_item_out_of_quarantine(writer: Writer, database_url: str, reason: str, stored: str) -> None:
    """A reason may repeat what a sender wrote; whatever that is, the item is kept, and a retry can say it again."""
    refused = Batch()
    refused.quarantine.append(QuarantineRow("traces", reason, b"raw"))
    writer.write(refused)
    with Quarantine(database_url) as quarantine:
        quarantine.mark({1: reason})
    assert query(database_url, "SELECT reason, retry_reason FROM quarantine") == [(stored, stored)]


def test_a_refused_log_record_is_kept_as_such(writer: Writer, database_url: str) -> None:
    """Events are refused and kept as spans are, under their own signal."""
    event = {
        "raw": b"\x09" + (10**18).to_bytes(8, "little"),
        "scope": b"",
        "resource_schema_url": b"",
        "scope_schema_url": b"",
    }
    honest, forged = (map_logs([RawItem(resource=resource(name, 500), **event)]) for name in ("honest", "forged"))
    forge(forged, "resources", honest)
    assert writer.write(joined(honest, forged)).events == 1
    assert query(database_url, "SELECT signal, reason FROM quarantine") == [("logs", COLLISION)]
