"""What a transcript says of an execution: its model requests, and whether it ended in an API error.

The format is documented as internal; what is relied on here was seen in 2.1.197 to 2.1.330. One line a content block,
each with the request's id and its whole usage; the prompt's id stands on the user's lines only. A forked session
begins with copies of older lines, so only lines count that are not older than the execution, nor another session's.
"""

from __future__ import annotations

import os
import time

from agent_otel import plain_json
from agent_otel.shell.claude_code import regular_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader
    from typing import Any, Final

#: More of a transcript than this is not read: it would cost the agent more than it tells.
MAX_BYTES: Final = 256 * 1024**2
#: Where the last answer is looked for.
_TAIL_BYTES: Final = 256 * 1024
_MAX_LINE: Final = 16 * 1024**2
_MAX_TOKENS: Final = 10**15


class Account:
    """`requests` by id; `error`, `error_text`: of the API, when that was the last thing; `last`: when it was written to
    (ns); `version`: of the CLI.
    """

    __slots__ = ("error", "error_text", "last", "requests", "version")

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.error = ""
        self.error_text = ""
        self.last = 0
        self.version = ""


def read(path: str, begun: int, prompt_id: str = "", offset: int = 0) -> Account:
    """Read from `offset` what belongs to the execution that began at `begun` (ns); all of it without a prompt id.

    When it is not known when the execution began (0), it begins with the first line that has its prompt's id.
    """
    account = Account()
    earliest, latest, is_ours = _stamp(begun), "", begun > 0 or not prompt_id
    for line in _lines(path, offset):
        kind, stated = line.get("type"), line.get("timestamp")
        if kind == "user" and prompt_id and isinstance(line.get("promptId"), str):
            is_ours = line["promptId"] == prompt_id
        if not is_ours or not isinstance(stated, str) or stated < earliest or _is_copied(line):
            continue
        latest = max(latest, stated)
        if isinstance(line.get("version"), str):
            account.version = line["version"]
        if kind == "assistant":
            _take(account, line, stated)
    account.last = _nanoseconds(latest)
    return account


def is_answered(path: str, prompt_id: str) -> bool:
    """Whether a prompt that is only now announced was worked on before: its hook came late."""
    try:
        with regular_file.opened(path) as file:
            file.seek(max(0, regular_file.size(path) - _TAIL_BYTES))
            return b'"assistant"' in file.read(_TAIL_BYTES).partition(prompt_id.encode(errors="replace"))[2]
    except OSError:
        return False


def ends_with(path: str, answer: str) -> bool:
    """Whether the answer is among the last that was written."""
    begin = max(0, regular_file.size(path) - _TAIL_BYTES)
    said = [_text(line) for line in _lines(path, begin) if line.get("type") == "assistant"]
    return bool(said) and answer.strip() in said[-1]


def _is_copied(line: Mapping[str, Any]) -> bool:
    """Whether the request was another session's, of which this one is a fork: its line may have our prompt's id."""
    asked_by = line.get("requestSessionId")
    return isinstance(asked_by, str) and asked_by != line.get("sessionId")


def _take(account: Account, line: Mapping[str, Any], stated: str) -> None:
    message = line.get("message")
    if not isinstance(message, dict):
        return
    if line.get("isApiErrorMessage") is True:
        account.error, account.error_text = str(line.get("error") or "unknown"), _text(line)
        return
    model, usage = message.get("model"), message.get("usage")
    if model == "<synthetic>" or not isinstance(usage, dict):
        return
    account.error = account.error_text = ""
    identifier = line.get("requestId") or message.get("id")
    if isinstance(identifier, str):
        account.requests[identifier] = _request(identifier, model, usage, stated)


def _request(identifier: str, model: object, usage: Mapping[str, Any], stated: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "model": model if isinstance(model, str) else "",
        "input": _count(usage.get("input_tokens")),
        "output": _count(usage.get("output_tokens")),
        "cache_read": _count(usage.get("cache_read_input_tokens")),
        "cache_creation": _count(usage.get("cache_creation_input_tokens")),
        "time": _nanoseconds(stated),
    }


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS else 0


def _text(line: Mapping[str, Any]) -> str:
    """The text of a message."""
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join([text for text in texts if isinstance(text, str)])


def _lines(path: str, offset: int) -> Iterator[dict[str, Any]]:
    """Whole lines that are JSON objects and could matter; the last may still be under way."""
    try:
        with regular_file.opened(path) as file:
            if os.fstat(file.fileno()).st_size - offset > MAX_BYTES:
                return
            file.seek(offset)
            for raw in _whole(file):
                # Snapshots of files and the like are long, and none of ours.
                if not (b'"assistant"' in raw or b'"user"' in raw):
                    continue
                try:
                    line = plain_json.loads(raw.decode(errors="replace"))
                except (ValueError, RecursionError):
                    continue
                if isinstance(line, dict):
                    yield line
    except OSError:
        return


def _whole(file: BufferedReader) -> Iterator[bytes]:
    """Lines that have their end, but none so long that reading it could cost the machine its memory."""
    is_rest = False
    while part := file.readline(_MAX_LINE):
        is_end = part.endswith(b"\n")
        if is_end and not is_rest:
            yield part
        is_rest = not is_end


def _stamp(moment: int) -> str:
    """A moment in the spelling of a transcript: UTC, milliseconds."""
    seconds, rest = divmod(moment, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1_000_000:03d}Z"


def _nanoseconds(stated: str) -> int:
    """The moment that a transcript's time stamp means; 0 for what is none."""
    try:
        whole, _, fraction = stated.rstrip("Z").partition(".")
        year, month, day, hour, minute, second = map(int, whole.replace("T", "-").replace(":", "-").split("-"))
        seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        return seconds * 1_000_000_000 + int(f"{fraction[:9]:0<9}")
    except ValueError:
        return 0


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 (the calendar module takes 5 ms to import). Years begin in March: a leap day ends one."""
    year, month = (year - 1, month + 9) if month <= 2 else (year, month - 3)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719_469
