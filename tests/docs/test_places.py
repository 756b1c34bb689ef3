"""Ports, folders, files and defaults that the pages name: where the program really listens and writes."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_otel import places, settings
from agent_otel.local_stack import tools
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES, SLOTS, Ports
from tests.docs import page
from tests.docs.recipe import PROGRAMS
from tests.fixtures.sink import Answer, Sink

_OPERATIONS = "docs/operations.md"
_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
_ENV = re.compile(r"\$\{env:(\w+):-([^}]+)\}")
_RECORDING = Path(__file__).with_name("claude_code_2.1.197.jsonl")
#: What stands there only for a moment, or only after a crash: tests of their own see it.
_PASSING = {
    "closing/<id>.<pid>": "tests/unit/test_open_execution.py",
    "counts.late": "tests/unit/test_counts.py",
}


def _cells(name: str, first: str) -> list[list[str]]:
    """The rows of a page's tables whose first cell begins with this."""
    rows = [[cell.strip() for cell in row.split(" | ")] for row in _ROW.findall(page.text(name))]
    return [row for row in rows if row[0].startswith(first)]


@pytest.mark.parametrize(
    ("part", "title"),
    [(COLLECTOR, "Collector"), (EXPORTER, "exporter behind"), (JAEGER, "Jaeger"), (POSTGRES, "PostgreSQL")],
)
def test_ports_are_those_of_the_stack(part: str, title: str) -> None:
    """The first table of docs/operations.md, and the order in it: gRPC before HTTP, then the others as named."""
    taking, other = _cells(_OPERATIONS, title)[0][1:]
    named = [int(port) for port in re.findall(r"\b\d{4,5}\b", f"{taking} {other}")]
    assert sorted(named) == sorted(slot.port for slot in SLOTS if slot.part == part)
    protocols = [slot.port for slot in SLOTS if slot.part == part and slot.purpose.startswith("OTLP")]
    assert [int(port) for port in re.findall(r"\d{4,5}", taking)] == protocols


def test_without_a_collector_its_ports_are_the_exporters() -> None:
    """Producers always talk to the same two."""
    (sentence,) = re.findall(r"Producers always talk to (\d+) or (\d+)", page.text(_OPERATIONS))
    ports = Ports((POSTGRES, EXPORTER), {})
    assert [ports["AGENT_OTEL_EXPORTER_GRPC"], ports["AGENT_OTEL_EXPORTER_HTTP"]] == [int(each) for each in sentence]


def test_defaults_are_those_of_the_files() -> None:
    """The table of collector/README.md names each variable of config.yaml and jaeger.yaml, with its default."""
    real = dict(_ENV.findall(page.text("collector/config.yaml") + page.text("collector/jaeger.yaml")))
    shown: dict[str, str] = {}
    for names, defaults, *_ in _cells("collector/README.md", "`AGENT_OTEL_"):
        first, *more = re.findall(r"`([^`]+)`", names)
        last = [re.sub(rf"{re.escape(_end(first, each))}$", each.lstrip("…"), first) for each in more]
        shown |= zip([first, *last], re.findall(r"`([^`]+)`", defaults), strict=True)
    assert shown == real


def _end(name: str, shortened: str) -> str:
    """What `…_HTTP` stands in the place of: as many words."""
    words = name.split("_")
    return "_" + "_".join(words[-shortened.count("_") :])


def test_limits_are_those_of_the_files() -> None:
    """The Collector's queue and the helpers' spool."""
    queue, spool = re.search(r"queue on disk \((\d+) GiB\).*?spool .*?\((\d+) MiB", page.text(_OPERATIONS)).groups()  # type: ignore[union-attr]
    assert f"queue_size: {int(queue) * 2**30}" in page.text("collector/config.yaml")
    assert settings.load({}, {"HOME": "/"}, "/").spool_limit == int(spool) * 2**20


