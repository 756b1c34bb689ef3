"""Whether a call of the command has its records on the disk before it sends them and before it answers, from strace."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.report import Report
from tests.faults.shell_caller import PROGRESS, START, STEP, VERBS, Call, Caller, Execution

NAME: Final = "on the disk before it is sent and before the answer"
_CALLS: Final = "trace=write,pwrite64,rename,unlink,ftruncate,fsync,fdatasync,connect"
#: `write(3</…/1.spool>, "AOTL"…) = 1357`: the call, the file behind its first argument or the path that is it.
_LINE: Final = re.compile(r'^\d+ +(\w+)\((?:(\d+)<([^>]*)>|"([^"]*)")[^=]*.*= (-?\d+)')
_SEGMENT: Final = (".spool", ".spool.new")
_STDOUT: Final = "1"


def check(caller: Caller, report: Report, where: str) -> None:
    """Trace one call of each verb."""
    if not shutil.which("strace"):
        report.not_run(NAME, "strace is not installed")
        return
    for verb in VERBS:
        execution = caller.new_execution()
        if verb != START:
            caller.make(execution.start())
        found = list(unsafe(_traced(caller, _call(execution, verb))))
        report.figure(f"{NAME}: {verb} {where}: {found or 'yes'}")
        if found:
            report.fail(f"{NAME}: {verb} {where}: {found}")


def unsafe(trace: str) -> Iterator[str]:
    """What of the spool a power cut could have taken at each connect and each answer; and when nothing was seen."""
    dirty: set[str] = set()
    seen = answered = False
    for call, descriptor, path in _calls(trace):
        if call == "connect" or (call == "write" and descriptor == _STDOUT):
            yield from (f"{call} before the sync of {Path(each).name}" for each in sorted(dirty))
            answered = answered or call == "write"
        elif call in ("fsync", "fdatasync"):
            dirty.discard(path)
        elif path.endswith(_SEGMENT):
            seen = True
            _change(dirty, call, path)
    if not (seen and answered):
        yield "no record was written, or nothing was printed"


def _change(dirty: set[str], call: str, path: str) -> None:
    """A removed file needs no sync: at worst its records are sent again. A new name needs its folder's."""
    if call == "unlink":
        dirty.discard(path)
    elif call == "rename":
        dirty.add(str(Path(path).parent))
    else:
        dirty.add(path)


def _calls(trace: str) -> Iterator[tuple[str, str, str]]:
    """Calls that succeeded or were begun: name, descriptor and path."""
    for line in trace.splitlines():
        found = _LINE.match(line)
        if found and (int(found[5]) >= 0 or found[1] == "connect"):
            yield found[1], found[2] or "", found[3] or found[4] or ""


def _traced(caller: Caller, call: Call) -> str:
    output = caller.ledger.with_name("strace")
    caller.make(call, "strace", "-f", "-y", "-e", _CALLS, "-o", str(output))
    return output.read_text()


def _call(execution: Execution, verb: str) -> Call:
    if verb == START:
        return execution.start()
    if verb == PROGRESS:
        return execution.progress()
    return execution.step(1) if verb == STEP else execution.complete(counted=False)
