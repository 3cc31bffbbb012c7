"""Waiting until the watches have brought something more, for whoever looks at the cache from outside."""

import asyncio


class Changes:
    """Wakes all that wait whenever something is observed."""

    def __init__(self) -> None:
        self._next: asyncio.Event | None = None  # None while nothing waits: most of the time

    def note(self) -> None:
        """Something was observed."""
        if self._next is not None:
            self._next.set()
            self._next = None

    async def next(self) -> None:
        """Returns once something was observed."""
        self._next = self._next or asyncio.Event()
        await self._next.wait()
