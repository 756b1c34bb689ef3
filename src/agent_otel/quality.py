"""The quality of an execution's result, in labels."""

from collections.abc import Iterator, Mapping
from typing import Final

from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.rejected_values import RejectedValues
from agent_otel.statement import Statement, stated_texts

_LABELS: Final = {
    "completeness": s.QUALITY_COMPLETENESS,
    "accuracy": s.QUALITY_ACCURACY,
    "efficiency": s.QUALITY_EFFICIENCY,
}
_ADHERENCE: Final = "adherence"
#: Names of evaluations, where they are not the last part of the attribute.
_SCORE: Final = "quality"


def labels(given: Mapping[str, object], rejected: RejectedValues) -> dict[str, Value]:
    """The labels as attributes of the execution; adherence is a text of any form."""
    found = stated_texts({s.QUALITY_ADHERENCE: given.get(_ADHERENCE)})
    for argument, attribute in _LABELS.items():
        value = given.get(argument)
        label = None if value is None else rejected.label(argument, value, s.QUALITY_LABELS)
        if label is not None:
            found[attribute] = label
    return found


def statements(attributes: Mapping[str, Value], rejected: RejectedValues) -> Iterator[Statement]:
    """The same, once the execution is over: an evaluation each."""
    for attribute, value in attributes.items():
        is_score = attribute == s.QUALITY_SCORE
        name = _SCORE if is_score else attribute.rpartition(".")[2]
        told = s.GEN_AI_EVALUATION_SCORE_VALUE if is_score else s.GEN_AI_EVALUATION_SCORE_LABEL
        yield _evaluation(name, {told: value})
    if rejected.kept:
        yield _evaluation("quality_rejected", rejected.attributes())


def _evaluation(name: str, told: dict[str, Value]) -> Statement:
    attributes: dict[str, Value] = {s.GEN_AI_EVALUATION_NAME: name, **told}
    return Statement(s.GEN_AI_EVALUATION_RESULT, f"evaluation: {name}", attributes, {})
