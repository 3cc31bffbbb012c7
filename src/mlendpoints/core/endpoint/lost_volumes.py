"""Volumes that go under pods that serve: told as long as something can be done about it at leisure."""

from collections.abc import Iterable

from mlendpoints.core.directories import is_allowed, why_not
from mlendpoints.core.endpoint.view import Scene
from mlendpoints.core.manifests.storage import needs_volume
from mlendpoints.core.world import Ref


def lost_volumes(scene: Scene, instances: Iterable[str]) -> str:
    """Of ready instances, the first whose volume goes for good, as further sentences; empty if there is none.

    A claim that was deleted stays for the pods that use it, and for no others.
    """
    for name in sorted(instances):
        model, settings = scene.model_instance(name), scene.world.settings
        if model is None or not scene.is_ready(name) or not needs_volume(model.spec) or is_allowed(model, settings):
            continue
        if not scene.may_have_volume(model) or not scene.standing(Ref("PersistentVolumeClaim", scene.namespace, name)):
            return (
                f" The pods of {name} serve on, but none can start after them: its claim was deleted, and its volume"
                f" cannot be created again, since {why_not(model, settings)}"
            )
    return ""
