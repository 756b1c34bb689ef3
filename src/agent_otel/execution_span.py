"""An execution: one run of an agent, as a span, with lifecycle events that leave at once."""

from collections.abc import Sequence
from typing import Final, Self, Unpack

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from agent_otel import failure, issue, learning, measured_step, otlp_json, quality, statement, verdict
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, text
from agent_otel.execution_end import finish
from agent_otel.execution_outcome import ExecutionOutcome
from agent_otel.execution_results import ExecutionResults
from agent_otel.execution_start import start
from agent_otel.guard import guarded
from agent_otel.intent import Intent
from agent_otel.issue import Issue
from agent_otel.learning import Learning
from agent_otel.measured_step import StepDetails
from agent_otel.propagation import EXECUTION_KEY
from agent_otel.rejected_values import RejectedValues
from agent_otel.resource_usage import ResourceUsage
from agent_otel.statement import Statement
from agent_otel.tracked_folder import TrackedFolder
from agent_otel.usage import in_range
from agent_otel.verdict import Verdict

#: Span events on one span (SDKs keep 128 of all kinds); what is beyond is sent as log records only.
MAX_PROGRESS_SPAN_EVENTS: Final = 100
MAX_STATEMENT_SPAN_EVENTS: Final = 20


class Execution(ExecutionResults):
    """One run of an agent. Made by `agent_otel.execution`; usable with ``with``, ``async with`` and as a decorator."""

    __slots__ = ("_folder", "_progress_count", "_recorded", "_statement_count", "_usage")

    def __init__(self, arguments: Intent) -> None:
        super().__init__(arguments)
        self._reset()

    def _reset(self) -> None:
        self._outcome = ExecutionOutcome(self._intent)
        self._recorded: BaseException | None = None
        self._progress_count = self._statement_count = 0
        self._usage: ResourceUsage | None = None
        self._folder: TrackedFolder | None = None

    # --- while it runs -------------------------------------------------------------------------------------------

    @guarded
    def progress(self, stage: str, percent: float | None = None, **metadata: object) -> None:
        """Say how far it is: a stage, `percent` from 0 to 100, and anything worth keeping (merged by key)."""
        running, outcome = self._begun(), self._outcome
        told: dict[str, Value] = {s.PROGRESS_STAGE: text(str(stage))}
        number = None if percent is None else in_range("percent", percent, 0, 100)
        if number is not None:
            told[s.PROGRESS_PERCENT] = number
        outcome.facts.update(told)
        if metadata:
            outcome.metadata.update(metadata)
            told[s.METADATA] = json_text(metadata)
        if criteria := outcome.listed(s.SUCCESS_CRITERIA):
            told[s.SUCCESS_CRITERIA] = criteria
        self._progress_count += 1
        running.events.send(
            s.EVENT_PROGRESS,
            f"{running.record.agent_name}: {stage}"
            if number is None
            else f"{running.record.agent_name}: {stage} {number:g} %",
            told,
            time_ns=running.client.clock(),
            on_span=self._progress_count <= MAX_PROGRESS_SPAN_EVENTS,
        )

    @guarded
    def beat(self) -> None:
        """Say that it still runs. The client does so by itself, every 60 s by default."""
        running = self._begun()
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
        running = self._begun()
        measured_step.send(running.client, running.record, tool, **details)

    @guarded
    def criteria(self, *texts: str) -> None:
        """Add success criteria that were not known at the start; SQL shows them as added later."""
        self._outcome.add(s.SUCCESS_CRITERIA, texts)

    # --- what is said about it, while it runs or any time later ---------------------------------------------------

    @guarded
    def verification(
        self,
        status: str,
        expected_vs_actual: str | None = None,
        *,
        criteria_met: Sequence[str] = (),
        criteria_failed: Sequence[str] = (),
        confidence: float | None = None,
        manual_required: bool | None = None,
        by: str | None = None,
    ) -> None:
        """Give a verdict, MATCH, PARTIAL, MISMATCH or ERROR, also after the end; see `agent_otel.verify`."""
        said, on_span = verdict.statement(
            Verdict(status, expected_vs_actual, criteria_met, criteria_failed, confidence, manual_required, by)
        )
        self._say(said, on_span=True)
        if on_span:
            self._outcome.verdict = on_span

    @guarded
    def quality(
        self,
        completeness: str | None = None,
        accuracy: str | None = None,
        efficiency: str | None = None,
        adherence: str | float | None = None,
    ) -> None:
        """Label the result HIGH, MEDIUM or LOW; `adherence` to standards in any form. The last label told holds."""
        rejected = RejectedValues(quality.QUALITY)
        given = {"completeness": completeness, "accuracy": accuracy, "efficiency": efficiency, "adherence": adherence}
        self._rate(quality.labels(given, rejected), rejected)

    @guarded
    def quality_score(self, score: float) -> None:
        """How good the result is, 0.0 to 1.0."""
        rejected = RejectedValues(quality.QUALITY)
        number = rejected.fraction("score", score)
        self._rate({} if number is None else {s.QUALITY_SCORE: number}, rejected)

    @guarded
    def issue(
        self,
        description: str | BaseException,
        type: str = "ERROR",  # noqa: A002 - the public spelling
        *,
        impact: str | None = None,
        resolution: str | None = None,
        prevention: str | None = None,
        by: str | None = None,
    ) -> None:
        """Report an issue: an ERROR, a WARNING or an INFO. `by`: who says so, when it is not the agent itself."""
        self._say(issue.statement(Issue(description, type, impact, resolution, prevention, by)))

    @guarded
    def learning(
        self,
        insights: Sequence[str] = (),
        improvements: Sequence[str] = (),
        agent_performance: str | None = None,
        recommendation: str | None = None,
        by: str | None = None,
    ) -> None:
        """Keep what it taught: insights gained, process improvements, how capable the agent was, advice."""
        said = learning.statement(Learning(insights, improvements, agent_performance, recommendation, by))
        if said is not None:
            self._say(said)

    # --- how it fails --------------------------------------------------------------------------------------------

    @guarded
    def fail(self, error: BaseException | str, error_type: str | None = None) -> None:
        """The execution failed. `error_type`: a low-cardinality class when `error` is a text."""
        if isinstance(error, BaseException):
            self._record_error(error, None)
        self._outcome.conclude("error", error_type or failure.error_type(error), failure.error_message(error))

    # --- inside --------------------------------------------------------------------------------------------------

    def _fresh(self) -> Self:
        return type(self)(self._intent)

    def _start(self) -> Context:
        self._reset()
        enclosing = running_execution(otel_context.get_current())
        running, context = start(self._intent, enclosing.record if enclosing else None)
        self._started = running
        running.client.running[running.record.execution_id] = self
        if self._intent.track_files is not None and running.client.enabled:
            self._folder = TrackedFolder(self._intent.track_files, running.client.settings.state_dir)
        self._usage = running.client.resource_usage() if running.client.resource_usage else None
        return otel_context.set_value(EXECUTION_KEY, self, context)

    def _say(self, said: Statement, *, on_span: bool = False) -> None:
        """Send what is said, on the span too as long as that is open and has room."""
        running = self._begun()
        self._outcome.reject(said.rejected)
        if not on_span:
            self._statement_count += 1
            on_span = self._statement_count <= MAX_STATEMENT_SPAN_EVENTS
        is_open = running.span.is_recording()
        name, now = running.record.agent_name, running.client.clock()
        statement.send(said, running.events, name, now, on_span=on_span and is_open)

    def _rate(self, told: dict[str, Value], rejected: RejectedValues) -> None:
        """With the end while it runs, as evaluations once it is over."""
        self._begun()
        if self._context is not None:
            self._outcome.facts.update(told)
            self._outcome.reject(rejected.kept)
            return
        for said in quality.statements(told, rejected):
            self._say(said)

    def _record_error(self, error: BaseException | str, recovery_action: str | None) -> None:
        if isinstance(error, BaseException):
            if error is self._recorded:
                return
            self._recorded = error
        running = self._begun()
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
        outcome = self._outcome
        if failure.is_clean_exit(error):
            return
        if failure.is_cancellation(error):
            if outcome.status is None:
                outcome.conclude("cancelled", None, failure.error_type(error))
            return
        self._record_error(error, None)
        if outcome.status != "error":
            outcome.conclude("error", failure.error_type(error), failure.error_message(error))

    def _finish(self, error: BaseException | None) -> None:
        running, outcome = self._begun(), self._outcome
        ended = running.client.clock()
        if error is not None:
            self._escaped(error)
        if self._usage is not None:
            outcome.facts.update(self._usage.attributes())
        if self._folder is not None:
            outcome.add(s.FILES_MODIFIED, self._folder.modified())
        finish(running, outcome.attributes(), outcome.verdict, ended)


def running_execution(context: Context) -> Execution | None:
    """The execution in whose block, or under whose propagated context, the caller runs."""
    found = context.get(EXECUTION_KEY)
    return found if isinstance(found, Execution) else None
