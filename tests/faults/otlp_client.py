"""A client that sends OTLP and writes what was acknowledged into its ledger: `python -m tests.faults.otlp_client`.

A request that is not acknowledged is sent again, the same bytes, until it is. SIGTERM: it finishes the request it is
at and ends with 0. An answer that tells a client to give up ends it with 3: under faults there must be none.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from tests.faults import agent_runs, ledger
from tests.faults.ledger import Ledger
from tests.faults.otlp_sender import GrpcSender, HttpSender, RefusedError, Sender, UnavailableError
from tests.faults.stopping import Stop

_RUNS_PER_REQUEST: Final = 5
_PAUSE_S: Final = 0.1
REFUSED_EXIT: Final = 3


def main() -> int:
    """Send until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transport", choices=["http", "grpc"])
    parser.add_argument("endpoint", help="host:port")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("rate", type=float, help="spans a second")
    arguments = parser.parse_args()
    stop = Stop()
    sender: Sender = HttpSender(arguments.endpoint) if arguments.transport == "http" else GrpcSender(arguments.endpoint)
    book = Ledger(arguments.ledger)
    try:
        _send_paced(sender, book, f"{arguments.transport}-client", arguments.rate, stop)
    except RefusedError as error:
        print(f"refused for good: {error}", file=sys.stderr)
        return REFUSED_EXIT
    book.write(ledger.END, 0, 0, 0)
    book.sync()
    return 0


def _send_paced(sender: Sender, book: Ledger, service: str, rate: float, stop: Stop) -> None:
    """Send at the rate; what an outage held up is caught up afterwards."""
    due = time.monotonic()
    while not stop.by(due):
        _send_runs(sender, book, service)
        due += _RUNS_PER_REQUEST * agent_runs.SPANS / rate


def _send_runs(sender: Sender, book: Ledger, service: str) -> None:
    runs = [agent_runs.new_run() for _ in range(_RUNS_PER_REQUEST)]
    _deliver(sender, book, "logs", agent_runs.events_request(runs, service))
    book.write(ledger.EVENTS, ",".join(str(event) for run in runs for event in run.event_ids))
    _deliver(sender, book, "traces", agent_runs.spans_request(runs, service))
    for run in runs:
        book.write(ledger.SPANS, run.trace_id.hex(), ",".join(span.hex() for span in run.span_ids))
        book.write(ledger.EXECUTION, run.execution_id, agent_runs.STEPS, run.input_tokens, run.output_tokens)
    book.sync()


def _deliver(sender: Sender, book: Ledger, signal_name: str, body: bytes) -> None:
    while True:
        try:
            return sender.send(signal_name, body)
        except UnavailableError as error:
            book.write(ledger.ERROR, str(error).replace("\n", " "))
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
