"""The environment of an agent under measurement: nothing inherited that could change what is measured."""

import os
from pathlib import Path


def agent_environment(endpoint: str, home: Path) -> dict[str, str]:
    """Send to `endpoint`, keep state in `home`, ignore every other setting of ours and of OpenTelemetry."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_OTEL_", "OTEL_"))}
    return {**inherited, "AGENT_OTEL_ENDPOINT": endpoint, "AGENT_OTEL_HOME": str(home)}
