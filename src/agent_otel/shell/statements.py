"""What the options of a call say about an execution beside its facts: a verdict, evaluations, issues, learning.

Each goes out as an event of its own, of the one shape whoever says it.
"""

from __future__ import annotations

from agent_otel import identity, otlp_json, plain_json, redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import text
from agent_otel.shell import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from agent_otel.model import Capture
    from agent_otel.shell.arguments import Arguments
    from agent_otel.shell.known import Known
    from agent_otel.shell.records import Records

#: By option, what a verdict says beside its status.
_DETAILS: Final = {
    "expected_vs_actual": s.EXPECTED_VS_ACTUAL,
    "criteria_met": s.CRITERIA_MET,
    "criteria_failed": s.CRITERIA_FAILED,
    "confidence": s.VERIFICATION_CONFIDENCE,
    "manual_verification": s.VERIFICATION_MANUAL,
}
_LABELS: Final = {
    "completeness": "completeness",
    "accuracy": "accuracy",
    "efficiency": "efficiency",
    "adherence": "adherence_to_standards",
}
_ISSUE_TEXTS: Final = {
    "description": s.ISSUE_DESCRIPTION,
    "impact": s.ISSUE_IMPACT,
    "resolution": s.ISSUE_RESOLUTION,
    "prevention": s.ISSUE_PREVENTION,
}
_LEARNING_LISTS: Final = {
    "insights_gained": s.LEARNING_INSIGHTS,
    "process_improvements": s.LEARNING_IMPROVEMENTS,
}
_LEARNING_TEXTS: Final = {
    "agent_performance": s.LEARNING_PERFORMANCE,
    "recommendation_for_future": s.LEARNING_RECOMMENDATION,
}
_SEVERITIES: Final = {
    "ERROR": otlp_json.SEVERITY_ERROR,
    "WARNING": otlp_json.SEVERITY_WARN,
    "INFO": otlp_json.SEVERITY_INFO,
}


class Statement:
    """One event. `summary` holds no text that a capture mode keeps back."""

    __slots__ = ("attributes", "event", "severity", "summary")

    def __init__(
        self, event: str, summary: str, attributes: dict[str, Any], severity: int = otlp_json.SEVERITY_INFO
    ) -> None:
        self.event = event
        self.summary = summary
        self.attributes = attributes
        self.severity = severity


def verdict(arguments: Arguments) -> dict[str, Any]:
    """What a verdict's options say, by attribute; without the status that they all need, a complaint and nothing."""
    values = arguments.values
    status = values.get("verification_status")
    details = {attribute: values[key] for key, attribute in _DETAILS.items() if key in values}
    if status is not None:
        return {s.VERIFICATION_STATUS: status, **details}
    for key in _DETAILS:
        if key in values:
            refuse_without_verdict(arguments, key)
    return {}


def refuse_without_verdict(arguments: Arguments, key: str) -> None:
    """Complain of an option that is one of a verdict where there is none."""
    names = {option.key: option.name for option in arguments.options.values()}
    value = arguments.values[key]
    needed = f"{names['verification_status']} {', '.join(s.VERDICTS[:-1])} or {s.VERDICTS[-1]}"
    arguments.refuse(names[key], value, f"{names[key]} {_text(value)[:200]!r}: expected only with {needed}")


def of_verdict(said: Mapping[str, Any], by: str | None) -> list[Statement]:
    """The event of what `verdict` read."""
    if not said:
        return []
    details = dict(said)
    status = details.pop(s.VERIFICATION_STATUS)
    compared = {s.GEN_AI_EVALUATION_EXPLANATION: details[s.EXPECTED_VS_ACTUAL]} if s.EXPECTED_VS_ACTUAL in said else {}
    named = {s.GEN_AI_EVALUATION_NAME: s.EVALUATION_VERIFICATION, s.GEN_AI_EVALUATION_SCORE_LABEL: status}
    attributes = {**named, **details, **compared, **_stated_by(by)}
    return [Statement(s.GEN_AI_EVALUATION_RESULT, f"verification: {status}", attributes)]


