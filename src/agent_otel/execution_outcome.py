"""What is only known of an execution while it runs and at its end: gathered until its completion event and its span."""

from collections.abc import Iterable

from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, text, texts
from agent_otel.intent import Intent
from agent_otel.model import Status
from agent_otel.rejected_values import REJECTED


class ExecutionOutcome:
    """`facts`: single values, the last one told holds; `verdict`: the last one, for the span only."""

    __slots__ = ("_lists", "_rejected", "error", "facts", "metadata", "status", "verdict")

    def __init__(self, intent: Intent) -> None:
        self.facts: dict[str, Value] = {}
        self.verdict: dict[str, Value] = {}
        self.metadata: dict[str, object] = dict(intent.metadata or {})
        self.status: Status | None = None
        self.error: tuple[str | None, str] | None = None
        self._lists: dict[str, dict[str, None]] = {}
        self._rejected: dict[str, object] = {}
        if intent.criteria:
            self.add(s.SUCCESS_CRITERIA, intent.criteria)

    def add(self, name: str, members: Iterable[object]) -> None:
        """Add to a list of texts; a member that is a list itself stands for its members."""
        for member in members:
            self._lists.setdefault(name, {}).update(dict.fromkeys(texts(member)))

    def listed(self, name: str) -> list[str]:
        """The members of a list so far."""
        return list(self._lists.get(name, ()))

    def reject(self, values: dict[str, object]) -> None:
        """Keep what was given and is no use; of one name, one behind the other."""
        for name, value in values.items():
            self._rejected[name] = f"{self._rejected[name]} {texts([value])[0]}" if name in self._rejected else value

    def conclude(self, status: Status, error_type: str | None = None, message: str | None = None) -> None:
        """Say how it ends; the last word holds."""
        self.status = status
        self.error = None if message is None else (error_type, text(str(message)))

    def attributes(self) -> dict[str, Value]:
        """What the completion event and the span say."""
        final: dict[str, Value] = {s.EXECUTION_STATUS: self.status or "success", **self.facts}
        if self.error is not None:
            kind, message = self.error
            if kind is not None:
                final[s.ERROR_TYPE] = text(str(kind))
            final[s.ERROR_MESSAGE] = message
        if self._rejected:
            given = self.metadata.get(REJECTED)
            self.metadata[REJECTED] = {**(given if isinstance(given, dict) else {}), **self._rejected}
        if self.metadata:
            final[s.METADATA] = json_text(self.metadata)
        for name, members in list(self._lists.items()):  # other threads may still tell
            final[name] = list(members)
        return final
