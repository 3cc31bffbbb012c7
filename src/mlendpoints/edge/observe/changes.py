"""Notifies code outside the reconcile loop of changes of the cache."""

import asyncio


class Changes:
    """Wakes all waiting tasks when the cache changes."""

    def __init__(self) -> None:
        self._next: asyncio.Event | None = None  # None while no task waits, which is most of the time

    def note(self) -> None:
        """The cache has changed."""
        if self._next is not None:
            self._next.set()
            self._next = None

    async def next(self) -> None:
        """Returns at the next change."""
        self._next = self._next or asyncio.Event()
        await self._next.wait()
