"""An event loop whose clock runs faster than the world's: all times of an operator shrink together.

Lease, back-off, patience and the client's time-outs go by the loop's clock. What
the API server takes in real time counts so many times as long.
"""

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Waits for less than it is told to."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None else timeout / self._factor)


class FastLoop(asyncio.SelectorEventLoop):
    """Its seconds pass ``factor`` times as fast."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        super().__init__(_Selector(factor))

    def time(self) -> float:
        return super().time() * self._factor
