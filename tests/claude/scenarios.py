"""Every scenario that the audit trail is measured by."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from tests.claude.scenario import COMPACT, INT, KILL, NOTIFICATION, SUB, TERM, Expected, Scenario, killed, sub
from tests.claude.script import COMPACTION, FOR_EVER, Call, Turn, prompt
from tests.claude.stage import STARTED, Stage

_HELLO: Final = "echo hello"
#: Runs until it is ended; whoever waits sees that it has begun.
_LONG: Final = f"touch {STARTED}; exec python3 -c 'import time; time.sleep(60)'"
#: Long enough for the main agent to stop first. A plain sleep is refused by the newest version.
_A_WHILE: Final = "python3 -c 'import time; time.sleep(1)'"
_ONE_TOOL: Final = (Turn("Looking.", [Call("Bash", {"command": _HELLO, "description": "greet"})]), Turn("All done."))
_SECOND: Final = (Turn("Second."),)


def _bash(command: str) -> Call:
    return Call("Bash", {"command": command, "description": "run it"})


def _agent(script: str, *, background: bool = False) -> Call:
    words: dict[str, Any] = {"description": f"have {script} done", "prompt": prompt(script)}
    return Call("Agent", {**words, "subagent_type": "general-purpose", "run_in_background": background})


def _once(script: str) -> Callable[[Stage], object]:
    return lambda stage: stage.prompt(script)


def _then(*arguments: str) -> Callable[[Stage], object]:
    """A session with one tool call, and a second prompt in it."""

    def play(stage: Stage) -> None:
        stage.prompt("tool")
        stage.prompt("second", *(stage.session if word == "SESSION" else word for word in arguments))

    return play


def _compact(stage: Stage) -> None:
    stage.prompt("tool")
    stage.command("/compact", "--resume", stage.session)
    stage.prompt("second", "--resume", stage.session)


def _killed_then_resumed(number: int, script: str = "long") -> Callable[[Stage], object]:
    def play(stage: Stage) -> None:
        stage.kill(script, number)
        stage.prompt("second", "--resume", stage.session)

    return play


def _killed_then_flushed(stage: Stage) -> None:
    stage.kill("long", KILL)
    stage.flush()


_TOOLS: Final = [
    Scenario("tool", {"tool": _ONE_TOOL}, _once("tool"), [Expected("tool")]),
    Scenario(
        "parallel-tools",
        {
            "tools": [
                Turn("Three.", [_bash("echo 1"), Call("Read", {"file_path": "notes.txt"}), _bash("echo 2")]),
                *_SECOND,
            ]
        },
        _once("tools"),
        [Expected("tools")],
    ),
    Scenario(
        "failing-tool",
        {"fail": [Turn("", [_bash("echo oops >&2; exit 3")]), Turn("", [_bash(_HELLO)]), Turn("It failed once.")]},
        _once("fail"),
        [Expected("fail", failing=frozenset({0}))],
    ),
    Scenario(
        "denied-tool",
        {"deny": [Turn("", [_bash("curl http://127.0.0.1:9/")]), Turn("It was denied.")]},
        _once("deny"),
        [Expected("deny", failing=frozenset({0}))],
    ),
    Scenario(
        "schema-error",
        {"schema": [Turn("", [Call("Read", {"path": 5})]), Turn("", [_bash(_HELLO)]), Turn("That was wrong.")]},
        _once("schema"),
        [Expected("schema", failing=frozenset({0}))],
    ),
]
_SUB_A: Final = (Turn("", [_bash("echo a")]), Turn("a says so."))
_SUB_B: Final = (Turn("", [_bash("echo b"), _bash("echo b2")]), Turn("b says so."))
_AGENTS: Final = [
    Scenario(
        "parallel-agents",
        {"two": [Turn("Two.", [_agent("sub-a"), _agent("sub-b")]), Turn("Both.")], "sub-a": _SUB_A, "sub-b": _SUB_B},
        _once("two"),
        [Expected("two"), sub("sub-a", "two"), sub("sub-b", "two")],
    ),
    Scenario(
        "nested-agents",
        {
            "nest": [Turn("One.", [_agent("outer")]), Turn("Nested.")],
            "outer": [Turn("", [_agent("sub-a")]), Turn("", [_bash("echo o")]), Turn("outer says so.")],
            "sub-a": _SUB_A,
        },
        _once("nest"),
        [Expected("nest"), sub("outer", "nest"), sub("sub-a", "outer")],
    ),
    Scenario(
        "background-agent",
        {
            "back": [Turn("Go.", [_agent("slow", background=True)]), Turn("It runs."), Turn("It is done.")],
            "slow": [Turn("", [_bash(_A_WHILE)]), Turn("slow says so.")],
        },
        _once("back"),
        [Expected("back", last=2), sub("slow", "back"), Expected("back", first=2, described=NOTIFICATION)],
    ),
]
_SESSION: Final = {"tool": _ONE_TOOL, "second": _SECOND}
_BOTH: Final = [Expected("tool"), Expected("second")]
_SESSIONS: Final = [
    Scenario("conversation", _SESSION, lambda stage: stage.converse("tool", "second"), _BOTH),
    Scenario(
        "interjected",
        {"busy": [Turn("", [_bash(f"touch {STARTED}; {_A_WHILE}")]), Turn("", [_bash(_HELLO)]), Turn("Both done.")]},
        lambda stage: stage.converse("busy", "unscripted", interject=True),
        [Expected("busy", interjected="unscripted")],
    ),
    Scenario("resumed", _SESSION, _then("--resume", "SESSION"), _BOTH),
    Scenario("continued", _SESSION, _then("--continue"), _BOTH),
    Scenario("forked", _SESSION, _then("--resume", "SESSION", "--fork-session"), _BOTH),
    Scenario("compacted", _SESSION, _compact, [*_BOTH, Expected(COMPACTION, described=COMPACT)]),
]
_KILLED: Final = {"long": [Turn("Long.", [_bash(_LONG)]), Turn("Never said.")], "second": _SECOND}
_KILLED_BELOW: Final = {
    "above": [Turn("One.", [_agent("long")]), Turn("Never said.")],
    "long": [Turn("", [_bash("echo a")]), Turn("Long.", [_bash(_LONG)]), Turn("Never said.")],
    "second": _SECOND,
}
_CUT_SHORT: Final = [killed("long"), Expected("second")]
_KILLS: Final = [
    Scenario("sigkill-flush", _KILLED, _killed_then_flushed, [killed("long")]),
    Scenario("sigkill-resume", _KILLED, _killed_then_resumed(KILL), _CUT_SHORT),
    Scenario(
        "sigkill-in-agent",
        _KILLED_BELOW,
        _killed_then_resumed(KILL, "above"),
        [killed("above"), killed("long", 1)._replace(agent=SUB, parent="above"), Expected("second")],
    ),
    Scenario("interrupted", _KILLED, lambda stage: stage.interrupt("long", "second"), _CUT_SHORT, typed=True),
    Scenario("sigterm", _KILLED, lambda stage: stage.kill("long", TERM), [killed("long")]),
    Scenario("sigint-resume", _KILLED, _killed_then_resumed(INT), _CUT_SHORT),
]
_ERRORS: Final = [
    Scenario("recovers", {"busy": [Turn("Fine now.", error=529, errors=1)]}, _once("busy"), [Expected("busy")]),
    Scenario(
        "overloaded",
        {"busy": [Turn("", [_bash(_HELLO)]), Turn("never", error=529, errors=FOR_EVER)]},
        _once("busy"),
        [Expected("busy", status="error")],
    ),
    Scenario(
        "refused",
        {"bad": [Turn("never", error=400, errors=FOR_EVER)]},
        _once("bad"),
        [Expected("bad", status="error")],
    ),
]
_SAFETY: Final = [
    Scenario("stalled-receiver", {"tool": _ONE_TOOL}, _once("tool"), [Expected("tool")], stalled=True),
    Scenario("twice", {"tool": _ONE_TOOL}, _once("tool"), [Expected("tool")], twice=True),
    Scenario(
        "secrets",
        {"env": [Turn("Looking around.", [_bash("env")]), Turn("Seen.")]},
        _once("env"),
        [Expected("env")],
        secrets=True,
    ),
]
SCENARIOS: Final[Sequence[Scenario]] = [*_TOOLS, *_AGENTS, *_SESSIONS, *_KILLS, *_ERRORS, *_SAFETY]
