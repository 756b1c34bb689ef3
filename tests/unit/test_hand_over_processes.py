"""agent_otel.hand_over in many processes, some of which are killed, with a receiver that comes and goes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.drain import drain, waiting
from agent_otel.hand_over import hand_over
from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.process import wait_until
from agent_otel.settings import Settings
from tests.fixtures import sink as sink_program
from tests.fixtures.sink import Sink
from tests.unit.handing import SettingsTo, absent, log, names, told
from tests.unit.handing import waiting as waiting_names

pytestmark = pytest.mark.usefixtures("unhurried")

ROOT = Path(__file__).parents[2]
PROCESSES = 8
CALLS = 200
KILLS = 40
SECONDS = 60.0
#: What a call does to files and connections; a program that only starts does almost none of it.
SYSTEM_CALLS = ("fsync", "rename", "unlink", "flock", "ftruncate", "pwrite64", "connect", "sendto", "recvfrom")


class Receiver:
    """A receiver in a process of its own, which can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._ledger = folder / "ledger"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it listens."""
        command = [sys.executable, str(sink_program.__file__), str(self.port), str(self._ledger)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert self._process.stdout is not None
        assert self._process.stdout.readline()

    def kill(self) -> None:
        """With SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def names(self) -> list[str]:
        """Names of all events that it ever acknowledged, or was about to."""
        return self._ledger.read_text().split() if self._ledger.exists() else []


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """One that runs."""
    made = Receiver(tmp_path)
    made.start()
    yield made
    made.kill()


def handing(endpoint: str, name: str, calls: int, before: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """A process that hands events over."""
    command = [*before, sys.executable, "-m", "tests.unit.handing", endpoint, name, str(calls)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True)


def promised(output: str) -> list[str]:
    """Names of the events that are safe, as the calls said."""
    lines = [line.split(" ", 3) for line in output.splitlines() if line.count(" ") >= 3]
    return [name for name, spooled, delivered, _ in lines if "True" in (spooled, delivered)]


def files(folder: Path) -> int:
    """Segments on the disk."""
    return len(list(folder.glob("*.spool")))


def test_many_processes_and_a_receiver_that_comes_and_goes(
    receiver: Receiver, settings_to: SettingsTo, spool_folder: Path
) -> None:
    """Each event arrives at least once, the spool is empty in the end and never has many files."""
    crowd = [handing(receiver.endpoint, str(number), CALLS) for number in range(PROCESSES)]
    chance, seen = random.Random(5), [0]

    def all_ended() -> bool:
        seen.append(files(spool_folder))
        return all(process.poll() is not None for process in crowd)

    while not wait_until(all_ended, chance.uniform(0.05, 0.3)):
        receiver.kill()
        receiver.start()
    safe = [name for process in crowd for name in promised(process.communicate(timeout=SECONDS)[0])]
    assert len(safe) == PROCESSES * CALLS
    settings = settings_to(receiver.endpoint)
    drained = drain(settings, time.monotonic() + SECONDS)
    assert (drained.spooled, drained.lost, waiting(settings).records) == (0, 0, 0)
    arrived = Counter(receiver.names())
    assert set(arrived) == {f"{process}/{call}" for process in range(PROCESSES) for call in range(CALLS)}
    assert list(spool_folder.glob("*.spool*")) == []
    assert max(seen) <= 3 * PROCESSES


def test_stopped_receiver(receiver: Receiver, settings_to: SettingsTo, spool_folder: Path) -> None:
    """A receiver that is stopped costs the budget; it goes on, and everything is delivered."""
    settings, hurried = (settings_to(receiver.endpoint, send_milliseconds=budget) for budget in (20_000, 40))
    receiver.signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert told(hand_over([log("stopped")], hurried)) == (True, False)
    assert time.monotonic() - begun < 2
    assert told(hand_over([log("still")], hurried)) == (True, False)
    assert waiting_names(spool_folder) == [["stopped", "still"]]
    receiver.signal(signal.SIGCONT)
    assert_usable(settings, spool_folder)
    assert set(receiver.names()) == {"stopped", "still", "after"}


def test_killed_at_random(receiver: Receiver, settings_to: SettingsTo, spool_folder: Path) -> None:
    """What a call said to be safe is, whenever its process is killed afterwards or in its next call."""
    chance = random.Random(9)
    safe: list[str] = []
    for number in range(KILLS):
        endpoint = receiver.endpoint if number % 2 else absent()
        process = handing(endpoint, str(number), 1_000)
        assert process.stdout is not None
        first = process.stdout.readline()
        wait_until(lambda: False, chance.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        safe += promised(first + process.communicate(timeout=SECONDS)[0])
    assert len(safe) >= KILLS
    assert_usable(settings_to(receiver.endpoint), spool_folder)
    assert set(safe) <= set(receiver.names())


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace (Debian)")
@pytest.mark.parametrize("is_there", [True, False])
def test_killed_at_each_system_call(sink: Sink, settings_to: SettingsTo, spool_folder: Path, is_there: bool) -> None:
    """Killed before any one of its system calls, a call costs no record but its own, which it had promised nobody."""
    endpoint = sink.endpoint if is_there else absent()
    safe: set[str] = set()
    kills = 0
    for call in SYSTEM_CALLS:
        for when in range(1, 100):
            name = f"{call}-{when}"
            assert hand_over([log(f"waits-{name}")], settings_to(absent())).spooled
            inject = f"inject={call}:signal=SIGKILL:when={when}"
            strace = ("strace", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject)
            process = handing(endpoint, name, 1, strace)
            safe |= {f"waits-{name}", *promised(process.communicate(timeout=SECONDS)[0])}
            if process.returncode == 0:
                break
            kills += 1
        assert f"{name}/0" in safe
    assert kills >= 10
    assert_usable(settings_to(sink.endpoint), spool_folder)
    assert safe <= set(names(sink))


def assert_usable(settings: Settings, spool_folder: Path) -> None:
    """What the killed left is delivered, and the next call works as ever."""
    assert drain(settings, time.monotonic() + SECONDS).problem == ""
    assert told(hand_over([log("after")], settings)) == (False, True)
    assert waiting_names(spool_folder) == []
