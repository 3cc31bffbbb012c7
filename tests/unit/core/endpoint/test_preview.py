"""A preview equals what the operator then does, in random worlds and after random edits."""

import json
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.capacity import Need, Quota, needs
from mlendpoints.core.course import changed, created, pod_usage, removed, usage_of
from mlendpoints.core.endpoint.preview import dry_run, preview
from mlendpoints.core.world import Ref
from mlendpoints.core.written import applied, field_set
from tests.kit import builders
from tests.simulation import Cluster
from tests.unit.core.endpoint.test_laws import EDITS, Edit, change_instances, nothing, serving, swap

GOOD = [edit for edit in EDITS if edit.__name__ != "swap_to_a_bad_image"]


def live(cluster: Cluster) -> dict[Ref, Manifest]:
    return {ref: json.loads(json.dumps(stored.manifest)) for ref, stored in cluster.objects.items()}


def specs(manifests: dict[Ref, Manifest]) -> dict[Ref, Manifest]:
    return {ref: manifest["spec"] for ref, manifest in manifests.items()}


def new() -> Cluster:
    """As serving, before the operator has seen it."""
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc", weight=90), builders.a_variant("green", "titanic-lr", weight=10)
    )
    return Cluster(builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr"))


def timeless(cluster: Cluster) -> object:
    return None if cluster.endpoint is None else (cluster.status.state, cluster.status.traffic, cluster.status.variants)


@settings(max_examples=60, deadline=None)
@given(
    is_new=st.booleans(),
    edits=st.lists(st.sampled_from([nothing, *GOOD]), min_size=1, max_size=3),
    looks=st.integers(0, 12),
    proof=st.sampled_from(["required", "timed"]),
    keep=st.integers(0, 2),
)
def test_a_preview_equals_what_the_operator_then_does(
    *, is_new: bool, edits: list[Edit], looks: int, proof: str, keep: int
) -> None:
    cluster = new() if is_new else serving()
    cluster.settings = replace(cluster.settings, proof=proof)
    cluster.edit_endpoint(update=replace(cluster.endpoint.spec.update, keep_versions=keep))  # type: ignore[union-attr]
    for edit in edits[:-1]:
        edit(cluster)
        for _ in range(looks):
            cluster.reconcile()
        if cluster.endpoint is None:
            return
    edits[-1](cluster)
    course = preview(cluster.world(), live(cluster))
    before = live(cluster)
    settle(cluster)
    after = live(cluster)
    assert course.is_complete
    expected = {ref for ref in after if ref not in before}
    assert set(created(course)) == expected
    assert set(removed(course)) == before.keys() - after.keys()
    if cluster.endpoint is None:
        assert course.end is None
        return
    assert course.end is not None
    assert specs(dict(course.end.manifests)) == specs(after) | {
        ref: spec for ref, spec in specs(dict(course.end.manifests)).items() if ref not in after
    }
    end = course.end.world.endpoint.status
    assert (end.state, end.traffic, end.variants) == timeless(cluster)


def settle(cluster: Cluster) -> None:
    """To the end: timed proofs, too."""
    cluster.settle()
    while (
        cluster.endpoint is not None
        and cluster.settings.proof == "timed"
        and cluster.plan.recheck == cluster._routes_since() + cluster.settings.proof_seconds  # noqa: SLF001
        and cluster.plan.recheck > cluster.now
    ):
        cluster.wait_until_recheck()


def test_a_dry_run_of_a_new_endpoint_ends_where_its_pods_have_to_be_awaited() -> None:
    course = dry_run(new().world(), {})
    assert {ref.kind for ref in created(course)} >= {"MachineLearningModel", "Deployment", "Service", "Gateway"}
    assert "VirtualService" not in {ref.kind for ref in created(course)}
    assert course.end is not None
    assert course.end.world.endpoint.status.state == "Creating"


def test_both_versions_run_at_the_peak_of_a_swap() -> None:
    cluster = serving()
    swap(cluster)
    course = preview(cluster.world(), live(cluster))
    assert [usage_of(course.start)["pods"], course.peak["pods"]] == [Fraction(2), Fraction(3)]


def test_an_edit_of_instances_is_shown_as_the_fields_that_it_changes() -> None:
    cluster = serving()
    change_instances(cluster)
    changes = changed(preview(cluster.world(), live(cluster)))
    assert {(change.object.kind, change.field, change.before, change.after) for change in changes} >= {
        ("Deployment", "spec.replicas", 1, 3),
        ("MachineLearningModel", "spec.replicas", 1, 3),
    }


def test_a_pod_counts_with_its_largest_init_container_and_with_its_sidecars() -> None:
    def container(cpu: str, **fields: str) -> Manifest:
        return {"resources": {"requests": {"cpu": cpu}, "limits": {"memory": "1Gi"}}, **fields}

    sidecar, init = container("100m", restartPolicy="Always"), container("2")
    usage = pod_usage({"initContainers": [sidecar, init], "containers": [container("500m"), container("500m")]})
    assert usage == {
        "pods": 1,
        "requests.cpu": Fraction(21, 10),
        "requests.memory": 3 * 1024**3,
        "limits.memory": 3 * 1024**3,
    }


def test_fields_of_ours_that_a_manifest_leaves_out_are_removed_and_those_of_others_stay() -> None:
    ours = {"kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": {"a": "b"}, "type": "ClusterIP"}}
    live_object = {**ours, "spec": {**ours["spec"], "clusterIP": "10.0.0.1"}}  # type: ignore[dict-item]
    without = {"kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": {"a": "c"}}}
    assert applied(live_object, without, field_set(ours))["spec"] == {"selector": {"a": "c"}, "clusterIP": "10.0.0.1"}


def test_a_need_names_the_quota_that_leaves_least() -> None:
    cluster = serving()
    swap(cluster)
    course = preview(cluster.world(), live(cluster))
    quotas = [
        Quota(name="wide", hard={"pods": "10"}, used={"pods": "2"}),
        Quota(name="tight", hard={"pods": "2", "cpu": "100"}, used={"pods": "2"}),
    ]
    found = {need.resource: need for need in needs(usage_of(course.start), [course], quotas)}
    assert found["pods"] == Need(resource="pods", now="2", peak="3", quota="tight", left="0", fits=False)
    assert (found["requests.cpu"].quota, found["requests.cpu"].fits) == ("tight", True)
    assert found["requests.memory"].quota == ""
