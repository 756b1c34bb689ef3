"""One hop on the way of a record: whether it is there, and whether it takes what we send."""

from __future__ import annotations

import os
import time

from agent_otel import plain_json
from agent_otel.delivery import is_acknowledgement
from agent_otel.http_connection import HttpConnection, NotHttpError, UnreachableError
from agent_otel.otlp_json import logs_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from agent_otel.http_connection import Response
    from agent_otel.settings import Settings

_SECONDS: Final = 2.0
_JSON: Final = "application/json"
RECEIVER: Final = "OTLP receiver"


class Hop:
    """`well`: it answers as it should; `state` says so to people."""

    __slots__ = ("address", "milliseconds", "name", "state", "well")

    def __init__(self, name: str, address: str, state: str, *, well: bool, milliseconds: float = 0.0) -> None:
        self.name = name
        self.address = address
        self.state = state
        self.well = well
        self.milliseconds = milliseconds

    def as_object(self) -> dict[str, object]:
        """For JSON."""
        return {name: getattr(self, name) for name in ("name", "address", "well", "state", "milliseconds")}


def hops(settings: Settings, stack: dict[str, Any]) -> list[Hop]:
    """The receiver that calls send to, then the parts of the stack of this user, if one was started."""
    parts = [_part(part) for part in stack.get("parts", ())]
    return [receiver(settings), *parts]


def running_stack(settings: Settings) -> dict[str, Any]:
    """What `agent-otel up` wrote about itself; empty when no stack of this user runs."""
    try:
        with open(f"{settings.state_dir}/stack.json", encoding="utf-8") as file:
            found: dict[str, Any] = plain_json.loads(file.read())
        os.kill(int(found["supervisor"]["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found


def receiver(settings: Settings) -> Hop:
    """An empty request is what every OTLP receiver takes (OTLP specification, "may be empty")."""
    started = time.monotonic()
    well = False
    try:
        connection = HttpConnection(settings.endpoint, settings.headers)
        answer = connection.post("/v1/logs", _JSON, logs_request([]), started + _SECONDS)
        connection.close()
        state = _refusal(answer)
        well = not state
        state = state or "takes OTLP"
    except UnreachableError as error:
        state = str(error)
    except NotHttpError:
        state = "does not speak HTTP: is it a gRPC port (4317)? Calls need the HTTP port (4318)"
    except (OSError, ValueError) as error:
        state = str(error) or type(error).__name__
    return Hop(RECEIVER, settings.endpoint, state, well=well, milliseconds=_since(started))


def _refusal(answer: Response) -> str:
    """What is wrong with an answer; nothing when it is that of an OTLP receiver, which is of the request's type."""
    kind = answer.headers.get("content-type", "")
    if answer.status in (401, 403):
        return f"answers {answer.status}: credentials are missing or refused: AGENT_OTEL_HEADERS"
    if not 200 <= answer.status < 300:
        return f"answers {answer.status}: is that an OTLP/HTTP receiver?"
    if not is_acknowledgement(answer):
        return f"answers with {kind or 'something'}: that is no OTLP/HTTP receiver"
    return ""


def _part(part: dict[str, Any]) -> Hop:
    started = time.monotonic()
    url: str | None = part.get("ready_url")
    try:
        os.kill(int(part["process"]["pid"]), 0)
        if url:
            base, _, path = url.partition("://")[2].partition("/")
            connection = HttpConnection(f"http://{base}", ())
            status = connection.get(f"/{path}", started + _SECONDS).status
            connection.close()
            if not 200 <= status < 300:
                return Hop(part["name"], part["address"], f"not ready ({status})", well=False)
    except ProcessLookupError:
        return Hop(part["name"], part["address"], f"ended; see {part['log']}", well=False)
    except OSError as error:
        return Hop(part["name"], part["address"], f"does not answer: {error}; see {part['log']}", well=False)
    return Hop(part["name"], part["address"], "ready", well=True, milliseconds=_since(started))


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
