"""The options of `agent-otel verify`: what `complete` can say of an execution too, and whose word it is."""

from __future__ import annotations

from agent_otel.shell import option as kinds
from agent_otel.shell import options
from agent_otel.shell.option import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

VERIFY: Final = (
    Option(
        "EXECUTION",
        kinds.words,
        "its execution id; where a database can be asked also a correlation id, or last",
        "",
        key="execution",
        required=True,
    ),
    *options.verdict("--status", "--by", "who says all this; default: the user who calls"),
    *options.QUALITY,
    Option("--quality-score", kinds.score, "0.0 to 1.0", "SCORE"),
    *options.NOTES,
    Option(
        "--database-url",
        kinds.words,
        "PostgreSQL to ask; default: AGENT_OTEL_DATABASE_URL, else the running local stack",
        "URL",
    ),
)
