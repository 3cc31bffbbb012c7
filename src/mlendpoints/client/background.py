"""An event loop in a thread of its own: runs the asynchronous client for callers without a loop, or with another one.

Notebooks have a running loop, in which no other coroutine can be waited for.
"""

import asyncio
import inspect
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from typing import Generic, TypeVar

from mlendpoints.client.errors import ClientError, WaitInterruptedError

T = TypeVar("T")
Closing = Callable[[], Coroutine[None, None, None]]


class Background:
    """A loop in a daemon thread; ``stop`` runs ``closing`` in it and ends it, at the latest when nobody uses it."""

    def __init__(self, closing: Closing) -> None:
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="mlendpoints-client", daemon=True)
        thread.start()
        self.stop = weakref.finalize(self, _stop, self._loop, thread, closing)

    def run(self, awaitable: Awaitable[T]) -> T:
        """The result. Ctrl-C cancels it and raises ``WaitInterruptedError`` with what continues."""
        if self._loop.is_closed():
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise ClientError("The client is closed: create another one.")
        running = _Running(awaitable)
        try:
            task = asyncio.run_coroutine_threadsafe(running.end(), self._loop).result()
        except KeyboardInterrupt:
            message = asyncio.run_coroutine_threadsafe(running.cancel(), self._loop).result()
            raise WaitInterruptedError(message) from None
        return task.result()

    def iterate(self, source: AsyncGenerator[T]) -> Iterator[T]:
        """The items of an asynchronous generator, each when it comes."""
        try:
            while True:
                try:
                    item = self.run(anext(source))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.run(source.aclose())


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, closing: Closing) -> None:
    asyncio.run_coroutine_threadsafe(closing(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class _Running(Generic[T]):
    """An awaitable, to be awaited in a loop of another thread."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable
        self._task: asyncio.Future[T] | None = None

    async def end(self) -> asyncio.Future[T]:
        """The task, once it is done."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._awaitable)
        await asyncio.wait({self._task})
        return self._task

    async def cancel(self) -> str:
        """Cancels it, also before it has begun; what it says of that."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._awaitable)
        self._task.cancel()
        return _message(await self.end())


def _message(task: "asyncio.Future[T]") -> str:
    try:
        task.result()
    except asyncio.CancelledError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - it has ended, whatever by
        return str(error)
    return ""
