"""Counts of pods: set when ``instances`` is edited; else they are whoever's scaled them last.

Each model instance carries the count that was last asked of it (an
annotation), so that an edit is told from a scale by hand. More pods are asked
for at once; fewer only when no gateway pod can send them requests any more, or
when every gateway pod serves the target's routes and the status says so. A kept version rests at
``spec.update.keepInstances`` pods; when it is asked for again, it gets as many
as what it replaces.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.prune import is_on_record, routes_are_proven
from mlendpoints.core.endpoint.resolve import TargetVariant
from mlendpoints.core.endpoint.retention import kept_instances
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.view import View, recorded_destinations
from mlendpoints.core.plan import Scale
from mlendpoints.core.world import Child, Ref

RESTING = "resting"  # what is asked of a kept version's instance


def scalings(view: View, rollout: Rollout) -> Iterator[Scale]:
    """The scale writes that are due now."""
    if rollout.step is Step.HOLD:
        return
    proven = view.live is None or view.proof_on_record or routes_are_proven(view, rollout)
    for scale in pending_scalings(view):
        more = scale.replicas > (scale.child.replicas or 0)
        settled = rollout.step is Step.SETTLE or scale.child.ref.name not in view.serving_instances
        if more or (proven and settled and is_on_record(view, rollout)):
            yield scale


def pending_scalings(view: View) -> Iterator[Scale]:
    """The scale writes that the target asks for, due or not."""
    for variant in view.target.variants if view.target else ():
        child = _standing(view, variant.instance)
        if child is not None and child.asked != str(variant.spec.instances):
            yield Scale(child, _count(view, variant, child), asked=str(variant.spec.instances))
    for name in sorted(kept_instances(view)):
        child = _standing(view, name)
        if child is not None and child.asked != RESTING:
            resting = min(child.replicas or 0, view.world.endpoint.spec.update.keep_instances)
            yield Scale(child, resting, asked=RESTING)


def as_served(view: View, variant: TargetVariant) -> TargetVariant:
    """The variant, with the pods that what serves asks of it: so an instance that was lost is made anew.

    An edit of its count comes after, as for any other that serves.
    """
    if variant.instance not in view.serving_instances:
        return variant
    records = (c for c in view.world.config_instances.values() if recorded_destinations(c) == view.serving)
    served = (spec for record in records for spec in record.spec.models if spec.name == variant.spec.name)
    return replace(variant, spec=replace(variant.spec, instances=next(served, variant.spec).instances))


def first_replicas(view: View, variant: TargetVariant) -> int:
    """The count it replaces, so that a scale set by hand survives a swap; else the config's."""
    before = next((v for v in view.record.spec.models if v.name == variant.spec.name), None) if view.record else None
    if before is None or before.instances != variant.spec.instances:
        return variant.spec.instances
    replaced = next((d.instance for d in view.serving if d.variant == variant.spec.name), "")
    return view.wanted(replaced) if replaced in view.world.model_instances else variant.spec.instances


def _count(view: View, variant: TargetVariant, child: Child) -> int:
    return first_replicas(view, variant) if child.asked == RESTING else variant.spec.instances


def _standing(view: View, instance: str) -> Child | None:
    return view.standing(Ref(Model.KIND, view.namespace, instance))
