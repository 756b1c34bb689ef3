"""What a run prints: a line a scenario as it goes, a table at the end."""

from collections.abc import Sequence
from typing import Final

from tests.claude.campaign import Played, Run

_ROW: Final = "{:<18} {:>10} {:>9} {:>7} {:>6}"


def line(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def told(played: Played) -> Played:
    """Print how a run went."""
    line(_row(played))
    for problem in played.problems:
        line(f"  {problem}")
    return played


def conclude(played: Sequence[Played], again: Sequence[Played], strangers: Sequence[str], seconds: float) -> int:
    """Print what the last comparison found, what nobody asked for, and the table; the exit code."""
    late = [after for before, after in zip(played, again, strict=True) if after.problems and not before.problems]
    for each in late:
        line(f"{_named(each.run)} was right at first and is not at the end: {'; '.join(each.problems)}")
    for stranger in strangers:
        line(f"nobody asked for it: {stranger}")
    failed = [each for each in again if each.problems]
    line("")
    _table(again)
    line(f"{len(again) - len(failed)} of {len(again)} passed in {seconds:.0f} s; {len(strangers)} strangers")
    return int(bool(failed) or bool(strangers) or not again)


def _table(played: Sequence[Played]) -> None:
    """One row a scenario, one column a version with telemetry on or off."""
    columns = list(dict.fromkeys((each.run.version, each.run.telemetry) for each in played))
    # A failed run hides those of its repetitions that passed.
    ordered = sorted(played, key=lambda each: bool(each.problems))
    results = {(each.run.scenario.name, each.run.version, each.run.telemetry): each for each in ordered}
    heads = [f"{version} {_switch(telemetry)}" for version, telemetry in columns]
    line(" ".join([f"{'scenario':<18}", *(f"{head:>14}" for head in heads)]))
    for name in dict.fromkeys(each.run.scenario.name for each in played):
        cells = (results.get((name, *column)) for column in columns)
        line(" ".join([f"{name:<18}", *(f"{_outcome(cell) if cell else '-':>14}" for cell in cells)]))


def _row(played: Played) -> str:
    run = played.run
    return _ROW.format(
        run.scenario.name, run.version, _switch(run.telemetry), _outcome(played), f"{played.seconds:.1f}"
    )


def _outcome(played: Played) -> str:
    return "failed" if played.problems else "passed"


def _named(run: Run) -> str:
    return f"{run.scenario.name} {run.version} telemetry {_switch(run.telemetry)}"


def _switch(on: bool) -> str:
    return "on" if on else "off"
