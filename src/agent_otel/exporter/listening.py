"""Ports that outlive a worker: opened once by the supervisor, used by every worker that it starts."""

import errno
import socket
import time
from collections.abc import Callable
from typing import Final

from agent_otel.exporter.config import Address

#: Connections that wait for a worker to take them, such as while the only one is started again.
BACKLOG: Final = 512
#: Workers whose supervisor was killed close their ports within this time.
_LEFT_BEHIND_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1


def listen(address: Address) -> socket.socket:
    """A listening socket that workers inherit, so that whoever is free takes the next connection.

    Raises OSError when the address cannot be opened.
    """
    return _patiently(lambda: _listening(address))


def reserve(address: Address) -> socket.socket:
    """A bound socket that does not listen: it keeps the port for the workers, who each listen on it themselves.

    gRPC takes no inherited socket; the system spreads connections over the workers (SO_REUSEPORT). Raises OSError when
    another program has the port: the option alone would share it with that program without a word.
    """
    if address.port:
        _patiently(lambda: _bound(address, shared=False)).close()
    return _bound(address, shared=True)


def address_of(opened: socket.socket, wanted: Address) -> Address:
    """Where a socket really listens: `wanted` with the port that the system chose."""
    return wanted._replace(port=opened.getsockname()[1])


def _patiently(attempt: Callable[[], socket.socket]) -> socket.socket:
    deadline = time.monotonic() + _LEFT_BEHIND_SECONDS
    while True:
        try:
            return attempt()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)


def _listening(address: Address) -> socket.socket:
    family, bindable = _resolved(address)
    return socket.create_server(bindable, family=family, backlog=BACKLOG)


def _bound(address: Address, *, shared: bool) -> socket.socket:
    family, bindable = _resolved(address)
    opened = socket.socket(family)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
        opened.bind(bindable)
    except OSError:
        opened.close()
        raise
    return opened


def _resolved(address: Address) -> tuple[socket.AddressFamily, tuple[str, int]]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, place = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, (str(place[0]), int(place[1]))