@pytest.mark.parametrize("code", [code for code in page.inline(_OPERATIONS) if code.text.startswith("$XDG_")])
def test_folders_are_those_of_the_program(code: page.Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$XDG_…` as the page has it; AGENT_OTEL_HOME moves it."""
    variable, _, rest = code.text[1:].partition("/")
    find = {"XDG_STATE_HOME": places.state_dir, "XDG_DATA_HOME": places.data_dir, "XDG_CACHE_HOME": places.cache_dir}
    folder, *below = rest.split("/")
    assert find[variable]({variable: "/base"}) == f"/base/{folder}"
    assert find[variable]({variable: "/base", "AGENT_OTEL_HOME": "/own"}).startswith("/own/")
    monkeypatch.delenv("AGENT_OTEL_TOOLS_DIR", raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", "/own")
    assert not below or tools.tools_dir() == Path("/own/cache", *below)


class _Home:
    """A user's home, in which the commands have written what they write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {"HOME": str(folder), "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin"}

    def call(self, *words: str, stdin: str = "", **more: str) -> str:
        """What a call printed."""
        done = subprocess.run(
            ["agent-otel", *words],
            cwd=self.folder,
            env={**self._environment, "AGENT_OTEL_ENDPOINT": "http://127.0.0.1:1", **more},
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    def has(self, place: str) -> bool:
        """Whether there is a file or folder that the page's words stand for."""
        state = ".local/state/agent-otel"
        pattern = re.sub(r"<\w+>", "*", place.replace("<state>", state).replace("~/", "")).rstrip("/")
        below = ("", state, f"{state}/executions")
        return any(any((self.folder / folder).glob(pattern)) for folder in below)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> _Home:
    """With an execution that is open, one that ended, one that a receiver refused, hooks, and an open session."""
    found = _Home(tmp_path_factory.mktemp("home"))
    (found.folder / "tracked").mkdir()
    opened = found.call("start", "--agent", "a", "--track-files", "tracked", "--quiet")
    found.call("progress", "--execution-id", opened, "--stage", "s")
    found.call("complete", "--execution-id", found.call("start", "--agent", "a", "--quiet"))
    with Sink(lambda received: Answer(400 if b"refused" in received.body else 200)) as sink:
        found.call(
            "start", "--agent", "refused", AGENT_OTEL_ENDPOINT=sink.endpoint, AGENT_OTEL_SEND_MILLISECONDS="20000"
        )
    (found.folder / ".claude").mkdir()
    (found.folder / ".claude" / "settings.json").write_text("{}")
    found.call("hook", "install", "--skill")
    for line in _RECORDING.read_text().splitlines()[:3]:
        found.call("hook", stdin=line)
    return found


def _named(*begins: str) -> list[page.Inline]:
    found = [code for name in page.pages() for code in page.inline(name)]
    return [code for code in found if code.text.startswith(begins) and " " not in code.text]


_WRITTEN = ("<", "~/.local/state", "~/.claude/settings", "spool/", "closing/", "counts.")


@pytest.mark.parametrize("code", _named(*_WRITTEN), ids=lambda code: f"{code.page}:{code.text}")
def test_what_is_written_is_where_the_pages_say(code: page.Inline, home: _Home) -> None:
    """Each file and folder of the state, after calls that make it."""
    if code.text in _PASSING:
        assert (page.ROOT / _PASSING[code.text]).is_file()
        assert re.findall(r"[a-z]{5,}", code.text)[0] in page.text(_PASSING[code.text])
    else:
        assert home.has(code.text), code
    assert not home.has(f"{code.text.rstrip('/')}.no-such")


@pytest.mark.parametrize("file", [".agent-otel.env", "~/.config/agent-otel/config.env"])
def test_settings_files_are_read(file: str, tmp_path: Path) -> None:
    """Of a project and of a user, under the names that the recipes give."""
    assert _named(file)
    path = tmp_path / file.removeprefix("~/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("AGENT_OTEL_CAPTURE=minimal\n")
    (tmp_path / ".git").mkdir()
    environment: Mapping[str, str] = {"HOME": str(tmp_path)}
    assert settings.load({}, environment, str(tmp_path)).capture == "minimal"
    path.unlink()
    assert settings.load({}, environment, str(tmp_path)).capture == "full"


def test_counts_are_where_the_pages_say(home: _Home) -> None:
    """`spool/counts.json` adds up over all processes."""
    file = home.folder / ".local/state/agent-otel/spool/counts.json"
    counted = json.loads(file.read_text())
    assert counted["refused_by_receiver"] >= 1
    assert counted["spooled"] >= 4
    assert file.parent.stat().st_mode & 0o777 == 0o700
