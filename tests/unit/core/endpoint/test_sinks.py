"""A sink that does not accept captured records is a condition; nothing else depends on it."""

import pytest
from msgspec.structs import replace

from mlendpoints.core.reasons.sinks import sink_measures
from mlendpoints.core.world import ContainerFacts, Measurement, MLModelWorld, PodFacts, World
from tests.kit import builders
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

CAPTURE = {"sink": "s3://captured/titanic"}
SHIPPER = ContainerFacts(name="shipper", ready=True)
OWN = "MonitoringReady"
DOWN, UP, UNTRIED = Measurement(value=0), Measurement(value=1), Measurement()
UNREADABLE = Measurement(failure="timed out")


def with_shippers(pods: tuple[PodFacts, ...]) -> tuple[PodFacts, ...]:
    return tuple(
        replace(pod, address=f"10.0.1.{n}", containers=(*pod.containers, SHIPPER)) for n, pod in enumerate(pods)
    )


class Capturing(Cluster):
    """Whose pods ship to a sink, of which they measure this."""

    sink: Measurement | None = UP

    def world(self) -> World:
        world = super().world()
        measured = {} if self.sink is None else dict.fromkeys(self.plan.measures, self.sink)
        return replace(world, pods=with_shippers(world.pods), measurements=measured)


def capturing(sink: Measurement | None, **variant: object) -> Capturing:
    sizes = builders.a_variant() | {"capture": CAPTURE} | variant
    cluster = Capturing(builders.an_endpoint(), builders.a_config(sizes), builders.a_model())
    cluster.sink = sink
    return cluster


def found(cluster: Cluster) -> tuple[str, str, str]:
    assert cluster.endpoint is not None
    (own,) = [each for each in cluster.endpoint.status.conditions if each.type == OWN]
    return own.status, own.reason, own.message


def others(cluster: Cluster) -> dict[str, str]:
    assert cluster.endpoint is not None
    return {each.type: each.status for each in cluster.endpoint.status.conditions if each.type != OWN}


def test_a_sink_that_does_not_accept_records_is_reported_with_its_pod_and_where_to_look() -> None:
    cluster = capturing(DOWN).settle()
    status, reason, message = found(cluster)
    assert (status, reason) == ("False", "SinkUnavailable")
    assert "the log of its container shipper says why" in message
    assert cluster.plan.measures[0].pod in message


def test_nothing_else_changes_whatever_the_sink_does() -> None:
    assert others(capturing(DOWN).settle()) == others(capturing(UP).settle())


@pytest.mark.parametrize("sink", [UP, UNTRIED, None], ids=["accepts", "nothing shipped yet", "not measured yet"])
def test_a_sink_of_which_nothing_bad_is_known_is_not_reported(sink: Measurement | None) -> None:
    assert found(capturing(sink).settle())[:2] == ("True", "SidecarsRunning")


def test_a_pod_whose_metrics_cannot_be_read_is_said_to_be_unknown() -> None:
    status, _, message = found(capturing(UNREADABLE).settle())
    assert status == "True"
    assert "is unknown: the operator cannot read the metrics of pod" in message
    assert "timed out" in message


def test_a_sink_that_recovers_ends_it_with_an_event() -> None:
    cluster = capturing(DOWN)
    cluster.settle()
    cluster.sink = UP
    cluster.settle()
    assert found(cluster)[:2] == ("True", "SidecarsRunning")
    reported = [event.reason for event in cluster.events if OWN in event.message]
    assert reported[-2:] == ["SinkUnavailable", "SidecarsRunning"]


def test_a_plan_that_only_measures_has_nothing_to_do() -> None:
    cluster = capturing(UP).settle()
    assert cluster.plan.measures
    assert cluster.plan.is_empty


def test_one_ready_pod_of_each_version_is_measured_and_always_the_same() -> None:
    cluster = capturing(UP, instances=3).settle()
    (measure,) = cluster.plan.measures
    world = cluster.world()
    assert measure.pod == min(pod.name for pod in world.pods)
    gone = [replace(pod, ready=pod.ready and pod.name != measure.pod) for pod in world.pods]
    (model,) = world.model_instances.values()
    (other,) = sink_measures([(model, gone)])
    assert other.pod == sorted(pod.name for pod in world.pods)[1]
    assert sink_measures([(model, [replace(pod, deleting=True) for pod in world.pods])]) == ()


def test_without_capture_nothing_is_measured() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    assert cluster.plan.measures == ()


class Shipping(Namespace):
    """An MLModel whose pods cannot ship."""

    def world(self) -> MLModelWorld:
        world = super().world()
        return replace(world, pods=with_shippers(world.pods), measurements=dict.fromkeys(self.plan.measures, DOWN))


def test_the_same_of_an_mlmodel() -> None:
    namespace = Shipping(builders.an_mlmodel(capture=CAPTURE)).settle()
    (own,) = [each for each in namespace.status.conditions if each.type == OWN]
    assert (own.status, own.reason) == ("False", "SinkUnavailable")
    assert namespace.status.phase == "Ready"
