"""Settings: flag > ``AGENT_OTEL_*`` > project ``.agent-otel.env`` > user ``config.env`` > ``OTEL_*`` > default.

A wrong value from the environment or a file never stops an agent: it becomes a problem text, to be logged once, and the
default holds. A wrong value given as a flag raises ConfigurationError.
"""

from __future__ import annotations

import os
from _collections_abc import Mapping

from agent_otel import places
from agent_otel import setting_values as read
from agent_otel.errors import ConfigurationError
from agent_otel.settings_file import git_root, is_loopback, project_values, user_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from agent_otel.model import Capture


class Settings:
    """What the client was told, ready to use."""

    __slots__ = (
        *("capture", "deliver_spans", "disabled", "endpoint", "headers", "heartbeat_seconds", "problems", "project"),
        *("send_milliseconds", "service_name", "session_id", "spool_limit", "state_dir"),
    )

    endpoint: str
    headers: tuple[tuple[str, str], ...]
    capture: Capture
    disabled: bool
    service_name: str | None
    project: str | None
    session_id: str | None
    deliver_spans: bool
    spool_limit: int
    heartbeat_seconds: float
    send_milliseconds: int
    state_dir: str
    problems: tuple[str, ...]

    def __init__(self, **fields: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])


class Variable:
    """One environment variable; `docs` are generated from these."""

    __slots__ = ("default", "fallback", "field", "meaning", "name", "parse")

    def __init__(
        self,
        name: str,
        field: str,
        default: str,
        parse: Callable[[str], Any],
        meaning: str,
        fallback: str | None = None,
    ) -> None:
        self.name = name
        self.field = field
        self.default = default
        self.parse = parse
        self.meaning = meaning
        self.fallback = fallback


def load(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ, cwd: str | None = None
) -> Settings:
    """Read all levels. `flags` are by field name and already typed or text; None means not given.

    Raises ConfigurationError for a wrong flag.
    """
    root = git_root(cwd)
    values, problems = _levels(environ, root)
    fields: dict[str, Any] = {}
    for variable in VARIABLES:
        flag = (flags or {}).get(variable.field)
        fields[variable.field] = (
            _read(variable, values, problems) if flag is None else _parsed(variable, variable.field, flag)
        )
    if fields["headers"] and fields["endpoint"].startswith("http://") and not is_loopback(fields["endpoint"]):
        fields["headers"] = ()
        problems.append("AGENT_OTEL_HEADERS are not sent over http:// to another machine; use an https:// endpoint")
    fields["disabled"] = fields["disabled"] or values.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    fields["project"] = fields["project"] or (os.path.basename(root) if root else None)
    fields["session_id"] = fields["session_id"] or environ.get("CLAUDE_CODE_SESSION_ID") or None
    return Settings(**fields, state_dir=places.state_dir(environ), problems=tuple(problems))


def _levels(environ: Mapping[str, str], root: str | None) -> tuple[dict[str, str], list[str]]:
    """All variables, the higher level over the lower, and what is wrong with the files."""
    problems: list[str] = []
    user = user_values(places.config_dir(environ), problems)
    trusted = {**user, **environ}.get("AGENT_OTEL_TRUST_PROJECT", "") == "1"
    project = project_values(root, trusted, problems)
    own = {name: value for name, value in environ.items() if name.startswith("AGENT_OTEL_")}
    foreign = {name: value for name, value in environ.items() if name.startswith("OTEL_")}
    return {**foreign, **user, **project, **own}, problems


def _read(variable: Variable, values: Mapping[str, str], problems: list[str]) -> Any:
    for name in (variable.name, variable.fallback):
        value = values.get(name, "") if name else ""
        if value.strip() and not _speaks_grpc(name, values, problems):
            try:
                return _parsed(variable, str(name), value)
            except ConfigurationError as error:
                problems.append(f"{error}; {variable.default or 'nothing'} is used instead")
                break
    return variable.parse(variable.default)


