"""A recording: what a CLI told its hooks, wrote into its transcripts and sent as telemetry, fit to be committed.

`<version>/<scenario>.jsonl` has one payload a line, `<scenario>.ledger.jsonl` what the model answered, and the folder
`<scenario>/` the transcripts as they were at the end and `telemetry.jsonl`. Nothing of the machine is left in it.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.claude import hooks

RECORDINGS: Final = Path(__file__).with_name("recordings")
#: Where the CLI of a recording lives; transcripts are in PROJECT.
HOME: Final = "/home/agent"
PROJECT: Final = f"{HOME}/config/projects/-home-agent-work"
#: Longer texts are the CLI's own: instructions, tools, skills.
_LONGEST: Final = 1200
#: Lines of a transcript that repeat what was sent to the model: instructions, tools, things about the machine.
_LEFT_OUT: Final = {
    *("api-request-shape", "api-request-blob", "api-request", "attachment"),
    *("atis-latch", "last-prompt", "tools-used"),
}
_TELLING: Final = {"user.id", "user.account_uuid", "organization.id", "host.arch", "os.type", "os.version", "host.name"}


def write(target: Path, scenario: str, version: str, folder: Path, telemetry: Sequence[tuple[str, Any]]) -> None:
    """Write the recording of a run in `folder` (with its hooks.jsonl and ledger.jsonl) into `target`/version."""
    clean = _Cleaning(folder)
    base = target / version
    files = base / scenario
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir(parents=True)
    payloads = [{"version": version, **line} for line in _lines(folder / "hooks.jsonl")]
    _write(base / f"{scenario}.jsonl", [clean(line) for line in sorted(payloads, key=lambda line: line["at"])])
    _write(base / f"{scenario}.ledger.jsonl", [clean(line) for line in _lines(folder / "ledger.jsonl")])
    for path in sorted((folder / "config" / "projects").glob("*/**/*.json*")):
        copy = files.joinpath(*path.relative_to(folder / "config" / "projects").parts[1:])
        copy.parent.mkdir(parents=True, exist_ok=True)
        _write(copy, [clean(line) for line in _lines(path) if line.get("type") not in _LEFT_OUT])
    bodies = [{"path": path, "body": _unnamed(body)} for path, body in telemetry if "metrics" not in path]
    if bodies:
        _write(files / "telemetry.jsonl", [clean(body) for body in bodies])


class _Cleaning:
    """Replaces this machine's paths and names in every text of a value."""

    def __init__(self, folder: Path) -> None:
        names = {
            hooks.recorder(folder): "recorder",
            str(folder): HOME,
            _slug(folder): _slug(Path(HOME)),
            os.uname().nodename: "machine",
            f"{os.uname().sysname} {os.uname().release}": "Linux",
        }
        self._names = dict(sorted(names.items(), key=lambda each: -len(each[0])))

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self(key): self(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self(member) for member in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for name, replacement in self._names.items():
            text = text.replace(name, replacement)
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", text)
        return text if len(text) <= _LONGEST else f"{text[:100]}… ({len(text)} characters)"


def _slug(folder: Path) -> str:
    """How the CLI spells a folder in the name of another."""
    return re.sub(r"[^a-zA-Z0-9]", "-", str(folder))


def _unnamed(value: Any) -> Any:
    """OTLP without what tells who and where, and without the records about the recorder's own hooks."""
    if isinstance(value, list):
        return [_unnamed(member) for member in value if not _telling(member)]
    return {key: _unnamed(member) for key, member in value.items()} if isinstance(value, Mapping) else value


def _telling(member: Any) -> bool:
    if not isinstance(member, Mapping):
        return False
    about = member.get("body", {}).get("stringValue", "") if isinstance(member.get("body"), Mapping) else ""
    return member.get("key") in _TELLING or about.startswith("claude_code.hook_")


def _lines(path: Path) -> Iterator[Any]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _write(path: Path, lines: Sequence[Any]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
