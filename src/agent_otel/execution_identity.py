"""Who an execution is: the ids by which spans, rows and other processes know it."""

from opentelemetry.trace import Span

from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.errors import AgentOtelError
from agent_otel.execution_start import Started
from agent_otel.intent import Intent
from agent_otel.open_execution import OpenExecution
from agent_otel.scope import Scope


class ExecutionIdentity(Scope):
    """What is fixed from the moment of its start; empty before."""

    __slots__ = ("_intent", "_started")

    def __init__(self, intent: Intent) -> None:
        super().__init__()
        self._intent = intent
        self._started: Started | None = None

    def __repr__(self) -> str:
        return f"execution({self._intent.agent!r})"

    @property
    def record(self) -> OpenExecution:
        """Where the execution stands. Raises AgentOtelError before it has begun."""
        return self._begun().record

    @property
    def execution_id(self) -> str:
        """The execution's UUID; empty before it has begun. From here on other processes can find it by its file."""
        if self._started is None:
            return ""
        self._reveal(self._started)
        return self._started.record.execution_id

    @property
    def correlation_id(self) -> str:
        """As given, else the trace id in the spelling of a UUID; empty before it has begun."""
        return self._started.record.correlation_id if self._started else ""

    @property
    def session_id(self) -> str:
        """The session; empty before it has begun."""
        return self._started.record.session_id if self._started else ""

    @property
    def trace_id(self) -> str:
        """32 hex digits; empty before it has begun."""
        return f"{self._started.record.trace_id:032x}" if self._started else ""

    @property
    def span_id(self) -> str:
        """16 hex digits; empty before it has begun."""
        return f"{self._started.record.span_id:016x}" if self._started else ""

    @property
    def traceparent(self) -> str:
        """W3C traceparent that makes another span a child of this execution; empty before it has begun."""
        return f"00-{self.trace_id}-{self.span_id}-{self.record.trace_flags:02x}" if self._started else ""

    @property
    def span(self) -> Span:
        """The OTel span, for attributes of your own. Raises AgentOtelError before the execution has begun."""
        return self._begun().span

    @property
    def baggage(self) -> dict[str, str]:
        """What travels to other processes besides the trace: ids only."""
        return {s.EXECUTION_ID: self.execution_id, s.SESSION_ID: self.session_id} if self._started else {}

    @property
    def step_attributes(self) -> dict[str, Value]:
        """What each step of this execution carries."""
        return self._started.step_attributes if self._started else {}

    def _begun(self) -> Started:
        if self._started is None:
            raise AgentOtelError(f"{self!r} has not begun; use it in a `with` block, or call begin()")
        return self._started

    def _reveal(self, running: Started) -> None:
        """Have the file in the state folder before the id leaves; otherwise the background makes it, within 100 ms."""
        if self._context is not None and running.client.enabled:
            running.client.folder.add(running.record)
