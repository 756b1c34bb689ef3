"""Make the recordings anew: `python -m tests.claude.record [--only NAME] [--version A|B] [--into FOLDER]`."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.claude import environment, hooks, recording, versions
from tests.claude.otlp_file import OtlpFile
from tests.claude.report import line
from tests.claude.scenario import Scenario
from tests.claude.scenarios import SCENARIOS
from tests.claude.stage import Stage

#: Those whose telemetry is kept, too: one of each kind of record.
_TELEMETRY: Final = {
    *("tool", "failing-tool", "denied-tool", "nested-agents", "background-agent"),
    *("forked", "compacted", "overloaded"),
}


def main() -> int:
    """Record what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--version", action="append", default=[], help="A (oldest supported), B (newest) or a number")
    parser.add_argument("--into", type=Path, default=recording.RECORDINGS)
    arguments = parser.parse_args()
    for name in arguments.version or ["A", "B"]:
        version = versions.resolve(name)
        program = versions.installed(version, line)
        for scenario in SCENARIOS:
            if arguments.only in scenario.name and scenario.recorded:
                with tempfile.TemporaryDirectory(prefix="agent-otel-record-") as folder:
                    _record(scenario, version, program, Path(folder), arguments.into)
                line(f"recorded {scenario.name} {version}")
    return 0


def _record(scenario: Scenario, version: str, program: Path, folder: Path, into: Path) -> None:
    (folder / "snapshots").mkdir()
    own = {"AGENT_OTEL_HOME": str(folder / "agent-otel")}
    with OtlpFile() as file:
        more = {**own, **environment.telemetry(file.url), "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
        with Stage(program, folder, scenario.scripts, more) as stage:
            stage.register(hooks.settings(hooks.recorder(folder)))
            scenario.play(stage)
            stage.ledger.write(folder / "ledger.jsonl")
        kept = file.requests if scenario.name in _TELEMETRY else []
        recording.write(into, scenario.name, version, folder, kept)


if __name__ == "__main__":
    sys.exit(main())
