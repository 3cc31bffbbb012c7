"""The CustomResourceDefinitions, derived from the types.

This module adds what the types do not say: names, columns, subresources. The
schema itself comes from ``mlendpoints.api.structural``.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import GROUP, VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.api.structural import (
    Schema,
    make_schema,
    with_documented_defaults,
    without_defaults,
    without_defaults_in_lists,
)

Kind = type[Model | EndpointConfig | Endpoint | MLModel]


class Names(Struct, frozen=True):
    """What a kind is called, and what ``kubectl get`` shows of it: column -> (type, JSONPath).

    ``wide`` columns are shown with ``--output wide`` only.
    """

    plural: str
    short: str
    columns: Mapping[str, tuple[str, str]]
    scaled: bool = False
    wide: Mapping[str, tuple[str, str]] = {}


def _condition(name: str, field: str = "status") -> tuple[str, str]:
    return "string", f'.status.conditions[?(@.type=="{name}")].{field}'


_OF_INSTANCES: Final = ("string", ".spec.instance.endpoint")  # empty for templates

KINDS: Final[Mapping[Kind, Names]] = {
    Model: Names(
        "machinelearningmodels",
        "mlm",
        {
            "Endpoint": _OF_INSTANCES,
            "Image": ("string", ".spec.image"),
            "Artifact": ("string", ".spec.artifact"),
            "Replicas": ("integer", ".spec.replicas"),
            "Ready": ("integer", ".status.readyReplicas"),
            "Rolled out": _condition("RolledOut"),
        },
        scaled=True,
        wide={"Fetched": ("string", ".status.fetched")},
    ),
    EndpointConfig: Names(
        "machinelearningendpointconfigs",
        "mlec",
        {
            "Endpoint": _OF_INSTANCES,
            "Models": ("string", ".status.models"),
            "Rolled out": _condition("RolledOut"),
        },
    ),
    Endpoint: Names(
        "machinelearningendpoints",
        "mle",
        {
            "State": ("string", ".status.state"),
            "Ready": _condition("Ready"),
            "Reason": _condition("Ready", "reason"),
            "Config": ("string", ".spec.config"),
            "URL": ("string", ".status.url"),
            "Traffic": ("string", ".status.traffic"),
        },
        wide={"Monitoring": ("string", ".status.monitoringUrl"), "Message": _condition("Ready", "message")},
    ),
    MLModel: Names(
        "mlmodels",
        "mlmodel",
        {
            "Phase": ("string", ".status.phase"),
            "Replicas": ("integer", ".spec.replicas"),
            "Ready": ("integer", ".status.readyReplicas"),
            "Reason": _condition("Ready", "reason"),
            "Endpoint": ("string", ".status.serviceEndpoint"),
        },
        scaled=True,
        wide={
            "Image": ("string", ".spec.image"),
            "Artifact": ("string", ".spec.artifact"),
            "Fetched": ("string", ".status.fetched"),
            "Monitoring": ("string", ".status.monitoringUrl"),
            "Message": ("string", ".status.message"),
        },
    ),
}
SCALE: Final = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}


def make_crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of one kind, as the API server takes it."""
    names = KINDS[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "mlendpoints"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.KIND,
                "listKind": f"{kind.KIND}List",
                "plural": names.plural,
                "singular": kind.KIND.lower(),
                **({"shortNames": [names.short]} if names.short != kind.KIND.lower() else {}),
                "categories": ["mlendpoints"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> Schema:
    names = KINDS[kind]
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}} | ({"scale": SCALE} if names.scaled else {}),
        "additionalPrinterColumns": [
            *(_column(name, *column) for name, column in names.columns.items()),
            *(_column(name, *column) | {"priority": 1} for name, column in names.wide.items()),
            _column("Age", "date", ".metadata.creationTimestamp"),
        ],
        "schema": {"openAPIV3Schema": _whole(kind)},
    }


def _column(name: str, type_: str, path: str) -> Schema:
    return {"name": name, "type": type_, "jsonPath": path}


def _whole(kind: Kind) -> Schema:
    """An object's schema: metadata belongs to the API server, the status to the operator."""
    schema = make_schema(kind)
    spec, status = (schema["properties"][part] for part in ("spec", "status"))
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": without_defaults_in_lists(with_documented_defaults(spec)),
        "status": without_defaults(status),
    }
    return schema | {"required": ["spec"]}
