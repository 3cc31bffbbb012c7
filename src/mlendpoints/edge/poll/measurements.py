"""Scrapes metrics of pods while a plan wants them; the latest value of each becomes part of the world.

Pods may be hostile: at most ``LONGEST`` bytes are read within ``TIMEOUT``
seconds; redirects are not followed, content encodings are not decoded.
Concurrency is limited in total and for each namespace. Makes no decision.
"""

import asyncio
import math
import re
from collections.abc import Callable, Mapping

import httpx2
from msgspec import Struct, field

from mlendpoints.core.world import Measure, Measurement, Ref
from mlendpoints.edge.fairness import Slots
from mlendpoints.edge.poll.requests import (
    FAILURES,
    HEADERS,
    authority,
    failure_of,
    open_transport,
    read_start,
    response_to,
)

TIMEOUT = 1.0  # seconds
LONGEST = 256 * 1024  # bytes
PERIOD = 30.0  # seconds between two requests to one pod
_AT_ONCE, _OF_NAMESPACE = 16, 4  # requests


class _Round(Struct):
    """What is scraped for one key, and the latest values."""

    tasks: dict[Measure, asyncio.Task[None]] = field(default_factory=dict)
    answers: dict[Measure, Measurement] = field(default_factory=dict)


class Meter:
    """Scrapes in the background; calls ``wake`` with the key of a value that has changed."""

    def __init__(self, wake: Callable[[Ref], None], *, period: float = PERIOD) -> None:
        self._wake, self._period = wake, period
        self._rounds: dict[Ref, _Round] = {}
        self._slots = Slots(total=_AT_ONCE, each=_OF_NAMESPACE)
        self._transport = open_transport()

    def want(self, key: Ref, measures: tuple[Measure, ...]) -> None:
        """From now on scrapes exactly ``measures`` for ``key``."""
        one = self._rounds.pop(key, None) or _Round()
        for measure in one.tasks.keys() - set(measures):
            one.tasks.pop(measure).cancel()
            one.answers.pop(measure, None)
        for measure in measures:
            if measure not in one.tasks:
                one.tasks[measure] = asyncio.create_task(self._repeat(key, one, measure))
        if measures:
            self._rounds[key] = one

    def answers(self, key: Ref) -> Mapping[Measure, Measurement]:
        """The latest value of each metric of ``key`` that has been read."""
        one = self._rounds.get(key)
        return dict(one.answers) if one else {}

    def forget(self, key: Ref) -> None:
        """Stops scraping for ``key``."""
        self.want(key, ())

    def clear(self) -> None:
        """Stops all scraping until a key wants something again."""
        for key in list(self._rounds):
            self.forget(key)

    async def close(self) -> None:
        """Stops all scraping and waits until all requests have ended."""
        tasks = [task for one in self._rounds.values() for task in one.tasks.values()]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.aclose()

    async def _repeat(self, key: Ref, one: _Round, measure: Measure) -> None:
        while True:
            async with self._slots.one(key.namespace):
                found = await _measure(self._transport, measure)
            if found != one.answers.get(measure):
                one.answers[measure] = found
                self._wake(key)
            await asyncio.sleep(self._period)


async def _measure(transport: httpx2.AsyncHTTPTransport, measure: Measure) -> Measurement:
    text, failure = await _read(transport, measure)
    return Measurement(failure=failure) if failure else Measurement(value=lowest(text, measure.metric))


def lowest(text: str, metric: str) -> float | None:
    """The lowest finite value of a metric's series in Prometheus' text format; None if there is none."""
    line = re.compile(rf"^{re.escape(metric)}(?:\{{[^\n]*\}})? ([-+.0-9eE]{{1,32}})$", re.MULTILINE)
    values = (_number(found) for found in line.findall(text))
    return min((value for value in values if value is not None), default=None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


async def _read(transport: httpx2.AsyncHTTPTransport, measure: Measure) -> tuple[str, str]:
    """The body and an empty string, or an empty body and the reason."""
    url = f"http://{authority(measure.address, measure.port)}{measure.path}"
    request = httpx2.Request("GET", url, headers=HEADERS)
    try:
        async with asyncio.timeout(TIMEOUT), response_to(transport, request) as response:
            return await _take(response)
    except FAILURES as error:
        return "", failure_of(error)


async def _take(response: httpx2.Response) -> tuple[str, str]:
    if response.status_code != 200:
        return "", f"status {response.status_code}"
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return "", "encoded answer"
    body = await read_start(response, LONGEST)
    if len(body) > LONGEST:
        return "", f"more than {LONGEST} bytes"
    return body.decode(errors="replace"), ""
