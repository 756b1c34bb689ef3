"""What a run prints as it goes, and what makes it fail."""

import os
from typing import Final

from tests.faults.phase import Outcome

_COLUMNS: Final = (
    "fault",
    "times",
    "spans acked",
    "events",
    "executions",
    "unseen at fault",
    "missing",
    "duplicate",
    "miscounted",
    "spans/s",
    "s",
)
_ROW: Final = "{:<30} {:>5} {:>11} {:>7} {:>10} {:>15} {:>7} {:>9} {:>10} {:>7} {:>5}"


class Report:
    """Collects failures; prints each phase when it is over."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self._outcomes: list[Outcome] = []

    def header(self) -> None:
        """The names of the columns."""
        line(_ROW.format(*_COLUMNS))

    def protected(self, outcome: Outcome) -> None:
        """A phase that must lose nothing."""
        _row(outcome, "")
        self._outcomes.append(outcome)
        if not outcome.verdict.clean:
            self.fail(f"{outcome.name}: {outcome.verdict}")

    def control(self, outcome: Outcome) -> bool:
        """A phase that must lose something; whether it did."""
        lost = outcome.verdict.missing > 0
        _row(outcome, "lost, as it must" if lost else "lost nothing this time")
        return lost

    def figure(self, text: str) -> None:
        """Something measured."""
        line(text)

    def not_run(self, name: str, reason: str) -> None:
        """Something that this machine cannot do; in CI it has to."""
        line(f"{name}: NOT RUN, {reason}")
        if os.environ.get("CI", "").lower() == "true":
            self.fail(f"{name}: {reason}")

    def fail(self, reason: str) -> None:
        """The run fails."""
        self.failures.append(reason)

    def conclude(self) -> int:
        """Print the sums and how it went; the exit code."""
        if self._outcomes:
            line(self._sums())
        for failure in self.failures:
            line(f"FAILED {failure}")
        line("failed" if self.failures else "passed")
        return int(bool(self.failures))

    def _sums(self) -> str:
        verdicts = [outcome.verdict for outcome in self._outcomes]
        return (
            f"all faults: {sum(len(outcome.unseen) for outcome in self._outcomes)} strikes; acknowledged "
            f"{sum(each.spans for each in verdicts)} spans, {sum(each.events for each in verdicts)} events, "
            f"{sum(each.executions for each in verdicts)} executions; "
            f"missing {sum(each.missing for each in verdicts)}, "
            f"duplicate {sum(each.duplicates for each in verdicts)}, "
            f"miscounted {sum(each.wrong_counters for each in verdicts)}"
        )


def line(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def _row(outcome: Outcome, remark: str) -> None:
    verdict = outcome.verdict
    window = f"{min(outcome.unseen)}..{max(outcome.unseen)}" if outcome.unseen else "-"
    counts = (verdict.missing, verdict.duplicates, verdict.wrong_counters, round(outcome.rate), round(outcome.seconds))
    acknowledged = (verdict.spans, verdict.events, verdict.executions)
    repeated = f" ({outcome.repeated} repeated)" if outcome.repeated else ""
    text = _ROW.format(outcome.name, len(outcome.unseen), *acknowledged, window, *counts)
    line(f"{text}{repeated} {remark}".rstrip())
