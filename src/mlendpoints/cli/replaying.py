"""The Job of a replay: the template of docs/how-to/replay.md. Pure; a test compares it with ``examples/replay``."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from mlendpoints.api.capture import Capture
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.cli.errors import UsageError
from mlendpoints.core.canonical import Manifest

_LONGEST = 63  # characters of a label's value, which a Job's name becomes


class Replay(Struct, frozen=True, kw_only=True):
    """What is replayed, by which image, with which options of the program."""

    name: str
    namespace: str
    image: str
    sources: tuple[str, ...]
    secret: str
    options: tuple[str, ...]


def job_name(what: str, endpoint: str, variant: str, suffix: str) -> str:
    """A name for the Job.

    >>> job_name("replay", "titanic", "green", "x7k2p")
    'replay-titanic-green-x7k2p'
    """
    stem = "-".join(filter(None, (what, endpoint, variant)))
    return f"{stem[: _LONGEST - len(suffix) - 1].rstrip('-')}-{suffix}"


def make_options(
    *, target: str, host: str, variant: str, rest: dict[str, Any], ignored: Sequence[str]
) -> tuple[str, ...]:
    """Options of the program; ``rest`` by their names, None where they are not given."""
    given = {"target": target, "host": host, "variant": variant, **rest}
    named = tuple(f"--{name}={value}" for name, value in given.items() if value not in ("", None))
    return (*named, *(f"--ignore={path}" for path in ignored))


def target_of(endpoint: Endpoint, gateway: str) -> str:
    """Where requests go: the gateway's Service from inside the cluster, or a URL that is given as such."""
    if "://" in gateway:
        return gateway
    namespace, slash, name = gateway.partition("/")
    if not slash:
        raise UsageError(f"Write NAMESPACE/NAME or a URL for the gateway, instead of {gateway}.")
    secure = endpoint.status.url.startswith("https://")
    return endpoint.status.url if secure else f"http://{name}.{namespace}"


def host_of(endpoint: Endpoint) -> str:
    """The endpoint's host; raises ``UsageError`` if it has none yet."""
    host = endpoint.status.host or endpoint.spec.host
    if not host:
        raise UsageError(f"Endpoint {endpoint.metadata.name} has no host yet: see `mlendpoints explain`.")
    return host


def captured_of(endpoint: Endpoint, config: EndpointConfig, variant: str) -> tuple[str, Capture]:
    """The variant whose requests are captured, and how; raises ``UsageError``."""
    settings = {each.name: each.capture or config.spec.capture for each in config.spec.models}
    if variant and variant not in settings:
        raise UsageError(f"Endpoint {endpoint.metadata.name} has no variant {variant}. It has: {', '.join(settings)}.")
    capturing = {name: found for name, found in settings.items() if found is not None and found.enabled}
    chosen = {name: found for name, found in capturing.items() if variant in ("", name)}
    if len(chosen) == 1:
        return chosen.popitem()
    if not chosen:
        raise UsageError("Nothing is captured there now. Name the records: --source URL.")
    raise UsageError(f"Several variants are captured: name one of {', '.join(chosen)} by --of.")


def source_of(endpoint: Endpoint, variant: str, capture: Capture, part: str) -> str:
    """Where the sink has the records of a variant, or a part of them, such as 2026/11/26."""
    if capture.sink.startswith(("http://", "https://")):
        raise UsageError(f"The records were sent to {capture.sink}. Name where they are now: --source URL.")
    parts = (capture.sink.rstrip("/"), endpoint.metadata.name, variant, part.strip("/"))
    return f"{'/'.join(filter(None, parts))}/"


def image_of(instances: Sequence[Model]) -> str:
    """The replay image beside the other images of the newest version; empty if there is none."""
    for instance in instances:
        frozen = instance.spec.instance
        found = re.fullmatch(r"(.*/)?model-init([:@].*)?", frozen.images.model_init) if frozen is not None else None
        if found and not (found[2] or "").startswith("@"):
            return f"{found[1] or ''}replay{found[2] or ''}"
    return ""


def make_job(replay: Replay) -> Manifest:
    """The Job."""
    claims = sorted({urlsplit(source).netloc for source in replay.sources if source.startswith("pvc://")})
    mounts = [{"name": f"claim-{claim}", "mountPath": f"/claims/{claim}", "readOnly": True} for claim in claims]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": replay.name, "namespace": replay.namespace},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 604800,
            "template": {
                "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 1000,
                        "runAsGroup": 1000,
                        "fsGroup": 1000,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(replay, mounts)],
                    "volumes": [
                        {"name": "scratch", "emptyDir": {"sizeLimit": "5Gi"}},
                        *([_secret(replay.secret)] if replay.secret else []),
                        *(
                            {"name": f"claim-{claim}", "persistentVolumeClaim": {"claimName": claim}}
                            for claim in claims
                        ),
                    ],
                },
            },
        },
    }


def make_export_job(replay: Replay, seconds: int) -> Manifest:
    """A Job of the same image that only waits, for at most so long: the export is started in its pod."""
    job = make_job(replay)
    job["spec"] |= {"activeDeadlineSeconds": seconds, "ttlSecondsAfterFinished": 60}
    pod = job["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 1
    (container,) = pod["containers"]
    container["command"], container["args"] = ["python3", "-c", "import signal; signal.pause()"], []
    return job


def export_command(replay: Replay) -> tuple[str, ...]:
    """The program that is started in the pod."""
    credentials = ("--credentials=/credentials",) if replay.secret else ()
    return ("python3", "-m", "replay.export", *replay.sources, *credentials, *replay.options)


def _container(replay: Replay, mounts: list[Manifest]) -> Manifest:
    credentials = [{"name": "credentials", "mountPath": "/credentials", "readOnly": True}] if replay.secret else []
    return {
        "name": "replay",
        "image": replay.image,
        "args": [*replay.sources, *(["--credentials=/credentials"] if replay.secret else []), *replay.options],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}, *credentials, *mounts],  # noqa: S108 - a volume
    }


def _secret(name: str) -> Manifest:
    return {"name": "credentials", "secret": {"secretName": name, "optional": True}}
