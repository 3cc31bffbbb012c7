"""The objects of an MLModel: a claim and a download Job for each version, one Deployment, one Service.

The pods are those of a model instance: ``freeze`` says what a version would be
as one, and the same builders make them (docs/adr/0021).
"""

from mlendpoints.api import labels
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model, ModelInstance, ModelServer, ModelSpec
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.capture import settled
from mlendpoints.core.manifests.deployment import (
    BUILDER,
    make_download_pod,
    make_pod,
    make_pod_metadata,
    make_rollout,
)
from mlendpoints.core.manifests.instances import frozen_fields
from mlendpoints.core.manifests.metadata import (
    download_labels,
    instance_of,
    make_metadata,
    mlmodel_labels,
    mlmodel_version_labels,
    pod_selector,
)
from mlendpoints.core.manifests.service import make_service_spec
from mlendpoints.core.quantities import canonical_quantity
from mlendpoints.core.versions import mlmodel_version
from mlendpoints.core.world import Settings

VARIANT = "mlmodel"  # in metrics and logs, where an endpoint has the name of a variant
RETRIES = 2  # pods of a Job after its first; the fetcher itself tries several times
# Exit codes of the fetcher that a retry does not fix: command line, digest, archive, size.
_HOPELESS = [2, 11, 12, 13]


def freeze(model: MLModel, settings: Settings) -> Model:
    """The requested version in the form of a model instance; it is never written to the cluster."""
    name, spec, version = model.metadata.name, model.spec, mlmodel_version(model)
    instance = ModelInstance(
        endpoint=name,
        config=name,
        variant=VARIANT,
        model=name,
        version=version,
        **frozen_fields(settled(spec), settings),
    )
    server = {field: getattr(spec, field) for field in ModelServer.__struct_fields__}
    metadata = ObjectMeta(name=f"{name}-{version}", namespace=model.metadata.namespace)
    return Model(metadata=metadata, spec=ModelSpec(**server, replicas=spec.replicas, instance=instance))


def make_mlmodel_claim(model: MLModel, version: Model) -> Manifest:
    """The claim of a version; without a class that of the cluster's default."""
    frozen = instance_of(version)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _of_version(model, version),
        "spec": {
            **({"storageClassName": frozen.storage_class} if frozen.storage_class else {}),
            "accessModes": [model.spec.access_mode],
            "resources": {"requests": {"storage": canonical_quantity(frozen.size)}},
        },
    }


def make_download_job(model: MLModel, version: Model) -> Manifest:
    """The Job that fills the claim of a version. It is kept as long as the version: it shows that the claim is filled.

    An evicted pod does not count as a failure; without a sidecar of the mesh, the Job can complete.
    """
    pod_labels = download_labels(model, instance_of(version).version) | {labels.NOT_IN_THE_MESH: "false"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _of_version(model, version),
        "spec": {
            "backoffLimit": RETRIES,
            "activeDeadlineSeconds": model.spec.download_timeout_seconds,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {"action": "FailJob", "onExitCodes": {"operator": "In", "values": _HOPELESS}},
                ]
            },
            "template": {
                "metadata": {"labels": pod_labels},
                "spec": make_download_pod(version, claim=version.metadata.name),
            },
        },
    }


def make_mlmodel_deployment(model: MLModel, version: Model) -> Manifest:
    """The Deployment, running one version: a pod is removed only when a new one is ready through its proxy."""
    name, frozen = model.metadata.name, instance_of(version)
    object_labels = mlmodel_version_labels(model, frozen.version)
    claim = version.metadata.name if version.spec.artifact else ""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": make_metadata(name, model, object_labels=object_labels)
        | {"annotations": {labels.BUILDER: BUILDER}},
        "spec": {
            "replicas": model.spec.replicas,
            "selector": {"matchLabels": pod_selector(name)},
            **make_rollout(version.spec),
            "template": {
                "metadata": make_pod_metadata(object_labels),
                "spec": make_pod(version, claim=claim) | _beside_the_claim(model, version),
            },
        },
    }


def make_mlmodel_service(model: MLModel) -> Manifest:
    """The Service of all versions."""
    name = model.metadata.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(name, model, object_labels=mlmodel_labels(model)),
        "spec": make_service_spec(name),
    }


def _of_version(model: MLModel, version: Model) -> Manifest:
    name, frozen = version.metadata.name, instance_of(version)
    return make_metadata(name, model, object_labels=download_labels(model, frozen.version))


def _beside_the_claim(model: MLModel, version: Model) -> Manifest:
    """All pods of a version on one node, where only one node may mount the claim."""
    if not version.spec.artifact or model.spec.access_mode == "ReadWriteMany":
        return {}
    together = pod_selector(model.metadata.name) | {labels.MODEL_VERSION: instance_of(version).version}
    term = {"labelSelector": {"matchLabels": together}, "topologyKey": "kubernetes.io/hostname"}
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
