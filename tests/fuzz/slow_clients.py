"""`python -m tests.fuzz.slow_clients`: how long a good client waits while thousands of others send a byte a second.

Five kinds, in turn: connections that say nothing, and requests that stop in their headers, in a body of a known length,
in a chunked one, and in one of 70 MB. Whoever is cut off comes back at once.
"""

import argparse
import contextlib
import http.client
import os
import resource
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from agent_otel.exporter.config import Address
from tests.contract import numbered
from tests.fuzz.target import Target, running

_HEAD: Final = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
_KINDS: Final = (
    b"",
    _HEAD,
    _HEAD + b"Content-Length: 1000\r\n\r\n",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
    _HEAD + b"Content-Length: 70000000\r\n\r\n",
)
_BOUND: Final = 0.5
_PAUSE: Final = 0.05


class SlowClient:
    """A connection that sends its beginning, whole or by the byte, and then a byte whenever it is told to."""

    def __init__(self, address: Address, number: int) -> None:
        self._address = address
        self._begin = _KINDS[number % len(_KINDS)]
        self._bytewise = number // len(_KINDS) % 2
        self.lost = 0
        self._left = self._begin
        self._socket = self._opened()

    def drip(self) -> None:
        """Send the next byte; begin again when cut off."""
        if not self._begin:
            return
        piece = (self._left[:1] if self._bytewise else self._left) or b"x"
        try:
            self._socket.send(piece)
            self._left = self._left[len(piece) :]
        except BlockingIOError:
            return
        except OSError:
            self.lost += 1
            self._socket.close()
            self._left = self._begin
            self._socket = self._opened()

    def close(self) -> None:
        """Give up."""
        self._socket.close()

    def _opened(self) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.setblocking(False)
        return connection


def main() -> int:
    """Print the good client's waiting times; exit code 0 when 99 of 100 are within half a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=40.0)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, arguments.clients + 500), hard))
    with tempfile.TemporaryDirectory(prefix="slow-") as folder, running(Path(folder)) as target:
        clients = [SlowClient(target.addresses.http, number) for number in range(arguments.clients)]
        stopped = threading.Event()
        dripping = threading.Thread(target=_drip, args=(clients, stopped))
        dripping.start()
        try:
            waits = sorted(_waits(target, arguments.seconds))
        finally:
            stopped.set()
            dripping.join()
        worst = waits[int(len(waits) * 0.99)]
        print(f"{arguments.clients} slow clients, cut off {sum(client.lost for client in clients)} times")
        print(
            f"good requests {len(waits)}: median {waits[len(waits) // 2] * 1e3:.0f} ms, p99 {worst * 1e3:.0f} ms,",
            end=" ",
        )
        print(
            f"slowest {waits[-1] * 1e3:.0f} ms; resident {target.resident():.0f} MiB; log faults {len(target.faults())}"
        )
        for client in clients:
            client.close()
    return 0 if worst <= _BOUND else 1


def _drip(clients: list[SlowClient], stopped: threading.Event) -> None:
    while not stopped.is_set():
        began = time.monotonic()
        for client in clients:
            with contextlib.suppress(OSError):
                client.drip()
        stopped.wait(max(0.0, 1.0 - (time.monotonic() - began)))


def _waits(target: Target, seconds: float) -> list[float]:
    waits = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        body = numbered.traces(os.urandom(16), "good").SerializeToString()
        began = time.monotonic()
        connection = http.client.HTTPConnection(*target.addresses.http, timeout=30)
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        assert connection.getresponse().status == 200
        connection.close()
        waits.append(time.monotonic() - began)
        time.sleep(_PAUSE)
    return waits


if __name__ == "__main__":
    sys.exit(main())
