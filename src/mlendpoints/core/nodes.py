"""What nodes have free, and for which pods: by their node selector, their tolerations and their requests.

Less than the scheduler knows: no affinity, no topology, no volumes. What does not fit here does not fit there.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.course import PODS, Usage, pod_usage, total
from mlendpoints.core.quantities import exact

_PREFERRED = "PreferNoSchedule"


class Taint(Struct, frozen=True):
    """Keeps pods away that do not tolerate it."""

    key: str
    effect: str
    value: str = ""


class Node(Struct, frozen=True, kw_only=True):
    """A node that takes pods: its labels and taints, and what is free of its resources."""

    name: str
    labels: Mapping[str, str] = {}
    taints: tuple[Taint, ...] = ()
    free: Usage = {}  # by the names that resource quotas have


def is_of_nodes(resource: str) -> bool:
    """Whether nodes have it: limits only bound what their pods use."""
    return resource == PODS or resource.startswith("requests.")


def allocatable(amounts: Mapping[str, str]) -> Usage:
    """What a node has for pods, by the names that resource quotas have."""
    return {name if name == PODS else f"requests.{name}": exact(amount) for name, amount in amounts.items()}


def occupied(nodes: Iterable[Node], pods: Iterable[tuple[str, Manifest]]) -> tuple[Node, ...]:
    """The nodes without what pods request, which are given as node and spec."""
    taken: dict[str, list[Usage]] = {}
    for node, spec in pods:
        taken.setdefault(node, []).append(pod_usage(spec))
    return tuple(replace(node, free=_less(node.free, total(taken.get(node.name, ())))) for node in nodes)


def _less(amounts: Usage, taken: Usage) -> Usage:
    return {name: max(Fraction(0), amount - taken.get(name, Fraction(0))) for name, amount in amounts.items()}


def free_for(nodes: Iterable[Node], specs: Iterable[Manifest]) -> Usage:
    """What is free of the nodes that admit at least one of these pods."""
    wanted = tuple(specs)
    return total(node.free for node in nodes if any(admits(node, spec) for spec in wanted))


def has_room(nodes: Iterable[Node], spec: Manifest) -> bool:
    """Whether one pod fits onto one of the nodes."""
    usage = {name: amount for name, amount in pod_usage(spec).items() if is_of_nodes(name)}
    return any(admits(node, spec) and not any(_less(usage, node.free).values()) for node in nodes)


def admits(node: Node, spec: Manifest) -> bool:
    """Whether the pod's node selector matches the node and the pod tolerates its taints."""
    selector: Mapping[str, str] = spec.get("nodeSelector") or {}
    return selector.items() <= node.labels.items() and all(_tolerates(spec, taint) for taint in node.taints)


def _tolerates(spec: Manifest, taint: Taint) -> bool:
    return taint.effect == _PREFERRED or any(_matches(each, taint) for each in spec.get("tolerations") or ())


def _matches(toleration: Mapping[str, str], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key = toleration.get("key", "")
    if toleration.get("operator", "Equal") == "Exists":
        return key in ("", taint.key)
    return key == taint.key and toleration.get("value", "") == taint.value
