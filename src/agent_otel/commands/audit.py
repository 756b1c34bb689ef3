"""`agent-otel audit`: what an auditor asks of all executions of a period, and everything about one."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from agent_otel.commands import database, dossier, period, rendering
from agent_otel.errors import AgentOtelError
from agent_otel.reports.questions import DOSSIER, QUESTIONS, Question
from agent_otel.store.audit_reader import AuditReader
from agent_otel.store.reader import Row

#: Rows of a table on a terminal, when no limit is given.
TABLE_ROWS: Final = 50
_OPTIONS: Final = {"min_duration": "slow", "pattern": "files", "all": "apis"}
_OVERVIEW: Final = ("question", "rows", "finding", "about")
_DESCRIPTION: Final = """\
What an auditor asks of the executions of a period. Without a question: how many rows each has.

{questions}
  {dossier:<13} everything about one execution: give its id, its correlation id, or `last`

* a finding. Exit code 0: no finding; 1: a question marked as finding has rows; 2: it could not be asked."""


class Asked(NamedTuple):
    """What is asked of a question: the parameters of its SQL, and settings for this one time."""

    parameters: Mapping[str, Any]
    settings: Mapping[str, str]


def run(argv: Sequence[str]) -> int:
    """Answer a question; 0 without findings, 1 with one, 2 when it cannot be asked."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    try:
        if arguments.question == DOSSIER:
            return dossier.show(database.url(arguments), arguments.execution, arguments.format)
        asked = _asked(arguments)
        with AuditReader(database.url(arguments)) as reader:
            if arguments.question is None:
                found = _overview(reader, asked, arguments.format)
            else:
                (question,) = (known for known in QUESTIONS if known.name == arguments.question)
                found = _answer(reader, question, asked, arguments)
    except AgentOtelError as error:
        print(f"agent-otel audit: {error}", file=sys.stderr)
        return 2
    return 1 if found and not arguments.no_fail else 0


def _overview(reader: AuditReader, asked: Asked, form: str) -> bool:
    """Print each question with the number of its rows; whether a finding has any."""
    rows = [
        {
            "question": question.name,
            "rows": reader.count(question.query, asked.parameters, asked.settings),
            "finding": question.is_finding,
            "about": question.about,
        }
        for question in QUESTIONS
    ]
    _print(form, _OVERVIEW, rows)
    return any(row["finding"] and row["rows"] for row in rows)


def _answer(reader: AuditReader, question: Question, asked: Asked, arguments: argparse.Namespace) -> bool:
    """Print the rows of a question; whether they are findings."""
    limit = arguments.limit or (TABLE_ROWS if arguments.format == "table" else None)
    columns, rows = reader.answer(question.query, asked.parameters, limit=limit, settings=asked.settings)
    if not rows and arguments.format == "table":
        print(f"none: {question.about}")
    else:
        _print(arguments.format, question.shown if arguments.format == "table" else columns, rows)
    if len(rows) == limit:
        _say_how_many_more(reader.count(question.query, asked.parameters, asked.settings) - limit, arguments.format)
    return question.is_finding and bool(rows)


def _say_how_many_more(more: int, form: str) -> None:
    if more:
        print(f"{more} more; --limit shows them", file=sys.stdout if form == "table" else sys.stderr)


def _print(form: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if form == "json":
        print(rendering.json_array(rows))
    elif form == "csv":
        print(rendering.comma_separated(columns, rows))
    elif form == "markdown":
        print(rendering.markdown(columns, rows))
    else:
        print(rendering.table(columns, rows))


def _asked(arguments: argparse.Namespace) -> Asked:
    since, until = period.of(arguments)
    settings = {}
    if arguments.min_duration is not None:
        settings["slow_ms"] = str(arguments.min_duration)
    if arguments.pattern is not None:
        settings["security_critical"] = arguments.pattern
    return Asked({"since": since, "until": until, "agent": arguments.agent, "every": arguments.all}, settings)


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Leave with 2 where options do not go together."""
    if arguments.limit is not None and arguments.limit < 1:
        parser.error(f"--limit {arguments.limit}: must be 1 or more")
    if arguments.min_duration is not None and arguments.min_duration < 0:
        parser.error(f"--min-duration {arguments.min_duration}: must be 0 or more")
    if arguments.pattern == "":
        parser.error("--pattern '': an empty pattern is in every name")
    if (arguments.question == DOSSIER) != (arguments.execution is not None):
        parser.error(f"EXECUTION belongs to {DOSSIER}, and {DOSSIER} needs it")
    for option, question in _OPTIONS.items():
        if getattr(arguments, option) not in (None, False) and arguments.question not in (None, question):
            parser.error(f"--{option.replace('_', '-')} belongs to {question}")


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {f'{q.name} *' if q.is_finding else q.name:<13} {q.about}" for q in QUESTIONS)
    parser = argparse.ArgumentParser(
        prog="agent-otel audit",
        description=_DESCRIPTION.format(questions=listed, dossier=DOSSIER),
        epilog="example: agent-otel audit failures --since 30d --agent agent-research --format markdown",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "question",
        nargs="?",
        metavar="QUESTION",
        choices=[*(q.name for q in QUESTIONS), DOSSIER],
        help="one of those above",
    )
    parser.add_argument("execution", nargs="?", metavar="EXECUTION", help="of dossier")
    period.add_arguments(parser, "7d")
    parser.add_argument("--agent", metavar="NAME", help="only executions of this agent")
    parser.add_argument(
        "--min-duration", type=int, metavar="MS", help="slow: more milliseconds than these (default: 300000)"
    )
    parser.add_argument("--pattern", metavar="REGEX", help="files: names that match, upper and lower case alike")
    parser.add_argument("--all", action="store_true", help="apis: hosts of no known service, too")
    parser.add_argument("--format", choices=rendering.FORMATS, default="table", help="default: table")
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"at most this many rows (default: {TABLE_ROWS} in a table)"
    )
    parser.add_argument("--no-fail", action="store_true", help="exit with 0 in spite of findings")
    database.add_argument(parser)
    return parser
