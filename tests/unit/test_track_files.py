"""execution(track_files=…): the files that changed between start and end, found and not asked for."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.testing import capture
from tests.fixtures import spooled

_GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.com")


@pytest.fixture(params=["plain folder", "git work tree"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with files, in a git repository or not."""
    made = tmp_path / "work"
    (made / "sub").mkdir(parents=True)
    for name in ("kept.txt", "changed.txt", "removed.txt", "sub/deep.txt"):
        (made / name).write_text("before\n")
    if request.param == "git work tree":
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run([*_GIT, *command], cwd=made, check=True)
    return made


def change(folder: Path) -> None:
    """Create, change, delete."""
    (folder / "changed.txt").write_text("after it was changed\n")
    (folder / "removed.txt").unlink()
    (folder / "sub" / "created.txt").write_text("new\n")


CHANGED = ["changed.txt", "removed.txt", "sub/created.txt"]


def files(captured: Any) -> list[str]:
    """What the end says of them."""
    (span,) = captured.spans
    told = captured.event(s.EVENT_COMPLETED)["attributes"].get(s.FILES_MODIFIED, [])
    assert list(span["attributes"].get(s.FILES_MODIFIED, [])) == told
    return list(told)


def test_changes_are_found(folder: Path) -> None:
    """Created, changed and deleted, relative to the folder; those before the start do not count."""
    (folder / "sub" / "deep.txt").write_text("changed before\n")
    with capture(raise_errors=True) as captured, agent_otel.delegate("a", prompt="p", track_files=folder):
        change(folder)
    assert files(captured) == CHANGED


def test_with_those_that_are_named(folder: Path) -> None:
    """What the agent names comes first, each file once."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", track_files=str(folder)) as run:
        run.files_modified("elsewhere.py", "removed.txt")
        change(folder)
    assert files(captured) == ["elsewhere.py", "removed.txt", "changed.txt", "sub/created.txt"]


def test_after_an_exception_and_in_a_coroutine(folder: Path) -> None:
    """However the block ends, and once for each call."""

    @agent_otel.execution("a", track_files=folder)
    async def work() -> None:
        change(folder)
        raise ValueError("no")

    with capture(raise_errors=True) as captured, pytest.raises(ValueError, match="no"):
        asyncio.run(work())
    assert files(captured) == CHANGED


@pytest.mark.parametrize("given", ["does/not/exist", 5, b"\xff", "nul\0"])
def test_no_folder(given: Any, warned: list[str]) -> None:
    """The execution runs and ends as without; one warning names the argument."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", track_files=given):
        pass
    assert files(captured) == []
    assert len(warned) == 1
    assert warned[0].startswith("agent_otel: track_files: ")


def test_our_own_files_do_not_count(tmp_path: Path) -> None:
    """The state folder may lie in the folder: a real agent that writes one file and has its spool beside it."""
    source = (
        "import agent_otel, pathlib\n"
        "with agent_otel.execution('a', track_files='.') as run:\n"
        "    run.execution_id\n"
        "    pathlib.Path('mine.txt').write_text('x')\n"
    )
    subprocess.run(
        spooled.agent(source), cwd=tmp_path, env=spooled.environment(tmp_path / "home"), check=True, timeout=60
    )
    end = spooled.events(tmp_path / "home")[-1]
    assert end["name"] == s.EVENT_COMPLETED
    assert end["attributes"][s.FILES_MODIFIED] == ["mine.txt"]
    assert (tmp_path / "home" / "state" / "spool").is_dir()


def test_turned_off(folder: Path, home: Path, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is turned off looks at no file."""
    monkeypatch.setenv("AGENT_OTEL_DISABLED", "true")
    monkeypatch.setattr("agent_otel.execution_span.TrackedFolder", None)
    with agent_otel.execution("a", track_files=folder):
        change(folder)
