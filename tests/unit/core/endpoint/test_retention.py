"""Kept versions: going back to one re-creates nothing."""

from typing import Any

import msgspec

from mlendpoints.api.endpoint import UpdatePolicy
from mlendpoints.core.plan import Create
from mlendpoints.core.world import ContainerFacts, Ref
from tests.kit import builders
from tests.simulation import Cluster

BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")


def image(number: int) -> Any:  # noqa: ANN401 - a model
    return builders.a_model(image=f"registry.example.com/titanic-rfc:{number}")


def keeping(versions: int, *, instances: int = 0, requested: int = 2) -> Cluster:
    update = UpdatePolicy(keep_versions=versions, keep_instances=instances)
    config = builders.a_config(builders.a_variant(instances=requested))
    return Cluster(builders.an_endpoint(update=msgspec.to_builtins(update)), config, image(1)).settle()


def swapped(cluster: Cluster, number: int) -> str:
    """Serves another image; returns the name of its instance."""
    cluster.models["titanic-rfc"] = image(number)
    cluster.settle()
    return str(cluster.status.variants[0].instance)


def pods(cluster: Cluster) -> dict[str, int]:
    """Replicas by Deployment."""
    return {
        ref.name: stored.manifest["spec"]["replicas"]
        for ref, stored in cluster.objects.items()
        if ref.kind == "Deployment"
    }


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    cluster = keeping(0)
    new = swapped(cluster, 2)
    assert pods(cluster) == {new: 2}


def test_a_kept_version_rests_without_pods() -> None:
    cluster = keeping(1)
    old = cluster.instance("blue")
    new = swapped(cluster, 2)
    assert pods(cluster) == {old: 0, new: 2}
    assert cluster.status.state == "InService"
    assert [variant.instance for variant in cluster.status.variants] == [new]


def test_a_kept_version_rests_with_as_many_pods_as_asked() -> None:
    cluster = keeping(1, instances=1)
    old = cluster.instance("blue")
    new = swapped(cluster, 2)
    assert pods(cluster) == {old: 1, new: 2}


def test_only_so_many_versions_are_kept() -> None:
    cluster = keeping(1)
    middle, newest = swapped(cluster, 2), swapped(cluster, 3)
    assert pods(cluster) == {middle: 0, newest: 2}


def test_going_back_to_a_kept_version_makes_nothing_anew() -> None:
    cluster = keeping(1)
    old = cluster.instance("blue")
    swapped(cluster, 2)
    before = len(cluster.writes)
    assert swapped(cluster, 1) == old
    assert not [write for write in cluster.writes[before:] if isinstance(write, Create)]
    assert pods(cluster)[old] == 2
    assert cluster.status.history[0].outcome == "Succeeded"


def test_a_kept_version_with_all_its_pods_only_gets_the_traffic_back() -> None:
    cluster = keeping(1, instances=1000)
    old = cluster.instance("blue")
    new = swapped(cluster, 2)
    before = len(cluster.writes)
    swapped(cluster, 1)
    touched = {write.ref.kind for write in cluster.writes[before:] if hasattr(write, "ref")}
    assert touched == {"VirtualService"}
    assert pods(cluster) == {old: 2, new: 2}


def test_no_traffic_goes_back_before_all_asked_pods_are_ready() -> None:
    cluster = keeping(1, instances=1)
    old = cluster.instance("blue")
    swapped(cluster, 2)
    cluster.models["titanic-rfc"] = image(1)

    def capacity(seen: Cluster) -> None:
        routes = seen.routes()
        assert routes is not None
        if old in {destination.instance for destination in routes.destinations}:
            assert seen.ready(old) == 2

    cluster.settle(capacity)
    assert pods(cluster)[old] == 2


def test_what_failed_is_not_kept() -> None:
    cluster = keeping(3)
    good = cluster.instance("blue")
    cluster.broken_images = {"registry.example.com/titanic-rfc:2": BROKEN}
    cluster.models["titanic-rfc"] = image(2)
    cluster.settle().wait_until_recheck()
    assert cluster.status.history[0].outcome == "Failed"
    assert pods(cluster) == {good: 2}


def test_a_kept_objects_loss_is_mended() -> None:
    cluster = keeping(1)
    old = cluster.instance("blue")
    swapped(cluster, 2)
    cluster.delete(Ref("Service", builders.NAMESPACE, old))
    cluster.settle()
    assert Ref("Service", builders.NAMESPACE, old) in cluster.objects


def test_keeping_fewer_versions_lets_the_others_go() -> None:
    cluster = keeping(1)
    new = swapped(cluster, 2)
    cluster.edit_endpoint(update=UpdatePolicy(keep_versions=0))
    cluster.settle()
    assert pods(cluster) == {new: 2}


def test_deleting_the_endpoint_takes_kept_versions_along() -> None:
    cluster = keeping(1)
    swapped(cluster, 2)
    cluster.delete_endpoint()
    cluster.settle()
    assert cluster.objects == {}


def test_an_edit_of_instances_counts_although_versions_are_kept() -> None:
    cluster = keeping(2)
    for count in (3, 1, 2):
        cluster.edit_config(builders.a_config(builders.a_variant(instances=count)))
        cluster.settle()
        assert pods(cluster) == {cluster.instance("blue"): count}
