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

from mlendpoints.api.declared import version_fields
from mlendpoints.api.endpointconfig import ProductionVariant
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import canonical
from mlendpoints.core.capture import settled
from mlendpoints.core.quantities import with_canonical_quantities

LENGTH = 8
_ALWAYS = ("cpus", "memory", "size", "resources")  # part of every version since the first, also with their defaults


def model_version(*, endpoint_uid: str, variant: ProductionVariant, template: Model) -> str:
    """Version of one variant's pods: all that affects them, and nothing else."""
    return _digest([endpoint_uid, variant.name, template.metadata.name, _fields(template.spec), _pods(variant)])


def mlmodel_version(model: MLModel) -> str:
    """Version of an MLModel's pods: its whole spec but the number of pods."""
    return _digest([model.metadata.uid, model.metadata.name, _pods(settled(model.spec))])


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


def _pods(sizes: ProductionVariant | MLModelSpec) -> dict[str, Any]:
    written = with_canonical_quantities(sizes)
    return _fields(written) | {name: getattr(written, name) for name in _ALWAYS}


def _fields(value: Struct) -> dict[str, Any]:
    counting = version_fields(type(value))
    return {name: field for name, field in canonical(value).items() if name in counting}


def _digest(values: list[Any]) -> str:
    encoded = msgspec.json.encode(values, order="sorted")
    return base64.b32encode(hashlib.sha256(encoded).digest()).decode().lower()[:LENGTH]
