"""Versions: names of 8 characters that mean "the same pods" or "the same target".

Deterministic, so that a retry finds what it created. Values are made canonical first:
defaults left out, quantities normalised, variants sorted, so that neither the
order of a list nor a new optional field changes a version.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from mlendpoints.api.endpointconfig import ProductionVariant
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import Model, ModelSpec
from mlendpoints.core.canonical import canonical
from mlendpoints.core.quantities import canonical_quantity

LENGTH = 8
_QUANTITIES = ("cpus", "memory", "size")
_NOT_IN_PODS = ("name", "model", "weight", "instances", "replicas")


def model_version(*, endpoint_uid: str, variant: ProductionVariant, template: Model) -> str:
    """Version of one variant's pods: all that affects them, and nothing else."""
    return _digest([endpoint_uid, variant.name, template.metadata.name, _template(template.spec), _pods(variant)])


def mlmodel_version(model: MLModel) -> str:
    """Version of an MLModel's pods: its whole spec but the number of pods."""
    return _digest([model.metadata.uid, model.metadata.name, _pods(model.spec)])


def config_version(
    *,
    endpoint_uid: str,
    config: str,
    attempt: str,
    variants: Iterable[ProductionVariant],
    model_versions: Mapping[str, str],
) -> str:
    """Version of a whole target: the variants with weights and counts, and the attempt."""
    shares = sorted((v.name, v.model, v.weight, v.instances, model_versions[v.name]) for v in variants)
    return _digest([endpoint_uid, config, attempt, shares])


def _template(spec: ModelSpec) -> dict[str, Any]:
    return _fields(spec, without=("replicas", "instance"))


def _pods(sizes: ProductionVariant | MLModelSpec) -> dict[str, Any]:
    pods = _fields(sizes, without=_NOT_IN_PODS)
    for name in _QUANTITIES:
        pods[name] = canonical_quantity(getattr(sizes, name))
    pods["resources"] = {name: canonical_quantity(value) for name, value in sizes.resources.items()}
    return pods


def _fields(value: Struct, *, without: tuple[str, ...]) -> dict[str, Any]:
    return {name: field for name, field in canonical(value).items() if name not in without}


def _digest(values: list[Any]) -> str:
    encoded = msgspec.json.encode(values, order="sorted")
    return base64.b32encode(hashlib.sha256(encoded).digest()).decode().lower()[:LENGTH]
