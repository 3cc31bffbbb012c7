"""Owned minus wanted: children that were switched off, and copies of children that carry our labels and our owner.

Of the kinds below alone: claims and volumes hold data, instances have an order
of their own, and of a kind that is not named here nothing is ever a stray.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from mlendpoints.core.world import Child, Ref

KINDS = frozenset(
    {"Deployment", "DestinationRule", "Gateway", "NetworkPolicy", "PodMonitor", "Service", "VirtualService"}
)


def strays(children: Mapping[Ref, Child], *, wanted: AbstractSet[Ref], owners: AbstractSet[str]) -> tuple[Child, ...]:
    """The children with our label and one of ``owners`` as their controller that are not ``wanted``, by name."""
    others = (child for ref, child in children.items() if ref.kind in KINDS and ref not in wanted)
    found = (child for child in others if child.is_ours and child.controller in owners and not child.deleting)
    return tuple(sorted(found, key=lambda child: child.ref))
