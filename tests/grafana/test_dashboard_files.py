"""The committed dashboards are the generated ones, and the generator says so when they are not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grafana import dashboards, executions
from grafana.panels import Panel, layout

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_files_are_up_to_date() -> None:
    """`python grafana/dashboards.py --check`, as `make check` runs it, finds no difference."""
    program = [sys.executable, "grafana/dashboards.py", "--check"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_difference_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written anew the file passes; edited by hand it fails with a diff; missing it fails too."""
    assert dashboards.main([], tmp_path) == 0
    assert dashboards.main(["--check"], tmp_path) == 0
    file = tmp_path / "executions.json"
    file.write_text(file.read_text().replace('"Running now"', '"Runs"'))
    assert dashboards.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    assert '-      "title": "Runs"' in said
    assert '+      "title": "Running now"' in said
    file.unlink()
    assert dashboards.main(["--check"], tmp_path) == 1


def test_a_wrong_dashboard_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lint refuses does not reach the file, and the exit status is 1."""
    monkeypatch.setattr(executions, "VARIABLES", ())
    assert dashboards.main([], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_only_generated_dashboards_are_shipped() -> None:
    """Every file that Grafana would load comes from the generator, under an id of its own."""
    assert {path.name for path in dashboards.FOLDER.iterdir()} == set(dashboards.generated())
    loaded = [json.loads(path.read_text()) for path in dashboards.FOLDER.iterdir()]
    assert len({each["uid"] for each in loaded}) == len(loaded)
    assert all(8 <= len(each["uid"]) <= 40 and "id" not in each for each in loaded)


def test_a_row_fills_the_grid() -> None:
    """A row that is not as wide as the grid is a mistake."""
    narrow = Panel(1, "stat", "t", "d", "SELECT 1", ("a",), width=6, height=4)
    with pytest.raises(ValueError, match="add up to 24"):
        layout([(narrow, narrow)])
