"""How many pods a model instance is made with."""

from mlendpoints.core.world import ContainerFacts, Ref
from tests.kit import builders
from tests.simulation import Cluster

INSTANCE = "MachineLearningModel"
BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")


def two(*, blue: int, green: int) -> Cluster:
    variants = (
        builders.a_variant("blue", "titanic-rfc", instances=blue),
        builders.a_variant("green", "titanic-lr", instances=green),
    )
    return Cluster(
        builders.an_endpoint(), builders.a_config(*variants), builders.a_model(), builders.a_model("titanic-lr")
    )


def instance_of(cluster: Cluster, model: str) -> Ref:
    (found,) = (ref for ref in cluster.objects if ref.kind == INSTANCE and ref.name.startswith(f"{model}-"))
    return found


def test_one_that_serves_and_was_lost_gets_its_pods_back_whatever_is_asked_of_it_next() -> None:
    cluster = two(blue=2, green=1).settle()
    lost = instance_of(cluster, "titanic-rfc")
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc", weight=0, instances=0), builders.a_variant("green", "titanic-lr")
        )
    )
    cluster.delete(lost)
    counts: list[int] = []
    cluster.settle(lambda seen: counts.append(seen.world().model_instances[lost.name].spec.replicas or 0))
    assert counts == sorted(counts, reverse=True)
    assert {max(counts), min(counts)} == {2, 0}
    assert cluster.condition("Ready")[0] == "True"


def test_one_that_serves_and_was_lost_comes_back_also_when_the_update_beside_it_has_failed() -> None:
    cluster = two(blue=1, green=2).settle()
    cluster.broken_images["bad:1"] = BROKEN
    cluster.models["titanic-rfc"] = builders.a_model(image="bad:1")
    cluster.settle().wait_until_recheck()
    assert cluster.condition("UpdateSucceeded")[0] == "False"
    lost = instance_of(cluster, "titanic-lr")
    cluster.delete(lost)
    cluster.settle()
    assert cluster.world().model_instances[lost.name].spec.replicas == 2
    assert cluster.condition("Available")[0] == "True"


def test_one_that_was_lost_after_the_shift_gets_the_pods_that_a_failed_update_returns_to() -> None:
    """A variant is to have no pods, and a gateway pod never takes the routes without it."""
    cluster = two(blue=1, green=2).settle()
    before, lost = cluster.routes(), instance_of(cluster, "titanic-lr")
    cluster.deaf = {"gw-b"}
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc"), builders.a_variant("green", "titanic-lr", weight=0, instances=0)
        )
    )
    cluster.settle()
    assert cluster.routes() != before
    cluster.delete(lost)
    cluster.settle()
    while cluster.plan.recheck is not None:
        cluster.wait_until_recheck()
    cluster.deaf = set()
    cluster.settle()
    assert cluster.condition("UpdateSucceeded")[0] == "False"
    assert cluster.routes() == before
    assert cluster.ready(lost.name) == 2
