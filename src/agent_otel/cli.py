"""The `agent-otel` command: the entry point imports nothing that the verb does not need."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol

from agent_otel.errors import AgentOtelError

#: verb -> (module in agent_otel.commands, one line of help)
VERBS: Final = {
    "up": ("up", "start the local stack: PostgreSQL, exporter and, when installed, Collector and Jaeger"),
    "down": ("down", "stop the local stack"),
    "status": ("status", "what runs, where, and what is missing"),
    "psql": ("psql", "open psql on the audit trail (arguments after -- go to psql)"),
    "demo": ("demo", "run the example agent on a throw-away stack and show what came out"),
    "tools": ("tools", "build and install the pinned Collector and Jaeger"),
    "exporter": ("exporter", "run the PostgreSQL span exporter"),
    "migrate": ("migrate", "create or upgrade the database schema"),
    "list": ("list_executions", "list executions"),
    "show": ("show", "show one execution as a tree"),
    "quarantine": ("quarantine", "what was refused and why, and another try"),
}


class Command(Protocol):
    """What each module in agent_otel.commands offers."""

    def run(self, argv: Sequence[str]) -> int:
        """Run the verb with its own arguments and return the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"agent-otel {version('agent-otel')}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        print(f"agent-otel: no such command: {verb!r}; `agent-otel --help` lists them", file=sys.stderr)
        return 2
    return _run(verb, rest)


def _run(verb: str, rest: Sequence[str]) -> int:
    try:
        command: Command = import_module(f"agent_otel.commands.{VERBS[verb][0]}")
        return command.run(rest)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("agent_otel"):
            raise
        print(
            f"agent-otel {verb}: needs the Python module {error.name}: pip install 'agent-otel[all]'", file=sys.stderr
        )
        return 1
    except AgentOtelError as error:
        print(f"agent-otel {verb}: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, (_, text) in VERBS.items())
    return f"usage: agent-otel COMMAND [ARGUMENTS]\n\n{verbs}\n\n`agent-otel COMMAND --help` says more."
