"""Something said about an execution that stands beside its other facts: the event that it becomes."""

from typing import NamedTuple

from agent_otel import content, otlp_json
from agent_otel.attribute_value import Value
from agent_otel.execution_events import ExecutionEvents


class Statement(NamedTuple):
    """`summary` holds no text that a capture mode keeps back; `rejected`: what was given with it and is no use."""

    event: str
    summary: str
    attributes: dict[str, Value]
    rejected: dict[str, object]
    severity: int = otlp_json.SEVERITY_INFO


def send(said: Statement, events: ExecutionEvents, agent: str, time_ns: int, *, on_span: bool) -> None:
    """Send it. `agent`: the name, for people; time in ns."""
    body = f"{agent or 'execution'}: {said.summary}"
    events.send(said.event, body, said.attributes, time_ns=time_ns, severity=said.severity, on_span=on_span)


def stated_texts(values: dict[str, object]) -> dict[str, Value]:
    """The texts that were given, by attribute; any other object as JSON."""
    return {name: content.as_text(value) for name, value in values.items() if value is not None}
