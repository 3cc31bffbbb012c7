"""What may happen to a request on its way: it is refused, its answer is lost or late or from an older view."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from tests.apiserver.faults.messages import Answer, Headers, Request, failure
from tests.apiserver.faults.proxy import Fault, Forward


class Mishap(Struct, frozen=True, kw_only=True):
    """A failure in place of an answer; code 0: the connection breaks."""

    code: int
    reason: str = ""
    committed: bool = False  # whether the API server did it nevertheless
    headers: Headers = {}


MISHAPS = (
    Mishap(code=409, reason="Conflict"),
    Mishap(code=429, reason="TooManyRequests", headers={"Retry-After": "1"}),
    Mishap(code=500, reason="InternalError"),
    Mishap(code=500, reason="InternalError", committed=True),
    Mishap(code=503, reason="ServiceUnavailable"),
    Mishap(code=503, reason="ServiceUnavailable", committed=True),
    Mishap(code=504, reason="Timeout", committed=True),
    Mishap(code=0),
    Mishap(code=0, committed=True),
)


class Unreliable(Fault):
    """A share of all writes meets one of ``MISHAPS``, by a seed."""

    def __init__(self, *, share: float, seed: int, mishaps: tuple[Mishap, ...] = MISHAPS) -> None:
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._mishaps = mishaps
        self.met: list[Mishap] = []

    async def answer(self, request: Request, forward: Forward) -> Answer:
        if not (self.armed and request.is_write) or self._random.random() >= self._share:
            return await forward(request)
        mishap = self._random.choice(self._mishaps)
        self.met.append(mishap)
        if mishap.committed:
            await forward(request)
        if not mishap.code:
            raise ConnectionResetError
        return failure(mishap.code, mishap.reason, headers=mishap.headers)


class WithoutLease(Unreliable):
    """Loses some answers to writes of the lease; and for a while, the lease cannot be reached at all, all else can."""

    def __init__(self, *, share: float, seed: int) -> None:
        super().__init__(share=share, seed=seed, mishaps=(Mishap(code=0, committed=True),))
        self.is_cut_off = False

    async def answer(self, request: Request, forward: Forward) -> Answer:
        if request.plural != "leases":
            return await forward(request)
        if self.is_cut_off:
            raise ConnectionResetError
        return await super().answer(request, forward)


class Late(Fault):
    """Every answer, and every line of a watch, comes so many seconds later."""

    def __init__(self, seconds: float, *, silence: float) -> None:
        self._seconds = seconds
        self._silence = silence  # seconds for which the operator bears a silent watch

    def patience(self, _plural: str) -> float:
        return self._silence

    @property
    def _delay(self) -> float:
        return self._seconds if self.armed else 0.0

    async def answer(self, request: Request, forward: Forward) -> Answer:
        await asyncio.sleep(self._delay)
        answer = await forward(request)
        return answer if answer.lines is None else replace(answer, lines=self._late(answer.lines))

    async def _late(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        clock, waiting = asyncio.get_running_loop().time, asyncio.Queue[tuple[float, bytes] | None]()

        async def take() -> None:
            async for line in lines:
                waiting.put_nowait((clock() + self._delay, line))
            waiting.put_nowait(None)

        taking = asyncio.create_task(take())
        try:
            while (one := await waiting.get()) is not None:
                await asyncio.sleep(one[0] - clock())
                yield one[1]
        finally:
            taking.cancel()


class OlderView(Fault):
    """Lists of some kinds (else of all) are answered as of an older version, by the API server itself.

    Their watches say nothing until ``caught_up``, and then go on from there.
    """

    def __init__(self, version: str, *plurals: str) -> None:
        self._version = version
        self._plurals = plurals
        self.caught_up = asyncio.Event()

    async def answer(self, request: Request, forward: Forward) -> Answer:
        if self._plurals and request.plural not in self._plurals:
            return await forward(request)
        if request.verb == "list" and not self.caught_up.is_set():
            older = {"resourceVersion": self._version, "resourceVersionMatch": "Exact"}
            return await forward(replace(request, query=request.query | older))
        answer = await forward(request)
        return answer if answer.lines is None else replace(answer, lines=self._held(answer.lines))

    async def _held(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        await self.caught_up.wait()
        async for line in lines:
            yield line


class Meanwhile(Fault):
    """Somebody does something just before the first request of one sort reaches the API server."""

    def __init__(self, verb: str, plural: str, deed: Callable[[str], Awaitable[None]]) -> None:
        self._sort = (verb, plural)
        self._deed = deed  # knows the name of the object that was asked for
        self.is_done = False

    async def answer(self, request: Request, forward: Forward) -> Answer:
        if self.armed and not self.is_done and (request.verb, request.plural) == self._sort:
            self.is_done = True
            await self._deed(request.name)
        return await forward(request)
