"""Weights that somebody changes by hand in a VirtualService are never taken for what was asked."""

from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import Apply
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import ContainerFacts, Ref, Routes, World
from tests.kit import builders
from tests.simulation import Cluster

BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")
VIRTUAL_SERVICE = Ref("VirtualService", builders.NAMESPACE, "titanic")


def failed_update() -> Cluster:
    """The old version serves; the new one has failed."""
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc", weight=90), builders.a_variant("green", "titanic-lr", weight=10)
    )
    cluster = Cluster(
        builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr")
    ).settle()
    cluster.broken_images["bad:1"] = BROKEN
    cluster.models["titanic-rfc"] = builders.a_model(image="bad:1")
    return cluster.settle().wait_until_recheck()


def with_even_weights(world: World) -> World:
    """As the API server shows a foreign edit: other routes, and a field that is not ours any more."""
    child = world.children[VIRTUAL_SERVICE]
    assert child.routes is not None
    even = replace(child.routes, destinations=tuple(replace(d, weight=50) for d in child.routes.destinations))
    return replace(world, children={**world.children, VIRTUAL_SERVICE: replace(child, fields="[]", routes=even)})


def with_the_status_written(world: World) -> World:
    status = plan_endpoint(world).status
    assert status is not None
    return replace(world, endpoint=replace(world.endpoint, status=status))


def written_routes(world: World) -> Routes | None:
    writes = (w for w in plan_endpoint(world).writes if isinstance(w, Apply) and w.ref == VIRTUAL_SERVICE)
    return next((parse_routes(write.manifest) for write in writes), None)


def test_after_a_failed_update_they_become_again_what_served() -> None:
    cluster = failed_update()

    assert cluster.condition("UpdateSucceeded") == ("False", "ImagePullFailed")

    edited = with_the_status_written(with_even_weights(cluster.world()))

    assert written_routes(edited) == cluster.routes()
