"""`agent-otel exporter`: run the PostgreSQL span exporter until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
from collections.abc import Sequence

from agent_otel.exporter import config, json_log
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.exporter.supervisor import Supervisor


def run(argv: Sequence[str]) -> int:
    """Serve until told to stop: 0 when all under way was finished, 1 when some was not."""
    parser = argparse.ArgumentParser(
        prog="agent-otel exporter",
        description="Receive OTLP traces and logs, store them in PostgreSQL, and say OK once they are committed.",
        epilog=_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    settings = config.read(os.environ)
    json_log.configure(json_log.secrets_of(settings.database_url))
    stop = StopSignal((signal.SIGTERM, signal.SIGINT))
    supervisor = Supervisor(settings)
    supervisor.start(stop.is_set)
    supervisor.watch(stop)
    return 0 if supervisor.stop() else 1


def _settings() -> str:
    lines = [
        "example: AGENT_OTEL_DATABASE_URL=postgresql://agent_otel_ingest:…@127.0.0.1/agent_otel agent-otel exporter"
    ]
    lines += ["", "environment:"]
    for setting in config.SETTINGS:
        default = f" (default {setting.default})" if setting.default else ""
        lines += [f"  {setting.variable}", f"      {setting.meaning}{default}"]
    return "\n".join(lines)
