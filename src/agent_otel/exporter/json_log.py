"""The process's log: one JSON object a line on stderr, one line an event, never one an item.

A message is a constant; what varies stands in fields beside it. The same warning is written once a minute, with the
number of those that were left out, so that a broken sender cannot fill a disk.
"""

import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from urllib.parse import unquote, urlsplit

QUIET_SECONDS: Final = 60.0

_PASSWORD: Final = re.compile(r"password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MASK: Final = "***"


def configure(secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send every log record of the process, libraries' too, to `stream` as JSON lines, with `secrets` masked."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(secrets))
    handler.addFilter(OnceAMinute())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def secrets_of(database_url: str) -> set[str]:
    """What of a database URL must never be written: the URL itself and its password, encoded and decoded."""
    secrets = {database_url}
    # What cannot be taken apart is masked as a whole anyway.
    with contextlib.suppress(ValueError):
        secrets.add(urlsplit(database_url).password or "")
    secrets.update(match.strip("'") for match in _PASSWORD.findall(database_url))
    return {secret for secret in secrets | {unquote(secret) for secret in secrets} if secret}


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event, then its fields, then the traceback if there is one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON without line breaks."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(self._masked(line), ensure_ascii=True)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._masked(member) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._masked(member) for member in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text


class OnceAMinute(logging.Filter):
    """Lets a warning of one kind through once a minute, with the number of its like that were left out before."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        # Messages and codes are constants, so there are only as many as the code has.
        key = (str(record.msg), str(getattr(record, "code", "")))
        now = time.monotonic()
        if now - self._last.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return False
        self._last[key] = now
        left_out = self._left_out.pop(key, 0)
        if left_out:
            record.left_out = left_out
        return True
