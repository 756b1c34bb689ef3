"""Transcripts of a recording that grow again as they once did."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from tests.claude.recorded import Recorded

_STAMP = re.compile(r'(?<="timestamp": ")[0-9T:.-]+(?=Z")')
_S = 1_000_000_000


class Growth:
    """Writes what was written by a moment (ns). `moved`: by how much all of the recording's times are moved.

    The file beside a sub-agent's transcript comes with its first tool call, as the CLI writes it.
    """

    def __init__(self, recorded: Recorded, project: Path, moved: int) -> None:
        self._left: list[tuple[int, Path, str]] = []
        for path in recorded.transcripts():
            target, at = project / path.relative_to(recorded.folder), 0
            lines = path.read_text(encoding="utf-8").splitlines()
            for line in lines:
                at = max(at, _time(line, moved))
                self._left.append((at, target, f"{_STAMP.sub(lambda found: _moved(found[0], moved), line)}\n"))
            beside = path.with_suffix(".meta.json")
            if beside.exists():
                calls = [_time(line, moved) for line in lines if '"tool_use"' in line]
                text = beside.read_text(encoding="utf-8")
                self._left.append((min(calls, default=at), project / beside.relative_to(recorded.folder), text))
        self._left.sort(key=lambda each: each[0])

    def until(self, moment: int) -> None:
        """Write what was there at that moment."""
        while self._left and self._left[0][0] <= moment:
            _, path, text = self._left.pop(0)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(text)


def _time(line: str, moved: int) -> int:
    stated = json.loads(line).get("timestamp")
    return int(datetime.fromisoformat(stated).timestamp() * 1000) * 1_000_000 + moved if stated else 0


def _moved(stated: str, moved: int) -> str:
    """`moved` is in whole seconds."""
    whole, _, fraction = stated.partition(".")
    moment = datetime.fromisoformat(f"{whole}+00:00").timestamp() + moved // _S
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.{fraction}"
