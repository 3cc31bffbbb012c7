"""Nothing of an endpoint goes while a gateway pod may still send requests there."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation import Cluster


def test_deletion_waits_for_every_gateway_although_the_status_names_no_traffic_yet() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    assert cluster.endpoint is not None
    cluster.endpoint = replace(cluster.endpoint, status=replace(cluster.endpoint.status, traffic=""))
    deployment = Ref("Deployment", builders.NAMESPACE, cluster.instance("blue"))
    cluster.deaf = {"gw-b"}
    cluster.now = 1_700_000_000.0
    cluster.delete_endpoint()
    cluster.settle()

    assert deployment in cluster.objects

    cluster.deaf = set()
    cluster.settle()

    assert cluster.objects == {}


def test_an_endpoint_without_instances_leaves_without_asking_a_gateway() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.reconcile()
    cluster.deaf = {"gw-a", "gw-b"}
    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.endpoint is None


@pytest.mark.parametrize("proof", ["timed", "required"])
def test_an_operator_that_was_away_waits_from_when_it_has_taken_the_routes(proof: str) -> None:
    """However long ago the endpoint was deleted: gateways have heard nothing of it until then."""
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(proof=proof)
    cluster.settle()
    for _ in range(2 if proof == "timed" else 0):
        cluster.wait_until_recheck()
    deployment = Ref("Deployment", builders.NAMESPACE, cluster.instance("blue"))
    cluster.deaf = {"gw-b"}
    cluster.delete_endpoint()
    cluster.now += 1000
    cluster.settle()

    assert deployment in cluster.objects

    cluster.now += 60
    cluster.settle()

    assert cluster.objects == {}


ROUTES = (Ref("VirtualService", builders.NAMESPACE, "titanic"), Ref("Gateway", builders.NAMESPACE, "titanic"))


def leaving() -> Cluster:
    """An endpoint in service that has just been deleted."""
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.delete_endpoint()
    return cluster


def without_owner(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "ownerReferences"}
    return manifest | {"metadata": metadata}


def orphan(cluster: Cluster, chosen: Callable[[Ref], bool]) -> None:
    """What the garbage collector makes of the endpoint's own under ``--cascade=orphan``, one by one."""
    assert cluster.endpoint is not None
    for ref, stored in cluster.objects.items():
        owners = stored.manifest["metadata"].get("ownerReferences", [])
        if chosen(ref) and any(owner["uid"] == cluster.endpoint.metadata.uid for owner in owners):
            stored.manifest = without_owner(stored.manifest)


def test_the_gateway_goes_last_by_the_operators_own_hand() -> None:
    """The garbage collector may be told to leave it."""
    cluster = leaving()
    cluster.settle()

    mine = [ref for ref in cluster.pruned if ref in ROUTES or ref.kind in ("Deployment", Model.KIND)]
    assert [ref.kind for ref in mine] == ["VirtualService", "Deployment", Model.KIND, "Gateway"]
    assert cluster.pruned.count(ROUTES[1]) == 1
    assert cluster.plan.prune[0].ref == ROUTES[1]
    assert cluster.plan.finalizer is False


def test_a_gateway_that_is_on_its_way_out_is_not_deleted_again() -> None:
    cluster = leaving()
    cluster.objects[ROUTES[1]].deleting = True
    cluster.settle()

    assert cluster.plan.prune == ()
    assert cluster.endpoint is None


@given(steps=st.integers(0, 8), lost=st.sets(st.sampled_from(["VirtualService", "Gateway", Model.KIND])))
def test_an_endpoint_that_has_gone_leaves_no_routes_whatever_lost_its_owner_on_the_way(
    steps: int, lost: set[str]
) -> None:
    """``kubectl delete --cascade=orphan``: the garbage collector takes owners off while the operator works."""
    cluster = leaving()
    for _ in range(steps):
        cluster.reconcile()
    if cluster.endpoint is not None:
        orphan(cluster, lambda ref: ref.kind in lost)
    cluster.settle()

    assert cluster.endpoint is None
    assert not [ref for ref in ROUTES if ref in cluster.objects]


def test_orphaned_instances_keep_their_pods_and_no_routes() -> None:
    cluster = leaving()
    orphan(cluster, lambda _ref: True)
    deployment = Ref("Deployment", builders.NAMESPACE, cluster.instance("blue"))
    cluster.settle()

    assert deployment in cluster.objects
    assert not [ref for ref in ROUTES if ref in cluster.objects]


def test_pods_of_orphaned_routes_stay_until_no_gateway_sends_requests() -> None:
    cluster = leaving()
    cluster.now = 1_700_000_000.0
    orphan(cluster, lambda ref: ref in ROUTES)
    cluster.deaf = {"gw-b"}
    cluster.settle()

    assert Ref("Deployment", builders.NAMESPACE, cluster.instance("blue")) in cluster.objects

    cluster.deaf = set()
    cluster.settle()

    assert cluster.objects == {}


def test_copies_under_other_names_are_left_alone() -> None:
    cluster = leaving()
    copy = Ref("VirtualService", builders.NAMESPACE, "mine")
    original = cluster.objects[ROUTES[0]]
    manifest = without_owner(original.manifest)
    cluster.objects[copy] = type(original)(manifest, "uid-of-a-copy", 1)
    cluster.settle()

    assert list(cluster.objects) == [copy]
