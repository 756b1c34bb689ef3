"""The quality of an execution's result, in labels."""

from collections.abc import Iterator, Mapping
from typing import Final

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.rejected_values import RejectedValues
from agent_otel.statement import Statement, stated_texts

_LABELS: Final = {
    "completeness": s.QUALITY_COMPLETENESS,
    "accuracy": s.QUALITY_ACCURACY,
    "efficiency": s.QUALITY_EFFICIENCY,
}
#: The helpers' name, and that of the evaluation that a score is.
QUALITY: Final = "quality"


def labels(given: Mapping[str, object], rejected: RejectedValues) -> dict[str, Value]:
    """The labels as attributes of the execution; adherence is a text of any form."""
    found = stated_texts({s.QUALITY_ADHERENCE: given.get("adherence")})
    for argument, attribute in _LABELS.items():
        value = given.get(argument)
        label = None if value is None else rejected.label(argument, value, s.QUALITY_LABELS)
        if label is not None:
            found[attribute] = label
    return found


def statements(told: Mapping[str, Value], rejected: RejectedValues) -> Iterator[Statement]:
    """The same, once the execution is over: an evaluation each, with a label as it was given where it is no use."""
    for attribute, value in told.items():
        if attribute == s.QUALITY_SCORE:
            yield _evaluation(QUALITY, {s.GEN_AI_EVALUATION_SCORE_VALUE: value})
        else:
            yield _evaluation(attribute.rpartition(".")[2], {s.GEN_AI_EVALUATION_SCORE_LABEL: value})
    for name, given in rejected.kept.items():
        label = {s.GEN_AI_EVALUATION_SCORE_LABEL: content.as_text(given), **rejected.attributes()}
        yield _evaluation(_LABELS.get(name.removeprefix(f"{QUALITY}_"), QUALITY).rpartition(".")[2], label)


def _evaluation(name: str, told: dict[str, Value]) -> Statement:
    attributes: dict[str, Value] = {s.GEN_AI_EVALUATION_NAME: name, **told}
    return Statement(s.GEN_AI_EVALUATION_RESULT, f"evaluation: {name}", attributes, {})
