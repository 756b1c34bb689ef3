"""`--help` of the verbs on the hot path, made from their options."""

from __future__ import annotations

from agent_otel.shell import options, verify_options
from agent_otel.shell.arguments import Arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

    from agent_otel.shell.option import Option

_WIDTH: Final = 100
_INDENT: Final = 28


class Page:
    """What one verb's help says."""

    __slots__ = ("about", "example", "options", "usage")

    def __init__(self, usage: str, about: str, option_list: Iterable[Option], example: str) -> None:
        self.usage = usage
        self.about = about
        self.options = tuple(option_list)
        self.example = example


PAGES: Final = {
    "start": Page(
        "start --agent NAME [OPTIONS]",
        "Begin an execution: one run of an agent. Prints its ids as one JSON object.",
        (*options.START, *options.BEHAVIOUR),
        "agent-otel start --agent agent-research --description 'Research Claude Code skills'",
    ),
    "progress": Page(
        "progress --execution-id UUID --stage STAGE [OPTIONS]",
        "Say how far an execution is.",
        (*options.PROGRESS, *options.BEHAVIOUR),
        "agent-otel progress --execution-id $ID --stage analyzing --percent 50",
    ),
    "complete": Page(
        "complete --execution-id UUID [OPTIONS]",
        "End an execution. Its span is sent now, with everything that was told before.",
        (*options.COMPLETE, *options.BEHAVIOUR),
        "agent-otel complete --execution-id $ID --status success --quality-score 0.95",
    ),
    "step": Page(
        "step --execution-id UUID --tool NAME [OPTIONS] | --stdin",
        "Record a step that just ended: a tool call, a model call, a decision, a milestone or a recovery.",
        (*options.STEP, *options.ONE_STEP, *options.STEP_FILES, *options.BEHAVIOUR),
        "agent-otel step --execution-id $ID --tool cargo --action 'build --all' --latency-ms 12500",
    ),
    "exec": Page(
        "exec [OPTIONS] -- COMMAND [ARGUMENTS]",
        "Run a command as an execution. Where $BAGGAGE names one: as a step of it, or with --agent as an execution "
        "below it. Input, output, signals and the exit code pass through; the command finds TRACEPARENT and BAGGAGE "
        "in its environment.",
        (*options.EXEC, *options.BEHAVIOUR[2:]),
        "agent-otel exec --agent ci-tests -- pytest -q",
    ),
    "hook completion": Page(
        "hook completion AGENT ID STATUS [OPTIONS]",
        "Record that an agent's execution ended, for hooks that know no more than that. An ID that is no UUID is kept "
        "as the external id.",
        (*options.HOOK_COMPLETION, *options.BEHAVIOUR),
        "agent-otel hook completion code-review-specialist exec-123 success",
    ),
    "hook": Page(
        "hook < EVENT | hook install [OPTIONS] | hook completion AGENT ID STATUS [OPTIONS]",
        "What agents' hooks call. Alone it takes an event of Claude Code, one JSON object, on standard input, prints "
        "nothing on standard output and leaves with 0 whatever happens. `agent-otel hook install` has Claude Code "
        "call it; `agent-otel hook completion` is for hooks that know only how an execution ended. Each has a --help "
        "of its own.",
        (),
        "agent-otel hook install --skill",
    ),
    "verify": Page(
        "verify EXECUTION --status VERDICT [OPTIONS]",
        "Give a verdict on an execution, at any time: while it runs, at its end, days later. All verdicts are kept, "
        "with who gave them and when; the latest counts. It goes through the spool, so that an outage loses "
        "nothing. Exit code 0: it is recorded; 1: it is not; 2: an argument is wrong (the others are recorded).",
        (*verify_options.VERIFY, *options.BEHAVIOUR[::2]),
        "agent-otel verify $ID --status MISMATCH --expected-vs-actual 'expected 3 sources, found 1'",
    ),
    "flush": Page(
        "flush [OPTIONS]",
        "Deliver what waits in the spool.",
        (*options.FLUSH, *options.BEHAVIOUR[1:]),
        "agent-otel flush --timeout 60",
    ),
    "doctor": Page(
        "doctor [--send-test] [--json]",
        "What works, what waits in the spool, what was lost, and what to type next. Exit code 0: nothing is wrong.",
        (*options.DOCTOR, *options.BEHAVIOUR[2:]),
        "agent-otel doctor --send-test",
    ),
}


def asked(verb: str, argv: Sequence[str]) -> bool:
    """Whether the words ask for help, not only as a value of something."""
    named = (word for word in argv if word in ("-h", "--help"))
    return next(named, None) is not None and Arguments(PAGES[verb].options).read(argv).wants_help


def text(verb: str) -> str:
    """The help of a verb."""
    page = PAGES[verb]
    lines = [f"usage: agent-otel {page.usage}", "", *_wrapped(page.about, 0), ""]
    for option in page.options:
        lines += _option(option)
    lines += ["", f"example: {page.example}", ""]
    return "\n".join(lines)


def _option(option: Option) -> list[str]:
    left = f"  {option.name} {option.example}".rstrip()
    notes = [option.meaning, *(["required"] if option.required else []), *(["may be repeated"] if option.many else [])]
    right = _wrapped("; ".join(notes), _INDENT)
    if len(left) >= _INDENT - 1:
        return [left, *right]
    return [left.ljust(_INDENT) + right[0].lstrip(), *right[1:]]


def _wrapped(text: str, indent: int) -> list[str]:
    lines, line = [], " " * indent
    for word in text.split():
        if len(line) + len(word) >= _WIDTH and line.strip():
            lines.append(line.rstrip())
            line = " " * indent
        line += f"{word} "
    return [*lines, line.rstrip()]
