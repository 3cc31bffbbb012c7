"""Event recorder: Kubernetes events (events.k8s.io/v1) of endpoints and MLModels, posted in the background.

One event for each transition, rate-limited and aggregated by the correlator. No
reconcile waits for an event to be posted; a dropped event is only logged.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.plan import Event
from mlendpoints.edge.correlator import Correlator
from mlendpoints.edge.fairness import Turns
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ApiError
from mlendpoints.edge.kube.kinds import EVENT

REPORTER = "mlendpoints.dev/operator"
UNPOSTED = 200  # events of a namespace that may wait; further ones are dropped
_NOTE = 1024  # characters that the API accepts

log = structlog.get_logger()

Root = Endpoint | MLModel


class Recorder:
    """Posts events as ``instance``, the name of this process, while ``run`` runs.

    Fair among namespaces: round robin, with a bounded queue for each, so that a flood of events in one delays no other.
    """

    def __init__(self, api: Api, *, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._instance = instance
        self._correlator = Correlator(clock)
        self._unposted: Turns[str, tuple[Root, Manifest]] = Turns()
        self._waiting: Counter[str] = Counter()  # by namespace, the one that is being posted included
        self._filled, self._posted = asyncio.Event(), asyncio.Event()

    def record(self, root: Root, event: Event) -> None:
        """Queues one event of an endpoint or MLModel."""
        namespace = root.metadata.namespace
        note = self._correlator.correlate(root.metadata.uid, event.type, event.reason, event.message)
        if note is None:
            log.debug("Event suppressed", name=root.metadata.name, kind=root.KIND, reason=event.reason)
        elif self._waiting[namespace] >= UNPOSTED:
            _lost(root, event.reason, "too many wait already")
        else:
            self._waiting[namespace] += 1
            self._unposted.append(namespace, (root, self._manifest(root, event, note)))
            self._filled.set()

    async def run(self) -> None:
        """Posts recorded events one by one until it is cancelled."""
        while True:
            found = self._unposted.pop()
            if found is None:
                self._filled.clear()
                await self._filled.wait()
                continue
            await self._post(*found)
            self._done(found[0].metadata.namespace)

    async def drain(self, *, at_most: float) -> None:
        """Returns once all recorded events are posted, or after ``at_most`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                while self._waiting:
                    self._posted.clear()
                    await self._posted.wait()

    def _done(self, namespace: str) -> None:
        self._waiting[namespace] -= 1
        if not self._waiting[namespace]:
            del self._waiting[namespace]
        self._posted.set()

    async def _post(self, root: Root, manifest: Manifest) -> None:
        try:
            await self._api.create(EVENT, manifest)
        except ApiError as error:
            _lost(root, manifest["reason"], str(error))

    def _manifest(self, root: Root, event: Event, note: str) -> Manifest:
        metadata = root.metadata
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            # Named as client-go does, so that lists and `kubectl describe` are ordered by time.
            "metadata": {"name": f"{metadata.name}.{time.time_ns():x}", "namespace": metadata.namespace},
            "type": event.type,
            "reason": event.reason,
            "action": "Reconcile",
            "note": note[:_NOTE],
            "eventTime": micro_time(datetime.now(UTC)),
            "reportingController": REPORTER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": root.KIND,
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
            },
        }


def _lost(root: Root, reason: str, why: str) -> None:
    log.warning("Event dropped", name=root.metadata.name, kind=root.KIND, reason=reason, error=why)


def micro_time(time: datetime) -> str:
    """Kubernetes' ``MicroTime``: RFC 3339 in UTC with six decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
