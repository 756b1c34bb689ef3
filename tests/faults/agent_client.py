"""An agent that uses the span helpers and keeps a ledger: `python -m tests.faults.agent_client LEDGER RATE`.

Where the stack is and where the spool lies stands in its environment (AGENT_OTEL_ENDPOINT, AGENT_OTEL_HOME). An event
is promised when its helper has returned, a span 200 ms after its end. SIGTERM: it finishes the execution it is at,
flushes and ends with 0.
"""

import argparse
import os
import random
import sys
import time
import uuid
from pathlib import Path
from typing import Final

import agent_otel
from agent_otel import ids
from agent_otel import semconv as s
from tests.faults import ledger
from tests.faults.agent_runs import SPANS, STEPS
from tests.faults.ledger import Ledger
from tests.faults.stopping import Stop

GRACE_NS: Final = 200_000_000
_FLUSH_S: Final = 60.0


def main() -> int:
    """Run executions until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("rate", type=float, help="spans a second")
    parser.add_argument("--stock", action="store_true", help="with the SDK's own processor instead of the spool")
    arguments = parser.parse_args()
    stop = Stop()
    if arguments.stock:
        _use_stock_processor()
    book = Ledger(arguments.ledger, GRACE_NS)
    due = time.monotonic()
    while not stop.by(due):
        _execution(book)
        due += SPANS / arguments.rate
    result = agent_otel.flush(timeout=_FLUSH_S)
    book.write(ledger.END, *result)
    book.sync()
    return 0


def _execution(book: Ledger) -> None:
    input_tokens, output_tokens = random.randrange(10_000), random.randrange(10_000)
    with agent_otel.execution("helper") as run:
        execution_id = uuid.UUID(run.execution_id)
        trace_id, span_id = run.trace_id, run.span_id
        book.write(ledger.EVENTS, ids.event_id(execution_id, s.EVENT_STARTED))
        run.tokens(input_tokens, output_tokens)
        for number in range(STEPS):
            _step(book, number, trace_id)
        run.progress("half", 50)
        book.write(ledger.PROGRESS, execution_id, "half")
    book.write(ledger.EVENTS, ids.event_id(execution_id, s.EVENT_COMPLETED))
    book.write(ledger.SPANS, trace_id, span_id)
    book.write(ledger.EXECUTION, execution_id, STEPS, input_tokens, output_tokens)
    book.sync()


def _step(book: Ledger, number: int, trace_id: str) -> None:
    with agent_otel.step("pytest", action=f"run folder {number}") as step:
        step.observation("12 passed")
    book.write(ledger.SPANS, trace_id, step.span_id)


def _use_stock_processor() -> None:
    """What OpenTelemetry's own documentation sets up: spans wait in memory."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(os.environ["AGENT_OTEL_ENDPOINT"] + "/v1/traces")
    agent_otel.configure(span_processor=BatchSpanProcessor(exporter))


if __name__ == "__main__":
    sys.exit(main())
