"""Which modules a command imports beyond those of bare Python, and what each costs."""

import re
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

#: `import time:       120 |        310 |     json.decoder`, in µs.
_LINE: Final = re.compile(r"import time: +(\d+) \| +(\d+) \|( +)(\S+)")
_RUN_S: Final = 60


class Module(NamedTuple):
    """Time of its own in µs, and with what it imports first."""

    name: str
    own: float
    cumulative: float


def profile(python: str, program: Sequence[str], environ: Mapping[str, str], runs: int) -> list[Module]:
    """The modules that `program` imports and `python -c pass` does not, the most expensive first; medians of runs."""
    bare = {module.name for module in _once(python, ["-c", "pass"], environ)}
    seen: dict[str, list[Module]] = defaultdict(list)
    for _ in range(runs):
        for module in _once(python, program, environ):
            seen[module.name].append(module)
    medians = [
        Module(
            name, statistics.median(each.own for each in times), statistics.median(each.cumulative for each in times)
        )
        for name, times in seen.items()
        if name not in bare
    ]
    return sorted(medians, key=lambda module: -module.own)


def _once(python: str, program: Sequence[str], environ: Mapping[str, str]) -> list[Module]:
    command = [python, "-X", "importtime", *program]
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=_RUN_S)
    found = map(_LINE.match, finished.stderr.splitlines())
    return [Module(line[4], float(line[1]), float(line[2])) for line in found if line]
