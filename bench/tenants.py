"""``python -m bench.tenants``: how long one tenant's edit waits while another floods the operator.

One run on one API server and one operator, three parts: in quiet; while
thousands of broken endpoints are edited without a pause in a namespace that the
operator does not watch; and the same in one that it watches. The ratio of the
third to the second is what the operator adds: the objects are the same, with a
status by an operator, and so is what their edits cost the machine and the API
server, but for what the operator itself watches and writes.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from bench import objects
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, connected, do_all
from tests.kit.control_plane import control_plane, install
from tests.kit.operator_process import operator
from tests.kit.waiting import poll_until

QUIET, UNWATCHED, NOISY = "quiet", "unwatched", "noisy"
MERGE = "application/merge-patch+json"
AIM = 2.0  # the ratio to quiet at most
_BEGINNING = 3.0  # seconds of the flood before it counts
_PAUSE = 0.2  # seconds between two edits of the quiet tenant
_FIRST, _VALUES = 700, 1000  # deadlines that are written, so that each edit is one


class Wait(Struct, frozen=True):
    """Seconds from an edit until it is stored, and until the operator has told that it has seen it."""

    stored: float
    told: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.tenants", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=2000, help="the noisy tenant's endpoints (2000)")
    parser.add_argument("--rate", type=float, default=100.0, help="its edits a second (100)")
    parser.add_argument("--edits", type=int, default=30, help="of the quiet tenant, in each part (30)")
    options = parser.parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with control_plane("--istio-crds") as kubeconfig:
        asyncio.run(install(kubeconfig))
        asyncio.run(measure(kubeconfig, options))
    return 0


async def measure(kubeconfig: Path, options: argparse.Namespace) -> None:
    """All parts."""
    names = objects.endpoint_names(options.endpoints)
    async with connected(kubeconfig) as client, connected(kubeconfig) as other:
        for namespace, its in ((QUIET, ["ep"]), (UNWATCHED, names), (NOISY, names)):
            await objects.create_namespace(client, namespace)
            await objects.create_endpoints(client, namespace, its, config="missing")
        async with operator(kubeconfig, QUIET, UNWATCHED, NOISY):
            await poll_until(lambda: _are_seen(client, QUIET, UNWATCHED, NOISY), "all endpoints have a status")
        async with operator(kubeconfig, QUIET, NOISY):
            numbers = itertools.count()
            quiet = await _edits(client, numbers, options.edits)
            _tell("quiet", quiet, quiet)
            before = quiet
            for namespace in (UNWATCHED, NOISY):
                async with _flood(other, namespace, names, options.rate) as done:
                    await asyncio.sleep(_BEGINNING)
                    begun, already = time.monotonic(), len(done)
                    loud = await _edits(client, numbers, options.edits)
                    rate = (len(done) - already) / (time.monotonic() - begun)
                _tell(f"{namespace}, {options.endpoints} broken endpoints, {rate:.0f} edits/s", loud, quiet)
                print(f"  ratio to the part before: {_median(loud) / _median(before):.2f}", flush=True)
                before = loud


def _tell(part: str, waits: list[Wait], quiet: list[Wait]) -> None:
    whole = [wait.told for wait in waits]
    ratio = _median(waits) / _median(quiet)
    print(
        f"{part}: median {_ms(whole)} ms, of which {_ms([wait.stored for wait in waits])} ms until the edit is stored; "
        f"slowest {max(whole) * 1000:.0f} ms; ratio to quiet {ratio:.2f} (aim <= {AIM:g}); "
        f"{len(waits)} edits, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _median(waits: list[Wait]) -> float:
    return statistics.median(wait.told for wait in waits)


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f}"


async def _are_seen(client: Client, *namespaces: str) -> bool:
    found = [endpoint for namespace in namespaces for endpoint in await client.items(kinds.ENDPOINT.path(namespace))]
    return all(endpoint.get("status", {}).get("observedGeneration") for endpoint in found)


class _Seen:
    """When the quiet endpoint's generations were told as observed."""

    def __init__(self) -> None:
        self.generation = 0
        self.changed = asyncio.Event()

    async def follow(self, client: Client) -> None:
        async for event in client.follow(kinds.ENDPOINT.path(QUIET)):
            self.generation = msgspec.json.decode(event.object).get("status", {}).get("observedGeneration", 0)
            self.changed.set()

    async def wait(self, generation: int) -> float:
        while self.generation < generation:
            self.changed.clear()
            await self.changed.wait()
        return time.perf_counter()


async def _edits(client: Client, numbers: Iterator[int], count: int) -> list[Wait]:
    """One after the other, until the generation of each is told as observed."""
    seen = _Seen()
    following = asyncio.create_task(seen.follow(client))
    try:
        return [await _edit(client, seen, next(numbers)) for _ in range(count)]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _edit(client: Client, seen: _Seen, number: int) -> Wait:
    await asyncio.sleep(_PAUSE)
    begun = time.perf_counter()
    raw = await _change(client, kinds.ENDPOINT.path(QUIET, "ep"), number)
    stored = time.perf_counter()
    told = await seen.wait(msgspec.json.decode(raw)["metadata"]["generation"])
    return Wait(stored - begun, told - begun)


async def _change(client: Client, path: str, number: int) -> bytes:
    body = {"spec": {"update": {"deadlineSeconds": _FIRST + number % _VALUES}}}
    return await client.ask("PATCH", path, body=body, media=MERGE)


@asynccontextmanager
async def _flood(client: Client, namespace: str, names: list[str], rate: float) -> AsyncIterator[list[str]]:
    done: list[str] = []
    begun = time.monotonic()

    async def edit(number: int, name: str) -> None:
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        await _change(client, kinds.ENDPOINT.path(namespace, name), number // len(names))
        done.append(name)

    async def flood() -> None:
        """With a bound of what is in flight: an API server that cannot keep up is told so by the rate."""
        await do_all(partial(edit, number, name) for number, name in enumerate(itertools.cycle(names)))

    task = asyncio.create_task(flood())
    try:
        yield done
        if task.done():
            task.result()  # it has ended by an error, and nothing was measured
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
