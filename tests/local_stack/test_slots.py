"""Ports of the local stack: defaults, settings, and what is refused."""

import socket

import pytest

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.ports import LOOPBACK, free_port, free_ports, is_taken
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES, SLOTS, Ports

_ALL = (POSTGRES, EXPORTER, JAEGER, COLLECTOR)


def test_the_first_hop_owns_the_standard_ports() -> None:
    """4317 and 4318 are the Collector's where there is one, else the exporter's."""
    with_collector, without = Ports(_ALL, {}), Ports((POSTGRES, EXPORTER), {})
    assert with_collector.settings(COLLECTOR)["AGENT_OTEL_COLLECTOR_HTTP"] == "127.0.0.1:4318"
    assert with_collector.settings(EXPORTER)["AGENT_OTEL_EXPORTER_HTTP"] == "127.0.0.1:14318"
    assert without.settings(EXPORTER)["AGENT_OTEL_EXPORTER_HTTP"] == "127.0.0.1:4318"
    assert without.address(EXPORTER) == "127.0.0.1:4317/4318"


def test_no_two_parts_share_a_default() -> None:
    """All parts fit beside each other on one machine."""
    ports = [slot.port for slot in SLOTS]
    assert sorted(set(ports)) == sorted(ports)


def test_free_ports_are_all_different() -> None:
    """Each part gets a port of its own, none of the standard ones needed."""
    ports = Ports(_ALL, {"AGENT_OTEL_POSTGRES_PORT": "15432"}, free=True)
    chosen = [ports[slot.setting] for slot in SLOTS]
    assert len(set(chosen)) == len(SLOTS)
    ports.require_free()


def test_a_setting_moves_a_port() -> None:
    """host:port, or the port alone where the name says so."""
    environ = {"AGENT_OTEL_COLLECTOR_GRPC": "localhost:5000", "AGENT_OTEL_POSTGRES_PORT": "5001"}
    ports = Ports(_ALL, environ)
    assert ports.settings(COLLECTOR)["AGENT_OTEL_COLLECTOR_GRPC"] == "127.0.0.1:5000"
    assert ports.settings(POSTGRES) == {"AGENT_OTEL_POSTGRES_PORT": "5001"}


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("AGENT_OTEL_COLLECTOR_GRPC", "0.0.0.0:4317", "this machine only"),
        ("AGENT_OTEL_COLLECTOR_GRPC", "4317", "this machine only"),
        ("AGENT_OTEL_COLLECTOR_GRPC", "127.0.0.1:http", "holds no port"),
        ("AGENT_OTEL_POSTGRES_PORT", "127.0.0.1:15432", "holds no port"),
        ("AGENT_OTEL_POSTGRES_PORT", "65536", "holds no port"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(setting: str, value: str, reason: str) -> None:
    """The message names the variable, the value and what is allowed."""
    with pytest.raises(LocalStackError, match=f"{setting}='{value}'.*{reason}"):
        Ports(_ALL, {setting: value})


def test_a_taken_port_is_named_with_part_and_setting() -> None:
    """The message says which port, which part needs it for what, and the setting that moves it."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        ports = Ports((EXPORTER,), _elsewhere(AGENT_OTEL_EXPORTER_HTTP=f"127.0.0.1:{port}"))
        with pytest.raises(LocalStackError, match=f"port {port} .*exporter.*OTLP over HTTP.*AGENT_OTEL_EXPORTER_HTTP="):
            ports.require_free()
    ports.require_free()


def test_one_port_for_two_purposes_is_refused() -> None:
    """The message names both settings."""
    port = free_port()
    both = _elsewhere(AGENT_OTEL_EXPORTER_HTTP=f"127.0.0.1:{port}", AGENT_OTEL_EXPORTER_ADMIN=f"127.0.0.1:{port}")
    with pytest.raises(LocalStackError, match="both AGENT_OTEL_EXPORTER_HTTP and AGENT_OTEL_EXPORTER_ADMIN"):
        Ports((EXPORTER,), both).require_free()


def test_a_port_is_free_again_once_its_holder_is_gone() -> None:
    """is_taken tells a listening port from a free one."""
    port = free_port()
    assert not is_taken(port)
    with socket.socket() as holder:
        holder.bind((LOOPBACK, port))
        holder.listen()
        assert is_taken(port)
    assert not is_taken(port)


def _elsewhere(**settings: str) -> dict[str, str]:
    """The exporter's settings on free ports, changed by `settings`."""
    names = [slot.setting for slot in SLOTS if slot.part == EXPORTER]
    free = {name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(len(names)), strict=True)}
    return {**free, **settings}
