"""A verdict: whether what came of an execution matches what was expected."""

from collections.abc import Sequence
from typing import NamedTuple

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, texts
from agent_otel.rejected_values import RejectedValues
from agent_otel.statement import Statement, stated_texts


class Verdict(NamedTuple):
    """The arguments of `agent_otel.verify`; see there."""

    status: str
    expected_vs_actual: object = None
    criteria_met: Sequence[str] = ()
    criteria_failed: Sequence[str] = ()
    confidence: float | None = None
    manual_required: bool | None = None
    by: str | None = None


def statement(given: Verdict) -> tuple[Statement, dict[str, Value]]:
    """The event of a verdict, and what the execution's span says of it: nothing when its status is none.

    The event tells such a status as it was given, which makes it an evaluation like any other, and no verdict.
    """
    rejected = RejectedValues("verification")
    status = rejected.label("status", given.status, s.VERDICTS)
    details = _details(given, rejected)
    attributes: dict[str, Value] = {
        s.GEN_AI_EVALUATION_NAME: s.EVALUATION_VERIFICATION,
        s.GEN_AI_EVALUATION_SCORE_LABEL: status or content.as_text(given.status),
        **details,
        **stated_texts({s.STATED_BY: given.by, s.GEN_AI_EVALUATION_EXPLANATION: given.expected_vs_actual}),
        **rejected.attributes(),
    }
    summary = f"verification: {status}" if status else "evaluation: verification"
    said = Statement(s.GEN_AI_EVALUATION_RESULT, summary, attributes, rejected.kept)
    return said, {s.VERIFICATION_STATUS: status, **details} if status else {}


def _details(given: Verdict, rejected: RejectedValues) -> dict[str, Value]:
    """What is said of a verdict besides its status."""
    found: dict[str, Value] = {**stated_texts({s.EXPECTED_VS_ACTUAL: given.expected_vs_actual})}
    for name, criteria in ((s.CRITERIA_MET, given.criteria_met), (s.CRITERIA_FAILED, given.criteria_failed)):
        if told := texts(criteria):
            found[name] = told
    if given.confidence is not None:
        confidence = rejected.fraction("confidence", given.confidence)
        if confidence is not None:
            found[s.VERIFICATION_CONFIDENCE] = confidence
    if given.manual_required is not None:
        manual = rejected.flag("manual_required", given.manual_required)
        if manual is not None:
            found[s.VERIFICATION_MANUAL] = manual
    return found
