"""What all manifests share: names, labels, the controller.

Labels follow Kubernetes' recommended ones and Istio's ``app`` and ``version``.
Selectors use the few that never change. Pods carry no config label: they
outlive configs.
"""

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.model import Model, ModelInstance
from mlendpoints.core.manifests import Manifest


def make_metadata(name: str, owner: Endpoint | Model, *, object_labels: dict[str, str]) -> Manifest:
    """Metadata of an object beside its owner, which becomes its controller."""
    return {
        "name": name,
        "namespace": owner.metadata.namespace,
        "labels": object_labels,
        "ownerReferences": [controller_reference(owner)],
    }


def controller_reference(owner: Endpoint | EndpointConfig | Model) -> Manifest:
    """The one owner whose deletion takes the object along."""
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
    """Labels of what exists once for an endpoint."""
    return {
        labels.NAME: endpoint.metadata.name,
        labels.COMPONENT: "endpoint",
        labels.PART_OF: labels.MANAGER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.ENDPOINT: endpoint.metadata.name,
    }


def instance_labels(name: str, instance: ModelInstance) -> dict[str, str]:
    """Labels of a model instance called ``name`` and of all that is made for it, pods included."""
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


def pod_selector(name: str) -> dict[str, str]:
    """Selects the pods of the model instance called ``name``; immutable."""
    return {labels.INSTANCE: name, labels.MANAGED_BY: labels.MANAGER}
