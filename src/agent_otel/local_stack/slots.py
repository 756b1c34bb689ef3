"""The ports of the local stack: which part listens where, and the setting that moves it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.ports import LOOPBACK, free_ports, is_taken

POSTGRES: Final = "PostgreSQL"
EXPORTER: Final = "exporter"
COLLECTOR: Final = "Collector"
JAEGER: Final = "Jaeger"

_OTLP: Final = ("OTLP over gRPC", "OTLP over HTTP")
_SQL: Final = "SQL"
_LOOPBACK_NAMES: Final = (LOOPBACK, "localhost")


class Slot(NamedTuple):
    """One port: the part that listens, what for, the environment variable that moves it, the default."""

    part: str
    purpose: str
    setting: str
    port: int

    @property
    def _is_bare(self) -> bool:
        return self.setting.endswith("_PORT")

    def value(self, port: int) -> str:
        """The port as the variable holds it: alone where its name says so, else host:port."""
        return str(port) if self._is_bare else f"{LOOPBACK}:{port}"

    def parse(self, text: str) -> int:
        """The port in the variable's value; LocalStackError when it is none, or not on this machine only."""
        host, _, port = (LOOPBACK, "", text) if self._is_bare else text.rpartition(":")
        if host not in _LOOPBACK_NAMES:
            raise LocalStackError(
                f"{self.setting}={text!r}: the local stack listens on this machine only; use {self.value(self.port)}"
            )
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise LocalStackError(f"{self.setting}={text!r} holds no port; it should look like {self.value(self.port)}")
        return int(port)


SLOTS: Final = (
    Slot(POSTGRES, _SQL, "AGENT_OTEL_POSTGRES_PORT", 15432),
    Slot(EXPORTER, _OTLP[0], "AGENT_OTEL_EXPORTER_GRPC", 14317),
    Slot(EXPORTER, _OTLP[1], "AGENT_OTEL_EXPORTER_HTTP", 14318),
    Slot(EXPORTER, "health and metrics", "AGENT_OTEL_EXPORTER_ADMIN", 14319),
    Slot(JAEGER, _OTLP[0], "AGENT_OTEL_JAEGER_GRPC", 24317),
    Slot(JAEGER, "queries over HTTP", "AGENT_OTEL_JAEGER_QUERY_HTTP", 16686),
    Slot(JAEGER, "queries over gRPC", "AGENT_OTEL_JAEGER_QUERY_GRPC", 16685),
    Slot(JAEGER, "health", "AGENT_OTEL_JAEGER_HEALTH", 23133),
    Slot(JAEGER, "metrics", "AGENT_OTEL_JAEGER_METRICS_PORT", 28888),
    Slot(COLLECTOR, _OTLP[0], "AGENT_OTEL_COLLECTOR_GRPC", 4317),
    Slot(COLLECTOR, _OTLP[1], "AGENT_OTEL_COLLECTOR_HTTP", 4318),
    Slot(COLLECTOR, "health", "AGENT_OTEL_COLLECTOR_HEALTH", 13133),
    Slot(COLLECTOR, "metrics", "AGENT_OTEL_COLLECTOR_METRICS_PORT", 8888),
)

#: Producers always talk to these; they are the exporter's where there is no Collector before it.
_FIRST_HOP: Final = {"AGENT_OTEL_EXPORTER_GRPC": 4317, "AGENT_OTEL_EXPORTER_HTTP": 4318}


class Ports:
    """The ports of the parts that run, by the name of their setting."""

    def __init__(self, parts: Collection[str], environ: Mapping[str, str], *, free: bool = False) -> None:
        """Take each from its setting, else its default; `free` ones for all instead."""
        self._slots = [_placed(slot, COLLECTOR in parts) for slot in SLOTS if slot.part in parts]
        chosen: Iterable[int] = (
            free_ports(len(self._slots))
            if free
            else (slot.parse(environ[slot.setting]) if environ.get(slot.setting) else slot.port for slot in self._slots)
        )
        self._ports = {slot.setting: port for slot, port in zip(self._slots, chosen, strict=True)}

    def __getitem__(self, setting: str) -> int:
        return self._ports[setting]

    def address(self, part: str) -> str:
        """Where the part takes spans: host and port, of both protocols where it has both."""
        taking = [slot for slot in self._slots if slot.part == part and slot.purpose in (*_OTLP, _SQL)]
        return f"{LOOPBACK}:{'/'.join(str(self._ports[slot.setting]) for slot in taking)}"

    def settings(self, part: str) -> dict[str, str]:
        """The environment that makes a part listen on its ports."""
        return {slot.setting: slot.value(self._ports[slot.setting]) for slot in self._slots if slot.part == part}

    def require_free(self) -> None:
        """Raise LocalStackError for the first port that is wanted twice or that another program holds."""
        seen: dict[int, Slot] = {}
        for slot in self._slots:
            port = self._ports[slot.setting]
            other = seen.setdefault(port, slot)
            if other is not slot:
                raise LocalStackError(f"port {port} is both {other.setting} and {slot.setting}; change one of them")
            if is_taken(port):
                raise LocalStackError(
                    f"port {port} is taken by another program, and the {slot.part} needs it for {slot.purpose}; stop "
                    f"that program, choose another port with {slot.setting}={slot.value(port + 10000)}, or let "
                    "`agent-otel up --free-ports` choose"
                )


def _placed(slot: Slot, behind_collector: bool) -> Slot:
    port = slot.port if behind_collector else _FIRST_HOP.get(slot.setting, slot.port)
    return slot._replace(port=port)
