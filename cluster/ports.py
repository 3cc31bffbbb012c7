"""TCP ports: which are free, and who is in the way."""

import random
import socket
from itertools import islice

# Below the ephemeral ports and the NodePorts: what the kernel gives to outgoing connections, in the moment between
# the choice and the server's bind, is never one of these.
_CHOICE = range(10_000, 30_000)


def free_ports(count: int) -> list[int]:
    """That many different free ports, at random, since others on this machine choose at the same time."""
    shuffled = random.sample(_CHOICE, len(_CHOICE))
    return list(islice((port for port in shuffled if not is_taken(port)), count))


def is_taken(port: int) -> bool:
    """Whether anything listens on the port, at whatever address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False
