"""What was made for an endpoint and has no owner serves on, and is replaced without a gap by what the new one asks."""

from collections.abc import Callable

import pytest

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.orphans import adoptions, describe_orphans
from mlendpoints.core.plan import Adopt
from mlendpoints.core.world import Child, Ref
from tests.kit import builders
from tests.simulation import Cluster, Stored


def served() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(builders.a_variant()), builders.a_model()).settle()


def without_owner(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "ownerReferences"}
    return manifest | {"metadata": metadata}


def made_anew() -> Cluster:
    """The same endpoint under another uid, whose versions have other names."""
    endpoint = builders.an_endpoint(meta={"uid": "uid-of-another"})
    cluster = Cluster(endpoint, builders.a_config(builders.a_variant()), builders.a_model())
    cluster.serial = 1000  # no uid comes twice
    return cluster


def orphaned(before: Cluster) -> Cluster:
    """After ``kubectl delete --cascade=orphan``: instances and routes have no owner, the instances' own parts have."""
    after = made_anew()
    uid = before.endpoint.metadata.uid if before.endpoint else ""
    for ref, stored in before.objects.items():
        owners = stored.manifest["metadata"].get("ownerReferences", [])
        orphan = any(owner["uid"] == uid for owner in owners)
        manifest = without_owner(stored.manifest) if orphan else stored.manifest
        after.objects[ref] = Stored(manifest, stored.uid, stored.resource_version)
    return after


def restored(before: Cluster, *, instances: bool) -> Cluster:
    """After a restore that keeps names, labels and annotations; others than the operator may not create instances."""
    after = made_anew()
    for ref, stored in before.objects.items():
        if instances or ref.kind not in (Model.KIND, "MachineLearningEndpointConfig"):
            after.objects[ref] = Stored(without_owner(stored.manifest), f"restored-{stored.uid}", 1)
    return after


def routed(cluster: Cluster) -> None:
    routes = cluster.routes()
    assert routes is not None
    assert routes.destinations, "callers get 404"
    for destination in routes.destinations:
        assert Ref("Service", builders.NAMESPACE, destination.instance) in cluster.objects, "callers get 503"


CASES: dict[str, Callable[[Cluster], Cluster]] = {
    "orphaned": orphaned,
    "restored": lambda before: restored(before, instances=True),
    "restored without instances": lambda before: restored(before, instances=False),
}


@pytest.mark.parametrize("case", CASES)
def test_callers_are_answered_all_the_way_to_the_new_version(case: str) -> None:
    before = served()
    after = CASES[case](before).settle(routed)

    assert after.status.state == "InService"
    assert {d.instance for d in after.routes().destinations} == {after.instance("blue")}  # type: ignore[union-attr]
    assert after.instance("blue") != before.instance("blue")
    assert after.condition("Ready")[0] == "True"


@pytest.mark.parametrize("case", ["orphaned", "restored"])
def test_what_was_taken_over_and_serves_no_more_is_removed(case: str) -> None:
    before = served()
    after = CASES[case](before).settle()

    assert Ref("Deployment", builders.NAMESPACE, before.instance("blue")) not in after.objects
    assert len(after.objects) == len(before.objects)


def test_instances_that_an_orphaning_deletion_has_left_are_replaced_by_what_the_new_endpoint_asks() -> None:
    """Their routes went with the endpoint."""
    before = served()
    after = orphaned(before)
    for kind in ("VirtualService", "Gateway"):
        del after.objects[Ref(kind, builders.NAMESPACE, "titanic")]
    after.settle()

    assert after.condition("Ready")[0] == "True"
    assert Ref("Deployment", builders.NAMESPACE, before.instance("blue")) not in after.objects
    assert len(after.objects) == len(before.objects)


def test_what_may_be_a_copy_is_left_alone_and_named_with_the_command_that_removes_it() -> None:
    before = served()
    after = restored(before, instances=False).settle()
    old = before.instance("blue")

    assert Ref("Deployment", builders.NAMESPACE, old) in after.objects
    said = next(c.message for c in after.status.conditions if c.type == "ModelsReady")
    assert f"kubectl delete -n {builders.NAMESPACE} deployment/{old} destinationrule/{old} service/{old}" in said
    for kind in ("Deployment", "DestinationRule", "Service"):
        after.delete(Ref(kind, builders.NAMESPACE, old))
    after.settle()
    assert "Left over" not in next(c.message for c in after.status.conditions if c.type == "ModelsReady")


ENDPOINT = builders.an_endpoint("e")


def a_child(kind: str, name: str, *, deleting: bool = False) -> Child:
    return Child(ref=Ref(kind, builders.NAMESPACE, name), uid="u", resource_version="1", deleting=deleting)


@pytest.mark.parametrize(
    ("child", "taken"),
    [
        (a_child(Model.KIND, "m-old"), True),
        (a_child("VirtualService", "e"), True),
        (a_child("Gateway", "e"), True),
        (a_child("VirtualService", "mine"), False),
        (a_child("Deployment", "m-old"), False),
        (a_child(Model.KIND, "m-old", deleting=True), False),
    ],
)
def test_only_what_is_certainly_its_own_is_taken_over(child: Child, *, taken: bool) -> None:
    found = list(adoptions(ENDPOINT, [child], {}))

    assert bool(found) == taken
    assert all(isinstance(write, Adopt) and write.owner["uid"] == ENDPOINT.metadata.uid for write in found)


def test_many_are_told_by_some_and_a_number() -> None:
    said = describe_orphans(ENDPOINT, [a_child("Deployment", f"m-{n:03}") for n in range(500)], {})

    assert "(and 488 more)" in said
    assert len(said) < 700
