"""Nothing of an endpoint goes while a gateway pod may still send requests there."""

import pytest
from msgspec.structs import replace

from mlendpoints.core.world import Ref
from tests import gen
from tests.simulation import Cluster


def test_deletion_waits_for_every_gateway_although_the_status_names_no_traffic_yet() -> None:
    cluster = Cluster(gen.an_endpoint(), gen.a_config(), gen.a_model()).settle()
    assert cluster.endpoint is not None
    cluster.endpoint = replace(cluster.endpoint, status=replace(cluster.endpoint.status, traffic=""))
    deployment = Ref("Deployment", gen.NAMESPACE, cluster.instance("blue"))
    cluster.deaf = {"gw-b"}
    cluster.now = 1_700_000_000.0
    cluster.delete_endpoint()
    cluster.settle()

    assert deployment in cluster.objects

    cluster.deaf = set()
    cluster.settle()

    assert cluster.objects == {}


def test_an_endpoint_without_instances_leaves_without_asking_a_gateway() -> None:
    cluster = Cluster(gen.an_endpoint(), gen.a_config(), gen.a_model())
    cluster.reconcile()
    cluster.deaf = {"gw-a", "gw-b"}
    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.endpoint is None


@pytest.mark.parametrize("proof", ["timed", "required"])
def test_an_operator_that_was_away_waits_from_when_it_has_taken_the_routes(proof: str) -> None:
    """However long ago the endpoint was deleted: gateways have heard nothing of it until then."""
    cluster = Cluster(gen.an_endpoint(), gen.a_config(), gen.a_model())
    cluster.settings = gen.some_settings(proof=proof)
    cluster.settle()
    for _ in range(2 if proof == "timed" else 0):
        cluster.wait_until_recheck()
    deployment = Ref("Deployment", gen.NAMESPACE, cluster.instance("blue"))
    cluster.deaf = {"gw-b"}
    cluster.delete_endpoint()
    cluster.now += 1000
    cluster.settle()

    assert deployment in cluster.objects

    cluster.now += 60
    cluster.settle()

    assert cluster.objects == {}
