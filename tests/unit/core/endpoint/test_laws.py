"""What must be true after every single write, and after a crash between any two of them (rollout.md's invariants)."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import Write
from mlendpoints.core.world import ContainerFacts, Ref
from tests.kit import builders
from tests.simulation import Cluster, CrashError

BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")
BAD_IMAGE = "registry.example.com/bad:1"

PROOFS = ("required", "timed")

Edit = Callable[[Cluster], None]


def serving() -> Cluster:
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc", weight=90), builders.a_variant("green", "titanic-lr", weight=10)
    )
    cluster = Cluster(builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr"))
    cluster.broken_images[BAD_IMAGE] = BROKEN
    return cluster.settle()


def nothing(_cluster: Cluster) -> None:
    """The endpoint is as new."""


def change_weights(cluster: Cluster) -> None:
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc", weight=1), builders.a_variant("green", "titanic-lr", weight=3)
        )
    )


def change_instances(cluster: Cluster) -> None:
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc", weight=90, instances=3),
            builders.a_variant("green", "titanic-lr", weight=10),
        )
    )


def swap(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")


def swap_to_a_bad_image(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image=BAD_IMAGE)


def remove_a_variant(cluster: Cluster) -> None:
    cluster.edit_config(builders.a_config(builders.a_variant("green", "titanic-lr")))


def another_config(cluster: Cluster) -> None:
    cluster.edit_config(builders.a_config(builders.a_variant("red", "titanic-lr", cpus="2"), name="next"))
    cluster.edit_endpoint(config="next")


def drop_pods_of_a_variant(cluster: Cluster) -> None:
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc"), builders.a_variant("green", "titanic-lr", weight=0, instances=0)
        )
    )


def delete(cluster: Cluster) -> None:
    cluster.delete_endpoint()


def templates_vanish(cluster: Cluster) -> None:
    cluster.configs.clear()
    cluster.models.clear()


EDITS: list[Edit] = [
    change_weights,
    change_instances,
    swap,
    swap_to_a_bad_image,
    remove_a_variant,
    another_config,
    drop_pods_of_a_variant,
    templates_vanish,
    delete,
]


def watch_invariants(cluster: Cluster) -> None:
    """Every destination with a weight exists, has a ready pod, and every gateway pod was told of it before."""
    routes = cluster.routes()
    for destination in routes.destinations if routes else ():
        if destination.weight > 0:
            assert Ref("Service", builders.NAMESPACE, destination.instance) in cluster.objects
            assert cluster.ready(destination.instance) > 0
            assert destination.instance in cluster.told_to_all


def keep_watch(cluster: Cluster) -> None:
    original = cluster.write

    def write(write: Write) -> None:
        original(write)
        watch_invariants(cluster)

    cluster.write = write  # type: ignore[method-assign]


def survive(cluster: Cluster) -> Cluster:
    """Reconciles to rest, starting the operator again after each crash."""
    while True:
        try:
            return cluster.settle(watch=watch_invariants)
        except CrashError:
            cluster.crash_at = None


def picture(cluster: Cluster) -> object:
    """The end state, but for uids, versions of objects and times."""
    objects = sorted((ref, stored.manifest["spec"]) for ref, stored in cluster.objects.items())
    status = cluster.endpoint.status if cluster.endpoint else None
    outcomes = [entry.outcome for entry in status.history] if status else None
    return objects, outcomes, status.state if status else None, status.traffic if status else None


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_the_invariants_hold_after_every_write(edit: Edit) -> None:
    cluster = serving()
    keep_watch(cluster)
    edit(cluster)
    cluster.settle(watch=watch_invariants)
    watch_invariants(cluster)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_a_crash_before_any_write_changes_nothing_in_the_end(edit: Edit) -> None:
    undisturbed = serving()
    start = undisturbed.calls
    edit(undisturbed)
    undisturbed.settle()
    assert undisturbed.calls > start
    for call in range(start + 1, undisturbed.calls + 1):
        cluster = serving()
        keep_watch(cluster)
        edit(cluster)
        cluster.crash_at = call
        assert picture(survive(cluster)) == picture(undisturbed), f"killed before call {call}"


@settings(max_examples=30)
@given(
    edits=st.lists(st.sampled_from(EDITS[:7]), min_size=2, max_size=5),
    looks=st.lists(st.integers(0, 6), min_size=5, max_size=5),
)
def test_any_burst_of_edits_ends_where_the_last_one_asks(edits: list[Edit], looks: list[int]) -> None:
    cluster = serving()
    keep_watch(cluster)
    for edit, count in zip(edits, looks, strict=False):
        edit(cluster)
        for _ in range(count):
            cluster.reconcile()
    cluster.settle(watch=watch_invariants)

    assert cluster.condition("Available") == ("True", "InService")
    asked_for_the_impossible = cluster.models["titanic-rfc"].spec.image == BAD_IMAGE and _uses(cluster, "titanic-rfc")
    assert asked_for_the_impossible or cluster.condition("Ready") == ("True", "AsAsked")


def _uses(cluster: Cluster, model: str) -> bool:
    assert cluster.endpoint is not None
    return any(variant.model == model for variant in cluster.configs[cluster.endpoint.spec.config].spec.models)


def test_planning_the_planned_changes_nothing() -> None:
    for edit in EDITS:
        cluster = serving()
        edit(cluster)
        cluster.settle()
        assert not cluster.reconcile(), edit.__name__


@settings(max_examples=50)
@given(
    edit=st.sampled_from([nothing, *EDITS]),
    later=st.floats(0, 1e8),
    looks=st.integers(0, 30),
    proof=st.sampled_from(PROOFS),
)
def test_an_empty_plan_holds_until_its_recheck(edit: Edit, later: float, looks: int, proof: str) -> None:
    cluster = serving()
    cluster.settings = replace(cluster.settings, proof=proof)
    edit(cluster)
    for _ in range(looks):
        cluster.reconcile()
    assume(cluster.endpoint is not None)  # it may be deleted by then
    world = cluster.world()
    plan = plan_endpoint(world)
    due = world.now + later if plan.recheck is None else min(world.now + later, plan.recheck - 0.001)
    assert not plan.is_empty or plan_endpoint(replace(world, now=due)).is_empty
