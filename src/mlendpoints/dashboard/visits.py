"""What is read of an endpoint or MLModel only while tabs show it: config, instances, events, metrics of its pods.

All tabs that show it share one visit.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.client.asynchronous import AsyncMLOpsClient
from mlendpoints.client.counting import parse_counts
from mlendpoints.client.errors import ClientError
from mlendpoints.client.explaining import condition_of
from mlendpoints.client.objects import ref_of
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.world import PodFacts, Ref
from mlendpoints.dashboard.detail import Known
from mlendpoints.dashboard.figures import Figures, Reading, make_figures
from mlendpoints.dashboard.following import Following
from mlendpoints.dashboard.rows import Place, Root
from mlendpoints.dashboard.signals import Signal

_INTERVAL = 5.0  # seconds between two readings
_PAUSE = 1.0  # seconds, at least
_WINDOW = 60.0  # seconds over which rates are averaged
_MOST_PODS = 24  # whose metrics are read
_AT_ONCE = 8
_MOST_EVENTS = 30

Read = Callable[[Root], Awaitable[dict[str, Any]]]


class Visit:
    """One object that tabs show."""

    def __init__(self, client: AsyncMLOpsClient, following: Following, place: Place) -> None:
        self._client = client
        self._following = following
        self._place = place
        self._readings: dict[tuple[str, str], deque[Reading]] = {}  # by instance and pod
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.known = Known()
        self.changed = Signal()
        self.tabs = 0
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Reads until it is cancelled. Pods that do not respond do not keep the rest waiting."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._read_objects))
            group.create_task(self._repeat(self._read_metrics))

    async def _repeat(self, read: Read) -> None:
        """Reads regularly, and sooner when the object has changed."""
        listener = asyncio.Event()
        with self._following.changed.wakes(listener):
            while True:
                obj = self._following.find(self._place)
                if obj is not None:
                    await self._take(read, obj)
                    await asyncio.sleep(_PAUSE)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_INTERVAL):
                        while self._following.find(self._place) is obj:
                            listener.clear()
                            await listener.wait()

    async def _take(self, read: Read, obj: Root) -> None:
        try:
            known = replace(self.known, **await read(obj))
        except ClientError:  # a banner says what is wrong with the API server
            return
        if known != self.known:
            self.known = known
            self.changed.notify()

    async def _read_objects(self, obj: Root) -> dict[str, Any]:
        requested, waits, (events, note) = await asyncio.gather(
            self._requested(obj), self._waits(obj), self._events(obj)
        )
        return {"requested": requested, "waits": waits, "events": events, "events_note": note}

    async def _requested(self, obj: Root) -> dict[str, int]:
        """Weights as the config says, also while no operator reports them."""
        if not isinstance(obj, Endpoint):
            return {}
        try:
            config = await self._client.V1Alpha1EndpointConfig.get(obj.spec.config, namespace=obj.metadata.namespace)
        except ClientError:
            return {}
        return {variant.name: variant.weight for variant in config.spec.models}

    async def _waits(self, obj: Root) -> dict[str, str]:
        if not isinstance(obj, Endpoint):
            return {}
        try:
            models = await self._client.V1Alpha1Model.list(
                namespace=obj.metadata.namespace, labels=_selector(obj), instances=True
            )
        except ClientError:
            return {}
        conditions = {model.metadata.name: condition_of(model, "Ready") for model in models}
        return {name: found.message for name, found in conditions.items() if found and found.status != "True"}

    async def _events(self, obj: Root) -> tuple[tuple[Any, ...], str]:
        try:
            found = await self._client.live.events(ref_of(obj))
        except ClientError as error:
            return (), quoted(str(error))
        shown = [
            replace(event, type=quoted(event.type), reason=quoted(event.reason), message=quoted(event.message))
            for event in found[:_MOST_EVENTS]
        ]
        return tuple(shown), ""

    async def _read_metrics(self, obj: Root) -> dict[str, Any]:
        try:
            pods = await self._client.cluster.pods(_selector(obj), namespace=obj.metadata.namespace)
        except ClientError as error:
            return {"figures": {}, "note": quoted(str(error))}
        running = [pod for pod in pods if pod.address and not pod.has_ended]
        if not running:
            return {"figures": {}, "note": "No pod runs."}
        problems = await asyncio.gather(*(self._read_pod(obj, pod) for pod in running[:_MOST_PODS]))
        self._forget(running)
        figures = {instance: found for instance in {pod.instance for pod in running} if (found := self._of(instance))}
        return {"figures": figures, "note": _note(problems, pods=len(running), measured=bool(figures))}

    async def _read_pod(self, obj: Root, pod: PodFacts) -> str:
        """Reads the metrics of a pod; what is wrong with them."""
        async with self._turns:
            try:
                text = await self._client.live.metrics(Ref("Pod", obj.metadata.namespace, pod.name))
            except ClientError as error:
                return quoted(str(error))
        counts = parse_counts(text)
        if counts is None:
            return f"Pod {pod.name} has no metrics of requests."
        reading = Reading(at=time.monotonic(), counts=counts)
        readings = self._readings.setdefault((pod.instance, pod.name), deque())
        readings.append(reading)
        while readings[0].at < reading.at - _WINDOW:
            readings.popleft()
        return ""

    def _forget(self, pods: Sequence[PodFacts]) -> None:
        there = {(pod.instance, pod.name) for pod in pods}
        for key in self._readings.keys() - there:
            del self._readings[key]

    def _of(self, instance: str) -> Figures | None:
        return make_figures([(kept[0], kept[-1]) for (its, _), kept in self._readings.items() if its == instance])


def _selector(obj: Root) -> str:
    label = labels.ENDPOINT if isinstance(obj, Endpoint) else labels.MLMODEL
    return f"{label}={obj.metadata.name}"


def _note(problems: Sequence[str], *, pods: int, measured: bool) -> str:
    failed = [problem for problem in problems if problem]
    if failed:
        return f"Without {len(failed)} of {pods} pods. {failed[0]}"
    if pods > len(problems):
        return f"Of {len(problems)} of {pods} pods."
    return "" if measured else "Measuring…"


class Visits:
    """The objects that tabs show now."""

    def __init__(self, client: AsyncMLOpsClient, following: Following) -> None:
        self._client = client
        self._following = following
        self._visits: dict[Place, Visit] = {}

    @asynccontextmanager
    async def visiting(self, place: Place) -> AsyncIterator[Visit]:
        """The visit of an object, which begins with the first tab and ends with the last."""
        visit = self._visits.setdefault(place, Visit(self._client, self._following, place))
        visit.tabs += 1
        try:
            if visit.tabs == 1:
                visit.task = asyncio.create_task(visit.run())
            yield visit
        finally:
            visit.tabs -= 1
            if not visit.tabs:
                del self._visits[place]
                if visit.task is not None:
                    visit.task.cancel()
