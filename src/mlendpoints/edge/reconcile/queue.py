"""A rate-limiting work queue, as client-go's: deduplicates keys, and never hands out a key twice at a time.

A key that is added while it is being reconciled is requeued when that is done.
Retries use exponential back-off with jitter. Priority: user edits alternate with
all other keys, so that they do not wait behind a relist. Fairness: namespaces are
served round robin, and each has at most its share of the workers, so that slow
writes in one leave workers for the others, and of the processor, so that a flood
of changes in one leaves time for the others. Times are seconds of the event
loop's clock.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable

from mlendpoints.core.world import Ref
from mlendpoints.edge.fairness import Budget, Turns

FIRST_RETRY = 0.05  # seconds
LAST_RETRY = 60.0  # seconds


class Queue:
    """Keys that are queued, keys that are being reconciled, and keys that are added later."""

    def __init__(
        self, *, share: int = sys.maxsize, budget: Budget | None = None, jitter: Callable[[], float] = random.random
    ) -> None:
        """``share``: how many keys of one namespace may be reconciled at a time; ``budget``: their processor time."""
        self._share, self._budget = share, budget
        self._over: dict[str, asyncio.TimerHandle] = {}  # namespaces that have used up their budget
        self._at_work: Counter[str] = Counter()  # by namespace
        self._edited: Turns[str, Ref] = Turns()  # queued, by namespace
        self._others: Turns[str, Ref] = Turns()
        self._next = (self._edited, self._others)
        self._dirty: dict[Ref, bool] = {}  # to be reconciled, whether queued or still active: whether edited
        self._active: set[Ref] = set()
        self._later: dict[Ref, asyncio.TimerHandle] = {}
        self._failures: dict[Ref, int] = {}
        self._jitter = jitter
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._dirty)

    @property
    def active(self) -> frozenset[Ref]:
        """The keys that are being reconciled."""
        return frozenset(self._active)

    def add(self, key: Ref, *, edited: bool = False) -> None:
        """Enqueues a key; ``edited``: a user waits for it."""
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
        """Enqueues a key in ``delay`` seconds, or earlier if that was requested before."""
        if key in self._dirty:
            return
        loop = asyncio.get_running_loop()
        known = self._later.get(key)
        if known is None or known.when() > loop.time() + delay:
            self._cancel(key)
            self._later[key] = loop.call_later(max(0.0, delay), self.add, key)

    def retry(self, key: Ref, *, at_least: float = 0.0) -> float:
        """Requeues a key after a failure, with exponential back-off and jitter; returns the delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 30))
        delay = max(at_least, longest * (0.5 + self._jitter() / 2))
        self.add_after(key, delay)
        return delay

    def succeed(self, key: Ref) -> None:
        """Resets a key's back-off."""
        self._failures.pop(key, None)

    def forget(self, key: Ref) -> None:
        """Resets a key's back-off and cancels its delayed requeue: its object is deleted."""
        self.succeed(key)
        self._cancel(key)

    async def get(self) -> Ref:
        """The next key; it is active until ``done``."""
        while (key := self._pop()) is None:
            self._filled.clear()
            await self._filled.wait()
        del self._dirty[key]
        self._begin(key)
        return key

    async def claim(self, key: Ref) -> None:
        """Takes this key ahead of all others, once it is not active; it is active until ``done``."""
        while key in self._active:
            self._filled.clear()
            await self._filled.wait()
        self._cancel(key)
        if (edited := self._dirty.pop(key, None)) is not None:
            (self._edited if edited else self._others).discard(key.namespace, key)
        self._begin(key)

    def close(self) -> None:
        """Cancels all delayed requeues."""
        for key in list(self._later):
            self._cancel(key)
        for timer in self._over.values():
            timer.cancel()

    def _begin(self, key: Ref) -> None:
        self._active.add(key)
        self._at_work[key.namespace] += 1

    def done(self, key: Ref, *, used: float = 0.0) -> bool:
        """The key is no longer active; it is requeued if it was added meanwhile.

        ``used``: seconds of processor time; returns whether the other keys of the namespace now wait because of them.
        """
        self._active.discard(key)
        self._at_work[key.namespace] -= 1
        if not self._at_work[key.namespace]:
            del self._at_work[key.namespace]
        if key in self._dirty:
            self._enqueue(key)
        self._filled.set()
        return self._spend(key.namespace, used)

    def _spend(self, namespace: str, used: float) -> bool:
        if self._budget is None:
            return False
        self._budget.spend(namespace, used)
        delay = self._budget.delay(namespace)
        if not delay or namespace in self._over:
            return False
        self._over[namespace] = asyncio.get_running_loop().call_later(delay, self._resume, namespace)
        return True

    def _resume(self, namespace: str) -> None:
        del self._over[namespace]
        self._spend(namespace, 0.0)  # keys that were active meanwhile have used more
        self._filled.set()

    def _pop(self) -> Ref | None:
        first, second = self._next
        key = first.pop(may=self._has_room)
        if key is None:
            return second.pop(may=self._has_room)
        self._next = (second, first)
        return key

    def _has_room(self, namespace: str) -> bool:
        return namespace not in self._over and self._at_work[namespace] < self._share

    def _enqueue(self, key: Ref) -> None:
        lines = self._edited if self._dirty[key] else self._others
        lines.append(key.namespace, key)
        self._filled.set()

    def _cancel(self, key: Ref) -> None:
        timer = self._later.pop(key, None)
        if timer is not None:
            timer.cancel()
