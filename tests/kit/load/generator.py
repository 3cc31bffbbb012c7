"""``python -m tests.kit.load.generator``: open-loop load through all gateway pods, a process of its own.

Requests leave by the clock, whatever became of those before, and each one's
time counts from the moment at which it should have left. None is ever repeated.
Settings come as JSON in the first argument; it stops when its standard input
is closed, waits for the answers that are due, and ends.
"""

import asyncio
import sys
from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from tests.kit.client import connected
from tests.kit.load.connection import LostError, Wire, connect
from tests.kit.load.gateways import Gateways

TIMEOUT = 65.0  # seconds; the routes' own time-out is 60
FRESH = 20  # every so many requests one has a connection of its own; the others keep theirs
QUICK, SLOW, SLOWEST = 5, 300, 3000  # milliseconds that the model takes
_SLOW_EVERY, _SLOWEST_EVERY = 100, 1000


class Order(Struct, frozen=True, kw_only=True):
    """What is sent, and where it is written down."""

    kubeconfig: str
    service: str  # the gateway's, namespace/name
    host: str
    rate: float  # requests a second
    at_least: int = 0  # requests, also after standard input is closed
    run: str  # begins every id
    record: str  # path


class Record(Struct, frozen=True, kw_only=True, array_like=True):
    """What became of one request; times in seconds of this machine's monotonic clock, ``status`` 0: no answer."""

    id: str
    scheduled: float
    sent: float
    ended: float
    gateway: str
    fresh: bool
    takes: int  # milliseconds asked of the model
    status: int
    text: str


class Load:
    """The requests of one order."""

    def __init__(self, order: Order, output: BinaryIO) -> None:
        self._order = order
        self._output = output
        self._idle: defaultdict[str, list[Wire]] = defaultdict(list)
        self.gateways = Gateways(order.service, self._forget)

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until ``stop``, and at least so many as were ordered, then waits for all answers."""
        clock, number = asyncio.get_running_loop().time, 0
        begun = clock()
        async with asyncio.TaskGroup() as group:
            while number < self._order.at_least or not stop.is_set():
                due = begun + number / self._order.rate
                await asyncio.sleep(due - clock())
                group.create_task(self._request(number, due))
                number += 1

    async def _request(self, number: int, due: float) -> None:
        clock = asyncio.get_running_loop().time
        gateway, fresh, takes = self.gateways.pick(number), number % FRESH == 0, milliseconds(number)
        identity, sent = f"{self._order.run}-{number}", 0.0
        try:
            wire = await self._wire(gateway, fresh=fresh)
            sent = clock()
            answer = await asyncio.wait_for(wire.ask(self._message(identity, takes)), TIMEOUT)
            status, text = answer.status, answer.body
            self._keep(gateway, wire, fresh=fresh)
        except (OSError, LostError, TimeoutError) as error:
            status, text = 0, f"{type(error).__name__}: {error}"
        record = Record(
            id=identity,
            scheduled=due,
            sent=sent,
            ended=clock(),
            gateway=gateway,
            fresh=fresh,
            takes=takes,
            status=status,
            text=text[:200],
        )
        self._output.write(msgspec.json.encode(record) + b"\n")

    def _message(self, identity: str, takes: int) -> bytes:
        body = str(takes)
        return (
            f"POST /invocations HTTP/1.1\r\nHost: {self._order.host}\r\nX-Amzn-SageMaker-Inference-Id: {identity}\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    async def _wire(self, gateway: str, *, fresh: bool) -> Wire:
        idle = self._idle[gateway]
        while idle and not fresh:
            wire = idle.pop()
            if wire.is_open:
                return wire
        if not gateway:
            raise LostError("no gateway pod is ready")
        return await connect(gateway)

    def _keep(self, gateway: str, wire: Wire, *, fresh: bool) -> None:
        if fresh or gateway not in self.gateways.addresses:
            wire.close()
        else:
            self._idle[gateway].append(wire)

    def _forget(self, gateway: str) -> None:
        for wire in self._idle.pop(gateway, ()):
            wire.close()


def milliseconds(number: int) -> int:
    """How long the model shall take: most are quick, some are in flight for long."""
    if number % _SLOWEST_EVERY == _SLOWEST_EVERY // 2:
        return SLOWEST
    return SLOW if number % _SLOW_EVERY == _SLOW_EVERY // 2 else QUICK


async def work(order: Order, output: BinaryIO) -> None:
    """Follows the gateways and sends until standard input is closed."""
    stop, load = asyncio.Event(), Load(order, output)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    async with connected(Path(order.kubeconfig)) as client, asyncio.TaskGroup() as group:
        following = group.create_task(load.gateways.follow(client))
        await load.gateways.found.wait()
        await load.run(stop)
        following.cancel()


def main(order: Order) -> None:
    """Writes one ``Record`` a line."""
    with Path(order.record).open("wb", buffering=0) as output:  # whoever waits for records reads them at once
        asyncio.run(work(order, output))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Order))
