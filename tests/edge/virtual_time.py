"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Never waits for timers: the clock is moved instead."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if timeout is not None and timeout > 0 and not ready:
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0; only timers move its clock."""

    def __init__(self) -> None:
        self._leaps = _Selector()
        super().__init__(self._leaps)

    def time(self) -> float:
        return self._leaps.skipped


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Runs a scenario in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)


def now() -> float:
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Lets all that can go on without time go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def elapse(seconds: float) -> None:
    """Moves the clock."""
    await asyncio.sleep(seconds)


Scenario = Callable[[], Awaitable[None]]
