"""Servers on the node that the API server sends requests to."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent(address: str) -> Iterator[str]:
    """An https URL whose server accepts connections and says nothing."""
    with socket.create_server((address, 0), backlog=512) as server:
        yield f"https://{address}:{server.getsockname()[1]}/"
