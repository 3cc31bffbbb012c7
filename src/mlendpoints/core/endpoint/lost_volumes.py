"""Volumes that go under pods that serve: told as long as something can be done about it at leisure."""

from collections.abc import Iterable

from mlendpoints.core.directories import is_allowed, why_not
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.storage import needs_volume
from mlendpoints.core.world import Ref


def lost_volumes(view: View, instances: Iterable[str]) -> str:
    """Of ready instances, the first whose volume goes for good, as further sentences; empty if there is none.

    A claim that was deleted stays for the pods that use it, and for no others.
    """
    for name in sorted(instances):
        model, settings = view.model_instance(name), view.world.settings
        if model is None or not view.is_ready(name) or not needs_volume(model.spec) or is_allowed(model, settings):
            continue
        if not view.may_have_volume(model) or not view.standing(Ref("PersistentVolumeClaim", view.namespace, name)):
            return (
                f" The pods of {name} serve on, but none can start after them: its claim was deleted, and its volume"
                f" cannot be created again, since {why_not(model, settings)}"
            )
    return ""
