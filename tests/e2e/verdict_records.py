"""The records of one judged execution as plain OTLP/JSON, the same for any execution but for its ids."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.e2e.audit_by_otlp import attributes, post

START_NS: Final = 1_795_000_000_123_456_789
SECOND: Final = 1_000_000_000

#: By name: the event, when, and what it says. Ids of their events are made of the execution's and the name.
_VERDICTS: Final[Mapping[str, tuple[int, dict[str, Any]]]] = {
    "while it runs": (
        2,
        {
            "gen_ai.evaluation.score.label": "MATCH",
            "aotel.verification.expected_vs_actual": "as expected",
            "aotel.verification.criteria_met": ["b", "a"],
            "aotel.verification.confidence": 0.5,
        },
    ),
    "at the end": (5, {"gen_ai.evaluation.score.label": "PARTIAL", "aotel.verification.criteria_failed": ["a"]}),
    "days later": (
        300_000,
        {
            "gen_ai.evaluation.score.label": "MISMATCH",
            "gen_ai.evaluation.explanation": "not as expected",
            "aotel.verification.manual_required": True,
            "aotel.stated_by": "ana",
        },
    ),
}
#: One after the other, as they happen.
NAMES: Final = ("start", *list(_VERDICTS)[:2], "completed", "span", "days later", "quality")


class Judged:
    """One execution."""

    def __init__(self) -> None:
        self.execution_id = uuid.uuid4()
        self._trace, self._span = uuid.uuid4().hex, uuid.uuid4().hex[:16]

    def event_id(self, name: str) -> str:
        """The id of the event called so."""
        return str(uuid.uuid5(self.execution_id, name))

    def record(self, name: str) -> tuple[str, dict[str, Any]]:
        """The signal and the record called so."""
        if name == "span":
            return "traces", self._final_span()
        if name == "start":
            intent = {"aotel.intent.success_criteria": ["a", "b"]}
            return "logs", self._event("aotel.execution.started", 0, name, intent)
        if name == "completed":
            return "logs", self._event("aotel.execution.completed", 5, name, _END)
        if name == "quality":
            score = {"gen_ai.evaluation.name": "completeness", "gen_ai.evaluation.score.label": "LOW"}
            return "logs", self._event("gen_ai.evaluation.result", 300_001, name, score)
        after_s, said = _VERDICTS[name]
        return "logs", self._event("gen_ai.evaluation.result", after_s, name, {**_VERDICT, **said})

    def _who(self) -> dict[str, Any]:
        return {"aotel.execution.id": str(self.execution_id), "gen_ai.agent.name": "judged", "session.id": "s"}

    def _event(self, event: str, after_s: int, name: str, said: dict[str, Any]) -> dict[str, Any]:
        return {
            "timeUnixNano": str(START_NS + after_s * SECOND),
            "eventName": event,
            "traceId": self._trace,
            "spanId": self._span,
            "attributes": attributes({**self._who(), "aotel.event.id": self.event_id(name), **said}),
        }

    def _final_span(self) -> dict[str, Any]:
        """With the verdicts that were given before it ended, as events under the same ids."""
        events = [
            {
                "name": "gen_ai.evaluation.result",
                "timeUnixNano": str(START_NS + after_s * SECOND),
                "attributes": attributes({"aotel.event.id": self.event_id(name), **_VERDICT, **said}),
            }
            for name, (after_s, said) in _VERDICTS.items()
            if name != "days later"
        ]
        last = {"aotel.verification.status": "PARTIAL", "aotel.verification.criteria_failed": ["a"]}
        return {
            "traceId": self._trace,
            "spanId": self._span,
            "name": "invoke_agent judged",
            "kind": 1,
            "startTimeUnixNano": str(START_NS),
            "endTimeUnixNano": str(START_NS + 5 * SECOND),
            "attributes": attributes({"gen_ai.operation.name": "invoke_agent", **self._who(), **_END, **last}),
            "events": events,
        }


_VERDICT: Final = {"gen_ai.evaluation.name": "verification"}
_END: Final = {
    "aotel.execution.status": "success",
    "aotel.quality.completeness": "HIGH",
    "aotel.intent.success_criteria": ["a", "b", "c"],
}


def send(endpoint: str, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send records of any executions, those of a signal in one request."""
    for signal, items in _by_signal(records):
        post(endpoint, signal, items)


def _by_signal(records: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for signal in ("traces", "logs"):
        items = [record for kind, record in records if kind == signal]
        if items:
            yield signal, items
