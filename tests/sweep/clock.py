"""A clock by which statuses wait. It can stand still, so that none is told early because a machine is slow."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds that pass like the world's, but for the times when it stands."""

    def __init__(self) -> None:
        self._lost = 0.0  # seconds that it has stood still
        self._stands_since: float | None = None

    def __call__(self) -> float:
        return (time.monotonic() if self._stands_since is None else self._stands_since) - self._lost

    @contextmanager
    def standing(self) -> Iterator[None]:
        """No time passes within, but for what is ``going``."""
        self._stand()
        try:
            yield
        finally:
            self._go()

    @contextmanager
    def going(self) -> Iterator[None]:
        """Time passes within, even if it stands around it."""
        stands = self._stands_since is not None
        self._go()
        try:
            yield
        finally:
            if stands:
                self._stand()

    def _stand(self) -> None:
        self._stands_since = time.monotonic()

    def _go(self) -> None:
        if self._stands_since is not None:
            self._lost += time.monotonic() - self._stands_since
            self._stands_since = None
