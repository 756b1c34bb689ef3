"""Run every benchmark, one after the other, and print what each found and on what machine."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
#: Each prints its figures and exits 1 when it misses its target.
BENCHMARKS: Final = ("helper_cost", "live_latency")


def main() -> int:
    """Return 1 when any benchmark misses its target."""
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {platform.system()}")
    # Byte code is cached on a user's machine; without it every start would compile.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    codes = []
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"\n── {name}", flush=True)
        command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py")]
        codes.append(subprocess.run(command, env=environment, check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
