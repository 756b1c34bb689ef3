"""The log: JSON lines, without secrets, and not more than a disk can take."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agent_otel.exporter import json_log

_URL = "postgresql://writer:p%40ss%2Fword@db.internal:5432/audit"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger that writes as the exporter does, and what it wrote."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    json_log.configure(json_log.secrets_of(_URL), stream)
    yield logging.getLogger("tests.json_log"), stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Time, level and event come first; fields follow; no character of a field can break the line."""
    logger, stream = log
    logger.info("started", extra={"reason": "a\r\nb\u2028c\x1b[2J", "count": 3, "addresses": ["x", None]})
    assert len(stream.getvalue().splitlines()) == 1
    (line,) = lines(stream)
    assert list(line)[:3] == ["time", "level", "event"]
    assert (line["event"], line["reason"], line["count"], line["addresses"]) == (
        "started",
        "a\r\nb\u2028c\x1b[2J",
        3,
        ["x", None],
    )


def test_tracebacks_are_a_field(log: tuple[logging.Logger, io.StringIO]) -> None:
    """An exception with its traceback is still one line, and what it says of a password is masked."""
    logger, stream = log
    try:
        raise ValueError(f"cannot read {_URL} (p@ss/word)")
    except ValueError:
        logger.exception("failed")
    (line,) = lines(stream)
    assert "ValueError" in line["traceback"]
    for secret in (_URL, "p@ss/word", "p%40ss%2Fword"):
        assert secret not in stream.getvalue()


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        (_URL, "p@ss/word"),
        ("host=db password=word1 user=x", "word1"),
        ("host=db password='two words' user=x", "two words"),
        ("postgresql://u@[bad/x?password=word2", "postgresql://u@[bad/x?password=word2"),
    ],
)
def test_secrets_of_a_database_url(url: str, secret: str) -> None:
    """URLs and key-value strings, encoded and decoded; what cannot be read is secret as a whole."""
    assert {url, secret} <= json_log.secrets_of(url)


def test_a_warning_is_written_once_a_minute(
    log: tuple[logging.Logger, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same kind one line a minute, with the number left out before; other kinds and news are not held back."""
    logger, stream = log
    now = [100.0]
    monkeypatch.setattr("agent_otel.exporter.json_log.time.monotonic", lambda: now[0])
    for _ in range(5):
        logger.warning("request refused", extra={"code": "UNAVAILABLE"})
    logger.warning("request refused", extra={"code": "INVALID_ARGUMENT"})
    for _ in range(2):
        logger.info("database back")
    now[0] += json_log.QUIET_SECONDS
    logger.warning("request refused", extra={"code": "UNAVAILABLE"})
    assert [(line["event"], line.get("code"), line.get("left_out")) for line in lines(stream)] == [
        ("request refused", "UNAVAILABLE", None),
        ("request refused", "INVALID_ARGUMENT", None),
        ("database back", None, None),
        ("database back", None, None),
        ("request refused", "UNAVAILABLE", 4),
    ]
