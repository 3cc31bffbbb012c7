"""Kubernetes events on endpoints (events.k8s.io/v1): one for each transition. A lost event is only logged."""

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
_NOTE = 1024  # characters that the API takes

log = structlog.get_logger()


class Recorder:
    """Posts events as ``instance``, the name of this process."""

    def __init__(self, api: Api, *, instance: str) -> None:
        self._api = api
        self._instance = instance

    async def record(self, endpoint: Endpoint, event: Event) -> None:
        """Posts one event about the endpoint."""
        try:
            await self._api.create(EVENT, self._manifest(endpoint, event))
        except ApiError as error:
            log.warning(
                "Event was not recorded", endpoint=endpoint.metadata.name, reason=event.reason, error=str(error)
            )

    def _manifest(self, endpoint: Endpoint, event: Event) -> Manifest:
        metadata = endpoint.metadata
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"generateName": f"{metadata.name}-", "namespace": metadata.namespace},
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


def micro_time(time: datetime) -> str:
    """Kubernetes' ``MicroTime``: RFC 3339 in UTC with six decimals."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
