"""Storage of a model instance: a PersistentVolume and its claim for a node directory, a claim that all pods share.

A ``local`` volume, because any user can write to it by ``fsGroup``; to a
``hostPath`` none but root can. The directory, one for each namespace (see ``directories``),
outlives everything here: files stay. On each node it is another one, so that pods
on several nodes each fetch once.
In all other cases the Deployment itself requests storage (see ``deployment``).
"""

from mlendpoints.api.model import Model, ModelSpec
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_labels, instance_of, make_metadata
from mlendpoints.core.quantities import canonical_quantity

# Volume and claim name a class that needs not exist, so that a cluster's default class is never filled in.
CLASS = "mlendpoints-path"
ACCESS_MODES = ["ReadWriteOnce"]
ARTIFACT_VOLUME = "artifact"  # of a pod; a claim of the pod's own is named `{pod}-artifact`


def needs_volume(spec: ModelSpec) -> bool:
    """Whether a model instance keeps its artifact in a node directory, and so has a volume, a claim and a finalizer."""
    return bool(spec.artifact and spec.instance and spec.instance.path)


def needs_claim(spec: ModelSpec) -> bool:
    """Whether the pods of a model instance have their artifact on one claim."""
    shared = spec.instance and spec.instance.storage_class and spec.instance.access_mode == "ReadWriteMany"
    return needs_volume(spec) or bool(spec.artifact and shared)


def claim_class(instance: Model) -> str:
    """The StorageClass of the claims for the artifact; empty: none is named."""
    return CLASS if needs_volume(instance.spec) else instance_of(instance).storage_class


def source_claim(artifact: str) -> str:
    """The claim that an artifact is on (``pvc://claim/path``); empty for all others."""
    scheme, _, rest = artifact.partition("://")
    return rest.partition("/")[0] if scheme == "pvc" else ""


def folder_of(instance: Model) -> str:
    """The instance's own folder in the node directory, which others of its namespace share."""
    return "/".join(part for part in (instance_of(instance).folder, instance.metadata.name) if part)


def volume_name(namespace: str, instance: str) -> str:
    """Unique in the cluster: neither a namespace nor an instance's name contains a dot."""
    return f"{namespace}.{instance}"


def make_volume(instance: Model) -> Manifest:
    """The PersistentVolume: cluster-scoped, so it has no owner and the model instance carries a finalizer for it."""
    frozen = instance_of(instance)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(instance.metadata.namespace, instance.metadata.name),
            "labels": instance_labels(instance.metadata.name, frozen),
        },
        "spec": {
            "storageClassName": CLASS,
            "capacity": {"storage": canonical_quantity(frozen.size)},
            "accessModes": ACCESS_MODES,
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": instance.metadata.namespace,
                "name": instance.metadata.name,
            },
            "local": {"path": frozen.path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": _nodes(instance)}]}},
        },
    }


def make_claim(instance: Model) -> Manifest:
    """The claim of a model instance. That of a node directory takes the volume of the same instance and no other."""
    name, frozen = instance.metadata.name, instance_of(instance)
    own = {"volumeName": volume_name(instance.metadata.namespace, name)} if needs_volume(instance.spec) else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": make_metadata(name, instance, object_labels=instance_labels(name, frozen)),
        "spec": {
            "storageClassName": claim_class(instance),
            "accessModes": ACCESS_MODES if own else [frozen.access_mode],
            "resources": {"requests": {"storage": canonical_quantity(frozen.size)}},
            **own,
        },
    }


def _nodes(instance: Model) -> list[Manifest]:
    """The nodes with the directory, which a local volume must name: those that the variant selects, else all."""
    selector = instance_of(instance).node_selector
    requested = [{"key": key, "operator": "In", "values": [value]} for key, value in sorted(selector.items())]
    return requested or [{"key": "kubernetes.io/hostname", "operator": "Exists"}]
