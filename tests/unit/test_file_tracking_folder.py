"""Which files changed in a plain folder: by modification time and size."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import agent_otel
from agent_otel import folder_scan
from agent_otel.file_tracking import FileTracking

_SOURCE = Path(agent_otel.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With two files."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "kept.txt").write_text("k")
    (folder / "sub/kept.txt").write_text("k")
    return folder


def _began(folder: Path) -> FileTracking:
    tracking = FileTracking.loads(FileTracking.begin(str(folder)).dumps())
    assert tracking.problem == ""
    return tracking


def test_created_changed_renamed_deleted(folder: Path) -> None:
    """Each counts; what is as it was does not."""
    (folder / "old.txt").write_text("o")
    (folder / "gone.txt").write_text("g")
    tracking = _began(folder)
    assert tracking.modified() == []
    (folder / "kept.txt").write_text("longer")
    (folder / "sub/new.txt").write_text("n")
    (folder / "old.txt").rename(folder / "sub/moved.txt")
    (folder / "gone.txt").unlink()
    assert tracking.modified() == ["gone.txt", "kept.txt", "old.txt", "sub/moved.txt", "sub/new.txt"]


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """A link is a file of its own, even where it leads into a circle."""
    (tmp_path / "outside").mkdir()
    (folder / "circle").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "outside")
    tracking = _began(folder)
    (tmp_path / "outside/new.txt").write_text("n")
    (folder / "circle").unlink()
    (folder / "circle").symlink_to("nowhere")
    assert tracking.modified() == ["circle"]


def test_names_that_are_not_utf8(folder: Path) -> None:
    """They survive the way through another process, and are readable."""
    old, new = (folder / os.fsdecode(name) for name in (b"latin \xe9", b"\xff\nnew \xc3\xbc"))
    old.write_bytes(b"o")
    tracking = _began(folder)
    old.rename(new)
    assert tracking.modified() == ["\\udcff\nnew ü", "latin \\udce9"]


def test_a_huge_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nothing is tracked, and one sentence says so; on the way there, too."""
    monkeypatch.setattr(folder_scan, "MAX_FILES", 3)
    later = _began(folder)
    for number in range(3):
        (folder / f"{number}.txt").write_text("n")
    assert later.modified() == []
    assert "more than" in later.problem
    tracking = FileTracking.loads(FileTracking.begin(str(folder)).dumps())
    assert "more than" in tracking.problem
    assert tracking.modified() == []


@pytest.mark.parametrize("path", ["nowhere", "kept.txt", "nul\0", ""])
def test_what_is_no_folder(folder: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named; the empty path is the working directory."""
    monkeypatch.chdir(folder)
    tracking = FileTracking.loads(FileTracking.begin(path).dumps())
    (folder / "new.txt").write_text("n")
    assert tracking.modified() == ([] if path else ["new.txt"])
    assert tracking.problem.startswith(path)
    assert bool(tracking.problem) == bool(path)


def test_a_folder_that_went(folder: Path) -> None:
    """All its files are gone."""
    tracking = _began(folder)
    for name in ("kept.txt", "sub/kept.txt"):
        (folder / name).unlink()
    (folder / "sub").rmdir()
    folder.rmdir()
    assert tracking.modified() == ["kept.txt", "sub/kept.txt"]


def test_what_is_not_to_count(folder: Path) -> None:
    """Our own files in the folder are none of the execution's."""
    (folder / "state").mkdir()
    tracking = FileTracking.begin(str(folder), without=str(folder / "state"))
    (folder / "state/spool").write_text("s")
    (folder / "stately").write_text("s")
    assert FileTracking.loads(tracking.dumps()).modified() == ["stately"]


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"_folder": 1}', "\0"])
def test_damaged_state(text: str) -> None:
    """It tracks nothing and says so."""
    tracking = FileTracking.loads(text)
    assert tracking.modified() == []
    assert "damaged" in tracking.problem


_UNREADABLE = """if True:
    import os
    from agent_otel.file_tracking import FileTracking
    if os.geteuid() == 0:
        os.setgid(65534); os.setuid(65534)  # root reads everything
    os.makedirs("f/closed"); os.makedirs("f/open")
    open("f/closed/a", "w").close(); open("f/open/a", "w").close()
    os.chmod("f/closed", 0)
    tracking = FileTracking.begin("f")
    print(tracking.problem.rpartition("/")[2])
    os.chmod("f/closed", 0o700)
    open("f/open/b", "w").close()
    print(tracking.modified())
    os.chmod("f", 0)
    print(FileTracking.begin("f").modified(), tracking.modified(), tracking.problem.rpartition("/")[2])
    os.chmod("f", 0o700)"""


def test_a_folder_that_cannot_be_read() -> None:
    """What is in it is not told as created when it can be read later; what is elsewhere is."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(_SOURCE)!r})\n{_UNREADABLE}"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    told = "closed: cannot be read: which of its files change is not known"
    assert (done.stdout.splitlines(), done.stderr) == ([told, "['open/b']", f"[] [] {told}"], "")
