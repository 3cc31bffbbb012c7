"""What an operator reports of the endpoint titanic."""

from typing import Any

from mlendpoints.api.meta import API_VERSION
from mlendpoints.client import Endpoint
from mlendpoints.core.times import timestamp
from tests.kit.sync_client import SyncClient

READY = {"Available": ("True", "Requests are answered."), "Ready": ("True", "It is as requested.")}
SERVING: dict[str, Any] = {
    "state": "InService",
    "url": "http://titanic.example.com",
    "configVersion": "titanic-k3j5",
    "targetVersion": "titanic-k3j5",
    "traffic": "blue=90,green=10",
}
_MODELS = {"blue": "rfc", "green": "lr"}


def variants(**weights: int) -> list[dict[str, Any]]:
    """The production variants of these weights in force."""
    return [
        {
            "name": name,
            "model": _MODELS[name],
            "instance": f"{_MODELS[name]}-iqarvt52",
            "version": "iqarvt52",
            "currentWeight": weight,
            "desiredWeight": weight,
            "readyInstances": 2,
            "desiredInstances": 2,
        }
        for name, weight in weights.items()
    ]


def updating(now: float) -> dict[str, Any]:
    """While pods of another version start."""
    waits = "ModelsReady: rfc-w2x4: 1 of 2 pods are ready."
    return SERVING | {
        "conditions": {"Available": ("True", "Requests are answered."), "Ready": ("Unknown", waits)},
        "state": "Updating",
        "targetVersion": "titanic-w2x4",
        "update": {"target": "titanic-w2x4", "phase": "StartingInstances", "startTime": timestamp(now - 95)},
    }


def failed(now: float, *, message: str) -> dict[str, Any]:
    """After an update whose image could not be pulled."""
    entry = {"target": "titanic-w2x4", "outcome": "Failed", "reason": "ImagePullFailed", "message": message}
    return SERVING | {
        "conditions": {
            "Available": ("True", "Requests are answered."),
            "UpdateSucceeded": ("False", message),
            "Ready": ("False", f"UpdateSucceeded: {message}"),
        },
        "reason": "ImagePullFailed",
        "state": "Failed",
        "targetVersion": "titanic-w2x4",
        "update": None,
        "history": [entry | {"startTime": timestamp(now - 700), "endTime": timestamp(now - 100)}],
    }


def create_event(server: SyncClient, endpoint: Endpoint, *, reason: str, note: str, now: float) -> None:
    """An event as the operator posts it."""
    namespace, name = endpoint.metadata.namespace, endpoint.metadata.name
    event = {
        "metadata": {"name": f"{name}.{int(now):x}", "namespace": namespace},
        "type": "Normal",
        "reason": reason,
        "action": "Reconcile",
        "note": note,
        "eventTime": timestamp(now).replace("Z", ".000000Z"),
        "reportingController": "mlendpoints.dev/operator",
        "reportingInstance": "operator-1",
        "regarding": {"apiVersion": API_VERSION, "kind": endpoint.KIND, "namespace": namespace, "name": name},
    }
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    server.ask("POST", path, body=event).raise_for_status()


def hold_lease(server: SyncClient, namespace: str, *, seconds: int = 1) -> None:
    """The Lease as a leader writes it; it is not renewed."""
    spec = {"holderIdentity": "operator-1", "leaseDurationSeconds": seconds, "renewTime": "2026-01-01T00:00:00.000000Z"}
    body = {"metadata": {"name": "mlendpoints-operator"}, "spec": spec}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    server.ask("POST", path, body=body).raise_for_status()
