"""What serves nothing any more and what is not wanted, and the order in which it goes.

First the Deployment, then, when its last pod is gone, the model instance with
its Service and DestinationRule: a Service outlives its pods. Nothing goes while
the VirtualService is absent, or before every gateway pod has been seen to
serve the routes that do without it, and the status says which version that is:
should the VirtualService vanish, it is re-created by that record.

Strays, which are owned and not wanted, go behind the same proof. Copies of the
routes go before it: the gateways may answer by them.
"""

from collections.abc import Iterator

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.retention import kept_instances, kept_records
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.manifests.service import monitoring_name
from mlendpoints.core.manifests.storage import volume_name
from mlendpoints.core.plan import Release
from mlendpoints.core.strays import strays
from mlendpoints.core.world import Child, Ref


class Leftovers(Struct, frozen=True):
    """Names of what is not needed any more."""

    model_instances: tuple[str, ...] = ()
    config_instances: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to remove."""
        return bool(self.model_instances or self.config_instances)


def leftovers(view: View, rollout: Rollout) -> Leftovers:
    """What neither serves nor is asked for. Unresolved references leave everything standing."""
    if view.target is None:
        return Leftovers()
    held = rollout.step is Step.HOLD
    models = view.serving_instances | kept_instances(view) | (frozenset() if held else view.target.instances)
    configs = {record.metadata.name for record in (view.record, *kept_records(view)) if record}
    if not held:
        configs.add(view.target.config_instance)
    return Leftovers(
        model_instances=tuple(sorted(view.world.model_instances.keys() - models)),
        config_instances=tuple(sorted(view.world.config_instances.keys() - configs)),
    )


def prune(view: View, rollout: Rollout, unneeded: Leftovers) -> tuple[Child, ...]:
    """What can be deleted right now."""
    useless = orphaned_volumes(view) + released_volumes(view) + unproven_strays(view, rollout)
    if not routes_are_proven(view, rollout) or not is_on_record(view, rollout):
        return useless
    instances = tuple(child for name in unneeded.model_instances for child in retire(view, name))
    return tuple(dict.fromkeys(useless + instances + proven_strays(view) + _retired_configs(view, rollout, unneeded)))


def routes_are_proven(view: View, rollout: Rollout) -> bool:
    """The VirtualService says what it shall, and every gateway pod has been seen serving just that."""
    return view.live is not None and view.live == rollout.routes and view.proven(view.route(view.live.revision))


def is_on_record(view: View, rollout: Rollout) -> bool:
    """The status names the version that serves, unless that is not the target."""
    serves = view.target.version if view.target is not None and rollout.step is Step.SETTLE else None
    return serves is None or view.world.endpoint.status.config_version == serves


def retire(view: View, instance: str) -> tuple[Child, ...]:
    """The next object of a model instance to delete; none while its pods are still leaving."""
    deployment = view.deployment(instance)
    if deployment is not None:
        return () if deployment.deleting else (deployment,)
    if view.pods(instance):
        return ()
    parts = (*storage(view, instance), view.world.children.get(Ref(Model.KIND, view.namespace, instance)))
    standing = next((part for part in parts if part is not None), None)
    return () if standing is None or standing.deleting else (standing,)


def storage(view: View, instance: str) -> tuple[Child | None, Child | None]:
    """Claim and volume of a model instance; a claim goes first, since a volume in use would wait for it."""
    claim = view.world.children.get(Ref("PersistentVolumeClaim", view.namespace, instance))
    return claim, view.world.children.get(Ref("PersistentVolume", "", volume_name(view.namespace, instance)))


def releases(view: View) -> Iterator[Release]:
    """Model instances on their way out whose volume, which no garbage collector takes, is gone.

    Without allowed directories no volume is seen: that one is not there says nothing then, and its instance waits.
    """
    if not view.world.settings.allowed_path_prefixes:
        return
    for ref, child in sorted(view.world.children.items()):
        if _awaits_volume(child) and storage(view, ref.name)[1] is None:
            yield Release(child, labels.VOLUME_FINALIZER)


def orphaned_volumes(view: View) -> tuple[Child, ...]:
    """Volumes of model instances that others delete, pods and all: a namespace that goes, a foreground deletion.

    Deleted in the background, an instance keeps its pods, since our finalizer keeps it: it serves until it is retired.
    """
    leaving = (ref.name for ref, child in sorted(view.world.children.items()) if _awaits_volume(child))
    volumes = (storage(view, name)[1] for name in leaving if view.deployment(name) is None and not view.pods(name))
    return tuple(volume for volume in volumes if volume is not None and not volume.deleting)


def released_volumes(view: View) -> tuple[Child, ...]:
    """Volumes whose claim somebody has deleted: another of the same name takes the next claim. The files stay."""
    return tuple(child for _, child in sorted(view.world.children.items()) if child.released and not child.deleting)


def endpoint_strays(view: View) -> tuple[Child, ...]:
    """All that the endpoint or one of its model instances owns under a name that neither gives to its children."""
    owners = {view.world.endpoint.metadata.uid, *(model.metadata.uid for model in view.world.model_instances.values())}
    return strays(view.world.children, wanted=frozenset(_names(view)), owners=owners)


def _names(view: View) -> Iterator[Ref]:
    """Every name that a child may have: of the endpoint, and of each model instance, whether or not it still serves."""
    name, instances = view.world.endpoint.metadata.name, view.world.model_instances
    yield from (Ref(kind, view.namespace, name) for kind in ("VirtualService", "Gateway"))
    yield Ref("Service", view.namespace, monitoring_name(name))
    if view.world.settings.network_policies != "remove":
        yield Ref("NetworkPolicy", view.namespace, network_policy_name(name))
    for kind in ("Service", "DestinationRule", "Deployment"):
        yield from (Ref(kind, view.namespace, instance) for instance in instances)


def unproven_strays(view: View, rollout: Rollout) -> tuple[Child, ...]:
    """Those that no proof may wait for: NetworkPolicies, and copies of routes, by which the gateways may answer."""
    return tuple(child for child in endpoint_strays(view) if _goes_unproven(view, rollout, child.ref.kind))


def _goes_unproven(view: View, rollout: Rollout, kind: str) -> bool:
    own = view.world.endpoint.metadata.name
    match kind:
        case "NetworkPolicy":
            policy = view.standing(Ref(kind, view.namespace, network_policy_name(own)))
            return view.world.settings.network_policies == "remove" or policy is not None
        case "VirtualService" | "Gateway":
            written = view.live is not None and view.live == rollout.routes
            return written and view.standing(Ref("Gateway", view.namespace, own)) is not None
        case _:
            return False


def proven_strays(view: View) -> tuple[Child, ...]:
    """Copies below the routes; a copied Deployment goes once its instance is ready, whose calls its pods may answer."""
    ready = all(view.is_ready(instance) for instance in view.serving_instances)
    kinds = {"Service", "DestinationRule"} | ({"Deployment"} if ready else set())
    return tuple(child for child in endpoint_strays(view) if child.ref.kind in kinds)


def _awaits_volume(child: Child) -> bool:
    return child.deleting and labels.VOLUME_FINALIZER in child.finalizers


def _retired_configs(view: View, rollout: Rollout, unneeded: Leftovers) -> tuple[Child, ...]:
    settled = rollout.step is Step.HOLD or (rollout.step is Step.SETTLE and view.target_is_ready())
    if not settled:
        return ()
    refs = (Ref(EndpointConfig.KIND, view.namespace, name) for name in unneeded.config_instances)
    return tuple(child for ref in refs if (child := view.standing(ref)))
