"""`agent-otel tools`: what a tool's name says, and how it gets into its place."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_otel.commands import tools as command
from agent_otel.errors import LocalStackError
from agent_otel.local_stack import go_build, tools
from agent_otel.local_stack.tools import Tool


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tools go into a folder of the test's own."""
    folder = tmp_path / "tools"
    monkeypatch.setenv("AGENT_OTEL_TOOLS_DIR", str(folder))
    return folder


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a `go` that only knows its version, and its proxies, first in the path."""

    def install(version: str) -> None:
        program = tmp_path / "bin" / "go"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo "go version {version} linux/amd64"\nexit 0\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return install


def _tool(build: Callable[[Path], Path], *sources: str) -> Tool:
    return Tool("sample", "1.0", build, sources)


def _program(work: Path) -> Path:
    program = work / "built"
    program.write_text("#!/bin/sh\necho sample\n")
    program.chmod(0o755)
    return program


def test_the_place_says_what_the_tool_was_built_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version, another source or another flag is another place."""
    places = [_tool(_program, "a").path, _tool(_program, "b").path, Tool("sample", "1.1", _program, ("a",)).path]
    monkeypatch.setattr(go_build, "BUILD_FLAGS", ("-race",))
    places.append(_tool(_program, "a").path)
    assert len(set(places)) == 4
    assert places[0].parent.name.startswith("sample-1.0-")


def test_the_collector_is_another_one_when_its_builder_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component more in builder.yaml means a build, not an old program."""
    before = tools.collector().path
    changed = tmp_path / "collector"
    changed.mkdir()
    for name in ("versions.json", "builder.yaml"):
        (changed / name).write_text((tools.CONFIG_FOLDER / name).read_text())
    monkeypatch.setattr(tools, "CONFIG_FOLDER", changed)
    assert tools.collector().path == before
    with (changed / "builder.yaml").open("a") as file:
        file.write("# one more\n")
    assert tools.collector().path != before


def test_what_is_not_installed_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder holds no tools, and `tools list` says how to get them."""
    assert tools.find_collector() is None
    assert tools.find_jaeger() is None
    assert command.run(["list"]) == 0
    assert capsys.readouterr().out.count("agent-otel tools install") == 2


def test_install_builds_once(go: Callable[[str], None]) -> None:
    """The second install finds the program of the first."""
    go("go1.26.8")
    built: list[Path] = []
    tool = _tool(lambda work: built.append(work) or _program(work), "a")  # type: ignore[func-returns-value]
    lines: list[str] = []
    assert tools.install(tool, lines.append) == tools.install(tool, lines.append) == tool.path
    assert len(built) == 1
    assert lines[-1] == f"sample 1.0: {tool.path}"
    assert os.access(tool.path, os.X_OK)


def test_two_installs_at_once_build_once(go: Callable[[str], None]) -> None:
    """The second waits for the first, says so, and builds nothing."""
    go("go1.26.8")
    building, others_wait = threading.Event(), threading.Event()
    built: list[Path] = []

    def build(work: Path) -> Path:
        built.append(work)
        building.set()
        assert others_wait.wait(10)
        return _program(work)

    def second_line(line: str) -> None:
        if "waiting" in line:
            others_wait.set()

    tool = _tool(build, "a")
    first = threading.Thread(target=tools.install, args=(tool, lambda _: None))
    first.start()
    assert building.wait(10)
    assert tools.install(tool, second_line) == tool.path
    first.join()
    assert len(built) == 1


def test_a_failed_build_leaves_nothing(go: Callable[[str], None], own_folder: Path) -> None:
    """No half program stands in the place of a whole one, and what a killed build left is cleared away."""
    go("go1.26.8")

    def fail(work: Path) -> Path:
        _program(work)
        raise LocalStackError("the build failed")

    (own_folder / ".build-killed").mkdir(parents=True)
    with pytest.raises(LocalStackError, match="the build failed"):
        tools.install(_tool(fail, "a"), lambda _: None)
    assert [entry.name for entry in own_folder.iterdir()] == [".lock"]


def test_without_go_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs Go, and the one to run after it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match=r"needs Go: install Go .*apt-get install.*`agent-otel tools install`"):
        tools.install(_tool(_program, "a"), lambda _: None)


def test_an_old_go_is_named(go: Callable[[str], None]) -> None:
    """A Go that cannot fetch a newer toolchain is refused before it fails in a stranger way."""
    go("go1.19.8")
    with pytest.raises(LocalStackError, match=r"too old \(go version go1.19.8"):
        tools.install(_tool(_program, "a"), lambda _: None)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://proxy.example,direct", "https://proxy.example"),
        ("https://a.example|https://b.example,direct", "https://a.example|https://b.example"),
        ("direct,https://a.example", "https://a.example"),
        ("https://direct.example", "https://direct.example"),
        ("direct", "direct"),
        ("off", "off"),
    ],
)
def test_go_asks_the_users_proxies_only(given: str, used: str) -> None:
    """`direct` behind a proxy is left out; alone it stays."""
    assert go_build.without_direct(given) == used


def test_an_unknown_tool_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the tools there are."""
    with pytest.raises(SystemExit) as stopped:
        command.run(["install", "grafana"])
    assert stopped.value.code == 2
    assert "there are collector, jaeger" in capsys.readouterr().err


def test_a_failing_go_command_is_quoted(go: Callable[[str], None], tmp_path: Path) -> None:
    """What the command printed is in the message: here a download that leaves no answer."""
    go("go1.26.8")
    (tmp_path / "bin/go").write_text('#!/bin/sh\n[ "$1" = mod ] && echo "no such module" >&2 && exit 1\nexit 0\n')
    with pytest.raises(LocalStackError, match=r"`go mod download -json example.org/none@v1` failed:\nno such module"):
        go_build.build_jaeger(tmp_path, "example.org/none", "1")
