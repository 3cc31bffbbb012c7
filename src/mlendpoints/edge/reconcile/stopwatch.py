"""Processor time of one coroutine among many on the same event loop."""

import time
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Stopwatch(Generic[T]):
    """Awaits a coroutine, and adds up the thread's processor time of its steps, without its waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.seconds = 0.0
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        """The coroutine's result, or its exception."""
        resume, value = self._coroutine.send, None
        while True:
            begun = time.thread_time()
            try:
                waits_for = resume(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.seconds += time.thread_time() - begun
            try:
                resume, value = self._coroutine.send, (yield waits_for)
            except BaseException as error:  # noqa: BLE001 - the coroutine's to handle, such as a cancellation
                resume, value = self._coroutine.throw, error
