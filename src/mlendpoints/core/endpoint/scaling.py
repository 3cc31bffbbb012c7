"""Scaling: replicas are set when ``instances`` is edited; otherwise the last scale, by whomever, stays.

Each model instance carries the count that was last requested of it (an
annotation), so that an edit is distinguished from a scale by hand. Scaling up
is immediate; scaling down waits until no gateway pod can send those pods
requests any more, or until every gateway pod is proven to serve the target's
routes and the status says so. A kept version is scaled to
``spec.update.keepInstances`` pods; when it is requested again, it gets as many
as the version that it replaces.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.prune import is_recorded, routes_are_proven
from mlendpoints.core.endpoint.resolve import TargetVariant
from mlendpoints.core.endpoint.retention import kept_instances
from mlendpoints.core.endpoint.rollout import Rollout
from mlendpoints.core.endpoint.view import View, recorded_destinations
from mlendpoints.core.endpoint.waypoints import instances_of
from mlendpoints.core.plan import Scale
from mlendpoints.core.world import Child, Ref

RESTING = "resting"  # requested of a kept version's instance


def scalings(view: View, rollout: Rollout) -> Iterator[Scale]:
    """The scale writes that are due now."""
    if not rollout.pursued:
        return
    proven = view.live is None or view.proof_is_recorded or routes_are_proven(view, rollout)
    in_use = instances_of([view.serving, view.origin])
    for scale in pending_scalings(view):
        more = scale.replicas > (scale.child.replicas or 0)
        shifted = rollout.arrived or scale.child.ref.name not in in_use
        if more or (proven and shifted and is_recorded(view, rollout)):
            yield scale


def pending_scalings(view: View) -> Iterator[Scale]:
    """The scale writes that the target requests, due or not."""
    for variant in view.target.variants if view.target else ():
        child = _existing(view, variant.instance)
        if child is not None and child.requested != str(variant.spec.instances):
            yield Scale(child, _count(view, variant, child), requested=str(variant.spec.instances))
    for name in sorted(kept_instances(view)):
        child = _existing(view, name)
        if child is not None and child.requested != RESTING:
            resting = min(child.replicas or 0, view.world.endpoint.spec.update.keep_instances)
            yield Scale(child, resting, requested=RESTING)


def as_served(view: View, variant: TargetVariant) -> TargetVariant:
    """The variant with the count that a lost instance is re-created with.

    That is the one with which it served before the update, since a failed update
    returns to it; else the one with which it serves. An edit of its count
    follows, as for any other instance that serves.
    """
    serving = (c for c in view.world.config_instances.values() if recorded_destinations(c) == view.serving)
    records = (record for record in (view.recorded_config, *serving) if record)
    served = (
        spec
        for record in records
        if variant.instance in instances_of([recorded_destinations(record)])
        for spec in record.spec.models
        if spec.name == variant.spec.name
    )
    return replace(variant, spec=replace(variant.spec, instances=next(served, variant.spec).instances))


def first_replicas(view: View, variant: TargetVariant) -> int:
    """The replicas of the instance that it replaces, so that a scale by hand survives an update; else the config's."""
    before = (
        next((v for v in view.recorded_config.spec.models if v.name == variant.spec.name), None)
        if view.recorded_config
        else None
    )
    if before is None or before.instances != variant.spec.instances:
        return variant.spec.instances
    replaced = next((d.instance for d in view.serving if d.variant == variant.spec.name), "")
    return view.desired_replicas(replaced) if replaced in view.world.model_instances else variant.spec.instances


def _count(view: View, variant: TargetVariant, child: Child) -> int:
    return first_replicas(view, variant) if child.requested == RESTING else variant.spec.instances


def _existing(view: View, instance: str) -> Child | None:
    return view.existing(Ref(Model.KIND, view.namespace, instance))
