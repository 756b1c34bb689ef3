"""Learning: what an execution taught, for the executions after it."""

from collections.abc import Sequence
from typing import NamedTuple

from agent_otel import semconv as s
from agent_otel.attribute_value import texts
from agent_otel.statement import Statement, stated_texts


class Learning(NamedTuple):
    """The arguments of `Execution.learning`; see there."""

    insights: Sequence[str]
    improvements: Sequence[str]
    agent_performance: object
    recommendation: object
    by: str | None


def statement(given: Learning) -> Statement | None:
    """The event of what was learned; None for nothing."""
    told = stated_texts(
        {s.LEARNING_PERFORMANCE: given.agent_performance, s.LEARNING_RECOMMENDATION: given.recommendation}
    )
    lists = {s.LEARNING_INSIGHTS: texts(given.insights), s.LEARNING_IMPROVEMENTS: texts(given.improvements)}
    attributes = {**{name: members for name, members in lists.items() if members}, **told}
    if not attributes:
        return None
    return Statement(s.EVENT_LEARNING, "learning", {**attributes, **stated_texts({s.STATED_BY: given.by})}, {})
