"""Orphans: objects of an earlier endpoint or MLModel of this name, without an owner: adopted, or reported.

``kubectl delete --cascade=orphan`` leaves such objects, and so does a restore
from a backup, which keeps no owners. Objects that only the operator can have
created (instances: a policy ensures it), and objects with the name of one that
is to be created, are adopted, so that they serve until their successors do.
Anything else may be a copy that a user made: it is left unchanged, and reported
with a command that removes it.
"""

from collections.abc import Iterable, Iterator, Mapping

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.manifests.metadata import controller_reference
from mlendpoints.core.manifests.monitoring import metrics_name
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.plan import Adopt, Create, Write
from mlendpoints.core.world import Child

_INSTANCES = frozenset({EndpointConfig.KIND, Model.KIND})
_NAMED = frozenset({"VirtualService", "Gateway", "Deployment", "Service", "NetworkPolicy", "PodMonitor"})
_LISTED = 12  # objects in a message

Root = Endpoint | MLModel


def adoptions(root: Root, orphans: Iterable[Child], instances: Mapping[str, Model]) -> Iterator[Adopt]:
    """Adopts what is certainly its own, and what belongs to ``instances`` that it owns already."""
    for child in orphans:
        owner = _owner(root, child, instances)
        if owner is not None and not child.deleting:
            yield Adopt(child, controller_reference(owner))


def after_adoptions(adopted: Iterable[Adopt], writes: Iterable[Write]) -> tuple[Write, ...]:
    """First the adoptions, then the other writes; what is adopted need not be created."""
    first = tuple(adopted)
    refs = {adopt.child.ref for adopt in first}
    return (*first, *(write for write in writes if not (isinstance(write, Create) and write.ref in refs)))


def _owner(root: Root, child: Child, instances: Mapping[str, Model]) -> Root | Model | None:
    kind, name = child.ref.kind, child.ref.name
    named = (root.metadata.name, metrics_name(root), network_policy_name(root.metadata.name))
    if kind in _INSTANCES or (kind in _NAMED and name in named):
        return root
    return instances.get(name)


def describe_orphans(root: Root, orphans: Iterable[Child], instances: Mapping[str, Model]) -> str:
    """The other orphans as further sentences, with the command that removes them; empty if there are none."""
    names = sorted(
        f"{child.ref.kind.lower()}/{child.ref.name}"
        for child in orphans
        if not child.deleting and _owner(root, child, instances) is None
    )
    if not names:
        return ""
    more = f" (and {len(names) - _LISTED} more)" if len(names) > _LISTED else ""
    return (
        f" Left over from an earlier {root.KIND} of this name, without an owner{more}; if no longer needed, delete"
        f" them: kubectl delete -n {root.metadata.namespace} {' '.join(names[:_LISTED])}"
    )
