"""Who acts in the history: agents with versions, habits, weaknesses and trends. Data only."""

from typing import Final, NamedTuple


class Failure(NamedTuple):
    """How an agent fails. The message is a template: see `wording.fill`."""

    error_type: str | None
    message: str | None
    weight: int = 1


class Character(NamedTuple):
    """An agent. Pairs are a figure at the history's beginning and at its end; between them it moves evenly."""

    name: str | None
    #: How often it is chosen: as the root of a family, as a sub-agent.
    root: int
    sub: int
    #: Share of success among its ends that are not cancelled.
    success: tuple[float, float]
    quality: tuple[float, float]
    #: Median duration, seconds.
    seconds: tuple[float, float]
    failures: tuple[Failure, ...]
    #: From which share of the history on each version is in use.
    versions: tuple[tuple[float, str], ...] = ((0.0, "1.0.0"),)


_TIMEOUT: Final = Failure("Timeout", "no answer within {n} s from {host}", 2)

CAST: Final = (
    Character(
        "coder", 30, 14, (0.95, 0.62), (0.90, 0.55), (60, 95),
        (
            Failure("TestFailure", "{n} of {n} tests failed in {path}", 5),
            Failure("CompileError", "cannot find name {quoted} in {path} line {n}", 4),
            Failure("MergeConflict", "commit {sha} conflicts with {sha}", 2),
            _TIMEOUT,
        ),
        ((0.0, "2.0.0"), (0.4, "2.1.0"), (0.75, "3.0.0-rc1")),
    ),
    Character(
        "tester", 10, 16, (0.66, 0.94), (0.55, 0.88), (45, 40),
        (
            Failure("TestFailure", "{n} of {n} tests failed in {path}", 5),
            Failure("FlakyTest", "run {uuid} is flaky", 2),
        ),
        ((0.0, "0.9"), (0.5, "1.0")),
    ),
    Character(
        "reviewer", 8, 22, (0.93, 0.93), (0.80, 0.82), (30, 30),
        (
            Failure("ContextTooLong", "prompt has {n} tokens, limit is {n}", 3),
            Failure(None, "review of {uuid} gave up", 1),
        ),
    ),
    Character(
        "planner", 22, 2, (0.97, 0.95), (0.85, 0.85), (110, 120),
        (
            Failure("DelegationError", "sub-agent {uuid} did not report", 3),
            Failure("Budget", "spent {cost} of {cost} dollars", 1),
        ),
        ((0.0, "1.2"), (0.6, "1.3")),
    ),
    Character(
        "researcher", 14, 18, (0.88, 0.86), (0.75, 0.78), (80, 85),
        (Failure("HTTPError", "status {n} from {host}", 5), _TIMEOUT, Failure("ParseError", "no table in {quoted}", 2)),
    ),
    Character(
        "deployer", 7, 5, (0.90, 0.84), (0.82, 0.80), (150, 170),
        (
            Failure("AccessDenied", "role {quoted} may not write {path}", 3),
            Failure("HealthCheck", "instance 0x{hex} is unhealthy after {n} s", 2),
            Failure("Rollback", None, 1),
        ),
        ((0.0, "5"), (0.3, "6"), (0.9, "7")),
    ),
    Character(
        "doc writer", 5, 5, (0.98, 0.98), (0.70, 0.72), (25, 25),
        (Failure("LinkError", "{n} dead links\n  in {path}", 1), Failure(None, None, 1)),
    ),
    Character(
        "security-scanner", 6, 6, (0.91, 0.90), (0.86, 0.86), (200, 190),
        (
            Failure("ScanError", "cannot read {path}: permission denied", 3),
            Failure("ToolMissing", "{quoted} isn't there", 1),
        ),
    ),
    Character(
        "data-analyst", 6, 4, (0.74, 0.72), (0.60, 0.62), (140, 130),
        (
            Failure("QueryError", "relation {quoted} does not exist, query {uuid}", 4),
            Failure("OutOfMemory", "{n} MB", 1),
        ),
    ),
    Character(
        "migrator", 1, 1, (0.30, 0.35), (0.35, 0.40), (240, 260),
        (Failure("SchemaError", "step {n} of {n}: {quoted}", 1),),
    ),
    Character(
        None, 1, 1, (0.80, 0.80), (0.60, 0.60), (20, 20),
        (Failure("Unknown", "it went wrong", 1), Failure(None, None, 1)),
    ),
)  # fmt: skip

#: What an upstream outage does to anyone.
OUTAGE: Final = Failure("UpstreamError", "503 from {host}, request {uuid}, attempt {n}")

USERS: Final = ("ada", "grace", "linus", "mallory", "o'hara", "zoë")
TRIGGERS: Final = ("user", "cron", "ci", "webhook")
PROJECTS: Final = ("shop", "billing", "website", None)
MODELS: Final = ("model-large", "model-small")
TASKS: Final = (
    "fix the failing build", "review the change", "summarise the week", "add a field to the form",
    "find why checkout is slow", "update the dependencies", "answer the ticket", "scan for leaked keys",
)  # fmt: skip
CRITERIA: Final = (
    "all tests pass", "no new warnings", "change is documented", "coverage stays", "nothing but the task is changed",
    "reviewer agrees", "runs under 5 minutes",
)  # fmt: skip
ISSUES: Final[tuple[tuple[str, str, str | None, str | None, str | None], ...]] = (
    ("ERROR", "tool result was cut off", "answer is incomplete", "asked again", "raise the limit of the tool"),
    ("ERROR", "upstream refused the key", "nothing was fetched", None, "rotate keys before they expire"),
    ("WARNING", "tests were skipped", "coverage unknown", "noted in the summary", "run all tests in CI"),
    ("WARNING", "prompt is ambiguous", "two readings", "took the first", None),
    ("INFO", "cache was cold", None, None, None),
    ("INFO", "tool result was cut off", None, "asked again", "raise the limit of the tool"),
)
INSIGHTS: Final = ("small commits are reviewed sooner", "the build is slow on Mondays", "tests find more than reviews")
IMPROVEMENTS: Final = ("read the ticket first", "run the linter before the tests", "ask when a criterion is unclear")
RECOMMENDATIONS: Final = ("use the small model for reviews", "give it fewer files at once", "let it plan first")
