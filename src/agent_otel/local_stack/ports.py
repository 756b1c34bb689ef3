"""TCP ports on the loopback interface: take a free one, see whether one is taken."""

import socket
from contextlib import ExitStack
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on.

    All are held until the last is found, so that no two are equal. Between this call and the bind of whoever uses
    them another process may take one; that one then reports the port as taken.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def free_port() -> int:
    """Return one port that nobody listens on."""
    return free_ports(1)[0]


def is_taken(port: int) -> bool:
    """Whether another process holds the port on the loopback interface."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT after an earlier run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
