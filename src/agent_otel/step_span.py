"""A step: one tool call, model call, decision, milestone or recovery of an execution, as a span."""

from typing import Self

from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode, set_span_in_context

from agent_otel import failure, redaction, step_intent
from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.client import Client
from agent_otel.errors import AgentOtelError
from agent_otel.execution_span import running_execution
from agent_otel.guard import guarded, warn_once
from agent_otel.lineage import ambient_context
from agent_otel.measured_step import checked, named_span_id, outcome_attributes, span_kind
from agent_otel.model import Capture
from agent_otel.provider import get_client
from agent_otel.scope import Scope
from agent_otel.step_intent import StepIntent
from agent_otel.usage import cost_attributes, token_attributes


class Step(Scope):
    """One step. Made by `agent_otel.step`; usable with ``with``, ``async with`` and as a decorator."""

    __slots__ = ("_asked", "_cancelled", "_client", "_error", "_final", "_observation", "_span", "_success")

    def __init__(self, asked: StepIntent) -> None:
        super().__init__()
        self._asked = checked(asked)
        self._client: Client | None = None
        self._span: Span | None = None
        self._reset()

    def _reset(self) -> None:
        self._final: dict[str, Value] = {}
        self._observation: str | None = None
        self._success = True
        self._cancelled = False
        self._error: str | BaseException | None = None

    def __repr__(self) -> str:
        return f"step({self._asked.name!r})"

    @property
    def span(self) -> Span:
        """The OTel span, for attributes of your own. Raises AgentOtelError before the step has begun."""
        if self._span is None:
            raise AgentOtelError(f"{self!r} has not begun; use it in a `with` block, or call begin()")
        return self._span

    @property
    def span_id(self) -> str:
        """16 hex digits; empty before it has begun."""
        return f"{self._span.get_span_context().span_id:016x}" if self._span else ""

    @guarded
    def output(self, value: object) -> None:
        """Keep what the tool or the model gave back: a text, or any object, as JSON. Not kept of a failed step."""
        self._final.update(step_intent.output_attributes(self._asked, value))

    @guarded
    def observation(self, outcome: str) -> None:
        """The outcome in a sentence."""
        self._observation = outcome

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
        """Tokens of a model call; `input` includes cached tokens. The last call holds."""
        given = token_attributes(
            input=input, output=output, cache_read=cache_read, cache_creation=cache_creation, total=total
        )
        self._final.update(given)

    @guarded
    def cost(self, usd: float) -> None:
        """Cost in US dollars; the last call holds."""
        self._final.update(cost_attributes(usd))

    @guarded
    def fail(self, error: BaseException | str) -> None:
        """The step failed; the execution does not fail by it."""
        self._success = False
        self._error = error

    def _fresh(self) -> Self:
        return type(self)(self._asked)

    def _start(self) -> Context:
        self._reset()
        asked = self._asked
        client = get_client()
        context = ambient_context(client.root_context)
        execution = running_execution(context)
        attributes = step_intent.attributes(asked)
        span_id = None
        if execution is None:
            warn_once(f"agent_otel: {self!r} is outside any execution: its span is kept and belongs to none")
        else:
            attributes.update(execution.step_attributes)
            span_id = named_span_id(execution.record.execution_id, asked)
        name, kind = step_intent.span_name(asked), span_kind(asked)
        span = client.start_span(name, kind, context, attributes, client.clock(), span_id=span_id)
        self._client, self._span = client, span
        return set_span_in_context(span, context)

    def _finish(self, error: BaseException | None) -> None:
        client, span = self._client, self.span
        if client is None:
            return
        ended, capture = client.clock(), client.settings.capture
        if error is not None and not failure.is_clean_exit(error):
            self._escaped(error, ended, capture)
        final = self._final
        if not self._success:
            for name in _ONLY_OF_SUCCESS:
                final.pop(name, None)
            if not self._cancelled:
                message = failure.error_message(self._error or "")
                span.set_status(StatusCode.ERROR, redaction.error_text(message, capture))
        final.update(outcome_attributes(self._asked.kind, self._success, self._error, self._observation))
        if final:
            span.set_attributes(redaction.clean(final, capture))
        span.end(ended)

    def _escaped(self, error: BaseException, ended: int, capture: Capture) -> None:
        """What an exception means that left the block: a failure, unless the step was told to stop."""
        self._success = False
        if failure.is_cancellation(error):
            self._cancelled = True
            self._observation = self._observation or f"cancelled: {failure.error_type(error)}"
            return
        self._error = error
        attributes = redaction.clean(failure.exception_attributes(error), capture)
        self.span.add_event("exception", attributes, ended)


#: A failed step has no result (GenAI semantic conventions).
_ONLY_OF_SUCCESS = (s.GEN_AI_TOOL_CALL_RESULT, s.GEN_AI_OUTPUT_MESSAGES)
