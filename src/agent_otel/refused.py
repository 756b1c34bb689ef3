"""Records that a receiver will never take: kept aside for whoever wants to know why, within a limit."""

from __future__ import annotations

import os
import time

from agent_otel.record import frame
from agent_otel.spool import SpoolRefusedError, check_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from agent_otel.record import Record

#: Bytes and files kept; what comes after is counted only.
MAX_BYTES: Final = 16 * 1024**2
MAX_FILES: Final = 1_000


class RefusedFolder:
    """``<spool>/refused``: one file a record, in the spool's own form, named by time and status."""

    def __init__(self, spool_folder: str) -> None:
        self.path = os.path.join(spool_folder, "refused")

    def keep(self, record: Record, status: int) -> bool:
        """Write the record; False when there is no room for it, or no writing."""
        framed = frame(record.kind, record.items, record.payload)
        try:
            check_folder(os.path.dirname(self.path))
            check_folder(self.path)
            sizes = [entry.stat().st_size for entry in os.scandir(self.path)]
            if len(sizes) >= MAX_FILES or sum(sizes) + len(framed) > MAX_BYTES:
                return False
            name = f"{time.time_ns()}-{status}-{os.urandom(4).hex()}.record"
            descriptor = os.open(os.path.join(self.path, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                return os.write(descriptor, framed) == len(framed)
            finally:
                os.close(descriptor)
        except (OSError, SpoolRefusedError):
            return False
