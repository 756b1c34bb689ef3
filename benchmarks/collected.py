"""Export requests as a real Collector passes them on: the same spans, encoded anew in its own order of fields."""

import http.client
import tempfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from agent_otel.exporter.envelope import decode
from agent_otel.exporter.signals import TRACES
from agent_otel.local_stack.ports import LOOPBACK
from agent_otel.local_stack.process import wait_until
from benchmarks.pipeline import Pipeline

_SECONDS: Final = 30.0


class _Sink(ThreadingHTTPServer):
    """Stands where the exporter does, keeps what arrives and says OK."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.bodies: list[bytes] = []

    @property
    def items(self) -> int:
        """Spans that have arrived."""
        return sum(len(decode(body)) for body in self.bodies.copy())


class _Handler(BaseHTTPRequestHandler):
    server: _Sink
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def collected(bodies: Sequence[bytes]) -> list[bytes]:
    """What the Collector makes of the bodies; raises LocalStackError where none is installed."""
    expected = sum(len(decode(body)) for body in bodies)
    with _Sink() as sink, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        with Pipeline(Path(folder)).collector(f"{LOOPBACK}:{sink.server_port}") as collector:
            connection = http.client.HTTPConnection(collector.addresses["http"], timeout=_SECONDS)
            for body in bodies:
                connection.request("POST", TRACES.path, body, {"Content-Type": "application/x-protobuf"})
                connection.getresponse().read()
            connection.close()
            if not wait_until(lambda: sink.items >= expected, _SECONDS):
                raise SystemExit(f"{sink.items} of {expected} spans came through the Collector")
        sink.shutdown()
        return sink.bodies
