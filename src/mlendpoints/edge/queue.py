"""A work queue as client-go's: what is added many times is worked on once, and never twice at a time.

Keys added while they are worked on come back when they are done. Namespaces
take turns, so that a busy one keeps no other waiting; what somebody has edited
takes turns with everything else, so that it is not behind a resync. Knows
nothing else of what a key means. Times are seconds of the event loop's clock.
"""

import asyncio
import random
from collections.abc import Callable
from typing import cast

from mlendpoints.core.world import Ref
from mlendpoints.edge.turns import Turns

FIRST_RETRY = 0.05  # seconds
LAST_RETRY = 60.0  # seconds


class Queue:
    """Keys that wait, keys at work, keys for later."""

    def __init__(self, *, jitter: Callable[[], float] = random.random) -> None:
        self._edited: Turns[str, Ref] = Turns()  # wait, by namespace
        self._others: Turns[str, Ref] = Turns()
        self._next = (self._edited, self._others)
        self._dirty: dict[Ref, bool] = {}  # to be worked on, whether waiting or still at work: whether edited
        self._active: set[Ref] = set()
        self._later: dict[Ref, asyncio.TimerHandle] = {}
        self._failures: dict[Ref, int] = {}
        self._jitter = jitter
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._dirty)

    @property
    def active(self) -> frozenset[Ref]:
        """The keys that are worked on right now."""
        return frozenset(self._active)

    def add(self, key: Ref, *, edited: bool = False) -> None:
        """Wants a key to be worked on; ``edited``: a person waits for it."""
        self._cancel(key)
        known = self._dirty.get(key)
        if known is not None and known >= edited:
            return
        self._dirty[key] = edited
        if key in self._active:
            return
        if known is not None:
            self._others.discard(key.namespace, key)
        self._enqueue(key)

    def add_after(self, key: Ref, delay: float) -> None:
        """Wants a key to be worked on in ``delay`` seconds, or earlier if that was wanted before."""
        if key in self._dirty:
            return
        loop = asyncio.get_running_loop()
        known = self._later.get(key)
        if known is None or known.when() > loop.time() + delay:
            self._cancel(key)
            self._later[key] = loop.call_later(max(0.0, delay), self.add, key)

    def retry(self, key: Ref, *, at_least: float = 0.0) -> float:
        """Wants a key again after a failure: doubling, with jitter; returns the delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 30))
        delay = max(at_least, longest * (0.5 + self._jitter() / 2))
        self.add_after(key, delay)
        return delay

    def succeed(self, key: Ref) -> None:
        """Forgets a key's failures."""
        self._failures.pop(key, None)

    def forget(self, key: Ref) -> None:
        """Forgets a key's failures and what was wanted of it later: its object is gone."""
        self.succeed(key)
        self._cancel(key)

    async def get(self) -> Ref:
        """The next key; it is at work until ``done``."""
        while not (self._edited or self._others):
            self._filled.clear()
            await self._filled.wait()
        key = self._pop()
        del self._dirty[key]
        self._active.add(key)
        return key

    def done(self, key: Ref) -> None:
        """The key is no longer at work; it comes again if it was added meanwhile."""
        self._active.discard(key)
        if key in self._dirty:
            self._enqueue(key)

    def _pop(self) -> Ref:
        first, second = self._next
        key = first.pop()
        if key is None:
            return cast("Ref", second.pop())
        self._next = (second, first)
        return key

    def _enqueue(self, key: Ref) -> None:
        lines = self._edited if self._dirty[key] else self._others
        lines.append(key.namespace, key)
        self._filled.set()

    def _cancel(self, key: Ref) -> None:
        timer = self._later.pop(key, None)
        if timer is not None:
            timer.cancel()
