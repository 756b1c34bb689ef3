"""The audit questions and reports, asked of the database: every figure is made there."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row

from agent_otel.errors import ConfigurationError
from agent_otel.store import queries
from agent_otel.store.reader import Reader, Row

#: Columns and rows of an answer.
Answer = tuple[list[str], list[Row]]

_FILE: Final = "audit"
_SINGLE: Final = ("summary", "document")
_LISTS: Final = (
    *("verdicts", "evaluations", "errors", "critical_files", "commands", "api_calls", "chain", "timeline"),
)


class AuditReader(Reader):
    """A read-only connection that answers audit questions. Use as a context manager."""

    def answer(
        self, question: str, asked: Mapping[str, Any], *, limit: int | None = None, settings: Mapping[str, str] = {}
    ) -> Answer:
        """Columns and rows of a question of sql/queries/audit.sql.

        `asked` holds since, until, agent (None: all) and every (apis: those without a service, too). `settings` replace
        the database's own, by name without `agent_otel.`. Raises ConfigurationError for a setting that cannot be read.
        """
        return self._asked(queries.load(_FILE)[question], {**asked, "limit": limit}, settings)

    def count(self, question: str, asked: Mapping[str, Any], settings: Mapping[str, str] = {}) -> int:
        """How many rows `answer` gives without a limit."""
        statement: LiteralString = "SELECT count(*) AS rows FROM (" + queries.load(_FILE)[question] + "\n) answer"  # noqa: S608
        _, rows = self._asked(statement, {**asked, "limit": None}, settings)
        return int(rows[0]["rows"])

    def daily(self, day: dt.date, tz: str, *, roots_only: bool, project: str | None) -> dict[str, Any]:
        """The report on a day of a time zone that `zone` knows."""
        asked = {"day": day, "tz": tz, "roots_only": roots_only, "project": project}
        return dict(self._rows("report_daily", _FILE, **asked)[0]["report"])

    def agent(self, agent: str, since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        """The report on an agent; all its keys are there, even when nobody knows the agent."""
        return dict(self._rows("report_agent", _FILE, agent=agent, since=since, until=until)[0]["report"])

    def agents(self, since: dt.datetime, until: dt.datetime) -> list[str]:
        """The agents of a period, by name."""
        return [row["agent"] for row in self._rows("agents", _FILE, since=since, until=until)]

    def zone(self, name: str) -> str:
        """A time zone as the server spells it. Raises ConfigurationError where there is no such zone."""
        rows = self._rows("zone", _FILE, tz=name)
        if not rows:
            raise ConfigurationError(f"--tz {name!r} is no time zone; zones are named like Europe/Berlin or UTC")
        return str(rows[0]["name"])

    def today(self, tz: str) -> dt.date:
        """The present day in a time zone that `zone` knows."""
        day: dt.date = self._rows("today", _FILE, tz=tz)[0]["day"]
        return day

    def dossier(self, execution_id: uuid.UUID) -> dict[str, Any]:
        """Everything about one execution that there is: one object or list a part of it."""
        (summary,), (document,) = (self._rows(f"dossier_{part}", _FILE, id=execution_id) for part in _SINGLE)
        lists = {part: self._rows(f"dossier_{part}", _FILE, id=execution_id) for part in _LISTS}
        return {"summary": summary, "document": document["document"], **lists}

    def _asked(self, statement: LiteralString, parameters: Mapping[str, Any], settings: Mapping[str, str]) -> Answer:
        try:
            with self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
                for name, value in settings.items():
                    cursor.execute(queries.load(_FILE)["set"], {"name": name, "value": value})
                if "security_critical" in settings:
                    cursor.execute(queries.load(_FILE)["pattern"])  # it is wrong even where it meets no file
                rows = cursor.execute(statement, parameters).fetchall()
                return [column.name for column in cursor.description or ()], rows
        except psycopg.DataError as error:
            raise ConfigurationError(f"cannot ask that: {error.diag.message_primary}") from None
