"""Reports as SQL gives them, in the form in which the ledger's answers can be compared with them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from agent_otel.store.connection import Connection
from tests.history.answers.document import document
from tests.history.answers.history import Asked
from tests.history.answers.run import Run
from tests.history.asking import instant, microseconds

Report = dict[str, Any]

DAILY: Final = "SELECT report_daily(%s::date, %s, %s, %s)"
AGENT: Final = "SELECT report_agent(%s, %s, %s)"
DOCUMENT: Final = "SELECT document FROM agent_execution_documents WHERE execution_id = %(execution)s"
_DOCUMENTS: Final = (
    "SELECT execution_id::text, document FROM agent_execution_documents WHERE execution_id = ANY (%s::uuid[])"
)
_INSTANTS: Final = ("since", "until", "last_at")
#: Sentences that name an agent and a figure, or a failure: their words are free.
_FREE: Final = ("success_rate", "refuted", "failure_mode", "trend")


def daily(connection: Connection, day: dt.date, zone: str, roots_only: bool, project: str | None) -> Report:
    """The daily report."""
    report: Report = comparable(_one(connection, DAILY, (day, zone, roots_only, project)))
    return report


def of_agent(connection: Connection, agent: str, asked: Asked) -> Report:
    """The report about an agent."""
    report: Report = comparable(_one(connection, AGENT, (agent, instant(asked.since), instant(asked.until))))
    return report


def wrong_documents(connection: Connection, runs: Sequence[Run]) -> list[str]:
    """Executions whose document is not the ledger's, with both."""
    wanted = [run.execution_id for run in runs]
    found: Report = dict(connection.execute(_DOCUMENTS, [wanted]).fetchall())
    told = {run.execution_id: document(run) for run in runs}
    return [
        f"{execution_id}: {found.get(execution_id)} instead of {expected}"
        for execution_id, expected in told.items()
        if found.get(execution_id) != expected or keys(found[execution_id]) != keys(expected)
    ]


def rounded(report: Any) -> Any:
    """Costs without what float addition makes of them."""
    if isinstance(report, dict):
        return {key: round(value, 6) if key == "cost_usd" else rounded(value) for key, value in report.items()}
    return [rounded(part) for part in report] if isinstance(report, list) else report


def keys(report: Any) -> Any:
    """The names of its members in their order, all the way down."""
    if isinstance(report, dict):
        return [(name, keys(value)) for name, value in report.items()]
    return [keys(part) for part in report] if isinstance(report, list) else None


def _one(connection: Connection, statement: Any, values: tuple[Any, ...]) -> Report:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    report: Report = row[0]
    return report


def with_instants(row: Report) -> Report:
    """A row that was JSON: its times as the ledger spells them."""
    at = {name: value for name, value in row.items() if name.endswith("_at") and value}
    return {**row, **{name: microseconds(dt.datetime.fromisoformat(value)) for name, value in at.items()}}


def comparable(report: Any) -> Any:
    """A report that was JSON, without the sentences whose words are free; they must name their agent."""
    if isinstance(report, list):
        return [comparable(part) for part in report]
    if not isinstance(report, dict):
        return report
    if report.get("kind") in _FREE:
        sentence = report.get("opportunity") or report.get("recommendation")
        assert isinstance(sentence, str), report
        assert report.get("agent") is None or report["agent"] in sentence, report
        report = {name: value for name, value in report.items() if name not in ("opportunity", "recommendation")}
    return {
        name: microseconds(dt.datetime.fromisoformat(value)) if name in _INSTANTS and value else comparable(value)
        for name, value in report.items()
    }
