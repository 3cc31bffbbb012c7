"""Kubernetes events on endpoints and MLModels (events.k8s.io/v1), posted behind the reconciles' back.

One for each transition, within bounds. No reconcile waits for an event. A lost event is only logged.
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
UNPOSTED = 200  # events of a namespace that may wait; more than that are lost
_NOTE = 1024  # characters that the API takes

log = structlog.get_logger()

Root = Endpoint | MLModel


class Recorder:
    """Posts events as ``instance``, the name of this process, while ``run`` runs.

    Namespaces take turns, and each has room of its own: a flood of events drowns no other namespace's.
    """

    def __init__(self, api: Api, *, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._instance = instance
        self._correlator = Correlator(clock)
        self._unposted: Turns[str, tuple[Root, Manifest]] = Turns()
        self._waiting: Counter[str] = Counter()  # by namespace, the one that is being posted included
        self._filled, self._posted = asyncio.Event(), asyncio.Event()

    def record(self, root: Root, event: Event) -> None:
        """Takes one event about an endpoint or MLModel, to be posted soon."""
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
        """Posts what was recorded, one after the other, until it is cancelled."""
        while True:
            found = self._unposted.pop()
            if found is None:
                self._filled.clear()
                await self._filled.wait()
                continue
            await self._post(*found)
            self._done(found[0].metadata.namespace)

    async def drain(self, *, at_most: float) -> None:
        """Returns when everything recorded has been posted, or after so many seconds."""
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
            # By such names, as client-go's, lists come in the order of time, and so does `kubectl describe`.
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
