"""The exporter's settings: defaults, what is allowed, and what a wrong value is told."""

import pytest

from agent_otel.errors import ConfigurationError
from agent_otel.exporter.config import MIB, SETTINGS, Address, Config, read

_URL = {"AGENT_OTEL_DATABASE_URL": "postgresql://localhost/x"}
_DOORS = ("GRPC", "HTTP", "ADMIN")


def test_defaults_are_those_of_the_design() -> None:
    """The ports behind a Collector, on the loopback interface; a body of 72 MiB."""
    config = read(_URL)
    assert [str(address) for address in (config.grpc, config.http, config.admin)] == [
        "127.0.0.1:14317",
        "127.0.0.1:14318",
        "127.0.0.1:14319",
    ]
    assert config.max_body == 72 * MIB
    assert not config.insecure_bind


def test_every_field_has_its_variable_and_its_meaning() -> None:
    """Names and order of the record and of the table agree, and no variable stands for two."""
    assert tuple(setting.field for setting in SETTINGS) == Config._fields
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.meaning for setting in SETTINGS)


def test_an_empty_variable_is_not_set() -> None:
    """Compose files pass variables on that nobody has set."""
    assert read({**_URL, "AGENT_OTEL_EXPORTER_HTTP": "", "AGENT_OTEL_INSECURE_BIND": " "}) == read(_URL)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("HTTP", "[::1]:0", "http", Address("::1", 0)),
        ("HTTP", "localhost:65535", "http", Address("localhost", 65535)),
        ("MAX_BODY", "64mib", "max_body", 64 * MIB),
        ("MAX_BODY", "4096", "max_body", 4096),
        ("HOSTS", "Exporter, otel.internal", "hosts", frozenset({"localhost", "exporter", "otel.internal"})),
        ("DRAIN_SECONDS", "0.5", "drain_seconds", 0.5),
        ("GRPC_THREADS", "1", "grpc_threads", 1),
    ],
)
def test_values(name: str, value: str, field: str, expected: object) -> None:
    """Addresses, sizes with units, names, seconds and counts."""
    assert getattr(read({**_URL, f"AGENT_OTEL_EXPORTER_{name}": value}), field) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *[
            (f"AGENT_OTEL_EXPORTER_{door}", value)
            for door in _DOORS
            for value in ("4318", "localhost", ":4318", "a:65536")
        ],
        ("AGENT_OTEL_EXPORTER_HTTP", "::1:4318"),
        ("AGENT_OTEL_EXPORTER_HTTP", "http://localhost:4318"),
        ("AGENT_OTEL_EXPORTER_HTTP", "localhost:٣"),
        ("AGENT_OTEL_EXPORTER_HOSTS", "a:1"),
        ("AGENT_OTEL_EXPORTER_HOSTS", "*"),
        ("AGENT_OTEL_EXPORTER_MAX_BODY", "64MB"),
        ("AGENT_OTEL_EXPORTER_MAX_BODY", "0"),
        ("AGENT_OTEL_EXPORTER_MAX_BODY", "2GiB"),
        ("AGENT_OTEL_EXPORTER_GRPC_THREADS", "0"),
        ("AGENT_OTEL_EXPORTER_GRPC_THREADS", "many"),
        ("AGENT_OTEL_EXPORTER_BODY_SECONDS", "0"),
        ("AGENT_OTEL_EXPORTER_BODY_SECONDS", "nan"),
        ("AGENT_OTEL_EXPORTER_BODY_SECONDS", "inf"),
        ("AGENT_OTEL_INSECURE_BIND", "yes"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(variable: str, value: str) -> None:
    """The message holds the variable, the value and the rule."""
    with pytest.raises(ConfigurationError) as caught:
        read({**_URL, variable: value})
    assert f"{variable}={value!r}: " in str(caught.value)
    assert "must be" in str(caught.value) or "needs brackets" in str(caught.value) or "host name" in str(caught.value)


def test_without_database_url_it_says_what_to_set() -> None:
    """The one setting without a default."""
    with pytest.raises(ConfigurationError, match=r"AGENT_OTEL_DATABASE_URL is not set; .*postgresql://"):
        read({})


@pytest.mark.parametrize("door", _DOORS)
@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.com:1", "localhost.evil.example:1"])
def test_other_machines_are_kept_out(door: str, address: str) -> None:
    """Anything but loopback needs AGENT_OTEL_INSECURE_BIND=1."""
    environ = {**_URL, f"AGENT_OTEL_EXPORTER_{door}": address}
    with pytest.raises(ConfigurationError, match="AGENT_OTEL_INSECURE_BIND=1"):
        read(environ)
    assert read({**environ, "AGENT_OTEL_INSECURE_BIND": "1"}).insecure_bind


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_nothing(address: str) -> None:
    """The whole of 127.0.0.0/8, ::1 and localhost."""
    assert str(read({**_URL, "AGENT_OTEL_EXPORTER_HTTP": address}).http) == address


def test_the_largest_request_must_fit() -> None:
    """A body that could never be admitted is a mistake of the settings, not of the sender."""
    with pytest.raises(ConfigurationError, match="AGENT_OTEL_EXPORTER_IN_FLIGHT"):
        read({**_URL, "AGENT_OTEL_EXPORTER_IN_FLIGHT": "71MiB"})
