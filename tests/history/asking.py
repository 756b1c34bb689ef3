"""The audit questions and reports as users ask them in SQL, beside the functions that answer them from a ledger."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, LiteralString, NamedTuple

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from tests.history.answers import findings, traffic
from tests.history.answers.history import Asked, History

Row = dict[str, Any]

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US: Final = dt.timedelta(microseconds=1)


class Question(NamedTuple):
    """What is asked in SQL with the parameters of `parameters`, and who answers it from the ledger."""

    statement: LiteralString
    answer: Callable[[History, Asked], list[Row]]


def _asked(name: str, answer: Callable[[History, Asked], list[Row]]) -> Question:
    """A question as `agent-otel audit` asks it."""
    return Question(queries.load("audit")[name], answer)


def _all_hosts(history: History, asked: Asked) -> list[Row]:
    return traffic.api_hosts(history, asked, every=True)


def questions() -> dict[str, Question]:
    """All audit questions; of two, the rows of the view beside what the command prints of them."""
    period: LiteralString = (
        " WHERE started_at >= %(since)s AND started_at < %(until)s"
        " AND (%(agent)s::text IS NULL OR agent_name = %(agent)s) ORDER BY started_at DESC, execution_id"
    )
    return {
        "slow": _asked("slow", findings.slow),
        "failures": _asked("failures", findings.failure_patterns),
        "audit_failures": Question("SELECT * FROM audit_failures" + period, findings.failures),  # noqa: S608  # constants
        "verdicts": _asked("verdicts", findings.verdicts),
        "refuted": _asked("refuted", findings.refuted),
        "criteria": _asked("criteria", findings.criteria),
        "quality-low": _asked("quality_low", findings.quality_low),
        "quality-high": _asked("quality_high", findings.quality_high),
        "files": _asked("files", traffic.files),
        "apis": _asked("apis", traffic.api_hosts),
        "apis --all": Question(queries.load("audit")["apis"].replace("%(every)s", "true"), _all_hosts),
        "audit_apis": Question(
            "SELECT * FROM audit_apis" + period + ', api_call COLLATE "C"',  # noqa: S608
            traffic.apis,
        ),
        "commands": _asked("commands", traffic.commands),
        "who": _asked("who", traffic.who),
    }


def parameters(asked: Asked) -> dict[str, Any]:
    """What goes into a question's statement."""
    period = {"since": instant(asked.since), "until": instant(asked.until), "agent": asked.agent}
    return {**period, "every": False, "limit": None}


def rows(connection: Connection, statement: LiteralString, values: Any = None) -> list[Row]:
    """Rows by column, in the ledger's types: ids as text, times in µs, an empty list as nothing."""
    cursor = connection.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in cursor]


def differences(found: list[Row], expected: list[Row]) -> list[str]:
    """Where rows are not as expected, by the columns that are expected; at most a few."""
    told = [{name: plain(value) for name, value in row.items()} for row in expected]
    found = [{name: row.get(name, "no such column") for name in told[0]} for row in found] if told else found
    differing = [f"{one} instead of {other}" for one, other in zip(found, told, strict=False) if one != other]
    if len(found) != len(told):
        differing.insert(0, f"{len(found)} rows instead of {len(told)}")
    return differing[:5]


def now(connection: Connection) -> int:
    """The instant of the transaction, µs."""
    row = connection.execute("SELECT now()").fetchone()
    assert row is not None
    return microseconds(row[0])


def instant(us: int) -> dt.datetime:
    """A time of the ledger as SQL takes it."""
    return _EPOCH + us * _US


def microseconds(time: dt.datetime) -> int:
    """A time of SQL as the ledger spells it."""
    return (time - _EPOCH) // _US


def plain(value: Any) -> Any:
    """A value of a column in the ledger's types."""
    if isinstance(value, dt.datetime):
        return microseconds(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return None if value == [] else value
