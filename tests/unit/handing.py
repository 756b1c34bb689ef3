"""Records to hand over, and where they are afterwards.

As a program (``python -m tests.unit.handing ENDPOINT NAME COUNT``) it hands events over, NAME/0 and so on, each with a
call of its own, and says of each what it was told, one line a call.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from agent_otel.hand_over import Handed, hand_over
from agent_otel.record import LOGS
from agent_otel.segment import Segment
from agent_otel.settings import Settings, load
from tests.fixtures.sink import Sink

SettingsTo = Callable[..., Settings]


def absent() -> str:
    """An address where nobody listens."""
    with Sink() as gone:
        return gone.endpoint


def log(name: str, size: int = 0) -> tuple[int, int, bytes]:
    """A record of one event."""
    payload = {"scopeLogs": [{"logRecords": [{"eventName": name, "body": {"stringValue": "x" * size}}]}]}
    return LOGS, 1, json.dumps(payload).encode()


def names(sink: Sink) -> list[str]:
    """Names of the events that were accepted."""
    return [event["eventName"] for event in sink.events()]


def waiting(folder: Path) -> list[list[str]]:
    """Names of the events that wait, by segment, the oldest segment first."""
    found = []
    for path in sorted(folder.glob("*.spool"), key=lambda path: path.name.partition("-")[2]):
        segment = Segment.adopt(str(path))
        assert segment is not None
        records = [json.loads(record.payload) for record in segment.window(2**40)]
        found.append([event["eventName"] for r in records for event in r["scopeLogs"][0]["logRecords"]])
        segment.close()
    return found


def told(handed: Handed) -> tuple[bool, bool]:
    """Spooled and delivered."""
    return handed.spooled, handed.delivered


if __name__ == "__main__":
    settings = load({"endpoint": sys.argv[1]})
    for number in range(int(sys.argv[3])):
        name = f"{sys.argv[2]}/{number}"
        handed = hand_over([log(name)], settings)
        print(name, *told(handed), handed.problem, flush=True)
