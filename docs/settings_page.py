"""docs/settings.md: every environment variable, read off the tables that read them."""

from agent_otel import settings as client_settings
from agent_otel.exporter import config as exporter_settings
from agent_otel.local_stack.slots import SLOTS

#: Read by `agent-otel up`, `tools` and `migrate --logins`, beside the ports.
_STACK = {
    "AGENT_OTEL_TOOLS_DIR": "folder of the Collector and Jaeger that `agent-otel tools install` builds; default: "
    "`tools` in the cache folder",
    "AGENT_OTEL_INGEST_PASSWORD": "`agent-otel migrate --logins` lets the role agent_otel_ingest log in with it",
    "AGENT_OTEL_READER_PASSWORD": "the same of agent_otel_reader",
}


def page() -> str:
    """The page."""
    lines = ["# Settings", "", "Generated from the program by `make generate`. All are environment variables."]
    lines += ["", "## Client: span helpers and shell", "", "| variable | default | meaning |", "|---|---|---|"]
    for variable in client_settings.VARIABLES:
        fallback = f"; falls back to `{variable.fallback}`" if variable.fallback else ""
        lines.append(f"| `{variable.name}` | {_code(variable.default)} | {variable.meaning}{fallback} |")
    for name, meaning in client_settings.OTHER_VARIABLES.items():
        lines.append(f"| `{name}` |  | {meaning} |")
    lines += ["", "## Exporter", "", "| variable | default | meaning |", "|---|---|---|"]
    for setting in exporter_settings.SETTINGS:
        lines.append(f"| `{setting.variable}` | {_code(setting.default)} | {setting.meaning} |")
    lines += ["", "## Local stack", "", "| variable | default | meaning |", "|---|---|---|"]
    # The exporter's own are above: what they say there holds here, but for the ports without a Collector.
    ours = [slot for slot in SLOTS if slot.setting not in {each.variable for each in exporter_settings.SETTINGS}]
    for slot in ours:
        lines.append(f"| `{slot.setting}` | `{slot.value(slot.port)}` | where {slot.part} listens: {slot.purpose} |")
    for name, meaning in _STACK.items():
        lines.append(f"| `{name}` |  | {meaning} |")
    return "\n".join(lines) + "\n"


def _code(default: str | None) -> str:
    return f"`{default}`" if default else ""
