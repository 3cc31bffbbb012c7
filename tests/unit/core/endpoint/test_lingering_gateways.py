"""Gateway pods that are gone and still listed, as on a dead node, hold up nothing for long."""

import pytest

from mlendpoints.core.endpoint.view import LINGER
from tests.kit import builders
from tests.simulation import Cluster

SECOND = "registry.example.com/titanic-rfc:2"


def swapping(*, lingers: bool) -> Cluster:
    """A swap while one gateway pod does not answer, or has just begun to linger."""
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.instead = {"gw-b": "timed out"}
    cluster.lingering = {"gw-b": cluster.now} if lingers else {}
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)
    return cluster.settle()


def outcomes(cluster: Cluster) -> list[str]:
    return [entry.outcome for entry in cluster.status.history]


def test_a_pod_that_leaves_is_asked_as_long_as_it_may_drain() -> None:
    cluster = swapping(lingers=True)
    cluster.now += LINGER - 1
    cluster.settle()

    assert outcomes(cluster) == ["Succeeded"]
    assert cluster.status.update.phase == "ProvingDestinations"


def test_a_pod_that_lingers_stops_counting_without_anything_else_happening() -> None:
    cluster = swapping(lingers=True)
    while len(outcomes(cluster)) == 1:
        cluster.wait_until_recheck()

    assert outcomes(cluster) == ["Succeeded", "Succeeded"]
    assert cluster.now <= 1_700_000_000.0 + LINGER
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_pod_that_lingers_and_refuses_connections_does_not_count_at_all() -> None:
    cluster = swapping(lingers=True)
    cluster.instead = {"gw-b": "connection refused"}
    cluster.settle()

    assert outcomes(cluster) == ["Succeeded", "Succeeded"]


@pytest.mark.parametrize("answer", ["connection refused", "timed out"])
def test_a_pod_that_serves_counts_whatever_it_answers(answer: str) -> None:
    cluster = swapping(lingers=False)
    cluster.instead = {"gw-b": answer}
    cluster.now += 2 * LINGER
    cluster.settle()

    assert outcomes(cluster) == ["Succeeded"]


def test_a_pod_that_lingers_and_still_answers_by_the_old_routes_counts() -> None:
    cluster = swapping(lingers=True)
    cluster.instead, cluster.deaf = {}, {"gw-b"}
    cluster.settle()

    assert outcomes(cluster) == ["Succeeded"]


def test_nothing_is_proven_where_every_gateway_pod_only_lingers() -> None:
    cluster = swapping(lingers=True)
    cluster.instead = {pod.name: "timed out" for pod in builders.GATEWAYS}
    cluster.lingering = {pod.name: cluster.now for pod in builders.GATEWAYS}
    cluster.now += 2 * LINGER
    cluster.settle()

    assert outcomes(cluster) == ["Succeeded"]
    assert cluster.condition("Ready")[0] != "True"


def test_a_deletion_does_not_wait_for_a_pod_that_lingers() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.instead, cluster.lingering = {"gw-b": "connection refused"}, {"gw-b": cluster.now}
    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.endpoint is None
