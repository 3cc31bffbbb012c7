"""Kubernetes events on endpoints and MLModels (events.k8s.io/v1), posted behind the reconciles' back.

One for each transition. No reconcile waits for an event. A lost event is only logged.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import structlog

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.manifests import Manifest
from mlendpoints.core.plan import Event
from mlendpoints.edge.client import Api
from mlendpoints.edge.errors import ApiError
from mlendpoints.edge.kinds import EVENT

REPORTER = "mlendpoints.dev/operator"
UNPOSTED = 1000  # events that may wait; more than that are lost
_NOTE = 1024  # characters that the API takes

log = structlog.get_logger()

Root = Endpoint | MLModel


class Recorder:
    """Posts events as ``instance``, the name of this process, while ``run`` runs."""

    def __init__(self, api: Api, *, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._unposted: asyncio.Queue[tuple[Root, Manifest]] = asyncio.Queue(UNPOSTED)

    def record(self, root: Root, event: Event) -> None:
        """Takes one event about an endpoint or MLModel, to be posted soon."""
        try:
            self._unposted.put_nowait((root, self._manifest(root, event)))
        except asyncio.QueueFull:
            _lost(root, event.reason, "too many wait already")

    async def run(self) -> None:
        """Posts what was recorded, one after the other, until it is cancelled."""
        while True:
            await self._post(*await self._unposted.get())
            self._unposted.task_done()

    async def drain(self, *, at_most: float) -> None:
        """Returns when everything recorded has been posted, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._unposted.join(), at_most)

    async def _post(self, root: Root, manifest: Manifest) -> None:
        try:
            await self._api.create(EVENT, manifest)
        except ApiError as error:
            _lost(root, manifest["reason"], str(error))

    def _manifest(self, root: Root, event: Event) -> Manifest:
        metadata = root.metadata
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            # By such names, as client-go's, lists come in the order of time, and so does `kubectl describe`.
            "metadata": {"name": f"{metadata.name}.{time.time_ns():x}", "namespace": metadata.namespace},
            "type": event.type,
            "reason": event.reason,
            "action": "Reconcile",
            "note": event.message[:_NOTE],
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
    log.warning("Event was lost", name=root.metadata.name, kind=root.KIND, reason=reason, error=why)


def micro_time(time: datetime) -> str:
    """Kubernetes' ``MicroTime``: RFC 3339 in UTC with six decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
