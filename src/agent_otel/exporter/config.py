"""The exporter's settings: environment variables to one frozen record, read once, at the start."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from agent_otel.errors import ConfigurationError
from agent_otel.exporter.limits import MOST_DEPTH, Limits

KIB: Final = 1024
MIB: Final = 1024 * KIB

_UNITS: Final = {"": 1, "KIB": KIB, "MIB": MIB, "GIB": 1024 * MIB}
_SIZE: Final = re.compile(r"(\d{1,15})\s*(|KiB|MiB|GiB)", re.IGNORECASE)
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})")


class Address(NamedTuple):
    """Where a port is opened. Port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than localhost may resolve to anything."""
        return self.host == "localhost" or (is_ip(self.host) and ipaddress.ip_address(self.host).is_loopback)


class Config(NamedTuple):
    """All settings of the exporter, in the order of SETTINGS, which says what each is."""

    database_url: str
    grpc: Address
    http: Address
    admin: Address
    workers: int
    insecure_bind: bool
    hosts: frozenset[str]
    grpc_threads: int
    grpc_receiving: int
    http_threads: int
    connections: int
    header_bytes: int
    max_body: int
    max_items: int
    requests: int
    in_flight: int
    queue: int
    transaction_rows: int
    transaction_bytes: int
    header_seconds: float
    body_seconds: float
    idle_seconds: float
    request_seconds: float
    drain_seconds: float
    max_attributes: int
    max_value: int
    max_depth: int
    max_events: int
    max_links: int

    @property
    def limits(self) -> Limits:
        """How much of one record stands in JSON and text columns."""
        return Limits(self.max_attributes, self.max_value, self.max_depth, self.max_events, self.max_links)


class Setting(NamedTuple):
    """One variable: its name, what it holds when it is not set, how it is read, what it is for."""

    field: str
    variable: str
    default: str | None
    read: Callable[[str], Any]
    meaning: str


def is_ip(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def read(environ: Mapping[str, str]) -> Config:
    """The settings in `environ`; an empty variable counts as not set.

    Raises ConfigurationError that names the variable, its value and what is allowed, or that refuses an address which
    other machines can reach.
    """
    config = Config._make(_value(setting, environ) for setting in SETTINGS)
    if config.in_flight < config.max_body:
        raise ConfigurationError(
            f"AGENT_OTEL_EXPORTER_IN_FLIGHT ({config.in_flight} bytes) must be at least"
            f" AGENT_OTEL_EXPORTER_MAX_BODY ({config.max_body} bytes), or the largest request could never be taken"
        )
    for setting in SETTINGS:
        address = getattr(config, setting.field)
        if isinstance(address, Address) and not address.loopback and not config.insecure_bind:
            raise ConfigurationError(
                f"{setting.variable}={address} can be reached from other machines, without TLS or a token;"
                " use 127.0.0.1, or set AGENT_OTEL_INSECURE_BIND=1 when the network is closed to everyone else"
            )
    return config


def variable_of(field: str) -> str:
    """The environment variable of a field of Config."""
    return next(setting.variable for setting in SETTINGS if setting.field == field)


def _value(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.variable, "").strip() or setting.default
    if text is None:
        raise ConfigurationError(f"{setting.variable} is not set; {setting.meaning}")
    try:
        return setting.read(text)
    except ValueError as error:
        raise ConfigurationError(f"{setting.variable}={text!r}: {error}") from None


def _address(text: str) -> Address:
    host, separator, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    named = is_ip(bare) or _HOST_NAME.fullmatch(bare) is not None
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535 or not named:
        raise ValueError("must be host:port, such as 127.0.0.1:14318 or [::1]:14318, with a port from 0 to 65535")
    if ":" in bare and bare == host:
        raise ValueError("an IPv6 address needs brackets: [::1]:14318")
    return Address(bare, int(port))


def _hosts(text: str) -> frozenset[str]:
    names = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a host name; give names without port, separated by commas")
    return names | {"localhost"}


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    size = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if not KIB <= size <= 1024 * MIB:
        raise ValueError("must be a size from 1KiB to 1GiB, such as 64MiB, or a number of bytes")
    return size


def _count(most: int) -> Callable[[str], int]:
    def read_count(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(text)

    return read_count


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 3600:
        raise ValueError("must be a number of seconds from 0.05 to 3600")
    return seconds


_X: Final = "AGENT_OTEL_EXPORTER_"

#: Every variable that the exporter reads.
SETTINGS: Final = (
    Setting(
        "database_url",
        "AGENT_OTEL_DATABASE_URL",
        None,
        str,
        "where spans are stored: postgresql://user:password@host:5432/database",
    ),
    Setting("grpc", f"{_X}GRPC", "127.0.0.1:14317", _address, "where OTLP over gRPC is received"),
    Setting("http", f"{_X}HTTP", "127.0.0.1:14318", _address, "where OTLP over HTTP is received"),
    Setting("admin", f"{_X}ADMIN", "127.0.0.1:14319", _address, "where /healthz, /readyz and /metrics are served"),
    Setting("workers", f"{_X}WORKERS", "1", _count(64), "processes that receive and write; limits hold for each"),
    Setting("insecure_bind", "AGENT_OTEL_INSECURE_BIND", "0", _flag, "1 allows addresses that others can reach"),
    Setting("hosts", f"{_X}HOSTS", "localhost", _hosts, "names for the Host header beside localhost and IPs"),
    Setting(
        "grpc_threads",
        f"{_X}GRPC_THREADS",
        "32",
        _count(512),
        "threads for gRPC: more than requests, so that others are told",
    ),
    Setting("grpc_receiving", f"{_X}GRPC_RECEIVING", "4", _count(512), "gRPC messages received at once; others wait"),
    Setting(
        "http_threads",
        f"{_X}HTTP_THREADS",
        "32",
        _count(512),
        "threads for HTTP: more than requests, so that others are told",
    ),
    Setting("connections", f"{_X}CONNECTIONS", "4096", _count(65536), "connections open at once, at each door"),
    Setting("header_bytes", f"{_X}HEADER_BYTES", "32KiB", _size, "largest head of an HTTP request"),
    Setting("max_body", f"{_X}MAX_BODY", "72MiB", _size, "largest request, before and after inflating"),
    Setting("max_items", f"{_X}MAX_ITEMS", "1000000", _count(10_000_000), "most spans or log records in a request"),
    Setting(
        "requests", f"{_X}REQUESTS", "16", _count(4096), "requests under way at once; others are told to come back"
    ),
    Setting("in_flight", f"{_X}IN_FLIGHT", "96MiB", _size, "request bytes held at once, over all connections"),
    Setting("queue", f"{_X}QUEUE", "1024", _count(65536), "parts of requests that wait for a transaction at once"),
    Setting("transaction_rows", f"{_X}TRANSACTION_ROWS", "10000", _count(1_000_000), "most items in a transaction"),
    Setting("transaction_bytes", f"{_X}TRANSACTION_BYTES", "16MiB", _size, "most request bytes in a transaction"),
    Setting("header_seconds", f"{_X}HEADER_SECONDS", "5", _seconds, "time for an HTTP request's headers to arrive"),
    Setting("body_seconds", f"{_X}BODY_SECONDS", "30", _seconds, "time for an HTTP request's body to arrive"),
    Setting("idle_seconds", f"{_X}IDLE_SECONDS", "120", _seconds, "time an HTTP connection may stay unused"),
    Setting("request_seconds", f"{_X}REQUEST_SECONDS", "25", _seconds, "time from a request's body to its commit"),
    Setting("drain_seconds", f"{_X}DRAIN_SECONDS", "15", _seconds, "time for requests under way when stopping"),
    # What these keep out of a column, `otlp` has: the record's exact bytes.
    Setting(
        "max_attributes",
        f"{_X}MAX_ATTRIBUTES",
        "1024",
        _count(1_000_000),
        "attributes of a span, event, link or log record shown in JSON, beside all those in attributes.md",
    ),
    Setting(
        "max_value",
        f"{_X}MAX_VALUE",
        "64KiB",
        _size,
        "longest text shown in JSON or a column; content is shown whole, larger lists up to MAX_ATTRIBUTES members",
    ),
    Setting("max_depth", f"{_X}MAX_DEPTH", "24", _count(MOST_DEPTH), "levels of nested lists and maps shown in JSON"),
    Setting("max_events", f"{_X}MAX_EVENTS", "1024", _count(1_000_000), "events of a span shown in JSON"),
    Setting("max_links", f"{_X}MAX_LINKS", "1024", _count(1_000_000), "links of a span shown in JSON"),
)
