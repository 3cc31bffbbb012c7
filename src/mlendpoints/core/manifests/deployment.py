"""The Deployment of a model instance and its pod.

``model-init`` (init) fetches the artifact; ``model`` serves it; ``nginx`` is its
proxy. Both start at the same time, and by their preStop hooks the model outlives
its proxy (docs/adr/0059). The pod template is written once for a version: it may
change only together with ``BUILDER``.
"""

from mlendpoints.api import labels
from mlendpoints.api.model import Model, ModelServer
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.capture import SHIP_SECONDS, captured
from mlendpoints.core.manifests.containers import FETCH, make_model, make_model_init
from mlendpoints.core.manifests.copied import copied
from mlendpoints.core.manifests.metadata import instance_labels, instance_of, make_metadata, pod_selector
from mlendpoints.core.manifests.network import authorities
from mlendpoints.core.manifests.sidecar import GROUP_ID, VOLUME, make_containers, make_installer, with_supervisor
from mlendpoints.core.manifests.sidecars import sidecars
from mlendpoints.core.manifests.storage import ACCESS_MODES, needs_claim, source_claim
from mlendpoints.core.manifests.virtualservice import INVOCATION_SECONDS
from mlendpoints.core.quantities import canonical_quantity

BUILDER = "5"  # revision of the pod template's builder
FORWARDS_PINGS = frozenset({"", "1"})  # builders whose proxies know no ping and forward it to the model
_MARGIN_SECONDS = 10  # for the model, after its proxy has finished the longest invocation


def make_deployment(instance: Model, *, replicas: int) -> Manifest:
    """The Deployment; a pod is replaced only when a new one is ready through its proxy."""
    name, frozen = instance.metadata.name, instance_of(instance)
    object_labels = instance_labels(name, frozen)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": make_metadata(name, instance, object_labels=object_labels)
        | {"annotations": {labels.BUILDER: BUILDER}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": pod_selector(name)},
            **make_rollout(instance.spec),
            "template": {"metadata": make_pod_metadata(object_labels), "spec": make_pod(instance)},
        },
    }


def make_rollout(spec: ModelServer) -> Manifest:
    """How a Deployment replaces its pods, and how long that may take before it counts as stalled."""
    return {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "progressDeadlineSeconds": progress_seconds(spec),
        "revisionHistoryLimit": 0,  # versions are instances; rollbacks do not use ReplicaSets
    }


def progress_seconds(spec: ModelServer) -> int:
    """How long a pod may take to become ready: the image pull and the download, then the model's own budget."""
    return 600 + spec.startup_timeout_seconds


def make_pod_metadata(pod_labels: dict[str, str]) -> Manifest:
    """The metadata of a serving pod: ``kubectl logs`` and ``exec`` mean the model."""
    return {"labels": pod_labels, "annotations": {"kubectl.kubernetes.io/default-container": "model"}}


def make_pod(instance: Model, *, claim: str = "") -> Manifest:
    """The pod's spec: fit for Pod Security ``restricted``, no token, no environment from Services.

    ``claim``, if given, is the claim with the artifact, and overrides the storage of the instance.
    """
    beside = sidecars(instance)
    supervised = not all(sidecar.essential for sidecar in beside)
    before = _init_containers(instance, supervised=supervised)
    volumes = [volume for sidecar in beside for volume in sidecar.volumes]
    return {
        **({"initContainers": before} if before else {}),
        "containers": [make_model(instance), *make_containers(instance, beside)],
        "volumes": [*_artifact_volumes(instance, claim), *volumes, *([VOLUME] if supervised else [])],
        "terminationGracePeriodSeconds": _grace_seconds(instance),
        **({"shareProcessNamespace": True} if any(sidecar.sees_processes for sidecar in beside) else {}),
        **_common(instance),
    }


def _grace_seconds(instance: Model) -> int:
    """Gateways remove the pod, the longest invocation ends, then the model does; what was captured is shipped last."""
    shipping = SHIP_SECONDS if captured(instance) else 0
    return instance_of(instance).drain_seconds + INVOCATION_SECONDS + _MARGIN_SECONDS + shipping


def _init_containers(instance: Model, *, supervised: bool) -> list[Manifest]:
    """One at most: each makes a pod start about a second later."""
    if not instance.spec.artifact:
        return [make_installer(instance)] if supervised else []
    fetcher = make_model_init(instance)
    return [with_supervisor(fetcher, FETCH) if supervised else fetcher]


def make_download_pod(instance: Model, *, claim: str) -> Manifest:
    """The spec of a pod that does nothing but fetch the artifact, once, to ``claim``; of the same security."""
    return {
        "restartPolicy": "Never",
        "containers": [make_model_init(instance)],
        "volumes": _artifact_volumes(instance, claim),
        **_common(instance),
    }


def _common(instance: Model) -> Manifest:
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **copied(instance.spec, "pod"),
        **copied(instance_of(instance), "pod"),
    }


def _artifact_volumes(instance: Model, claim: str) -> list[Manifest]:
    if not instance.spec.artifact:
        return []
    return [
        {"name": "artifact", **_artifact_source(instance, claim)},
        {"name": "model-init-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        *_source_volumes(instance),
    ]


def _source_volumes(instance: Model) -> list[Manifest]:
    """A claim that is fetched from is mounted read-only as a whole, else its files would change to the pod's group."""
    claim, secret, trusted = source_claim(instance.spec.artifact), instance.spec.artifact_secret, authorities(instance)
    return [
        *([{"name": "credentials", "secret": {"secretName": secret}}] if secret else []),
        *([{"name": "source", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}] if claim else []),
        *([{"name": "authorities", "configMap": {"name": trusted}}] if trusted else []),
    ]


def _artifact_source(instance: Model, claim: str) -> Manifest:
    if claim:
        return {"persistentVolumeClaim": {"claimName": claim}}
    frozen = instance_of(instance)
    size = canonical_quantity(frozen.size)
    if needs_claim(instance.spec):
        return {"persistentVolumeClaim": {"claimName": instance.metadata.name}}
    if frozen.storage_class:
        wish = {
            "storageClassName": frozen.storage_class,
            "accessModes": ACCESS_MODES,
            "resources": {"requests": {"storage": size}},
        }
        return {"ephemeral": {"volumeClaimTemplate": {"spec": wish}}}
    return {"emptyDir": {"sizeLimit": size}}
