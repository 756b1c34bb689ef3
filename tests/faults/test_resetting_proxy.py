"""The proxy that resets connections: transparent until it is armed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.proxy import ANSWER, REQUEST, ResettingProxy

REQUEST_BYTES = b"x" * 1_000


@pytest.fixture
def echo() -> Iterator[tuple[str, list[bytes]]]:
    """Address of a server that answers what it gets, and what it got."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, received))
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", received
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, received: list[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                while data := connection.recv(65_536):
                    received.append(data)
                    connection.sendall(data)
            except ConnectionResetError:
                received.append(b"reset")


@contextmanager
def connected(proxy: ResettingProxy) -> Iterator[socket.socket]:
    """A connection through the proxy."""
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        yield connection


def test_it_passes_on_what_it_gets(echo: tuple[str, list[bytes]]) -> None:
    """Both ways."""
    with ResettingProxy(echo[0]) as proxy, connected(proxy) as connection:
        connection.sendall(REQUEST_BYTES)
        assert connection.recv(65_536) == REQUEST_BYTES


@pytest.mark.parametrize(("direction", "taken"), [(REQUEST, 500), (ANSWER, 1_000)])
def test_it_resets_the_connection(echo: tuple[str, list[bytes]], direction: str, taken: int) -> None:
    """Half of a request arrives, or all of it and the answer does not; the next connection is well."""
    address, received = echo
    with ResettingProxy(address) as proxy:
        proxy.arm(direction)
        with connected(proxy) as connection:
            connection.sendall(REQUEST_BYTES)
            with pytest.raises(ConnectionResetError):
                connection.recv(65_536)
        assert not proxy.armed
        with connected(proxy) as connection:
            connection.sendall(b"again")
            assert connection.recv(65_536) == b"again"
    assert [received[0], received[-1]] == [REQUEST_BYTES[:taken], b"again"]
