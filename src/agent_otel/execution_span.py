"""An execution: one run of an agent, as a span, with lifecycle events that leave at once."""

from typing import Final, Self, Unpack

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span

from agent_otel import content, failure, measured_step, otlp_json
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, text
from agent_otel.errors import AgentOtelError
from agent_otel.execution_end import finish
from agent_otel.execution_start import Started, start
from agent_otel.guard import guarded
from agent_otel.intent import Intent
from agent_otel.measured_step import StepDetails
from agent_otel.model import Status
from agent_otel.open_execution import OpenExecution
from agent_otel.propagation import EXECUTION_KEY
from agent_otel.scope import Scope
from agent_otel.usage import cost_attributes, in_range, token_attributes

#: Span events of progress on one span (SDKs keep 128 of all kinds); further progress is sent as log records only.
MAX_PROGRESS_SPAN_EVENTS: Final = 100


class Execution(Scope):
    """One run of an agent. Made by `agent_otel.execution`; usable with ``with``, ``async with`` and as a decorator."""

    __slots__ = (
        *("_error", "_files", "_final", "_intent", "_metadata", "_progress_count", "_recorded", "_started", "_status"),
    )

    def __init__(self, arguments: Intent) -> None:
        super().__init__()
        self._intent = arguments
        self._started: Started | None = None
        self._reset()

    def _reset(self) -> None:
        self._final: dict[str, Value] = {}
        self._metadata: dict[str, object] = dict(self._intent.metadata or {})
        self._files: dict[str, None] = {}
        self._status: Status | None = None
        self._error: tuple[str | None, str] | None = None
        self._recorded: BaseException | None = None
        self._progress_count = 0

    def __repr__(self) -> str:
        return f"execution({self._intent.agent!r})"

    # --- identity ------------------------------------------------------------------------------------------------

    @property
    def record(self) -> OpenExecution:
        """Where the execution stands. Raises AgentOtelError before it has begun."""
        return self._open().record

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
        return self._open().span

    @property
    def baggage(self) -> dict[str, str]:
        """What travels to other processes besides the trace: ids only."""
        return {s.EXECUTION_ID: self.execution_id, s.SESSION_ID: self.session_id} if self._started else {}

    @property
    def step_attributes(self) -> dict[str, Value]:
        """What each step of this execution carries."""
        return self._started.step_attributes if self._started else {}

    # --- while it runs -------------------------------------------------------------------------------------------

    @guarded
    def progress(self, stage: str, percent: float | None = None, **metadata: object) -> None:
        """Say how far it is: a stage, `percent` from 0 to 100, and anything worth keeping (merged by key)."""
        running = self._open()
        self._final[s.PROGRESS_STAGE] = text(str(stage))
        attributes: dict[str, Value] = {s.PROGRESS_STAGE: self._final[s.PROGRESS_STAGE]}
        number = None if percent is None else in_range("percent", percent, 0, 100)
        if number is not None:
            self._final[s.PROGRESS_PERCENT] = attributes[s.PROGRESS_PERCENT] = number
        if metadata:
            self._metadata.update(metadata)
            attributes[s.METADATA] = json_text(metadata)
        self._progress_count += 1
        running.events.send(
            s.EVENT_PROGRESS,
            f"{running.record.agent_name}: {stage}"
            if number is None
            else f"{running.record.agent_name}: {stage} {number:g} %",
            attributes,
            time_ns=running.client.clock(),
            on_span=self._progress_count <= MAX_PROGRESS_SPAN_EVENTS,
        )

    @guarded
    def beat(self) -> None:
        """Say that it still runs. The client does so by itself, every 60 s by default."""
        running = self._open()
        running.events.send(
            s.EVENT_HEARTBEAT, f"{running.record.agent_name} is running", {}, time_ns=running.client.clock()
        )

    @guarded
    def record_error(self, error: BaseException | str, recovery_action: str | None = None) -> None:
        """Record an error that was handled; the execution does not fail by it."""
        self._record_error(error, recovery_action)

    @guarded
    def log_step(self, tool: str, **details: Unpack[StepDetails]) -> None:
        """Add a step that was measured elsewhere; see `agent_otel.log_step`."""
        running = self._open()
        measured_step.send(running.client, running.record, tool, **details)

    # --- how it ends ---------------------------------------------------------------------------------------------

    @guarded
    def result(self, value: object) -> None:
        """Keep what the agent answered: a text, or any object, as JSON."""
        self._final.update(content.output_facts(value))

    @guarded
    def quality_score(self, score: float) -> None:
        """How good the result is, 0.0 to 1.0."""
        number = in_range("quality_score", score, 0.0, 1.0)
        if number is not None:
            self._final[s.QUALITY_SCORE] = number

    @guarded
    def tokens(
        self,
        input: int | None = None,  # noqa: A002 - the public spelling
        output: int | None = None,
        *,
        cache_read: int | None = None,
        cache_creation: int | None = None,
        total: int | None = None,
    ) -> None:
        """The execution's own tokens, steps included; the last call holds. `input` includes cached tokens."""
        given = token_attributes(
            input=input, output=output, cache_read=cache_read, cache_creation=cache_creation, total=total
        )
        self._final.update(given)

    @guarded
    def cost(self, usd: float) -> None:
        """The execution's own cost in US dollars, steps included; the last call holds."""
        self._final.update(cost_attributes(usd))

    @guarded
    def metadata(self, **values: object) -> None:
        """Keep anything else, merged by key; sent with the end."""
        self._metadata.update(values)

    @guarded
    def files_modified(self, *paths: str) -> None:
        """Name files that the agent changed; calls add up."""
        self._files.update((text(str(path)), None) for path in paths)

    @guarded
    def partial(self, reason: str | None = None) -> None:
        """The execution did a part of its task."""
        self._conclude("partial", reason)

    @guarded
    def cancelled(self, reason: str | None = None) -> None:
        """The execution was told to stop."""
        self._conclude("cancelled", reason)

    @guarded
    def fail(self, error: BaseException | str, error_type: str | None = None) -> None:
        """The execution failed. `error_type`: a low-cardinality class when `error` is a text."""
        if isinstance(error, BaseException):
            self._record_error(error, None)
        self._status = "error"
        self._error = (error_type or failure.error_type(error), failure.error_message(error))

    # --- inside --------------------------------------------------------------------------------------------------

    def _fresh(self) -> Self:
        return type(self)(self._intent)

    def _open(self) -> Started:
        if self._started is None:
            raise AgentOtelError(f"{self!r} has not begun; use it in a `with` block, or call begin()")
        return self._started

    def _reveal(self, running: Started) -> None:
        """Have the file in the state folder before the id leaves; otherwise the background makes it, within 100 ms."""
        if self._context is not None and running.client.enabled:
            running.client.folder.add(running.record)

    def _start(self) -> Context:
        self._reset()
        enclosing = running_execution(otel_context.get_current())
        self._started, context = start(self._intent, enclosing.record if enclosing else None)
        self._started.client.running[self._started.record.execution_id] = self
        return otel_context.set_value(EXECUTION_KEY, self, context)

    def _conclude(self, status: Status, reason: str | None) -> None:
        self._status = status
        self._error = None if reason is None else (None, text(str(reason)))

    def _record_error(self, error: BaseException | str, recovery_action: str | None) -> None:
        if isinstance(error, BaseException):
            if error is self._recorded:
                return
            self._recorded = error
        running = self._open()
        attributes = failure.exception_attributes(error)
        if recovery_action is not None:
            attributes[s.ERROR_RECOVERY_ACTION] = text(str(recovery_action))
        running.events.send(
            s.EVENT_EXCEPTION,
            f"{running.record.agent_name}: {attributes[s.EXCEPTION_TYPE]}",
            attributes,
            time_ns=running.client.clock(),
            severity=otlp_json.SEVERITY_ERROR,
            on_span=True,
        )

    def _escaped(self, error: BaseException) -> None:
        """What an exception means that left the block."""
        if failure.is_clean_exit(error):
            return
        if failure.is_cancellation(error):
            if self._status is None:
                self._conclude("cancelled", failure.error_type(error))
            return
        self._record_error(error, None)
        if self._status != "error":
            self._status = "error"
            self._error = (failure.error_type(error), failure.error_message(error))

    def _finish(self, error: BaseException | None) -> None:
        running = self._open()
        ended = running.client.clock()
        if error is not None:
            self._escaped(error)
        finish(running, self._final_facts(), ended)

    def _final_facts(self) -> dict[str, Value]:
        final: dict[str, Value] = {s.EXECUTION_STATUS: self._status or "success", **self._final}
        if self._error is not None:
            kind, message = self._error
            if kind is not None:
                final[s.ERROR_TYPE] = text(str(kind))
            final[s.ERROR_MESSAGE] = message
        if self._metadata:
            final[s.METADATA] = json_text(self._metadata)
        if self._files:
            final[s.FILES_MODIFIED] = list(self._files)
        return final


def running_execution(context: Context) -> Execution | None:
    """The execution in whose block, or under whose propagated context, the caller runs."""
    found = context.get(EXECUTION_KEY)
    return found if isinstance(found, Execution) else None
