"""Counts of pods: ``instances`` is set when it is edited; else they are whoever's scaled them last.

An edit shows as another record of this endpoint that says another count for
the variant. More pods are asked for at once; fewer only when every gateway pod
serves the target's routes, since until then they may carry what serves.
"""

from collections.abc import Iterator

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.plan import Scale
from mlendpoints.core.retirement import routes_are_proven
from mlendpoints.core.rollout import Rollout, Step
from mlendpoints.core.scene import Scene
from mlendpoints.core.target import TargetVariant
from mlendpoints.core.world import Ref


def scalings(scene: Scene, rollout: Rollout) -> Iterator[Scale]:
    """The scale writes that are due now."""
    if rollout.step is Step.HOLD:
        return
    settled = rollout.step is Step.SETTLE and routes_are_proven(scene, rollout)
    for scale in pending_scalings(scene):
        more = scale.replicas > (scale.child.replicas or 0)
        if settled or more or scale.child.ref.name not in scene.serving_instances:
            yield scale


def pending_scalings(scene: Scene) -> Iterator[Scale]:
    """The scale writes that the target asks for, due or not."""
    for variant in scene.target.variants if scene.target else ():
        child = scene.standing(Ref(Model.KIND, scene.namespace, variant.instance))
        asked = variant.spec.instances
        if child is not None and child.replicas != asked and _edited(scene, variant):
            yield Scale(child, asked)


def _edited(scene: Scene, variant: TargetVariant) -> bool:
    asked = scene.target.config_instance if scene.target else ""
    others = (config for name, config in scene.world.config_instances.items() if name != asked)
    return any(_count(other, variant.spec.name) not in {None, variant.spec.instances} for other in others)


def _count(config: EndpointConfig, variant: str) -> int | None:
    return next((v.instances for v in config.spec.models if v.name == variant), None)
