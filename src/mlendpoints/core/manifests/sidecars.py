"""The sidecars of a model instance. To add one, write its function and add it to ``SIDECARS``.

The pod's containers, volumes, users and hooks, and how a pod is judged, follow from the list. A change of what existing
instances have is a change of the pod template, and needs another ``BUILDER``.
"""

from collections.abc import Callable
from typing import Final

from mlendpoints.api.model import Model
from mlendpoints.core.manifests.capture import make_recorder, make_shipper
from mlendpoints.core.manifests.containers import make_nginx
from mlendpoints.core.manifests.fluentbit import make_fluent_bit
from mlendpoints.core.manifests.sidecar import Sidecar

SIDECARS: Final[tuple[Callable[[Model], Sidecar | None], ...]] = (
    make_nginx,
    make_recorder,
    make_shipper,
    make_fluent_bit,
)


def sidecars(instance: Model) -> tuple[Sidecar, ...]:
    """Those of an instance, in the order of their containers, after the model."""
    return tuple(sidecar for make in SIDECARS if (sidecar := make(instance)) is not None)


def optional_sidecars(instance: Model) -> frozenset[str]:
    """Names of those without which its pods serve."""
    return frozenset(sidecar.name for sidecar in sidecars(instance) if not sidecar.essential)
