"""The containers of a model pod.

The user's runs as ``runAsUser`` with a writable root, since many SageMaker
images need it; ours as ``sidecar`` says.
"""

from mlendpoints.api.model import FETCHER_USER_ID, PROXY_USER_ID, Model
from mlendpoints.api.monitoring import METRICS_PORT
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests import fluentbit
from mlendpoints.core.manifests.capture import (
    SPOOL_MOUNT,
    SPOOL_VOLUME,
    by_nginx,
    capture_environment,
    capture_memory,
    captured,
)
from mlendpoints.core.manifests.copied import copied
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.network import AUTHORITIES, CREDENTIALS, authorities, literal, network_environment
from mlendpoints.core.manifests.sidecar import (
    GROUP_ID,
    OWN_SECURITY,
    SECURITY,
    Sidecar,
    model_user,
    own_resources,
    stops_when,
)
from mlendpoints.core.manifests.storage import folder_of, needs_volume, source_claim
from mlendpoints.core.quantities import canonical_quantity, exact, whole_units

PROXY_PORT = 8088
CLAIMS = "/claims"  # where the fetcher finds claims by their names
FETCH = ["python3", "-m", "fetcher"]  # the entry point of model-init's image
MAX_BODY = 6  # MiB, SageMaker's largest
BODIES_AT_ONCE = 32  # of the largest, while they are received
BODY_ROOM = MAX_BODY * BODIES_AT_ONCE  # MiB
PROXY_MEMORY = 512  # MiB, beside the bodies: for as many requests as nginx handles at once
_WORKS = {"httpGet": {"path": "/ready", "port": METRICS_PORT}}  # by its own answer, or by that to callers


