"""A proof on record never counts for routes that are rewritten: the gateways may have left them since."""

from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import Create
from mlendpoints.core.routes import make_routes
from mlendpoints.core.world import Ref, World
from tests.kit import builders
from tests.simulation import Cluster

VIRTUAL_SERVICE = Ref("VirtualService", builders.NAMESPACE, "titanic")


def in_service() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()


def with_other_routes(world: World) -> World:
    """As a crash right after the write of other routes leaves it, edited back."""
    child = world.children[VIRTUAL_SERVICE]
    assert child.routes is not None
    other = make_routes((replace(d, weight=7) for d in child.routes.destinations), child.routes.pings)
    return replace(world, children={**world.children, VIRTUAL_SERVICE: replace(child, routes=other, manifest_hash="")})


def test_it_is_taken_back_before_its_routes_are_written_again() -> None:
    cluster = in_service()
    plan = plan_endpoint(with_other_routes(cluster.world()))

    assert cluster.status.route_revision
    assert plan.writes == ()
    assert plan.status is not None
    assert plan.status.route_revision == ""


def test_it_is_taken_back_before_a_deleted_virtual_service_is_made_again() -> None:
    cluster = in_service()
    cluster.delete(VIRTUAL_SERVICE)
    cluster.reconcile()

    assert cluster.status.route_revision == ""
    assert VIRTUAL_SERVICE not in cluster.objects

    cluster.reconcile()

    assert any(isinstance(write, Create) and write.ref == VIRTUAL_SERVICE for write in cluster.plan.writes)
    assert cluster.settle().condition("Ready") == ("True", "AsAsked")
