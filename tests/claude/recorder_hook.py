"""A hook that keeps what it is given: `python recorder_hook.py FOLDER` with the payload on standard input.

One line a payload in FOLDER/hooks.jsonl; at the end of a prompt or a sub-agent also the transcripts as they are then.
"""

import fcntl
import json
import shutil
import sys
import time
from pathlib import Path

_ENDS = {"Stop", "StopFailure", "SubagentStop", "SessionEnd"}


def main() -> None:
    """Keep one payload."""
    at = time.time_ns()
    folder, payload = Path(sys.argv[1]), json.loads(sys.stdin.read())
    event = payload["hook_event_name"]
    if event in _ENDS:
        for name in ("transcript_path", "agent_transcript_path"):
            path = Path(payload.get(name) or "/nowhere")
            if path.is_file():
                shutil.copyfile(path, folder / "snapshots" / f"{at}-{event}-{path.name}")
    with (folder / "hooks.jsonl").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps({"event": event, "at": at, "payload": payload}) + "\n")


if __name__ == "__main__":
    main()
