"""The folder whose changes an execution is to report."""

import os

from agent_otel.guard import warn_once


class TrackedFolder:
    """As it is now; what is in `state_dir`, if that lies in it, is ours and not the agent's."""

    __slots__ = ("_tracking",)

    def __init__(self, path: str | os.PathLike[str], state_dir: str) -> None:
        from agent_otel.file_tracking import FileTracking  # which only those load who track files

        # A path that is none is a problem like any other, and not one of the agent's.
        self._tracking = FileTracking.begin(str(path), without=state_dir)
        self._warn()

    def modified(self) -> list[str]:
        """Its files that changed since, relative to it; none, with a warning, where that is not known."""
        found = self._tracking.modified()
        self._warn()
        return found

    def _warn(self) -> None:
        if self._tracking.problem:
            warn_once(f"agent_otel: track_files: {self._tracking.problem}")
