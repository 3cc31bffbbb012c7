"""Lost volumes: deleted while ready pods still use them, and reported while there is time to fix it."""

from collections.abc import Iterable

from mlendpoints.core.directories import is_allowed, why_not
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.storage import needs_volume
from mlendpoints.core.world import Ref


def lost_volumes(view: View, instances: Iterable[str]) -> str:
    """The first ready instance whose volume cannot be re-created, as further sentences; empty if there is none.

    A deleted claim stays for the pods that use it, and for no others.
    """
    for name in sorted(instances):
        model, settings = view.model_instance(name), view.world.settings
        if model is None or not view.is_ready(name) or not needs_volume(model.spec) or is_allowed(model, settings):
            continue
        if not view.may_have_volume(model) or not view.existing(Ref("PersistentVolumeClaim", view.namespace, name)):
            return (
                f" The pods of {name} continue to serve, but no new pod can start: its claim was deleted, and its"
                f" volume cannot be created again, since {why_not(model, settings)}"
            )
    return ""
