"""One run: a namespace, an operator, load, updates; then everything that is known of each request."""

import asyncio
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.objects import create_namespace
from bench.zero_loss.fleet import others_at_rest
from bench.zero_loss.killable import PROGRAM, ROOT, Operator, Seat
from bench.zero_loss.logs import Logs
from bench.zero_loss.objects import ENDPOINT
from bench.zero_loss.sight import Sight
from bench.zero_loss.stage import Stage
from bench.zero_loss.updates import RENEWAL, Kind, Update, perform
from bench.zero_loss.verdict import Verdict, judge
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, connected
from tests.kit.load.generator import Order, Record
from tests.kit.operator_process import make_bindings
from tests.kit.waiting import poll_until

PAUSE = 2.0  # seconds of rest between updates
_GRACE = 30.0  # seconds that logs may lag behind the last answer


class Round(Struct, frozen=True):
    """Updates with one drain setting (seconds)."""

    drain: int
    updates: Sequence[Kind]


class Size(Struct, frozen=True, kw_only=True):
    """How much is sent: at least ``requests``, ``rate`` a second, while the rounds go on."""

    requests: int
    rate: float
    rounds: Sequence[Round]


class Place(Struct, frozen=True, kw_only=True):
    """Which cluster, which gateway, which operator."""

    kubeconfig: Path
    gateway: str = "istio-ingress/istio-ingressgateway"
    program: tuple[str, ...] = PROGRAM
    keep: Path | None = None  # a folder for records and operators' logs; else they are thrown away


async def run(place: Place, size: Size) -> Verdict:
    """Everything in a namespace of its own, which is gone afterwards."""
    namespace = f"zero-loss-{uuid.uuid4().hex[:8]}"
    with _folder(place, namespace) as folder:
        seat = Seat(
            kubeconfig=place.kubeconfig,
            namespace=namespace,
            gateway=place.gateway,
            logs=folder,
            program=place.program,
        )
        async with (
            connected(place.kubeconfig) as client,
            others_at_rest(client, namespace),
            _namespace(client, seat),
            _stage(client, seat, size.rounds[0].drain) as stage,
        ):
            return await _under_load(stage, seat, size)


@contextmanager
def _folder(place: Place, namespace: str) -> Iterator[Path]:
    if place.keep is None:
        with tempfile.TemporaryDirectory(prefix=f"{namespace}-") as folder:
            yield Path(folder)
    else:
        place.keep.mkdir(parents=True, exist_ok=True)
        yield place.keep


async def _under_load(stage: Stage, seat: Seat, size: Size) -> Verdict:
    logs = Logs(stage.client, seat.namespace, stage.sight)
    record = seat.logs / "requests.jsonl"
    order = Order(
        kubeconfig=str(seat.kubeconfig),
        service=seat.gateway,
        host=stage.host,
        rate=size.rate,
        at_least=size.requests,
        run=seat.namespace,
        record=str(record),
    )
    async with _background(logs.follow()):
        async with _load(order):
            updates = await _rounds(stage, size)
        records = [msgspec.json.decode(line, type=Record) for line in record.read_bytes().splitlines()]
        await _complete(logs, records)
    (seat.logs / "updates.json").write_bytes(msgspec.json.encode(updates))
    return judge(records, logs.counts, updates)


async def _rounds(stage: Stage, size: Size) -> list[Update]:
    updates: list[Update] = []
    for number, each in enumerate(size.rounds):
        if number:
            await stage.operator.stop()
            await stage.operator.start(drain=each.drain)
        for kind in (*([RENEWAL] if number else ()), *each.updates):
            await asyncio.sleep(PAUSE)
            updates.append(await perform(stage, kind))
            _tell(updates[-1])
    return updates


def _tell(update: Update) -> None:
    seconds = update.settled - update.begun
    load = os.getloadavg()[0]
    print(
        f"  drain {update.drain:>2} s  {update.kind:<24}{seconds:>6.1f} s  load {load:.1f}", file=sys.stderr, flush=True
    )


async def _complete(logs: Logs, records: Sequence[Record]) -> None:
    """Waits until all that was answered is in the logs, or some time in vain."""
    answered = {record.id for record in records if record.status == 200}

    async def has_all() -> bool:
        return answered <= logs.counts.keys()

    try:
        await poll_until(has_all, "the logs are complete", timeout=_GRACE)
    except TimeoutError:
        return  # the verdict will say what is missing


@asynccontextmanager
async def _namespace(client: Client, seat: Seat) -> AsyncIterator[None]:
    await create_namespace(client, seat.namespace)
    gateway = seat.gateway.partition("/")[0]
    bindings = list(make_bindings(seat.namespace, gateway))
    paths = [f"/apis/{b['apiVersion']}/namespaces/{where}/rolebindings" for where, b in bindings]
    for path, (_, binding) in zip(paths, bindings, strict=True):
        await client.create(path, binding)
    try:
        yield
    finally:
        await client.ask("DELETE", f"{paths[-1]}/{seat.namespace}")
        await client.ask("DELETE", f"/api/v1/namespaces/{seat.namespace}")


@asynccontextmanager
async def _stage(client: Client, seat: Seat, drain: int) -> AsyncIterator[Stage]:
    """The endpoint, ready, with its operator; the endpoint is gone before the operator is."""
    operator, sight = Operator(client, seat), Sight(seat.namespace)
    stage = Stage(client=client, namespace=seat.namespace, gateway=seat.gateway, sight=sight, operator=operator)
    async with _background(sight.follow(client)):
        try:
            await operator.start(drain=drain)
            await stage.make()
            yield stage
        finally:
            await _leave(client, kinds.ENDPOINT.path(seat.namespace, ENDPOINT), operator)


async def _leave(client: Client, endpoint: str, operator: Operator) -> None:
    """However it went: no endpoint may stand that waits for an operator."""
    try:
        if not operator.is_running:
            await operator.start()
        await client.settle("DELETE", endpoint, body={})
        await poll_until(lambda: client.is_gone(endpoint), "the endpoint is gone", timeout=120)
    finally:
        await operator.stop()


@asynccontextmanager
async def _load(order: Order) -> AsyncIterator[None]:
    """Load while inside, and until all are sent; afterwards each request has its answer or will have none."""
    command = (sys.executable, "-m", "tests.kit.load.generator", msgspec.json.encode(order).decode())
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=asyncio.subprocess.PIPE)
    try:
        await asyncio.sleep(PAUSE)
        yield
        if process.stdin is not None:
            process.stdin.close()
        if await process.wait():
            raise RuntimeError("The load generator has failed; its words are above")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Works while inside; where it fails, so does what is inside."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()
