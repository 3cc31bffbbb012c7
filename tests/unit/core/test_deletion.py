"""Nothing of an endpoint goes while a gateway pod may still send requests there."""

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
