"""The operator's connection to the API server, with a ledger of all its calls and a place where it can be cut.

A cut kills the operator at its k-th write: before the write is sent, or after
the server has stored it and before the operator hears of it. From then on
nothing of that operator gets through.
"""

import asyncio
import time

import msgspec
from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse
from msgspec import Struct

from mlendpoints.edge.kube.kinds import KINDS, LEASE

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_READS = frozenset({"get", "list", "watch"})
_PLURALS = {kind.plural: kind.name for kind in reversed(KINDS.values())}


class Cut(Struct, frozen=True, order=True):
    """At which write the operator dies (from 1), and on which side of it."""

    write: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} write {self.write}"


class Call(Struct):
    """One request of the operator, but for leases."""

    verb: str
    kind: str
    name: str
    subresource: str
    at: float  # when it was sent, by the event loop's clock
    status: int = 0  # HTTP's; 0 while no answer has come
    revision: int = 0  # what a write left behind
    namespace: str = ""

    @property
    def is_write(self) -> bool:
        return self.verb not in _READS

    def __str__(self) -> str:
        where = f"{self.kind}/{self.subresource}" if self.subresource else self.kind
        return f"{self.verb} {where}"


class Ledger:
    """All calls of a point's operators from ``arm`` on."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.before: list[Call] = []  # what came before ``arm``
        self.cut: Cut | None = None
        self.is_cut = False  # whether the operator has died there
        self._armed = False

    def arm(self, cut: Cut | None = None) -> None:
        """Counts from now on, and kills the operator at ``cut``."""
        self.before, self.calls = self.calls, []
        self.cut, self._armed = cut, True

    @property
    def everything(self) -> list[Call]:
        return [*self.before, *self.calls] if self._armed else self.calls

    @property
    def writes(self) -> int:
        return sum(call.is_write for call in self.calls)

    @property
    def is_due(self) -> bool:
        """Whether the newest call is the one to die at."""
        return self._armed and self.cut is not None and self.writes == self.cut.write and self.calls[-1].is_write


class Detour(Struct, frozen=True):
    """Another way to the API server: by another URL, past others who see each request."""

    server: str = ""  # empty: the API server itself
    middlewares: tuple[ClientMiddlewareType, ...] = ()


DIRECT = Detour()


class Wire:
    """One operator's requests but for its watches; ``killed`` is set at the cut."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.killed = asyncio.Event()
        self.in_flight = 0

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        call = make_call(request)
        if call.verb == "watch":
            return await handler(request)
        if self.killed.is_set():
            await _for_ever()
        if call.kind == LEASE.name:
            return await handler(request)
        self._ledger.calls.append(call)
        self.in_flight += 1
        try:
            return await self._pass(request, handler, call)
        finally:
            self.in_flight -= 1

    async def _pass(self, request: ClientRequest, handler: ClientHandlerType, call: Call) -> ClientResponse:
        cut = self._ledger.cut if self._ledger.is_due else None
        if cut is not None and not cut.after:
            await self._die()
        response = await handler(request)
        content = await response.read()
        call.status, call.revision = response.status, _revision(call, content)
        if cut is not None:
            await self._die()
        return response

    async def _die(self) -> None:
        self._ledger.is_cut = True
        self.killed.set()
        await _for_ever()


async def _for_ever() -> None:
    await asyncio.Event().wait()


def make_call(request: ClientRequest) -> Call:
    """What a request asks: ``/api(s)/[group/]version[/namespaces/ns]/plural[/name[/subresource]]``."""
    parts = request.url.path.strip("/").split("/")
    rest = parts[2 if parts[0] == "api" else 3 :]
    namespace, rest = (rest[1], rest[2:]) if rest[0] == "namespaces" and len(rest) > 2 else ("", rest)
    plural, name, subresource, *_ = (*rest, "", "")
    verb = _VERBS[request.method]
    if verb == "get" and not name:
        verb = "watch" if "watch" in request.url.query else "list"
    return Call(verb, _PLURALS.get(plural, plural), name, subresource, time.monotonic(), namespace=namespace)


class _Meta(Struct, frozen=True, rename="camel"):
    resource_version: str = "0"


class _Answer(Struct, frozen=True):
    metadata: _Meta = _Meta()


def _revision(call: Call, content: bytes) -> int:
    if not call.is_write or call.status >= 300:
        return 0
    return int(msgspec.json.decode(content, type=_Answer).metadata.resource_version or 0)
