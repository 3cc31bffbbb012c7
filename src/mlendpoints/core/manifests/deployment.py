"""The Deployment of a model instance and its pod.

``model-init`` (init) fetches the artifact; ``model`` (a native sidecar) serves
it; ``nginx`` (the main container) stands in front. Kubernetes starts them in
this order and stops them in the reverse one, so the model outlives its proxy
(docs/adr/0010). The pod template is written once for a version: what is
written here may change only together with ``BUILDER``.
"""

from mlendpoints.api import labels
from mlendpoints.api.model import Model, ModelSpec
from mlendpoints.core.manifests import Manifest
from mlendpoints.core.manifests.containers import make_model, make_model_init, make_nginx
from mlendpoints.core.manifests.metadata import instance_labels, instance_of, make_metadata, pod_selector
from mlendpoints.core.manifests.storage import ACCESS_MODES, needs_volume
from mlendpoints.core.manifests.virtualservice import INVOCATION_SECONDS
from mlendpoints.core.quantities import canonical_quantity

BUILDER = "1"  # revision of the pod template's builder
GROUP_ID = 1000  # of the artifact's volume, whoever the model runs as
_MARGIN_SECONDS = 10  # for the model, after its proxy has finished the longest invocation


def make_deployment(instance: Model, *, replicas: int) -> Manifest:
    """The Deployment; a pod is replaced only when a new one answers through its proxy."""
    name, marks = instance.metadata.name, instance_of(instance)
    object_labels = instance_labels(name, marks)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": make_metadata(name, instance, object_labels=object_labels)
        | {"annotations": {labels.BUILDER: BUILDER}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": pod_selector(name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
            "progressDeadlineSeconds": 600 + instance.spec.startup_timeout_seconds,
            "revisionHistoryLimit": 0,  # versions are instances; there is nothing to go back to in here
            "template": {
                "metadata": {
                    "labels": object_labels,
                    "annotations": {"kubectl.kubernetes.io/default-container": "model"},
                },
                "spec": make_pod(instance),
            },
        },
    }


def make_pod(instance: Model) -> Manifest:
    """The pod's spec: fit for Pod Security ``restricted``, no token, no environment from Services."""
    spec = instance.spec
    init = [make_model_init(instance)] if spec.artifact else []
    return {
        "initContainers": [*init, make_model(instance)],
        "containers": [make_nginx(instance)],
        "volumes": _volumes(instance),
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": instance_of(instance).drain_seconds + INVOCATION_SECONDS + _MARGIN_SECONDS,
        **_identity(spec),
        **_placement(instance),
    }


def _identity(spec: ModelSpec) -> Manifest:
    secrets = [{"name": secret.name} for secret in spec.image_pull_secrets]
    return {
        **({"serviceAccountName": spec.service_account_name} if spec.service_account_name else {}),
        **({"imagePullSecrets": secrets} if secrets else {}),
    }


def _placement(instance: Model) -> Manifest:
    marks = instance_of(instance)
    tolerations = [
        {
            name: getattr(toleration, name)
            for name in ("key", "operator", "value", "effect")
            if getattr(toleration, name)
        }
        for toleration in marks.tolerations
    ]
    return {
        **({"nodeSelector": dict(marks.node_selector)} if marks.node_selector else {}),
        **({"tolerations": tolerations} if tolerations else {}),
    }


def _volumes(instance: Model) -> list[Manifest]:
    proxy = {"name": "nginx-tmp", "emptyDir": {"sizeLimit": "64Mi"}}
    if not instance.spec.artifact:
        return [proxy]
    return [
        {"name": "artifact", **_artifact_source(instance)},
        {"name": "model-init-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        proxy,
    ]


def _artifact_source(instance: Model) -> Manifest:
    marks = instance_of(instance)
    size = canonical_quantity(marks.size)
    if needs_volume(instance.spec):
        return {"persistentVolumeClaim": {"claimName": instance.metadata.name}}
    if marks.storage_class:
        claim = {
            "storageClassName": marks.storage_class,
            "accessModes": ACCESS_MODES,
            "resources": {"requests": {"storage": size}},
        }
        return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}
    return {"emptyDir": {"sizeLimit": size}}
