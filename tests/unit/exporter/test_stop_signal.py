"""Being told to stop in the middle of anything."""

import signal
import subprocess
import sys

from agent_otel.exporter.stop_signal import StopSignal

_RUNS = 30
_SECONDS = 20
# It says that it waits as often as it can; with an Event, a signal within `wait` hangs about every second time.
_WAITER = """
import signal
from agent_otel.exporter.stop_signal import StopSignal
stop = StopSignal((signal.SIGTERM,))
print("waiting", flush=True)
while not stop.wait(0):
    pass
"""


def test_a_signal_never_hangs_who_waits() -> None:
    """Thirty processes that do nothing but wait are told to stop, and each ends."""
    for _ in range(_RUNS):
        with subprocess.Popen([sys.executable, "-c", _WAITER], stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"waiting\n"
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(_SECONDS) == 0
            finally:
                process.kill()


def test_waiting_ends_by_itself() -> None:
    """Not told: False after the time. Told: True at once, and for ever."""
    stop = StopSignal()
    assert not stop.wait(0.01)
    stop.set()
    assert stop.is_set()
    assert stop.wait()
