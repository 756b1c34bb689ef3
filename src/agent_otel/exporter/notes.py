"""What is said about an execution beside its facts: verdicts, evaluations, issues, learning, errors.

A note comes as a log record, as an event of the execution's span, or as both under one id. Notes of one id merge as
facts do: the highest rank stands. Verdicts and evaluations of quality also state facts, so that the latest of them is
known without looking at all.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from agent_otel import ids, semconv
from agent_otel.exporter.field_values import label, number, text, texts
from agent_otel.exporter.limits import MAX_STACK
from agent_otel.model import Facts
from agent_otel.store.rows import Note

Attributes = Mapping[str, Any]

_CUT: Final = "\n[…]\n"
_MAX_NS: Final = 2**64 - 1
_DIGEST: Final = 8


class Told(NamedTuple):
    """The notes of one record, and the facts that follow from them."""

    notes: Sequence[Note] = ()
    facts: Sequence[Facts] = ()


NOTHING: Final = Told()


def is_sign_of_life(name: str, attributes: Attributes) -> bool:
    """Whether an event comes from the running execution: what others say about it may come days after its end."""
    if name == semconv.EVENT_ISSUE:
        return semconv.STATED_BY not in attributes
    return name not in (semconv.GEN_AI_EVALUATION_RESULT, semconv.EVENT_LEARNING)


def of_record(name: str, attributes: Attributes, time_ns: int, note_id: uuid.UUID) -> Told:
    """The note that a log record of that name is."""
    kind, note = _READERS[name](attributes)
    return _told(kind, note, time_ns, note_id)


def of_end(execution_id: uuid.UUID, attributes: Attributes, end_ns: int) -> Told:
    """The verdict that attributes of a final span or of a completion event are, given at the end; else nothing."""
    if semconv.VERIFICATION_STATUS not in attributes:
        return NOTHING
    note = _verification(attributes)
    if "status" not in note:
        return NOTHING
    return _told("verification", note, end_ns, ids.event_id(execution_id, semconv.GEN_AI_EVALUATION_RESULT))


def of_span(execution_id: uuid.UUID, attributes: Attributes, events: bytes | None, end_ns: int) -> Told:
    """The notes among the events of an execution's span (a JSON list), and the verdict of its attributes.

    The attributes repeat the last verdict among the events, where there is one.
    """
    told = [_of_span_event(event) for event in _noted(events)] if events else []
    notes = [note for one in told for note in one.notes]
    facts = [fact for one in told for fact in one.facts]
    if not any(note.kind == "verification" for note in notes):
        verdict = of_end(execution_id, attributes, end_ns)
        notes += verdict.notes
        facts += verdict.facts
    return Told(notes, facts)


def _noted(events: bytes) -> Sequence[dict[str, Any]]:
    # Most spans have other events only, and parsing takes longer than looking for the names.
    if not any(name in events for name in _ENCODED_NAMES):
        return ()
    return [event for event in orjson.loads(events) if event["name"] in NAMES]


def _of_span_event(event: Mapping[str, Any]) -> Told:
    attributes, time_ns = event["attributes"], min(event["time_unix_nano"], _MAX_NS)
    stated = attributes.get(semconv.EVENT_ID)
    note_id = ids.parse_uuid(stated) if isinstance(stated, str) else None
    if note_id is None:
        # Of another instrumentation: the same event of a replayed span has the same id.
        note_id = uuid.UUID(bytes=hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).digest()[:16])
    return of_record(event["name"], attributes, time_ns, note_id)


def _told(kind: str, note: dict[str, Any], time_ns: int, note_id: uuid.UUID) -> Told:
    encoded = orjson.dumps(note, option=orjson.OPT_SORT_KEYS)
    # Of two tellings of one moment the longer one stands: a span's copy may have been cut.
    tail = f"{len(encoded):08x}{hashlib.sha256(kind.encode() + encoded).digest()[:_DIGEST].hex()}"
    told = Note(note_id, kind, time_ns, f"{time_ns:016x}{tail}", encoded)
    return Told((told,), _facts(kind, note, f"{time_ns:016x}{note_id.hex}{tail}"))


def _facts(kind: str, note: Mapping[str, Any], rank: str) -> Sequence[Facts]:
    """What the latest note states: its status, or a quality as a record that ends at the time of the note would."""
    if kind == "verification":
        return ({"verification_status": [rank, note["status"]]},)
    if kind != "evaluation":
        return ()
    name = note.get("name")
    if name == semconv.EVALUATION_QUALITY and "value" in note and 0 <= note["value"] <= 1:
        # Apart, too: an end that states no score says that there is none, but nothing of what others found.
        score = [f"1{rank}", note["value"]]
        return ({"quality_score": score, "evaluated_quality": score},)
    if name not in semconv.EVALUATION_LABELS:
        return ()
    stated = note.get("label")
    if name != semconv.EVALUATION_ADHERENCE:
        stated = label(stated)
    return ({name: [f"1{rank}", stated]},) if stated is not None else ()


def _evaluation(attributes: Attributes) -> tuple[str, dict[str, Any]]:
    """A verdict, or any other evaluation; a verdict with an unknown label is one of the others."""
    name = text(attributes.get(semconv.GEN_AI_EVALUATION_NAME))
    if name == semconv.EVALUATION_VERIFICATION:
        verdict = _verification(attributes)
        if "status" in verdict:
            return "verification", verdict
    return "evaluation", _stated(
        name=name,
        label=text(attributes.get(semconv.GEN_AI_EVALUATION_SCORE_LABEL)),
        value=number(attributes.get(semconv.GEN_AI_EVALUATION_SCORE_VALUE)),
        explanation=text(attributes.get(semconv.GEN_AI_EVALUATION_EXPLANATION)),
        by=text(attributes.get(semconv.STATED_BY)),
    )


def _verification(attributes: Attributes) -> dict[str, Any]:
    status = label(attributes.get(semconv.GEN_AI_EVALUATION_SCORE_LABEL), semconv.VERDICTS)
    compared = text(attributes.get(semconv.EXPECTED_VS_ACTUAL))
    manual = attributes.get(semconv.VERIFICATION_MANUAL)
    return _stated(
        status=status or label(attributes.get(semconv.VERIFICATION_STATUS), semconv.VERDICTS),
        expected_vs_actual=compared or text(attributes.get(semconv.GEN_AI_EVALUATION_EXPLANATION)),
        success_criteria_met=texts(attributes.get(semconv.CRITERIA_MET)),
        success_criteria_failed=texts(attributes.get(semconv.CRITERIA_FAILED)),
        confidence_score=number(attributes.get(semconv.VERIFICATION_CONFIDENCE)),
        manual_verification_required=manual if isinstance(manual, bool) else None,
        by=text(attributes.get(semconv.STATED_BY)),
    )


def _issue(attributes: Attributes) -> tuple[str, dict[str, Any]]:
    return "issue", _stated(
        type=label(attributes.get(semconv.ISSUE_TYPE), semconv.ISSUE_TYPES) or semconv.ISSUE_TYPES[0],
        description=text(attributes.get(semconv.ISSUE_DESCRIPTION)),
        impact=text(attributes.get(semconv.ISSUE_IMPACT)),
        resolution=text(attributes.get(semconv.ISSUE_RESOLUTION)),
        prevention=text(attributes.get(semconv.ISSUE_PREVENTION)),
        by=text(attributes.get(semconv.STATED_BY)),
    )


def _learning(attributes: Attributes) -> tuple[str, dict[str, Any]]:
    return "learning", _stated(
        insights_gained=texts(attributes.get(semconv.LEARNING_INSIGHTS)),
        process_improvements=texts(attributes.get(semconv.LEARNING_IMPROVEMENTS)),
        agent_performance=text(attributes.get(semconv.LEARNING_PERFORMANCE)),
        recommendation_for_future=text(attributes.get(semconv.LEARNING_RECOMMENDATION)),
        by=text(attributes.get(semconv.STATED_BY)),
    )


def _error(attributes: Attributes) -> tuple[str, dict[str, Any]]:
    return "error", _stated(
        type=text(attributes.get(semconv.EXCEPTION_TYPE)) or text(attributes.get(semconv.ERROR_TYPE)),
        message=text(attributes.get(semconv.EXCEPTION_MESSAGE)) or text(attributes.get(semconv.ERROR_MESSAGE)),
        stack=_stack(attributes.get(semconv.EXCEPTION_STACKTRACE)),
        recovery_action=text(attributes.get(semconv.ERROR_RECOVERY_ACTION)),
    )


def _stack(value: object) -> str | None:
    """A stack trace: of a long one its beginning and, as what was raised stands there, more of its end."""
    if not isinstance(value, str) or len(value) <= MAX_STACK:
        return value if isinstance(value, str) else None
    head = MAX_STACK // 4
    return f"{value[:head]}{_CUT}{value[head + len(_CUT) - MAX_STACK :]}"


def _stated(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


_READERS: Final[Mapping[str, Callable[[Attributes], tuple[str, dict[str, Any]]]]] = {
    semconv.GEN_AI_EVALUATION_RESULT: _evaluation,
    semconv.EVENT_ISSUE: _issue,
    semconv.EVENT_LEARNING: _learning,
    semconv.EVENT_EXCEPTION: _error,
    semconv.EVENT_OTEL_EXCEPTION: _error,
}
#: The names of events that are notes.
NAMES: Final = frozenset(_READERS)
#: As they stand in a JSON list of events.
_ENCODED_NAMES: Final = tuple(orjson.dumps(name) for name in NAMES)
