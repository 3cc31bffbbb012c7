"""Kubernetes events on endpoints (events.k8s.io/v1): one for each transition, posted behind the reconciles' back.

No reconcile waits for an event. A lost event is only logged.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import structlog

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import API_VERSION
from mlendpoints.core.manifests import Manifest
from mlendpoints.core.plan import Event
from mlendpoints.edge.client import Api
from mlendpoints.edge.errors import ApiError
from mlendpoints.edge.kinds import EVENT

REPORTER = "mlendpoints.dev/operator"
UNPOSTED = 1000  # events that may wait; more than that are lost
_NOTE = 1024  # characters that the API takes

log = structlog.get_logger()


class Recorder:
    """Posts events as ``instance``, the name of this process, while ``run`` runs."""

    def __init__(self, api: Api, *, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._unposted: asyncio.Queue[tuple[Endpoint, Manifest]] = asyncio.Queue(UNPOSTED)

    def record(self, endpoint: Endpoint, event: Event) -> None:
        """Takes one event about the endpoint, to be posted soon."""
        try:
            self._unposted.put_nowait((endpoint, self._manifest(endpoint, event)))
        except asyncio.QueueFull:
            _lost(endpoint, event.reason, "too many wait already")

    async def run(self) -> None:
        """Posts what was recorded, one after the other, until it is cancelled."""
        while True:
            await self._post(*await self._unposted.get())
            self._unposted.task_done()

    async def drain(self, *, at_most: float) -> None:
        """Returns when everything recorded has been posted, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._unposted.join(), at_most)

    async def _post(self, endpoint: Endpoint, manifest: Manifest) -> None:
        try:
            await self._api.create(EVENT, manifest)
        except ApiError as error:
            _lost(endpoint, manifest["reason"], str(error))

    def _manifest(self, endpoint: Endpoint, event: Event) -> Manifest:
        metadata = endpoint.metadata
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
                "kind": Endpoint.KIND,
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
            },
        }


def _lost(endpoint: Endpoint, reason: str, why: str) -> None:
    log.warning("Event was lost", endpoint=endpoint.metadata.name, reason=reason, error=why)


def micro_time(time: datetime) -> str:
    """Kubernetes' ``MicroTime``: RFC 3339 in UTC with six decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
