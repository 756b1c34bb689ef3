"""`agent-otel quarantine` on a real database."""

import hashlib
import json
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from agent_otel.cli import main
from agent_otel.exporter.envelope import RawItem, decode
from agent_otel.exporter.mapping import map_logs
from agent_otel.store import migrations
from agent_otel.store.rows import Batch, QuarantineRow
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS
from tests.fixtures.quarantine import DAY_NS, batch, items, query, resource, span

BAD_NAME = span(7, name="caf").SerializeToString().replace(b"caf", b"ca\xff")


@pytest.fixture
def refused(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A conflict under a large resource, a log record that is no protobuf, and JSON with an odd id."""
    writer = Writer(database_url)
    writer.write(batch(span(0)))
    writer.write(batch(span(0, name="forged \x1b[2J"), resource=resource("svc", 2000)))
    writer.write(map_logs([RawItem(b"\xff", b"", b"", b"", b"")]))
    odd = Batch()
    odd.quarantine.append(QuarantineRow("traces", "traceId: must be hex \x1b", b'{"resourceSpans":"\xe2\x80\xae"}'))
    writer.write(odd)
    writer.close()
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    return database_url


def ids(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The ids that a list shows."""
    assert main(["quarantine", "list", "--json", *arguments]) == 0
    return [json.loads(line)["short_id"] for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        ([], ["traceId", "not valid protobuf", "conflict"]),
        (["--limit", "1"], ["traceId"]),
        (["--signal", "logs"], ["not valid protobuf"]),
        (["--reason", "CONFLICT"], ["conflict"]),
        (["--since", "2099-01-01"], []),
    ],
)
def test_list_filters(arguments: list[str], reasons: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By signal, time and reason; newest first; at most --limit."""
    assert main(["quarantine", "list", "--json", *arguments]) == 0
    found = [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [reason.startswith(begin) for reason, begin in zip(found, reasons, strict=True)] == [True] * len(reasons)


@pytest.mark.usefixtures("refused")
def test_a_list_says_how_many_for_which_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is followed by counts of all, not only of those shown; nothing steers the terminal."""
    assert main(["quarantine", "list", "--limit", "1"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "1 x conflict" in printed
    assert "never overwritten" in printed


def test_an_empty_quarantine_says_so(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No table of nothing."""
    assert main(["quarantine", "list", "--database-url", database_url]) == 0
    assert capsys.readouterr().out == "nothing in quarantine\n"


@pytest.mark.usefixtures("refused")
def test_show_decodes_what_can_be_decoded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A span is OTLP/JSON with hex ids and its resource; --raw writes the bytes as they came."""
    (conflict,) = ids(capsys, "--reason", "conflict")
    assert main(["quarantine", "show", conflict]) == 0
    head, _, content = capsys.readouterr().out.partition("\n\n")
    group = json.loads(content)["resourceSpans"][0]
    assert group["scopeSpans"][0]["spans"][0]["traceId"] == f"{1:032x}"
    assert len(group["resource"]["attributes"][1]["value"]["stringValue"]) == 2000
    assert "\x1b" not in head + content
    assert "conflict" in head
    assert main(["quarantine", "show", conflict, "--raw", str(tmp_path / "raw")]) == 0
    (item,) = items(span(0, name="forged \x1b[2J"), resource=resource("svc", 2000))
    assert (tmp_path / "raw").read_bytes() == item.request()


@pytest.mark.usefixtures("refused")
def test_show_dumps_what_cannot_be_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are no message are a hex dump; odd JSON is shown escaped."""
    odd, broken, _ = ids(capsys)
    assert main(["quarantine", "show", broken]) == 0
    assert "00000000  ff " in capsys.readouterr().out
    assert main(["quarantine", "show", odd]) == 0
    assert "\\u202e" in capsys.readouterr().out


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("named", ["00000000", "not hex", "abc"])
def test_an_unknown_id_is_an_error_that_names_it(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What nothing has, or what is no id, is reported with what to run."""
    for action in ("show", "retry"):
        assert main(["quarantine", action, named]) == 1
        printed = capsys.readouterr().err
        assert named in printed
        assert "agent-otel quarantine list" in printed


def test_an_ambiguous_id_is_an_error_that_names_the_candidates(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two entries whose ids begin alike are listed with ids that tell them apart, and the short form is refused."""
    digests = [b"\xab" * 6 + bytes([number]) * 26 for number in (1, 2)]
    for digest in digests:
        query(
            database_url,
            "INSERT INTO quarantine (sha256, signal, reason, raw) VALUES (%s, 'traces', 'r', '{') RETURNING 1",
            digest,
        )
    assert sorted(ids(capsys, "--database-url", database_url)) == [digest.hex() for digest in digests]
    assert main(["quarantine", "show", "abab", "--database-url", database_url]) == 1
    printed = capsys.readouterr().err
    assert all(digest.hex() in printed for digest in digests)


def test_retry_stores_what_now_fits(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Days that could not be made at once are made later; the row stays, marked; a second retry has nothing to do."""
    url = ["--database-url", database_url]
    writer = Writer(database_url)
    written = writer.write(batch(*(span(n, start=START_NS + n * DAY_NS) for n in range(40))))
    writer.close()
    waiting = len(written.refused)
    assert waiting >= 8
    query(database_url, "DELETE FROM new_partitions RETURNING 1")
    assert main(["quarantine", "retry", "--all", "--dry-run", *url]) == 0
    assert f"{waiting} would be stored, 0 stay" in capsys.readouterr().out
    assert query(database_url, "SELECT count(*) FROM quarantine WHERE retried_at IS NOT NULL") == [(0,)]
    assert main(["quarantine", "retry", "--all", *url]) == 0
    assert f"{waiting} stored, 0 stay" in capsys.readouterr().out
    assert query(database_url, "SELECT count(*), count(DISTINCT span_id), sum(start_ns) / 789 FROM spans") == [
        (40, 40, 40)
    ]
    assert query(database_url, "SELECT sum(span_count)::int FROM traces") == [(40,)]
    assert main(["quarantine", "retry", "--all", *url]) == 0
    assert "0 stored, 0 stay" in capsys.readouterr().out
    assert ids(capsys, *url) == []
    assert len(ids(capsys, "--all", "--limit", "100", *url)) == waiting


def test_retry_leaves_conflicts_until_the_other_is_gone(refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A conflict stays, with no second row; once the other record is gone it is stored, with its resource."""
    (conflict,) = ids(capsys, "--reason", "conflict")
    before = query(refused, "SELECT count(*) FROM quarantine")
    for arguments in (["--dry-run"], []):
        assert main(["quarantine", "retry", conflict, *arguments]) == 1
        printed = capsys.readouterr().out
        assert "stays: conflict" in printed
        assert "never overwritten" in printed
    assert query(refused, "SELECT count(*) FROM quarantine") == before
    query(refused, "DELETE FROM spans RETURNING 1")
    assert main(["quarantine", "retry", conflict]) == 0
    assert "1 stored" in capsys.readouterr().out
    stored = "SELECT s.name, r.service_name FROM spans s JOIN resources r USING (resource_id)"
    assert query(refused, stored) == [("forged \x1b[2J", "svc")]
    assert main(["quarantine", "retry", conflict]) == 0
    assert "stored since" in capsys.readouterr().out


def test_what_is_refused_again_after_it_was_stored_is_open_again(
    refused: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A resolved row never hides a new refusal of the same bytes."""
    forged = batch(span(0, name="forged \x1b[2J"), resource=resource("svc", 2000))
    (conflict,) = ids(capsys, "--reason", "conflict")
    query(refused, "DELETE FROM spans RETURNING 1")
    assert main(["quarantine", "retry", conflict]) == 0
    query(refused, "DELETE FROM spans RETURNING 1")
    writer = Writer(refused)
    writer.write(batch(span(0)))
    assert len(writer.write(forged).refused) == 1
    writer.close()
    assert ids(capsys, "--reason", "conflict") == [conflict]


@pytest.mark.usefixtures("refused")
def test_retry_says_why_the_rest_stays(refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What still cannot be read stays with its present reason beside the first."""
    assert main(["quarantine", "retry", "--all"]) == 1
    assert "0 stored, 3 stay in quarantine" in capsys.readouterr().out
    rows = query(refused, "SELECT reason, first_reason FROM agent_quarantine WHERE is_open ORDER BY quarantine_id")
    assert rows[2][0] != rows[2][1] == "traceId: must be hex \x1b"
    assert query(refused, "SELECT count(*) FROM quarantine WHERE retried_at IS NULL") == [(0,)]


def test_a_whole_request_is_stored_item_by_item(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole body, JSON or protobuf, is open until all of its items are stored; it is never copied."""
    good, bad = span(1), BAD_NAME
    body = b"".join(RawItem(raw, b"", b"", b"", b"").request() for raw in (good.SerializeToString(), bad))
    text = (
        b'\n {"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x",'
        b'"startTimeUnixNano":"1763636363123456789","endTimeUnixNano":"1763636363123456790","name":"j"}]}]}]}'
    ) % (5, 5)
    whole = Batch()
    whole.quarantine += [QuarantineRow("traces", "the whole request", raw) for raw in (body, text)]
    writer = Writer(database_url)
    writer.write(whole)
    writer.close()
    assert main(["quarantine", "retry", "--all", "--database-url", database_url]) == 1
    assert "1 stored, 1 stay" in capsys.readouterr().out
    assert query(database_url, "SELECT name FROM spans ORDER BY 1") == [("j",), ("s",)]
    assert query(database_url, "SELECT raw FROM quarantine WHERE resolved_at IS NULL") == [(body,)]
    assert decode(body)[1].raw == bad


def test_the_ingest_and_reader_roles_may_not_retry(refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who only adds or only reads is told who may; the reader may list and rehearse."""
    migrations.grant_logins(refused, {"AGENT_OTEL_INGEST_PASSWORD": "one", "AGENT_OTEL_READER_PASSWORD": "two"})
    reader = ["--database-url", make_conninfo(refused, user="agent_otel_reader", password="two")]
    assert main(["quarantine", "list", *reader]) == 0
    assert main(["quarantine", "retry", "--all", "--dry-run", *reader]) == 1
    capsys.readouterr()
    assert main(["quarantine", "retry", "--all", *reader]) == 1
    assert "agent_otel_owner" in capsys.readouterr().err


def test_wrong_usage_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to retry, both ways at once, and a limit that cannot be."""
    for arguments in (["retry"], ["retry", "--all", "abcd"], ["list", "--limit", "0"]):
        with pytest.raises(SystemExit):
            main(["quarantine", *arguments])
        assert "usage: agent-otel quarantine" in capsys.readouterr().err


def test_an_id_is_the_sha256_of_the_request(refused: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For what is kept whole, the id can be computed from the bytes that --raw writes."""
    (broken,) = ids(capsys, "--signal", "logs")
    assert main(["quarantine", "show", broken, "--raw", str(tmp_path / "raw")]) == 0
    assert hashlib.sha256((tmp_path / "raw").read_bytes()).hexdigest().startswith(broken)
