"""The `agent-otel` command: the entry point imports nothing that the verb does not need."""

from __future__ import annotations

import os
import sys

from agent_otel.errors import AgentOtelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, NoReturn, Protocol, TextIO

    class Command(Protocol):
        """What each module of a verb offers."""

        def run(self, argv: Sequence[str]) -> int:
            """Run the verb with its own arguments and return the exit code."""


#: The hot path: verb -> (module in agent_otel.shell, one line of help). A call never fails its caller.
HOT: Final = {
    "start": ("start", "begin an execution: one run of an agent"),
    "progress": ("progress", "say how far it is"),
    "step": ("step", "record a step of it"),
    "complete": ("complete", "end it"),
    "exec": ("exec_command", "run a command as an execution, or as a step of one"),
    "hook": ("hook", "what agents' hooks call"),
    "flush": ("flush", "deliver what waits in the spool"),
    "doctor": ("doctor", "what works, what waits, what is missing, and what to type next"),
}
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
    "verify": ("verify", "say whether what came of an execution is what was expected"),
    "audit": ("audit", "what an auditor asks: slow, failed, refuted, critical files, commands, who did what"),
    "report": ("report", "what happened in a day, and how an agent does"),
    "quarantine": ("quarantine", "what was refused and why, and another try"),
}
#: What the skill's command `log-execution` has of them.
SKILL: Final = ("start", "progress", "step", "complete")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _say(_help())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from agent_otel.version import VERSION

        _say(f"agent-otel {VERSION}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb == "hook" and rest[:1] == ["install"]:
        return _run("hook install", "hook_install", rest[1:])
    if verb in HOT:
        return _run_hot(verb, rest)
    if verb not in VERBS:
        print(f"agent-otel: no such command: {verb!r}; `agent-otel --help` lists them", file=sys.stderr)
        return 2
    return _run(verb, VERBS[verb][0], rest)


def entry() -> None:
    """The command: leaves without tidying up the interpreter, which a short call would pay for."""
    _open_closed_streams()
    _leave(main())


def log_execution() -> None:
    """The command `log-execution`: the verbs of the skill."""
    _open_closed_streams()
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb in SKILL:
        entry()
    if verb in ("", "-h", "--help"):
        verbs = "\n".join(f"  {name:<8}  {HOT[name][1]}" for name in SKILL)
        _say(f"usage: log-execution COMMAND [ARGUMENTS]\n\n{verbs}\n\n`log-execution COMMAND --help` says more.")
        _leave(0 if verb else 2)
    _say(f"log-execution: no such command: {verb!r}; it has {', '.join(SKILL)}", sys.stderr)
    _leave(2)


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    os._exit(code)


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print; nobody who listens any more is no reason to fail."""
    try:
        print(text, file=stream or sys.stdout, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1 if stream is None else 2)


def _open_closed_streams() -> None:
    """Have something behind 0, 1 and 2: else a file that we open gets the number, and what we print goes into it."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _run_hot(verb: str, rest: Sequence[str]) -> int:
    """An error of ours is told, and is none of the caller's."""
    try:
        page = f"{verb} {rest[0]}" if verb == "hook" and rest[:1] == ["completion"] else verb
        if "-h" in rest or "--help" in rest:
            from agent_otel.shell import help as pages

            if pages.asked(page, rest):
                _say(pages.text(page).rstrip())
                return 0
        command: Command = __import__(f"agent_otel.shell.{HOT[verb][0]}", fromlist=["run"])
        return command.run(rest)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - never break the agent
        from agent_otel import plain_json

        reason = f"{type(error).__name__}: {error}"
        _say(plain_json.dumps({"success": False, "recorded": False, "error": reason}))
        _say(f"agent-otel {verb}: {reason}", sys.stderr)
        return 3 if "--strict" in rest else 0


def _run(verb: str, module: str, rest: Sequence[str]) -> int:
    from importlib import import_module

    try:
        command: Command = import_module(f"agent_otel.commands.{module}")
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
    width = max(map(len, (*HOT, *VERBS)))
    groups = ["\n".join(f"  {verb:<{width}}  {text}" for verb, (_, text) in verbs.items()) for verbs in (HOT, VERBS)]
    return "usage: agent-otel COMMAND [ARGUMENTS]\n\n{}\n\n{}\n\n`agent-otel COMMAND --help` says more.".format(*groups)
