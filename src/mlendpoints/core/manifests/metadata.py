"""What all manifests share: names, labels, the controller.

Labels follow Kubernetes' recommended ones and Istio's ``app`` and ``version``.
Selectors use the few that never change. Pods carry no config label: they
outlive configs.
"""

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model, ModelInstance
from mlendpoints.core.canonical import Manifest


def make_metadata(name: str, owner: Endpoint | Model | MLModel, *, object_labels: dict[str, str]) -> Manifest:
    """Metadata of an object beside its owner, which becomes its controller."""
    return {
        "name": name,
        "namespace": owner.metadata.namespace,
        "labels": object_labels,
        "ownerReferences": [controller_reference(owner)],
    }


def controller_reference(owner: Endpoint | EndpointConfig | Model | MLModel) -> Manifest:
    """The owner with which the object is garbage-collected."""
    return {
        "apiVersion": API_VERSION,
        "kind": owner.KIND,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def instance_of(model: Model) -> ModelInstance:
    """What marks a model as an instance.

    Raises:
        ValueError: it is a template.
    """
    if model.spec.instance is None:
        raise ValueError(f"{model.metadata.namespace}/{model.metadata.name} is a template, not an instance")
    return model.spec.instance


def endpoint_labels(endpoint: Endpoint) -> dict[str, str]:
    """Labels of an endpoint's own objects."""
    return {
        labels.NAME: endpoint.metadata.name,
        labels.COMPONENT: "endpoint",
        labels.PART_OF: labels.MANAGER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.ENDPOINT: endpoint.metadata.name,
    }


def instance_labels(name: str, instance: ModelInstance) -> dict[str, str]:
    """Labels of a model instance called ``name`` and of all its objects, pods included."""
    return {
        labels.NAME: instance.model,
        labels.INSTANCE: name,
        labels.COMPONENT: "model",
        labels.PART_OF: labels.MANAGER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.APP_VERSION: instance.version,
        labels.ENDPOINT: instance.endpoint,
        labels.VARIANT: instance.variant,
        labels.MODEL: instance.model,
        labels.MODEL_VERSION: instance.version,
        labels.ISTIO_APP: instance.endpoint,
        labels.ISTIO_VERSION: instance.version,
    }


def mlmodel_labels(model: MLModel) -> dict[str, str]:
    """Labels of an MLModel's own objects."""
    name = model.metadata.name
    return {
        labels.NAME: name,
        labels.INSTANCE: name,
        labels.COMPONENT: "mlmodel",
        labels.PART_OF: labels.MANAGER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.MLMODEL: name,
        labels.ISTIO_APP: name,
    }


def mlmodel_version_labels(model: MLModel, version: str) -> dict[str, str]:
    """Labels of the objects of one version of an MLModel, its serving pods included."""
    return mlmodel_labels(model) | {
        labels.APP_VERSION: version,
        labels.MODEL_VERSION: version,
        labels.ISTIO_VERSION: version,
    }


def download_labels(model: MLModel, version: str) -> dict[str, str]:
    """Labels of a version's claim, its download Job and the Job's pods, which no selector of serving pods may match."""
    return mlmodel_version_labels(model, version) | {
        labels.INSTANCE: f"{model.metadata.name}-{version}",
        labels.COMPONENT: "download",
    }


def pod_selector(name: str) -> dict[str, str]:
    """Selects the serving pods of the model instance, or MLModel, called ``name``; immutable."""
    return {labels.INSTANCE: name, labels.MANAGED_BY: labels.MANAGER}
