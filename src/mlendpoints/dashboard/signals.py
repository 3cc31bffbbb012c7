"""Wakes all who show something once it has changed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Signal:
    """Of one thing that changes; several changes in a row wake a listener once."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()

    def notify(self) -> None:
        """It has changed."""
        for listener in self._listeners:
            listener.set()

    @contextmanager
    def wakes(self, listener: asyncio.Event) -> Iterator[None]:
        """Wakes the listener while the body runs."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)
