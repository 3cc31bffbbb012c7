"""After a failure the routes return to what served before the update began, whatever was written since."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mlendpoints.core.world import ContainerFacts, Ref, Routes
from tests.kit import builders
from tests.simulation import Cluster, CrashError

SECOND, BAD = "registry.example.com/titanic-rfc:2", "registry.example.com/titanic-rfc:bad"


def serving(**update: int) -> Cluster:
    cluster = Cluster(builders.an_endpoint(update=update), builders.a_config(), builders.a_model()).settle()
    cluster.broken_images[BAD] = ContainerFacts(name="model", waiting_reason="ImagePullBackOff")
    return cluster


def edit(cluster: Cluster, image: str) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image=image)


def shift(cluster: Cluster) -> None:
    """Until the weights of the running update are written, and before they are proven."""
    before = destinations(cluster)
    while destinations(cluster) == before:
        if not cluster.reconcile():
            cluster.now = cluster.plan.recheck or cluster.now


def destinations(cluster: Cluster) -> object:
    routes = cluster.routes()
    return routes.destinations if routes else None


def at_its_end(cluster: Cluster) -> Cluster:
    while cluster.plan.recheck is not None:
        cluster.wait_until_recheck()
    return cluster


def shifted_then_superseded(cluster: Cluster) -> None:
    """The second version has the traffic, and no proof, when an edit requests a third, which never gets ready."""
    edit(cluster, SECOND)
    shift(cluster)
    edit(cluster, BAD)
    at_its_end(cluster.settle())


def shifted_and_never_proven(cluster: Cluster) -> None:
    """One gateway pod never takes the weights of the second version."""
    edit(cluster, SECOND)
    shift(cluster)
    cluster.deaf = {"gw-b"}
    at_its_end(cluster.settle())
    cluster.deaf = set()
    cluster.settle()


def shifted_and_crashed(cluster: Cluster) -> None:
    """The second version crashes by its first requests."""
    edit(cluster, SECOND)
    shift(cluster)
    cluster.starting.add(SECOND)
    at_its_end(cluster.settle())


FAILURES = (shifted_then_superseded, shifted_and_never_proven, shifted_and_crashed)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_the_routes_return_to_what_served_before_the_update_began(fail: Callable[[Cluster], None], keep: int) -> None:
    cluster = serving(keepVersions=keep)
    before, old = cluster.routes(), cluster.instance("blue")
    fail(cluster)

    assert cluster.status.history[0].outcome == "Failed"
    assert cluster.routes() == before
    assert {ref.name for ref in cluster.objects if ref.kind == "Deployment"} == {old}
    assert cluster.ready(old) == 1
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.condition("RoutesProgrammed")[0] == "True"
    assert cluster.condition("UpdateSucceeded")[0] == "False"
    assert not cluster.reconcile()


@pytest.mark.parametrize("fail", [shifted_then_superseded, shifted_and_crashed], ids=lambda fail: fail.__name__)
def test_the_routes_return_by_timed_proofs_too(fail: Callable[[Cluster], None]) -> None:
    cluster = serving()
    cluster.settings = replace(cluster.settings, proof="timed")
    before = cluster.routes()
    fail(at_its_end(cluster.settle()))

    assert cluster.status.history[0].outcome == "Failed"
    assert cluster.routes() == before
    assert cluster.condition("RoutesProgrammed")[0] == "True"


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_no_caller_is_sent_back_before_every_gateway_knows_the_way(fail: Callable[[Cluster], None]) -> None:
    cluster = serving()
    original = cluster.write

    def write(write: object) -> None:
        original(write)  # type: ignore[arg-type]
        routes = cluster.routes()
        assert {d.instance for d in routes.destinations} <= cluster.told_to_all if routes else True

    cluster.write = write  # type: ignore[method-assign]
    fail(cluster)

    assert cluster.status.history[0].outcome == "Failed"


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_a_crash_on_the_way_back_changes_nothing_in_the_end(fail: Callable[[Cluster], None]) -> None:
    undisturbed = serving()
    start = undisturbed.calls
    fail(undisturbed)
    for call in range(start + 1, undisturbed.calls + 1):
        cluster = serving()
        before = cluster.routes()
        cluster.crash_at = call
        original = cluster.reconcile

        def reconcile(original: Callable[[], bool] = original, cluster: Cluster = cluster) -> bool:
            try:
                return original()
            except CrashError:
                cluster.crash_at = None
                return True

        cluster.reconcile = reconcile  # type: ignore[method-assign]
        fail(cluster)

        assert cluster.routes() == before, f"killed before call {call}"


def test_what_served_before_keeps_its_pods_while_a_superseded_version_has_the_traffic() -> None:
    cluster = serving(keepVersions=1)
    old = cluster.instance("blue")
    cluster.starting.add(BAD)
    edit(cluster, SECOND)
    shift(cluster)
    edit(cluster, BAD)
    cluster.settle()

    routes = cluster.routes()
    assert routes is not None
    assert [destination.instance for destination in routes.destinations] != [old]
    assert cluster.ready(old) == 1


def test_an_update_that_supersedes_a_shifted_one_and_succeeds_removes_both() -> None:
    cluster = serving()
    cluster.broken_images.clear()
    edit(cluster, SECOND)
    shift(cluster)
    edit(cluster, BAD)
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert {ref.name for ref in cluster.objects if ref.kind == "Deployment"} == {cluster.instance("blue")}


def test_the_routes_stay_while_what_served_before_has_no_ready_pod() -> None:
    cluster = serving()
    first = builders.a_model().spec.image
    before = cluster.routes()
    edit(cluster, SECOND)
    shift(cluster)
    edit(cluster, BAD)
    cluster.starting.add(first)
    at_its_end(cluster.settle())
    shifted = destinations(cluster)

    assert isinstance(before, Routes)
    assert shifted != before.destinations

    cluster.starting.clear()
    cluster.settle()

    assert cluster.routes() == before


def test_the_routes_stay_if_what_served_before_was_deleted_by_hand() -> None:
    cluster = serving()
    old = cluster.instance("blue")
    edit(cluster, SECOND)
    shift(cluster)
    shifted = destinations(cluster)
    edit(cluster, BAD)
    cluster.delete(Ref("MachineLearningModel", builders.NAMESPACE, old))
    at_its_end(cluster.settle())

    assert cluster.status.history[0].outcome == "Failed"
    assert destinations(cluster) == shifted
    assert cluster.condition("Available") == ("True", "InService")


def test_another_attempt_after_the_return_starts_from_what_served_before() -> None:
    cluster = serving()
    shifted_and_crashed(cluster)
    cluster.starting.clear()
    cluster.edit_endpoint(update=builders.an_endpoint(update={"attempt": "2"}).spec.update)
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Failed", "Succeeded"]
