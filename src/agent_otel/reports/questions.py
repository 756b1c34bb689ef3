"""The audit questions: what they are called, what they are about, and which of their answers are findings."""

from typing import Final, NamedTuple


class Question(NamedTuple):
    """One question. `query` names it in sql/queries/audit.sql; `shown` are the columns of its table on a terminal."""

    name: str
    about: str
    shown: tuple[str, ...]
    is_finding: bool = False

    @property
    def query(self) -> str:
        """Its name in SQL."""
        return self.name.replace("-", "_")


_QUALITY: Final = (
    *("started_at", "agent_name", "completeness", "accuracy", "efficiency"),
    *("adherence_to_standards", "quality_score", "execution_id"),
)

QUESTIONS: Final = (
    Question(
        "slow",
        "executions slower than --min-duration",
        ("started_at", "agent_name", "duration_ms", "status", "execution_id", "description"),
        is_finding=True,
    ),
    Question(
        "failures",
        "failed executions by agent, kind and pattern of the message",
        ("agent_name", "status", "error_type", "pattern", "count", "percent", "last_at", "example"),
        is_finding=True,
    ),
    Question(
        "verdicts",
        "executions whose current verdict is ERROR or MISMATCH",
        ("started_at", "agent_name", "status", "verification_status", "execution_id", "expected_vs_actual"),
        is_finding=True,
    ),
    Question(
        "refuted",
        "success claimed, verdict MISMATCH",
        ("started_at", "agent_name", "verified_by", "execution_id", "expected_outcome", "expected_vs_actual"),
        is_finding=True,
    ),
    Question(
        "criteria",
        "success criteria changed after the start",
        ("started_at", "agent_name", "execution_id", "criteria_added", "criteria_dropped"),
        is_finding=True,
    ),
    Question("quality-low", "LOW completeness or accuracy", _QUALITY, is_finding=True),
    Question("quality-high", "HIGH completeness, accuracy and efficiency", _QUALITY),
    Question(
        "files",
        "security-critical files that were modified",
        ("started_at", "agent_name", "file", "matched", "user_id", "triggered_by", "execution_id"),
        is_finding=True,
    ),
    Question(
        "apis",
        "external APIs used, by host",
        ("host", "service", "calls", "executions", "agents", "last_at"),
    ),
    Question(
        "commands",
        "commands that were run",
        ("started_at", "agent_name", "execution_id", "step_sequence", "success", "command"),
    ),
    Question(
        "who",
        "who did what, on whose behalf",
        ("started_at", "on_behalf_of", "agent_name", "status", "files", "commands", "execution_id", "task"),
    ),
)
#: Not a list but everything about one execution.
DOSSIER: Final = "dossier"
