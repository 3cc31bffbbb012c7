"""A claim that the operator made is no place to fetch from: it belongs to one version, and goes with it."""

from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.resolve import Target, resolve
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import Create
from tests.kit import builders
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

ARTIFACT = "pvc://other-3f9c2ab1/model"
MADE = frozenset({"other-3f9c2ab1"})
SAID = "The artifact is on claim other-3f9c2ab1, which the operator created for a version"


def test_an_endpoint_says_so_and_makes_nothing() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant()), builders.a_model(artifact=ARTIFACT)
    )
    world = replace(cluster.world(), own_claims=MADE)
    plan = plan_endpoint(world)

    assert plan.status is not None
    (resolved,) = (c for c in plan.status.conditions if c.type == "ConfigResolved")
    assert (resolved.status, resolved.reason) == ("False", "InvalidSpec")
    assert f"Model titanic-rfc: {SAID}" in resolved.message
    assert plan.writes == ()


def test_a_claim_of_ones_own_is_taken() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant()), builders.a_model(artifact="pvc://mine/model")
    )
    assert isinstance(resolve(replace(cluster.world(), own_claims=MADE)), Target)


def test_an_mlmodel_says_so_and_downloads_nothing() -> None:
    world = replace(Namespace(builders.an_mlmodel(artifact=ARTIFACT)).world(), own_claims=MADE)
    plan = plan_mlmodel(world)

    assert plan.status is not None
    assert (plan.status.phase, plan.status.message.startswith(SAID)) == ("Failed", True)
    assert {write.ref.kind for write in plan.writes if isinstance(write, Create)} <= {"Service"}