def evaluations(values: Mapping[str, Any], by: str) -> list[Statement]:
    """Quality that is judged by somebody else: an event for each label, and one for the score."""
    told = [(name, s.GEN_AI_EVALUATION_SCORE_LABEL, values[key]) for key, name in _LABELS.items() if key in values]
    if "quality_score" in values:
        told.append(("quality", s.GEN_AI_EVALUATION_SCORE_VALUE, values["quality_score"]))
    return [
        Statement(
            s.GEN_AI_EVALUATION_RESULT,
            f"evaluation: {name}",
            {s.GEN_AI_EVALUATION_NAME: name, attribute: value, **_stated_by(by)},
        )
        for name, attribute, value in told
    ]


def notes(arguments: Arguments, by: str | None = None) -> list[Statement]:
    """The issues, then what was learned. `by`: who says so, when it is not the agent itself."""
    values = arguments.values
    found = [_issue(arguments, members, by) for members in values.get("issue", ())]
    return found + [told for members in values.get("learning", ()) for told in _learning(arguments, members, by)]


def add(
    records: Records,
    found: Known,
    said: Sequence[Statement],
    time_ns: int,
    capture: Capture,
    *,
    is_repeatable: bool,
) -> list[str]:
    """Add the events to the records of a call; the same as events of the execution's span are returned.

    `is_repeatable`: the same statements about the same execution are the same events, else each is one of its own.
    """
    execution, counted = found.execution, dict[str, int]()
    trace_id, span_id, flags = found.place
    events = []
    # One after the other, the last one now: what is told at one moment has no order.
    for told_ns, one in enumerate(said, time_ns - len(said) + 1):
        number = identity.new_uuid()
        if is_repeatable:
            # Of what may be told only: an id is a hash, too.
            spelled = f"{one.event} {plain_json.dumps(dict(redaction.clean(one.attributes, capture)))}"
            counted[spelled] = counted.get(spelled, 0) + 1
            number = identity.named_uuid(identity.parse(execution.execution_id) or 0, f"{spelled} {counted[spelled]}")
        event = records.event(
            one.event,
            told_ns,
            f"{execution.agent_name or 'execution'}: {one.summary}",
            facts.identity_of(execution),
            {s.EVENT_ID: identity.spelled(number), **one.attributes},
            trace_id=trace_id,
            span_id=span_id,
            flags=flags,
            severity=one.severity,
        )
        events.append(event)
    return events


def _issue(arguments: Arguments, members: dict[str, Any], by: str | None) -> Statement:
    given = members.get("type")
    kind = "ERROR" if given is None else str(given).strip().upper()
    if kind not in s.ISSUE_TYPES:
        kind, allowed = "ERROR", ", ".join(s.ISSUE_TYPES)
        _refuse(arguments, "--issue", "type", given, f"expected one of {allowed}; it is recorded as ERROR")
    attributes = {s.ISSUE_TYPE: kind, **_texts(members, _ISSUE_TEXTS), **_stated_by(by)}
    _refuse_unknown(arguments, "--issue", members, ("type", *_ISSUE_TEXTS))
    return Statement(s.EVENT_ISSUE, f"issue: {kind}", attributes, _SEVERITIES[kind])


def _learning(arguments: Arguments, members: dict[str, Any], by: str | None) -> list[Statement]:
    lists = {attribute: _members(members.get(name)) for name, attribute in _LEARNING_LISTS.items()}
    attributes = {
        **{attribute: told for attribute, told in lists.items() if told},
        **_texts(members, _LEARNING_TEXTS),
    }
    _refuse_unknown(arguments, "--learning", members, (*_LEARNING_LISTS, *_LEARNING_TEXTS))
    return [Statement(s.EVENT_LEARNING, "learning", {**attributes, **_stated_by(by)})] if attributes else []


def _texts(members: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, Any]:
    return {attribute: _text(members[name]) for name, attribute in attributes.items() if members.get(name) is not None}


def _members(given: object) -> list[str]:
    if given is None:
        return []
    return [_text(member) for member in (given if isinstance(given, list) else [given])]


def _text(value: object) -> str:
    return text(value) if isinstance(value, str) else plain_json.dumps(value)


def _stated_by(by: str | None) -> dict[str, str]:
    return {s.STATED_BY: by} if by else {}


def _refuse_unknown(arguments: Arguments, option: str, members: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name, value in members.items():
        if name not in known:
            _refuse(arguments, option, name, value, f"unknown member: it has {', '.join(known)}")


def _refuse(arguments: Arguments, option: str, member: str, value: object, why: str) -> None:
    shown = plain_json.dumps(value)
    arguments.refuse(option, plain_json.dumps({member: value}), f"{option} {member} {shown[:200]}: {why}")
