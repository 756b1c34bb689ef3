"""An issue: something that went wrong in an execution, or deserves a look."""

from typing import Final, NamedTuple

from agent_otel import failure, otlp_json
from agent_otel import semconv as s
from agent_otel.rejected_values import RejectedValues
from agent_otel.statement import Statement, stated_texts

_SEVERITY: Final = dict(
    zip(s.ISSUE_TYPES, (otlp_json.SEVERITY_ERROR, otlp_json.SEVERITY_WARN, otlp_json.SEVERITY_INFO), strict=True)
)


class Issue(NamedTuple):
    """The arguments of `Execution.issue`; see there."""

    description: object
    type: str
    impact: object
    resolution: object
    prevention: object
    by: str | None


def statement(given: Issue) -> Statement:
    """The event of an issue; one whose type is none is an ERROR, as one without."""
    rejected = RejectedValues("issue")
    kind = rejected.label("type", given.type, s.ISSUE_TYPES) or s.ISSUE_TYPES[0]
    told = stated_texts(
        {
            s.ISSUE_TYPE: kind,
            s.ISSUE_DESCRIPTION: _described(given.description),
            s.ISSUE_IMPACT: given.impact,
            s.ISSUE_RESOLUTION: given.resolution,
            s.ISSUE_PREVENTION: given.prevention,
            s.STATED_BY: given.by,
        }
    )
    attributes = {**told, **rejected.attributes()}
    return Statement(s.EVENT_ISSUE, f"issue: {kind}", attributes, rejected.kept, _SEVERITY[kind])


def _described(given: object) -> object:
    if isinstance(given, BaseException):
        return f"{failure.error_type(given)}: {failure.error_message(given)}"
    return given
