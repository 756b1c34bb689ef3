"""Ask Jaeger's query API (/api/v3) about a trace."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Final

TIMEOUT_S: Final = 5.0
_POLL_S: Final = 0.1


def spans(query_url: str, trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace as OTLP/JSON; none while Jaeger does not know it."""
    # raw_traces: as they were sent, without Jaeger's adjustments of clocks and duplicates.
    url = f"{query_url}/api/v3/traces/{trace_id}?raw_traces=true"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  # an address of our own stack
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise
    groups = found["result"]["resourceSpans"]
    return [span for group in groups for scope in group["scopeSpans"] for span in scope["spans"]]


def wait_for_spans(query_url: str, trace_id: str, expected: int, timeout_s: float) -> int:
    """How many spans of a trace Jaeger has, once there are as many as expected or the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        count = len(spans(query_url, trace_id))
        if count >= expected or time.monotonic() > deadline:
            return count
        time.sleep(_POLL_S)
