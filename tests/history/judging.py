"""What is said about an execution: verdicts, quality, issues, learning; during it, at its end or days later."""

import random
from typing import Final

from agent_otel import ids, semconv
from tests.history import cast
from tests.history.cast import Character
from tests.history.execution import Caught, Evaluation, Execution, Issue, Learning, Verdict
from tests.history.times import DAY, SECOND, Calendar
from tests.history.wording import new_uuid

_JUDGES: Final = ("reviewer", "ada", "ci", "watchdog")
_CHANCES: Final = {"success": (82, 9, 7, 2), "cancelled": (5, 45, 20, 30)}
_OF_FAILED: Final = (3, 25, 44, 28)


def judge(execution: Execution, character: Character, calendar: Calendar, rng: random.Random) -> None:
    """Everything that is ever said about it, before `until`."""
    judge = _Judging(execution, calendar, rng)
    judge.quality(character)
    judge.verdicts()
    judge.remarks()
    execution.verdicts = [verdict for verdict in execution.verdicts if verdict.at < calendar.until]
    execution.evaluations = [evaluation for evaluation in execution.evaluations if evaluation.at < calendar.until]
    execution.issues = [issue for issue in execution.issues if issue.at < calendar.until]
    execution.learning = [learning for learning in execution.learning if learning.at < calendar.until]


class _Judging:
    """Judging one execution."""

    def __init__(self, execution: Execution, calendar: Calendar, rng: random.Random) -> None:
        self._execution = execution
        self._calendar = calendar
        self._rng = rng

    def quality(self, character: Character) -> None:
        """Scores and labels at the end, some told anew later."""
        execution, rng = self._execution, self._rng
        first, last = character.quality
        level = first + (last - first) * self._calendar.position(execution.started)
        level -= 0.25 if execution.status in ("error", "partial") else 0.0
        if execution.ended is not None:
            if rng.random() < 0.75:
                execution.quality_score = self._score(level)
            if rng.random() < 0.5:
                labelled = rng.sample(("completeness", "accuracy", "efficiency"), rng.choice((1, 2, 3, 3, 3)))
                execution.labels = {name: self._label(level) for name in labelled}
            if rng.random() < 0.1:
                execution.labels["adherence_to_standards"] = f"{rng.randrange(60, 100)} %"
        if rng.random() < 0.1:
            name = rng.choice(("completeness", "accuracy", "efficiency", "adherence_to_standards"))
            self._evaluation(name, self._label(level), None)
        if rng.random() < 0.05:
            self._evaluation("quality", None, self._score(level))

    def _evaluation(self, name: str, label: str | None, value: float | None) -> None:
        execution, rng = self._execution, self._rng
        at = self._during() if execution.ended is not None and rng.random() < 0.15 else None
        by = rng.choice(_JUDGES)
        execution.evaluations.append(Evaluation(new_uuid(rng), at or self._later(), name, label, value, by))

    def verdicts(self) -> None:
        """None for half of them, one for most others; some are changed later, twice or at the same instant."""
        execution, rng = self._execution, self._rng
        if execution.ended is None:
            if rng.random() < 0.1:
                self._verdict("record", self._later(), "ERROR")
            return
        drawn = rng.random()
        if drawn < 0.16 and execution.placed:
            self._verdict("client", self._during())
        elif drawn < 0.22 and execution.placed:
            self._by_attributes(execution.ended)
        elif drawn < 0.48:
            self._verdict("record", self._later())
        while execution.verdicts and rng.random() < 0.15:
            self._verdict("record", max(each.at for each in execution.verdicts) + self._delay())
        if execution.verdicts and rng.random() < 0.02:
            self._verdict("record", max(each.at for each in execution.verdicts))

    def _by_attributes(self, at: int) -> None:
        verdict = self._verdict("attributes", at)
        verdict.note_id = ids.event_id(self._execution.execution_id, semconv.GEN_AI_EVALUATION_RESULT)
        verdict.by = None

    def _verdict(self, how: str, at: int, status: str | None = None) -> Verdict:
        execution, rng = self._execution, self._rng
        weights = _CHANCES.get(execution.status, _OF_FAILED)
        status = status or rng.choices(semconv.VERDICTS, weights)[0]
        verdict = Verdict(new_uuid(rng), at, how, status, rng.choice(_JUDGES))
        if rng.random() < 0.8:
            verdict.expected_vs_actual = f"expected {execution.expected_outcome or 'success'}, found {status.lower()}"
        criteria = execution.criteria_end or execution.criteria_start
        met = len(criteria) if status == "MATCH" else rng.randint(0, max(len(criteria) - 1, 0))
        verdict.criteria_met, verdict.criteria_failed = criteria[:met] or None, criteria[met:] or None
        verdict.confidence = round(rng.uniform(0.4, 1.0), 2) if rng.random() < 0.7 else None
        verdict.manual = rng.random() < 0.2 if rng.random() < 0.3 else None
        execution.verdicts.append(verdict)
        return verdict

    def remarks(self) -> None:
        """Exceptions, issues and what was learned."""
        execution, rng = self._execution, self._rng
        if rng.random() < 0.05 and execution.placed:
            recovery = "tried again" if rng.random() < 0.5 else None
            execution.caught.append(Caught(new_uuid(rng), self._during(), "IOError", "file is busy", recovery))
        while rng.random() < 0.08:
            own = rng.random() < 0.6 and execution.placed
            at, by = (self._during(), None) if own else (self._later(), rng.choice(_JUDGES))
            execution.issues.append(Issue(new_uuid(rng), at, *rng.choice(cast.ISSUES), by=by))
        if rng.random() < 0.06 and execution.ended is not None:
            self._learning()

    def _learning(self) -> None:
        rng = self._rng
        own = rng.random() < 0.5 and self._execution.placed
        at, by = (self._during(), None) if own else (self._later(), rng.choice(_JUDGES))
        improvements = rng.sample(cast.IMPROVEMENTS, rng.choice((0, 1, 2)))
        recommendation = rng.choice(cast.RECOMMENDATIONS) if rng.random() < 0.6 else None
        performance = rng.choice(("strong", "as expected", "weak")) if rng.random() < 0.5 else None
        insights = rng.sample(cast.INSIGHTS, rng.choice((1, 1, 2)))
        self._execution.learning.append(
            Learning(new_uuid(rng), at, insights, improvements, performance, recommendation, by)
        )

    def _during(self) -> int:
        """While it ran: after its start and before its last sign of life, so that it does not change that."""
        execution = self._execution
        told = (at for at, _, _ in execution.progress)
        last = execution.ended or max([execution.started + 2, *execution.heartbeats, *told])
        return self._rng.randrange(execution.started + 1, max(last, execution.started + 2))

    def _later(self) -> int:
        execution = self._execution
        return (execution.ended or execution.started) + self._delay()

    def _delay(self) -> int:
        """Minutes for most, days for some."""
        rng = self._rng
        return int(rng.uniform(60, 7200) * SECOND if rng.random() < 0.6 else rng.uniform(0.1, 9) * DAY)

    def _score(self, level: float) -> float:
        return round(min(max(self._rng.gauss(level, 0.12), 0.0), 1.0), 3)

    def _label(self, level: float) -> str:
        high, medium, low = semconv.QUALITY_LABELS
        score = self._score(level)
        return high if score >= 0.8 else medium if score >= 0.5 else low