def make_model_init(instance: Model) -> Manifest:
    """Fetches, verifies and unpacks the artifact to the folder ``model`` of its volume."""
    spec, frozen = instance.spec, instance_of(instance)
    digest = ["--digest", spec.artifact_digest] if spec.artifact_digest else []
    limit = ["--limit-bytes", str(whole_units(frozen.size))]
    credentials = ["--credentials", CREDENTIALS] if spec.artifact_secret else []
    network = network_environment(frozen.network, addresses="MODEL_INIT_ALLOWED_ADDRESSES")
    return {
        "name": "model-init",
        "image": frozen.images.model_init,
        "imagePullPolicy": frozen.images.pull_policy,
        "args": ["--artifact", literal(spec.artifact), "--volume", "/artifact", *digest, *limit, *credentials],
        **({"env": network} if network else {}),
        # The model's CPUs are reserved for the pod already and idle until it starts.
        "resources": own_resources(
            frozen.model_init, {"cpu": canonical_quantity(frozen.cpus), "memory": "64Mi"}, {"memory": "256Mi"}
        ),
        "volumeMounts": [
            {"name": "artifact", "mountPath": "/artifact", **_folder(instance)},
            {"name": "model-init-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of its own
            *_source_mounts(instance),
        ],
        "securityContext": {**OWN_SECURITY, "runAsUser": FETCHER_USER_ID, "runAsGroup": GROUP_ID},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def make_model(instance: Model) -> Manifest:
    """The model server: starts beside nginx, and is stopped once nginx has drained and nothing is in flight.

    The startup probe has the model's own budget, never the update's deadline, and
    probes the model itself. The liveness probe asks nginx, which knows whether a
    server is busy that answers one request at a time; it fails after 90 s, so that
    a slow nginx does not restart a loaded model. The preStop hook asks nginx as
    well (docs/adr/0059).
    """
    spec = instance.spec
    user, group = model_user(instance)
    health = {"httpGet": {"path": spec.health_path, "port": "model"}}
    return {
        "name": "model",
        **copied(spec, "container"),
        **copied(instance_of(instance), "container"),
        "ports": [{"name": "model", "containerPort": spec.port}],
        "startupProbe": health | {"periodSeconds": 1, "failureThreshold": spec.startup_timeout_seconds},
        "livenessProbe": _WORKS | {"periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 9},
        **stops_when(f"/drained?seconds={instance_of(instance).drain_seconds}"),
        "resources": _model_resources(instance),
        **_artifact_mount(instance),
        "securityContext": {**SECURITY, "runAsUser": user, "runAsGroup": group},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def make_nginx(instance: Model) -> Sidecar:
    """The reverse proxy and monitoring endpoint; the readiness probe asks the model through it.

    A model that terminates makes the pod unready, and so does one that is idle
    and does not answer for 15 s; a busy one may take 60 s. Bodies are received
    into memory: a full volume rejects the next body, where a full disk would get
    the pod evicted. On termination, nginx drains: it serves until all gateways
    have removed the pod, then finishes requests in flight (the stop signal of its
    image is SIGQUIT).
    """
    return Sidecar(
        name="nginx",
        container=_nginx(instance),
        volumes=(
            {"name": "nginx-tmp", "emptyDir": {"sizeLimit": "64Mi"}},  # its configuration and process id
            {"name": "bodies", "emptyDir": {"medium": "Memory", "sizeLimit": f"{BODY_ROOM}Mi"}},
            *([SPOOL_VOLUME] if captured(instance) else []),
        ),
        ports={"http": PROXY_PORT, "metrics": METRICS_PORT},
        user=PROXY_USER_ID,
    )


def _nginx(instance: Model) -> Manifest:
    spec, frozen, capture = instance.spec, instance_of(instance), by_nginx(instance)
    memory = PROXY_MEMORY + BODY_ROOM + (capture_memory(capture) if capture else 0)
    environment = {
        "MODEL_PORT": str(spec.port),
        "HEALTH_PATH": spec.health_path,
        "MAX_BODY_SIZE": f"{MAX_BODY}m",
        "BODY_ROOM": f"{BODY_ROOM}m",
        "ENDPOINT": frozen.endpoint,
        "VARIANT": frozen.variant,
        "INSTANCE": instance.metadata.name,
        "MODEL": frozen.model,
        "VERSION": frozen.version,
        "CPU_REQUESTED": str(float(exact(canonical_quantity(frozen.cpus)))),
        "MEMORY_LIMIT": str(whole_units(frozen.memory)),
        **capture_environment(instance),
        **({"PROCESS_METRICS_PORT": str(fluentbit.PORT)} if fluentbit.is_in(instance) else {}),
    }
    return {
        "image": frozen.images.nginx,
        "imagePullPolicy": frozen.images.pull_policy,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "readinessProbe": _WORKS | {"periodSeconds": 1, "timeoutSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "metrics"}, "timeoutSeconds": 5},
        **stops_when(f"/drain?seconds={frozen.drain_seconds}"),
        "resources": own_resources(
            frozen.nginx, {"cpu": "10m", "memory": "32Mi"}, {"memory": canonical_quantity(f"{memory}Mi")}
        ),
        "volumeMounts": [
            {"name": "nginx-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of its own
            {"name": "bodies", "mountPath": "/tmp/client_body"},  # noqa: S108 - another one
            *([SPOOL_MOUNT] if captured(instance) else []),
        ],
    }


def _model_resources(instance: Model) -> Manifest:
    frozen = instance_of(instance)
    further = {name: canonical_quantity(amount) for name, amount in sorted(frozen.resources.items())}
    memory = canonical_quantity(frozen.memory)
    return {
        "requests": {**further, "cpu": canonical_quantity(frozen.cpus), "memory": memory},
        "limits": {**further, "memory": memory},
    }


def _artifact_mount(instance: Model) -> Manifest:
    if not instance.spec.artifact:
        return {}
    folder = f"{folder_of(instance)}/model" if needs_volume(instance.spec) else "model"
    mount = {"name": "artifact", "mountPath": "/opt/ml/model", "subPath": folder, "readOnly": True}
    return {"volumeMounts": [mount]}


def _source_mounts(instance: Model) -> list[Manifest]:
    """The sources and credentials of the artifact, mounted read-only in the fetcher alone."""
    spec, claim = instance.spec, source_claim(instance.spec.artifact)
    secret = [{"name": "credentials", "mountPath": CREDENTIALS, "readOnly": True}] if spec.artifact_secret else []
    source = [{"name": "source", "mountPath": f"{CLAIMS}/{claim}", "readOnly": True}] if claim else []
    trusted = [{"name": "authorities", "mountPath": AUTHORITIES, "readOnly": True}] if authorities(instance) else []
    return [*secret, *source, *trusted]


def _folder(instance: Model) -> Manifest:
    """A node directory is shared by instances: each has a folder of its own."""
    return {"subPath": folder_of(instance)} if needs_volume(instance.spec) else {}
