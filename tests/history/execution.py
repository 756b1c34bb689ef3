"""What happened in one execution: the one source of both what is sent and what the ledger says. Times in Unix ns."""

import uuid
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """Something an agent did."""

    span_id: bytes
    started: int
    ended: int
    kind: str
    #: The tool, or the name of a decision and the like; None of a call of a model.
    tool: str | None
    action: str | None
    sequence: int | None = None
    #: As the tool was given it, a JSON text mostly.
    input: str | None = None
    success: bool = True
    error_type: str | None = None
    error_message: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    #: Foreign instrumentations put spans between an execution and its steps: the span that is between, if any.
    between: bytes | None = None


@dataclass(slots=True)
class Verdict:
    """`how` it is told: client (before the end, record and span event), attributes (of span or completion), record."""

    note_id: uuid.UUID
    at: int
    how: str
    status: str
    by: str | None = None
    expected_vs_actual: str | None = None
    criteria_met: list[str] | None = None
    criteria_failed: list[str] | None = None
    confidence: float | None = None
    manual: bool | None = None


@dataclass(slots=True)
class Evaluation:
    """A label of completeness and the like, or a score of quality, told by a record of its own."""

    note_id: uuid.UUID
    at: int
    name: str
    label: str | None
    value: float | None
    by: str | None


@dataclass(slots=True)
class Issue:
    """Something that went wrong; without `by` the agent says so itself."""

    note_id: uuid.UUID
    at: int
    type: str
    description: str
    impact: str | None
    resolution: str | None
    prevention: str | None
    by: str | None


@dataclass(slots=True)
class Learning:
    """What was learned."""

    note_id: uuid.UUID
    at: int
    insights: list[str]
    improvements: list[str]
    performance: str | None
    recommendation: str | None
    by: str | None


@dataclass(slots=True)
class Caught:
    """An exception during the execution, handled or not."""

    note_id: uuid.UUID
    at: int
    type: str
    message: str
    recovery: str | None


@dataclass(slots=True)
class Execution:
    """One run of an agent."""

    family: int
    member: int
    execution_id: uuid.UUID
    trace_id: bytes
    span_id: bytes
    agent: str | None
    version: str
    started: int
    #: None: it never ended.
    ended: int | None = None
    status: str = "in_progress"
    error_type: str | None = None
    error_message: str | None = None
    #: As stated; the span above it in its trace; the span of another trace that it links to.
    parent_execution_id: uuid.UUID | None = None
    parent_span: bytes | None = None
    link: tuple[bytes, bytes] | None = None
    session_id: str | None = None
    user_id: str | None = None
    triggered_by: str | None = None
    project: str | None = None
    description: str | None = None
    prompt: str | None = None
    expected_outcome: str | None = None
    #: Which records tell of it.
    start_event: bool = True
    final_span: bool = True
    end_event: bool = True
    #: In no trace at all: log records without ids.
    placed: bool = True
    #: By another instrumentation: steps do not name it; nor does its span, whose execution id is then derived.
    foreign_steps: bool = False
    foreign: bool = False
    heartbeats: list[int] = field(default_factory=list)
    progress: list[tuple[int, str, float]] = field(default_factory=list)
    #: Success criteria by the records that state them: at the start, by progress (index), at the end.
    criteria_start: list[str] = field(default_factory=list)
    criteria_progress: dict[int, list[str]] = field(default_factory=dict)
    criteria_end: list[str] = field(default_factory=list)
    files_modified: list[str] = field(default_factory=list)
    files_modified_count: int | None = None
    commands: list[str] = field(default_factory=list)
    api_calls: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    quality_score: float | None = None
    #: By name (completeness, …): what its own end says.
    labels: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    learning: list[Learning] = field(default_factory=list)
    caught: list[Caught] = field(default_factory=list)
