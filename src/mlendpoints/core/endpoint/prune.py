"""Prune: instances that are stale, since they serve nothing any more, and strays, and the order of their deletion.

First the Deployment, then, when its pods are drained and gone, the model
instance with its Service and DestinationRule: a Service outlives its pods.
Nothing is pruned while the VirtualService is absent, nor before every gateway
pod has been proven to serve routes without it and the status names that
version: should the VirtualService vanish, it is re-created from that record.

Strays, which are owned and not desired, are pruned after the same proof. Copies
of the routes are pruned before it: the gateways may answer by them.
"""

from collections.abc import Iterator

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.discovery import discovery_refs
from mlendpoints.core.endpoint.retention import kept_configs, kept_instances
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.manifests.storage import volume_name
from mlendpoints.core.plan import Release
from mlendpoints.core.strays import strays
from mlendpoints.core.world import Child, Ref


class Stale(Struct, frozen=True):
    """Names of the instances that are no longer needed."""

    model_instances: tuple[str, ...] = ()
    config_instances: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to remove."""
        return bool(self.model_instances or self.config_instances)


def find_stale(view: View, rollout: Rollout) -> Stale:
    """Instances that no route needs, now or later in the update; none while references are unresolved."""
    if view.target is None:
        return Stale()
    models = rollout.needed | kept_instances(view)
    configs = {config.metadata.name for config in (view.recorded_config, *kept_configs(view)) if config}
    if rollout.pursued:
        configs.add(view.target.config_instance)
    return Stale(
        model_instances=tuple(sorted(view.world.model_instances.keys() - models)),
        config_instances=tuple(sorted(view.world.config_instances.keys() - configs)),
    )


def prune(view: View, rollout: Rollout, stale: Stale) -> tuple[Child, ...]:
    """The objects to delete now."""
    copies = endpoint_strays(view)
    unproven = tuple(child for child in copies if _goes_unproven(view, rollout, child.ref.kind))
    unused = orphaned_volumes(view) + released_volumes(view) + unproven
    if not routes_are_proven(view, rollout) or not is_recorded(view, rollout):
        return unused
    instances = tuple(child for name in stale.model_instances for child in prune_instance(view, name))
    proven = tuple(child for child in copies if _goes_proven(view, child.ref.kind))
    return tuple(dict.fromkeys(unused + instances + proven + _prunable_configs(view, rollout, stale)))


def routes_are_proven(view: View, rollout: Rollout) -> bool:
    """The VirtualService has the desired routes, and every gateway pod is proven to serve exactly these."""
    return view.live is not None and view.live == rollout.routes and view.proven(view.route(view.live.revision))


def is_recorded(view: View, rollout: Rollout) -> bool:
    """Whether the status names the version that serves, if that is the target."""
    serves = view.target.version if view.target is not None and rollout.arrived else None
    return serves is None or view.world.endpoint.status.config_version == serves


def prune_instance(view: View, instance: str) -> tuple[Child, ...]:
    """The next object of a model instance to delete; none while its pods are still draining."""
    deployment = view.deployment(instance)
    if deployment is not None:
        return () if deployment.deleting else (deployment,)
    if view.pods(instance):
        return ()
    parts = (*storage(view, instance), view.world.children.get(Ref(Model.KIND, view.namespace, instance)))
    first = next((part for part in parts if part is not None), None)
    return () if first is None or first.deleting else (first,)


def storage(view: View, instance: str) -> tuple[Child | None, Child | None]:
    """Claim and volume of a model instance; the claim is deleted first, since a volume in use would wait for it."""
    claim = view.world.children.get(Ref("PersistentVolumeClaim", view.namespace, instance))
    return claim, view.world.children.get(Ref("PersistentVolume", "", volume_name(view.namespace, instance)))


def releases(view: View) -> Iterator[Release]:
    """Takes the finalizer off instances being deleted whose volume, which is not garbage-collected, is gone.

    Without allowed directories no volumes are watched: a missing one proves nothing then, and the instance waits.
    """
    if not view.world.settings.allowed_path_prefixes:
        return
    for ref, child in sorted(view.world.children.items()):
        if _awaits_volume(child) and storage(view, ref.name)[1] is None:
            yield Release(child, labels.VOLUME_FINALIZER)


def orphaned_volumes(view: View) -> tuple[Child, ...]:
    """Volumes of model instances that others delete with their pods: a namespace deletion, a foreground deletion.

    Deleted in the background, an instance keeps its pods, since our finalizer keeps it: it serves until it is pruned.
    """
    leaving = (ref.name for ref, child in sorted(view.world.children.items()) if _awaits_volume(child))
    volumes = (storage(view, name)[1] for name in leaving if view.deployment(name) is None and not view.pods(name))
    return tuple(volume for volume in volumes if volume is not None and not volume.deleting)


def released_volumes(view: View) -> tuple[Child, ...]:
    """Volumes whose claim was deleted: a new one of the same name binds the next claim. The files stay."""
    return tuple(child for _, child in sorted(view.world.children.items()) if child.released and not child.deleting)


def endpoint_strays(view: View) -> tuple[Child, ...]:
    """All that the endpoint or one of its model instances owns under a name that neither gives to its children."""
    owners = {view.world.endpoint.metadata.uid, *(model.metadata.uid for model in view.world.model_instances.values())}
    return strays(view.world.children, wanted=frozenset(_names(view)), owners=owners)


def _names(view: View) -> Iterator[Ref]:
    """Every name that a child may have: of the endpoint, and of each model instance, whether or not it still serves."""
    name, instances = view.world.endpoint.metadata.name, view.world.model_instances
    yield from (Ref(kind, view.namespace, name) for kind in ("VirtualService", "Gateway"))
    yield from discovery_refs(view.world)
    if view.world.settings.network_policies != "remove":
        yield Ref("NetworkPolicy", view.namespace, network_policy_name(name))
    for kind in ("Service", "DestinationRule", "Deployment"):
        yield from (Ref(kind, view.namespace, instance) for instance in instances)


def _goes_unproven(view: View, rollout: Rollout, kind: str) -> bool:
    """No proof may wait for what callers do not see, and for copies of routes, by which the gateways may answer."""
    own = view.world.endpoint.metadata.name
    match kind:
        case "NetworkPolicy":
            policy = view.existing(Ref(kind, view.namespace, network_policy_name(own)))
            return view.world.settings.network_policies == "remove" or policy is not None
        case "PodMonitor":
            return True
        case "VirtualService" | "Gateway":
            written = view.live is not None and view.live == rollout.routes
            return written and view.existing(Ref("Gateway", view.namespace, own)) is not None
        case _:
            return False


def _goes_proven(view: View, kind: str) -> bool:
    """Copies below the routes; a copied Deployment goes once its instance is ready, whose calls its pods may answer."""
    if kind == "Deployment":
        return all(view.is_ready(instance) for instance in view.serving_instances)
    return kind in ("Service", "DestinationRule")


def _awaits_volume(child: Child) -> bool:
    return child.deleting and labels.VOLUME_FINALIZER in child.finalizers


def _prunable_configs(view: View, rollout: Rollout, stale: Stale) -> tuple[Child, ...]:
    converged = rollout.step is Step.KEEP or (rollout.arrived and view.target_is_ready())
    if not converged:
        return ()
    refs = (Ref(EndpointConfig.KIND, view.namespace, name) for name in stale.config_instances)
    return tuple(child for ref in refs if (child := view.existing(ref)))
