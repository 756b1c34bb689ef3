"""`agent-otel doctor --send-test`: a test execution through every hop, and the name of the hop that is broken."""

import datetime as dt
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any, Final

from agent_otel.commands import database, jaeger_query, passage
from agent_otel.commands.canary import SPANS, Canary
from agent_otel.commands.passage import Passage
from agent_otel.errors import AgentOtelError
from agent_otel.local_stack.process import identify, wait_until
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES
from agent_otel.local_stack.state import RunningPart, State
from agent_otel.settings import Settings
from agent_otel.shell import hop

#: Seconds from the last call until all of it can be read back.
ARRIVAL_S: Final = 15.0
_PROBE_S: Final = 2.0
_RESTART: Final = "`agent-otel down`, then `agent-otel up --detach`"
_NOT_SENT: Final = "not asked: nothing was sent"
_JAEGER_VARIABLE: Final = "AGENT_OTEL_JAEGER_QUERY_HTTP"


def run(settings: Settings, *, as_json: bool = False) -> int:
    """Send, read back, print; 0 when no hop is broken, else 1."""
    execution_id, passages = send_test(settings)
    if as_json:
        print(json.dumps(passage.as_object(execution_id, passages)))
    else:
        print(passage.as_text(execution_id, passages))
    return 1 if passage.broken(passages) else 0


def send_test(settings: Settings, seconds: float = ARRIVAL_S) -> tuple[str, list[Passage]]:
    """The test execution's id, empty when nothing was sent, and how it fared at each hop, in their order."""
    stack = database.running_stack()
    receiver = _receiver(settings, stack)
    places = (POSTGRES, JAEGER)
    if not receiver.well:
        return "", [receiver, *(Passage(name, "", None, _NOT_SENT) for name in places)]
    canary, began = Canary(settings.endpoint), dt.datetime.now(dt.UTC)
    canary.send()
    if canary.problem:
        refused = Passage(hop.RECEIVER, settings.endpoint, False, canary.problem, canary.milliseconds)
        return canary.execution_id, [refused, *(Passage(name, "", None, "not asked: it waits") for name in places)]
    acknowledged = receiver._replace(
        state="acknowledged a test execution with a step", milliseconds=canary.milliseconds
    )
    stored = _stored(settings, stack, canary, began, seconds)
    return canary.execution_id, [acknowledged, *stored, _shown(stack, canary, seconds)]


def _receiver(settings: Settings, stack: State | None) -> Passage:
    """What an empty request is answered."""
    if settings.disabled:
        off = "agent-otel is switched off: unset AGENT_OTEL_DISABLED and OTEL_SDK_DISABLED"
        return Passage(hop.RECEIVER, settings.endpoint, False, off)
    found = hop.receiver(settings)
    advice = ""
    if not found.well and stack is None:
        advice = "; no stack runs here: `agent-otel up --detach` starts one, or set AGENT_OTEL_ENDPOINT"
    elif not found.well:
        advice = _elsewhere(settings, stack)
    return Passage(found.name, found.address, found.well, f"{found.state}{advice}", found.milliseconds)


def _elsewhere(settings: Settings, stack: State | None) -> str:
    if stack is None or stack.endpoint == settings.endpoint.replace("//localhost:", "//127.0.0.1:"):
        return ""
    return f"; the running stack is at another endpoint: export AGENT_OTEL_ENDPOINT={stack.endpoint}"


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _stored(
    settings: Settings, stack: State | None, canary: Canary, began: dt.datetime, seconds: float
) -> list[Passage]:
    """The exporter, as far as it is known here, and PostgreSQL."""
    url = database.known_url()
    if url is None:
        unknown = "cannot be read back: no stack runs here; set AGENT_OTEL_DATABASE_URL to ask another database"
        return [Passage(POSTGRES, "", None, unknown)]
    try:
        from agent_otel.store.connection import where
        from agent_otel.store.reader import Reader
    except ImportError as error:  # psycopg, or the library below it
        advice = f"cannot be read back: {error}: pip install 'agent-otel[all]'"
        return [Passage(POSTGRES, "", None, advice)]
    try:
        with Reader(url) as reader:
            arrived = _arrival(lambda: _spans_stored(reader, canary), canary, seconds)
            quarantined = [] if arrived else reader.quarantined(since=began)[0]
    except Exception as error:  # noqa: BLE001 - the driver's too, which only the store may know
        return [*_exporter(stack), Passage(POSTGRES, _address(url, where), False, " ".join(str(error).split()))]
    if arrived:
        found = Passage(POSTGRES, where(url), True, f"has its row and {SPANS} spans", arrived)
        return [*_exporter(stack), found]
    return _culprit(settings, stack, where(url), quarantined, seconds)


