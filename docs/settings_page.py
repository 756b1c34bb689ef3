"""docs/settings.md: every environment variable, read off the tables that read them."""

from agent_otel import settings as client_settings
from agent_otel.exporter import config as exporter_settings


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
    return "\n".join(lines) + "\n"


def _code(default: str | None) -> str:
    return f"`{default}`" if default else ""
