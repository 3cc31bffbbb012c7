"""Refreeze model instances of an earlier operator whose Deployment is to be created.

An instance freezes the images of the operator's own containers; the current pod
template relies on the current images. An existing Deployment keeps the template
that fits its images (see ``drift``). A missing one, deleted by hand for example,
is created from the current template: the instance first gets the current images,
together with the template's revision.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import canonical, patch
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.manifests.instances import operators_part
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.plan import Refreeze
from mlendpoints.core.world import Ref, Settings


def fits(instance: Model, settings: Settings) -> bool:
    """Whether the current pod template fits what an instance has frozen: by its revision, or by being the same.

    The latter also covers CRDs of an earlier release, which drop the revision.
    """
    marks = instance_of(instance)
    return marks.builder == BUILDER or replace(marks, **operators_part(settings)) == replace(marks, builder=BUILDER)


def refreezes(view: View, instances: Iterable[Model]) -> Iterator[Refreeze]:
    """For the instances whose Deployment is created next; never for one that has a Deployment, whatever its owner."""
    orphans = {orphan.ref for orphan in view.world.orphans}
    for instance in instances:
        name = instance.metadata.name
        child = view.existing(Ref(Model.KIND, view.namespace, name))
        deployment = Ref("Deployment", view.namespace, name)
        exists = view.deployment(name) is not None or deployment in orphans
        if child is None or exists or fits(instance, view.world.settings) or not view.may_have_volume(instance):
            continue
        marks = instance_of(instance)
        frozen = patch(canonical(marks), canonical(replace(marks, **operators_part(view.world.settings))))
        yield Refreeze(child, frozen, deployment)
