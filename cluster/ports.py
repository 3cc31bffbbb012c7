"""TCP ports: which are free, and who is in the way."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """That many different free ports."""
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def is_taken(port: int) -> bool:
    """Whether anything listens on the port, at whatever address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False