def _spans_stored(reader: Any, canary: Canary) -> bool:
    """Whether the ended execution and both spans can be read."""
    rows = reader.family(uuid.UUID(canary.execution_id))
    return bool(rows and rows[0]["completed_at"] and len(reader.spans(uuid.UUID(canary.correlation_id))) == SPANS)


def _culprit(
    settings: Settings, stack: State | None, address: str, quarantined: list[dict[str, Any]], seconds: float
) -> list[Passage]:
    """Which hop keeps back what the receiver has acknowledged."""
    exporter = _exporter(stack)
    if passage.broken(exporter):
        return [*exporter, Passage(POSTGRES, address, None, "not reached")]
    if quarantined:
        first = quarantined[0]
        why = f"quarantined: {first['reason']}; `agent-otel quarantine show {first['short_id']}`"
        return [Passage(EXPORTER, _part_address(stack, EXPORTER), False, why)]
    missing = f"nothing of it after {seconds:.0f} s"
    advice = _elsewhere(settings, stack) or f"; it waits in the Collector's queue, or goes elsewhere{_log(stack)}"
    return [*exporter, Passage(POSTGRES, address, False, f"{missing}{advice}")]


def _exporter(stack: State | None) -> list[Passage]:
    """What /readyz of the running stack's exporter says; nothing when none is known."""
    return [_part(part) for part in (stack.parts if stack else ()) if part.name == EXPORTER]


def _part(part: RunningPart) -> Passage:
    if identify(part.process.pid) != part.process:
        return Passage(part.name, part.address, False, f"has ended, see {part.log}: {_RESTART}")
    started = time.monotonic()
    problem = _not_ready(part.ready_url) if part.ready_url else ""
    milliseconds = (time.monotonic() - started) * 1000
    return Passage(part.name, part.address, not problem, problem or "ready", milliseconds)


def _not_ready(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_S):  # noqa: S310  # an address of our own stack
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"not ready: {error.read(1000).decode(errors='replace').strip()}"
    except OSError as error:
        return f"does not answer ({error}), see its log: {_RESTART}"


# --- Jaeger ----------------------------------------------------------------------------------------------------------


def _shown(stack: State | None, canary: Canary, seconds: float) -> Passage:
    url = stack.jaeger_query_url if stack else None
    given = os.environ.get(_JAEGER_VARIABLE)
    url = url or (f"http://{given}" if given else None)
    if url is None:
        return Passage(JAEGER, "", None, f"not asked: no Jaeger in the running stack, and no {_JAEGER_VARIABLE}")
    trace_id = uuid.UUID(canary.correlation_id).hex
    try:
        arrived = _arrival(lambda: len(jaeger_query.spans(url, trace_id)) == SPANS, canary, seconds)
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", error)
        return Passage(JAEGER, url, False, f"does not answer as Jaeger does: {reason}")
    if not arrived:
        return Passage(JAEGER, url, False, f"has not all of it after {seconds:.0f} s{_log(stack)}")
    return Passage(JAEGER, url, True, f"shows its {SPANS} spans", arrived)


# --- any hop ---------------------------------------------------------------------------------------------------------


def _arrival(arrived: Callable[[], bool], canary: Canary, seconds: float) -> float:
    """Milliseconds from the last call until it was there; 0 when it was not in time."""
    left = canary.sent_at + seconds - time.monotonic()
    return (time.monotonic() - canary.sent_at) * 1000 if wait_until(arrived, max(left, 0.0)) else 0.0


def _address(url: str, where: Callable[[str], str]) -> str:
    try:
        return where(url)
    except AgentOtelError:  # a URL that cannot be read; it may hold a password
        return ""


def _part_address(stack: State | None, name: str) -> str:
    return next((part.address for part in (stack.parts if stack else ()) if part.name == name), "")


def _log(stack: State | None) -> str:
    logs = [part.log for part in (stack.parts if stack else ()) if part.name == COLLECTOR]
    return f", see {logs[0]}" if logs else ""
