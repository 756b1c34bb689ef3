"""A program that stops itself with SIGSTOP inside a transaction, before it commits a batch; the tests wake it.

Arguments: database URL, execution id, seconds after which the server ends a session that is idle in a transaction.
"""

import os
import signal
import sys
import uuid
from typing import Any

from agent_otel import semconv
from agent_otel.store import merging, writer
from tests.fixtures.executions import event


def main(url: str, execution_id: str, patience: str) -> None:
    """Write one event, with a stop after the execution's row is locked."""
    merge = merging.executions
    stopped: list[bool] = []

    def merge_and_stop(*arguments: Any) -> None:
        merge(*arguments)
        if not stopped:
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGSTOP)

    merging.executions = merge_and_stop  # type: ignore[assignment]  # the same arguments, passed on
    writer.STOPPED_S = int(patience)  # type: ignore[misc]  # a shorter wait than in earnest
    own = writer.Writer(url)
    print(own.write(event(uuid.UUID(execution_id), semconv.EVENT_PROGRESS, 7, {})).events)
    own.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
