"""Where the exporter's CPU goes between a request's bytes and a COPY stream: stages, then functions under cProfile.

For requests as the SDKs encode them, and as the Collector does, whose order of fields is another.
"""

import cProfile
import pstats
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from agent_otel.exporter.envelope import decode
from agent_otel.exporter.mapping import map_spans
from agent_otel.store.copy_format import pack_spans
from agent_otel.store.rows import Batch
from benchmarks.bodies import Bodies
from benchmarks.collected import collected

_REQUESTS: Final = 60
_PER_REQUEST: Final = 512
_SHOWN: Final = 25


def main() -> int:
    """Print µs of CPU a span by stage, and the functions that take most (the profiler makes small ones look slow)."""
    sent = list(islice(Bodies(_PER_REQUEST, "profile"), _REQUESTS))
    for name, bodies in (("as sent", sent), ("through the Collector", collected(sent))):
        print(f"\n{name}")
        _stages(bodies)
        with cProfile.Profile() as profile:
            for body in bodies:
                _pack(map_spans(decode(body)))
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_SHOWN)
    return 0


def _stages(bodies: Sequence[bytes]) -> None:
    stages: dict[str, Callable[[Any], Any]] = {"decode (frame)": decode, "map_spans": map_spans, "pack_spans": _pack}
    given: list[Any] = list(bodies)
    for name, stage in stages.items():
        started = time.process_time()
        given = [stage(each) for each in given]
        print(f"{name:<16} {(time.process_time() - started) / _REQUESTS / _PER_REQUEST * 1e6:6.1f} µs a span")


def _pack(batch: Batch) -> bytes:
    return b"".join(pack_spans([item.row for item in batch.spans], 1))
