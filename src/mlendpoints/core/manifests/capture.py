"""Capture in a pod: what nginx is given, and the sidecar that ships its spool.

nginx writes records to a folder that only it and the shipper have, well within the volume's limit, so that a sink that
is down never gets the pod evicted. Pods without capture have none of this (docs/adr/0066).
"""

import re

import msgspec

from mlendpoints.api.capture import Capture
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.network import AUTHORITIES, CREDENTIALS, authorities, literal, network_environment
from mlendpoints.core.manifests.sidecar import Sidecar
from mlendpoints.core.manifests.storage import source_claim

SINK_UP = "mlendpoints_capture_sink_up"  # a metric of pods: 0 while the sink does not accept records
SPOOL = "/var/spool/mlendpoints"
SPOOL_ROOM = 256  # MiB that records may take
SPOOL_LIMIT = "1Gi"  # at which the kubelet would evict the pod
BODIES = 64  # MiB for responses while they are collected
STATE = 32  # MiB for the state of the modules, of all requests that nginx handles at once
COPIES = 24  # of the largest body, while a record is written: two bodies, decoded, escaped and encoded
PARSED = 64  # MiB for two bodies that are parsed, whatever is in them
SHIP_SECONDS = 20  # for the shipper, once nothing is in flight any more
SPOOL_VOLUME: Manifest = {"name": "spool", "emptyDir": {"sizeLimit": SPOOL_LIMIT}}
SPOOL_MOUNT: Manifest = {"name": "spool", "mountPath": SPOOL}
_STEPS = re.compile(r"[.]([^.\[]+)|(\[[*]\])")


def captured(instance: Model) -> Capture | None:
    """What of an instance's requests is captured."""
    return instance_of(instance).capture


def by_nginx(instance: Model) -> Capture | None:
    """What nginx itself captures."""
    capture = captured(instance)
    return capture if capture is not None and capture.engine == "nginx" else None


def capture_environment(instance: Model) -> dict[str, str]:
    """Of nginx: it captures, or exposes the account of the engine that does, or neither."""
    capture = captured(instance)
    if capture is None:
        return {}
    if capture.engine == "gor":
        return {"CAPTURE_ACCOUNT": literal(msgspec.json.encode({"engine": "gor", "folder": SPOOL}).decode())}
    return {"CAPTURE": capture_setting(instance, capture)}


def capture_memory(capture: Capture) -> int:
    """MiB that nginx needs for it."""
    parsed = PARSED if capture.redact.json_paths else 0
    return BODIES + STATE + parsed + (COPIES * capture.max_bytes >> 20) + 1


def capture_setting(instance: Model, capture: Capture) -> str:
    """The value of nginx's variable ``CAPTURE``."""
    frozen = instance_of(instance)
    names = {name: getattr(frozen, name) for name in ("endpoint", "variant", "model", "version")}
    setting = {
        "percentage": capture.percentage,
        "input": "Input" in capture.capture,
        "output": "Output" in capture.capture,
        "contentTypes": capture.content_types,
        "maxBytes": capture.max_bytes,
        "headers": capture.redact.headers,
        "paths": [_steps(path) for path in capture.redact.json_paths],
        "memory": BODIES << 20,
        "spool": SPOOL_ROOM << 20,
        "folder": SPOOL,
        "names": {**names, "instance": instance.metadata.name},
    }
    return literal(msgspec.json.encode(setting).decode())


def _steps(path: str) -> list[str]:
    return [name or items for name, items in _STEPS.findall(path)]


def make_recorder(instance: Model) -> Sidecar | None:
    """Runs gor, and writes what it reports to the spool, as nginx would. Optional: without it, nothing is captured."""
    capture, frozen = captured(instance), instance_of(instance)
    if capture is None or capture.engine != "gor":
        return None
    environment = {"CAPTURE": capture_setting(instance, capture), "MODEL_PORT": str(instance.spec.port)}
    return Sidecar(
        name="recorder",
        container={
            "image": frozen.images.recorder,
            "imagePullPolicy": frozen.images.pull_policy,
            "command": ["python3", "-m", "recorder"],
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "volumeMounts": [SPOOL_MOUNT, {"name": "recorder-tmp", "mountPath": "/tmp"}],  # noqa: S108 - its own
        },
        volumes=({"name": "recorder-tmp", "emptyDir": {"sizeLimit": "16Mi"}},),
        essential=False,
        sees_packets=True,
    )


def make_shipper(instance: Model) -> Sidecar | None:
    """Ships the spool to the sink. Optional: without it, records wait in the spool, and then are dropped."""
    capture, frozen = captured(instance), instance_of(instance)
    if capture is None or not frozen.images.shipper:
        return None
    return Sidecar(
        name="shipper",
        container={
            "image": frozen.images.shipper,
            "imagePullPolicy": frozen.images.pull_policy,
            "command": ["python3", "-m", "shipper"],
            "env": [
                *_environment(instance, capture),
                *network_environment(frozen.network, addresses="ALLOWED_ADDRESSES"),
            ],
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [SPOOL_MOUNT, *(mount for mount, _ in _volumes(instance, capture))],
        },
        volumes=tuple(volume for _, volume in _volumes(instance, capture)),
        essential=False,
    )


def _environment(instance: Model, capture: Capture) -> list[Manifest]:
    frozen = instance_of(instance)
    values = {
        "SPOOL": SPOOL,
        "SINK": literal(capture.sink),
        "ENDPOINT": frozen.endpoint,
        "VARIANT": frozen.variant,
        "INSTANCE": instance.metadata.name,
        "DRAIN_SECONDS": str(SHIP_SECONDS),
        **({"CREDENTIALS": CREDENTIALS} if capture.sink_secret else {}),
    }
    pod = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return [*({"name": name, "value": value} for name, value in values.items()), pod]


def _volumes(instance: Model, capture: Capture) -> list[tuple[Manifest, Manifest]]:
    """The shipper's own, each with its mount. Without its Secret a pod starts, and the sink rejects what is shipped."""
    secret, claim, trusted = capture.sink_secret, source_claim(capture.sink), authorities(instance)
    sources: list[tuple[str, str, Manifest]] = [
        ("shipper-tmp", "/tmp", {"emptyDir": {"sizeLimit": "64Mi"}}),  # noqa: S108 - a volume of its own
        *([("sink-credentials", CREDENTIALS, {"secret": {"secretName": secret, "optional": True}})] if secret else []),
        *([("sink", "/sink", {"persistentVolumeClaim": {"claimName": claim}})] if claim else []),
        *([("sink-authorities", AUTHORITIES, {"configMap": {"name": trusted}})] if trusted else []),
    ]
    return [
        (
            {"name": name, "mountPath": path, **({"readOnly": True} if path in (CREDENTIALS, AUTHORITIES) else {})},
            {"name": name, **source},
        )
        for name, path, source in sources
    ]
