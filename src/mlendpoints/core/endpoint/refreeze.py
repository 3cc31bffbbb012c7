"""Model instances that an earlier operator has frozen, and whose Deployment is to be created.

An instance freezes the images of the operator's own containers; today's pod
template counts on what today's images can do. A Deployment that stands keeps the
template that fits its images (see ``difference``). One that does not exist,
such as one that was deleted by hand, is created from today's template: the
instance is first given today's images, together with the template's revision.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import patch, sparse
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.manifests.instances import operators_part
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.plan import Refreeze
from mlendpoints.core.world import Ref, Settings


def fits(instance: Model, settings: Settings) -> bool:
    """Whether today's pod template fits what an instance has frozen: by its revision, or because all of it is today's.

    The latter holds, too, where CRDs of an earlier release do not keep the revision.
    """
    marks = instance_of(instance)
    return marks.builder == BUILDER or replace(marks, **operators_part(settings)) == replace(marks, builder=BUILDER)


def refreezes(view: View, instances: Iterable[Model]) -> Iterator[Refreeze]:
    """Of those, the ones whose Deployment is created next; never one that has a Deployment, whoever holds it now."""
    orphans = {orphan.ref for orphan in view.world.orphans}
    for instance in instances:
        name = instance.metadata.name
        child = view.standing(Ref(Model.KIND, view.namespace, name))
        deployment = Ref("Deployment", view.namespace, name)
        stands = view.deployment(name) is not None or deployment in orphans
        if child is None or stands or fits(instance, view.world.settings) or not view.may_have_volume(instance):
            continue
        marks = instance_of(instance)
        frozen = patch(sparse(marks), sparse(replace(marks, **operators_part(view.world.settings))))
        yield Refreeze(child, frozen, deployment)
