"""The files of a folder that an execution changes: remembered when it begins, compared when it ends."""

from __future__ import annotations

from agent_otel.file_tracking import FileTracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_otel.open_execution import ExecutionFolder
    from agent_otel.shell.call import Call


def begin(call: Call, folder: ExecutionFolder, execution_id: str) -> None:
    """Remember them, unless an earlier call did."""
    name = f"{execution_id}.files"
    if folder.read(name) or folder.is_closed(execution_id):
        return
    folder.put(name, remember(call).dumps())
    if folder.failures:
        call.problem(f"{folder.problem}: which files change is not tracked")


def since(call: Call, remembered: str) -> list[str]:
    """The files that changed since they were remembered."""
    return changed(call, FileTracking.loads(remembered))


def remember(call: Call) -> FileTracking:
    """The folder that the call names, as it is now; what is ours in it does not count."""
    tracking = FileTracking.begin(call.values["track_files"], without=call.settings.state_dir)
    if tracking.problem:
        call.problem(f"--track-files: {tracking.problem}")
    return tracking


def changed(call: Call, tracking: FileTracking) -> list[str]:
    """The files that changed since; why they are not known is said, and kept with what could not be used."""
    found = tracking.modified()
    if tracking.problem:
        call.problem(f"--track-files: {tracking.problem}")
        call.arguments.rejected["track_files"] = tracking.problem
    return found
