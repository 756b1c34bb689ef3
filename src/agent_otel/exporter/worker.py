"""A worker: one process that receives, maps and writes. The supervisor starts it; it is no command of its own.

Standard input is its lifeline: it ends when the supervisor is gone, and then so does the worker. It says `ready` on
standard output once its ports are open, and logs on standard error.
"""

import contextlib
import os
import shutil
import signal
import socket
import sys
import threading
from typing import Final

from agent_otel.errors import ConfigurationError
from agent_otel.exporter import config, json_log, process_limits
from agent_otel.exporter.metrics import SHARED_FOLDER, Metrics
from agent_otel.exporter.service import Service
from agent_otel.exporter.stop_signal import StopSignal

READY: Final = b"ready\n"


def main() -> int:
    """Serve until SIGTERM or the supervisor's end: 0 when all under way was finished, 1 when some was not."""
    settings = config.read(os.environ)
    json_log.configure(json_log.secrets_of(settings.database_url))
    process_limits.give_memory_back()
    process_limits.collect_garbage_seldom()
    # The HTTP door's and the gRPC door's.
    process_limits.allow_connections(2 * settings.connections)
    # Ctrl-C reaches the whole terminal; the supervisor decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = StopSignal((signal.SIGTERM,))
    orphaned = threading.Event()
    threading.Thread(target=_watch_lifeline, args=(stop, orphaned), name="lifeline", daemon=True).start()
    service = Service(settings, Metrics(), socket.socket(fileno=int(sys.argv[1])))
    try:
        service.start()
    except ConfigurationError:
        return 1
    # A supervisor that was killed while we started hears nothing; the lifeline then says so too.
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), READY)
    stop.wait()
    drained = service.stop()
    if orphaned.is_set():
        shutil.rmtree(os.environ[SHARED_FOLDER], ignore_errors=True)
    return 0 if drained else 1


def _watch_lifeline(stop: StopSignal, orphaned: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    orphaned.set()
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
