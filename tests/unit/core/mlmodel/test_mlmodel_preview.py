"""A preview of an MLModel equals what the operator then does."""

import json
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.course import created, removed
from mlendpoints.core.mlmodel.preview import dry_run, preview
from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation_mlmodel import Namespace

EDITS: tuple[dict[str, object], ...] = (
    {},
    {"replicas": 3},
    {"replicas": 0},
    {"image": "registry.example.com/titanic:2"},
    {"artifact": "http://artifacts.example.com/titanic-2.tar.gz"},
    {"artifact": ""},
)


def live(namespace: Namespace) -> dict[Ref, Manifest]:
    return {ref: json.loads(json.dumps(stored.manifest)) for ref, stored in namespace.objects.items()}


@settings(max_examples=40, deadline=None)
@given(edits=st.lists(st.sampled_from(EDITS), min_size=1, max_size=3), looks=st.integers(0, 8), is_new=st.booleans())
def test_a_preview_equals_what_the_operator_then_does(
    *, edits: list[dict[str, object]], looks: int, is_new: bool
) -> None:
    namespace = Namespace(builders.an_mlmodel())
    if not is_new:
        namespace.settle()
    for edit in edits[:-1]:
        namespace.edit(**edit)
        for _ in range(looks):
            if not namespace.reconcile():
                namespace.step()
    namespace.edit(**edits[-1])
    before = live(namespace)
    course = preview(namespace.world(), before)
    namespace.settle()
    after = live(namespace)
    assert course.is_complete
    assert course.end is not None
    assert set(created(course)) == after.keys() - before.keys()
    assert set(removed(course)) == before.keys() - after.keys()
    assert {ref: course.end.manifests[ref]["spec"] for ref in after} == {ref: obj["spec"] for ref, obj in after.items()}
    assert course.end.world.model.status.phase == namespace.status.phase


def test_a_dry_run_ends_where_the_claim_has_to_be_bound() -> None:
    namespace = Namespace(builders.an_mlmodel())
    course = dry_run(namespace.world(), {})
    assert {ref.kind for ref in created(course)} == {"PersistentVolumeClaim", "Job", "Service"}
    assert course.end is not None
    assert course.end.world.model.status.phase == "CreatingStorage"


def test_the_peak_of_an_update_has_a_quarter_more_pods_than_before() -> None:
    namespace = Namespace(builders.an_mlmodel(replicas=4, cpus="1")).settle()
    namespace.edit(image="registry.example.com/titanic:2")
    assert preview(namespace.world(), live(namespace)).peak["pods"] == Fraction(5)
