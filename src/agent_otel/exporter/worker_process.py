"""One worker as its supervisor sees it."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from agent_otel.exporter.config import Address, variable_of
from agent_otel.exporter.metrics import SHARED_FOLDER

_COMMAND: Final = (sys.executable, "-m", "agent_otel.exporter.worker")
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
#: A worker that lived this long was no failed start.
_PROVEN_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1


class WorkerProcess:
    """A worker, through all its restarts."""

    def __init__(self, grpc: Address, http: socket.socket, metrics_folder: str) -> None:
        self._http = http
        self._environ = {**os.environ, variable_of("grpc"): str(grpc), SHARED_FOLDER: metrics_folder}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._due = 0.0
        self.serving = False
        #: Seconds until it is started after its last end.
        self.delay = 0.0

    @property
    def ended(self) -> bool:
        """Whether it has ended since it was last started."""
        self._hear()
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Start it; it serves once it says so."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [*_COMMAND, str(self._http.fileno())],
            # Both ends of the lifeline close with us, however we end.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._http.fileno()],
            env=self._environ,
        )

    def start_when_due(self) -> None:
        """Start it again if it has ended and its delay is over."""
        if self._process is None and time.monotonic() >= self._due:
            self.start()

    def bury(self) -> tuple[int, int]:
        """Take note of its end: the exit code (negative: the signal) and the pid that it had."""
        process = self._process
        assert process is not None
        code = process.wait()
        _close(process)
        self._process, self.serving = None, False
        lived = time.monotonic() - self._started
        self.delay = (
            _FIRST_DELAY if lived >= _PROVEN_SECONDS else min(max(self.delay * 2, _FIRST_DELAY), _LONGEST_DELAY)
        )
        self._due = time.monotonic() + self.delay
        return code, process.pid

    def wait_serving(self, seconds: float, cancelled: Callable[[], bool]) -> bool:
        """Whether it serves within `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.serving and not self.ended and time.monotonic() < deadline and not cancelled():
            self._hear(_POLL_SECONDS)
        return self.serving

    def ask_to_stop(self) -> None:
        """Tell it to finish what is under way."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within `seconds` with everything finished; killed otherwise."""
        process, self._process = self._process, None
        if process is None:
            return True
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        _close(process)
        return process.wait() == 0

    def _hear(self, seconds: float = 0.0) -> None:
        """Note whether it has said that it serves."""
        if self.serving or self._process is None or self._process.stdout is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if selector.select(seconds):
                self.serving = bool(os.read(self._process.stdout.fileno(), 64))


def _close(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
