"""Ports of this machine, for servers that tests and benchmarks start."""

import socket

from cluster.ports import free_ports


def free_port() -> int:
    """One that nothing listens on."""
    (port,) = free_ports(1)
    return port


def listens(port: int) -> bool:
    """Whether something on this machine accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
