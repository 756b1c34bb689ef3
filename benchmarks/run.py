"""Run benchmarks, one after the other, and print what each found and on what machine.

python benchmarks/run.py                 all of them
python benchmarks/run.py ingest --quick  one; options are passed on, and `--help` shows which there are
"""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_STOP_S: Final = 60
#: Each prints its figures and exits 1 when it misses its target.
BENCHMARKS: Final = (
    *("helper_cost", "cli_latency", "hook_latency", "live_latency"),
    *("ingest", "overload", "chain", "audit"),
)


def main(arguments: list[str]) -> int:
    """Return 1 when any benchmark misses its target."""
    first_option = next((at for at, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    names, options = arguments[:first_option], arguments[first_option:]
    if not set(names) <= set(BENCHMARKS) or (options and len(names) != 1):
        print(f"{__doc__}\nbenchmarks: {', '.join(BENCHMARKS)}; options go to exactly one", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _exit)
    print(_machine(), flush=True)
    # Byte code is cached on a user's machine; without it every start would compile.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    codes = []
    for name in names or BENCHMARKS:
        print(f"\n── {name}", flush=True)
        command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *options]
        codes.append(_run(command, environment))
    return int(any(codes))


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Exit code of the benchmark. When we are interrupted, it gets the time to stop what it has started."""
    with subprocess.Popen(command, env=environment) as benchmark:
        try:
            return benchmark.wait()
        except BaseException:
            benchmark.terminate()
            benchmark.wait(_STOP_S)
            raise


def _exit(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{platform.machine()}, {os.cpu_count()} CPUs ({_processor()}), {memory:.0f} GiB, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}, load before {load}"
    )


def _processor() -> str:
    """The processor's name where Linux says it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown model")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
