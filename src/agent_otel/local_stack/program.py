"""A part of the stack that is a program with a health page: the exporter, the Collector, Jaeger."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.logs import open_log, tail
from agent_otel.local_stack.process import wait_until

START_SECONDS: Final = 60
#: The exporter finishes the requests under way within 15 s (AGENT_OTEL_EXPORTER_DRAIN_SECONDS).
STOP_SECONDS: Final = 20
_PROBE_SECONDS: Final = 2


@dataclass
class Program:
    """How to start the program, where it listens and when it is ready."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str]
    address: str
    ready_url: str
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start it."""
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                # A Ctrl-C of the terminal is for us: we stop the parts in order.
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return once its health page says so; LocalStackError with the end of its log when it does not."""
        process = self.process
        settled = wait_until(
            lambda: process is None or process.poll() is not None or answers(self.ready_url), START_SECONDS
        )
        if not settled or process is None or process.poll() is not None:
            self.stop()
            raise LocalStackError(f"the {self.name} did not start; the end of {self.log}:\n{tail(self.log)}")

    def stop(self) -> None:
        """Ask it to stop, wait up to STOP_SECONDS, then kill it."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        if not wait_until(lambda: process.poll() is not None, STOP_SECONDS):
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    """Whether the health page says that all is well."""
    try:
        with urlopen(url, timeout=_PROBE_SECONDS) as response:  # noqa: S310  # an http URL that we made
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