def _speaks_grpc(name: str | None, values: Mapping[str, str], problems: list[str]) -> bool:
    """Whether OTEL_EXPORTER_OTLP_ENDPOINT is that of a gRPC receiver, which our HTTP client cannot use."""
    if name != "OTEL_EXPORTER_OTLP_ENDPOINT" or values.get("OTEL_EXPORTER_OTLP_PROTOCOL") != "grpc":
        return False
    problems.append(
        "OTEL_EXPORTER_OTLP_ENDPOINT is not used because OTEL_EXPORTER_OTLP_PROTOCOL=grpc and agent-otel speaks HTTP; "
        "set AGENT_OTEL_ENDPOINT to the receiver's HTTP port (usually 4318)"
    )
    return True


def _parsed(variable: Variable, name: str, value: object) -> Any:
    try:
        return variable.parse(value) if isinstance(value, str) else variable.parse(_spelled(value))
    except ValueError as error:
        raise ConfigurationError(f"{name}={_shown(variable, value)}: {error}") from None


def _spelled(value: object) -> str:
    """A typed flag in the spelling of the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={str(member).replace('%', '%25').replace(',', '%2C')}" for key, member in value.items())
    return str(value)


def _shown(variable: Variable, value: object) -> str:
    return "…" if variable.field == "headers" else repr(value)


_CAPTURE_SWITCH: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

#: Every variable of the client; the text is its documentation.
VARIABLES: Final = (
    Variable(
        "AGENT_OTEL_ENDPOINT",
        "endpoint",
        "http://127.0.0.1:4318",
        read.endpoint,
        "base URL of the OTLP/HTTP receiver; /v1/traces and /v1/logs are added",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    Variable(
        "AGENT_OTEL_HEADERS",
        "headers",
        "",
        read.headers,
        "headers of every request, name=value,name=value, values percent-encoded; never read from a project file",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ),
    Variable(
        "AGENT_OTEL_CAPTURE",
        "capture",
        "full",
        read.capture,
        "content kept: full, metadata (length, SHA-256) or minimal (also no tool arguments, no observations, no texts "
        "of errors, verdicts, issues and learning)",
        _CAPTURE_SWITCH,
    ),
    Variable(
        "AGENT_OTEL_DISABLED", "disabled", "false", read.flag, "true turns the client off; so does OTEL_SDK_DISABLED"
    ),
    Variable(
        "AGENT_OTEL_SERVICE_NAME",
        "service_name",
        "",
        read.optional,
        "service.name of the resource, when the program has no TracerProvider of its own; default: agent-otel",
        "OTEL_SERVICE_NAME",
    ),
    Variable(
        "AGENT_OTEL_PROJECT",
        "project",
        "",
        read.optional,
        "project of the executions; default: name of the git repository's top folder, else service.namespace",
    ),
    Variable(
        "AGENT_OTEL_SESSION_ID",
        "session_id",
        "",
        read.optional,
        "session of the executions; default: CLAUDE_CODE_SESSION_ID, else the parent's, else new",
    ),
    Variable(
        "AGENT_OTEL_DELIVER_SPANS",
        "deliver_spans",
        "true",
        read.flag,
        "false when the program's own TracerProvider already delivers its spans; events are delivered in any case",
    ),
    Variable(
        "AGENT_OTEL_SPOOL_LIMIT", "spool_limit", "256MiB", read.size, "bytes on disk of what is not yet delivered"
    ),
    Variable(
        "AGENT_OTEL_HEARTBEAT_SECONDS",
        "heartbeat_seconds",
        "60",
        read.seconds,
        "seconds between an open execution's beats",
    ),
    Variable(
        "AGENT_OTEL_SEND_MILLISECONDS",
        "send_milliseconds",
        "30",
        read.milliseconds,
        "milliseconds that a shell call waits for the receiver, half of them to connect; after that its record waits "
        "on disk; more suits a receiver that is far away",
    ),
)

#: Variables that other modules read, for the documentation.
OTHER_VARIABLES: Final = {
    "AGENT_OTEL_HOME": "one folder for state, data, cache and configuration, instead of the XDG folders",
    "AGENT_OTEL_TRUST_PROJECT": "1 lets .agent-otel.env name an endpoint on another machine; never read from that file",
    "AGENT_OTEL_RAISE": "1 raises errors of the client instead of logging them once; for tests",
}
