"""Updates whose instances are ready, and whose routes are late: they fail for that reason, and for no other."""

import pytest

from mlendpoints.core.world import ContainerFacts, Ref, Rejection
from tests.kit import builders
from tests.simulation import Cluster

SECOND = "registry.example.com/titanic-rfc:2"
DEADLINE = builders.an_endpoint().spec.update.deadline_seconds
ROUTES = Ref("VirtualService", builders.NAMESPACE, "titanic")


def serving() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()


def swap(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)


def message(cluster: Cluster, kind: str) -> str:
    return next(str(c.message) for c in cluster.status.conditions if c.type == kind)


def at_its_end(cluster: Cluster) -> Cluster:
    """Lets every time come that is waited for, until none is left."""
    while cluster.plan.recheck is not None:
        cluster.wait_until_recheck()
    return cluster


def test_a_gateway_that_lags_fails_an_update_by_its_own_reason() -> None:
    cluster = serving()
    before, old = cluster.routes(), cluster.instance("blue")
    cluster.deaf = {"gw-b"}
    swap(cluster)
    at_its_end(cluster.settle())

    assert cluster.status.history[0].outcome == "Failed"
    assert cluster.status.history[0].reason == "RouteNotProgrammed"
    message = cluster.status.history[0].message
    assert "gw-b, probed with http://" in message
    assert "answered: status 404" in message
    assert "gw-a" not in cluster.status.history[0].message
    assert cluster.condition("UpdateSucceeded") == ("False", "RouteNotProgrammed")
    assert cluster.condition("ModelsReady") == ("True", "InstancesReady")
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.routes() is not None
    assert before is not None
    assert cluster.routes().destinations == before.destinations  # type: ignore[union-attr]
    assert cluster.instance("blue") == old


@pytest.mark.parametrize("away", [0, DEADLINE + 100])
def test_ready_instances_are_not_late_after_an_outage_of_the_operator(away: int) -> None:
    cluster = serving()
    cluster.starting.add(SECOND)
    swap(cluster)
    cluster.settle()
    cluster.now += away
    cluster.answers = {}
    cluster.starting.clear()
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_an_outage_while_gateways_are_asked_does_not_count() -> None:
    cluster = serving()
    cluster.deaf = {"gw-b"}
    swap(cluster)
    cluster.settle()
    cluster.now += DEADLINE + 100
    cluster.answers, cluster.deaf = {}, set()
    cluster.settle()

    assert cluster.status.history[0].outcome == "Succeeded"


def test_time_without_resolved_references_does_not_count() -> None:
    cluster = serving()
    cluster.starting.add(SECOND)
    swap(cluster)
    cluster.settle()
    config = cluster.configs.pop("titanic")
    cluster.settle()

    assert cluster.status.update.phase == "ResolvingReferences"

    cluster.now += DEADLINE + 100
    cluster.edit_config(config)
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded"]
    assert cluster.status.update.phase == "StartingInstances"

    cluster.wait_until_recheck()

    assert cluster.status.history[0].outcome == "Failed"


def test_routes_that_the_api_server_rejects_are_named_as_the_cause() -> None:
    cluster = serving()
    swap(cluster)
    cluster.rejecting = {ROUTES: Rejection("InvalidSpec", "admission webhook denied the request: no routes on Fridays")}
    cluster.settle()
    cluster.now += DEADLINE + 1
    cluster.reconcile()

    assert cluster.status.history[0].reason == "RouteNotProgrammed"
    assert "no routes on Fridays" in cluster.status.history[0].message
    assert cluster.condition("ModelsReady") == ("True", "InstancesReady")


def test_more_pods_that_the_api_server_rejects_are_named_as_the_cause() -> None:
    cluster = serving()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=5)))
    model = Ref("MachineLearningModel", builders.NAMESPACE, cluster.instance("blue"))
    cluster.rejecting = {model: Rejection("QuotaExceeded", "exceeded quota: no more pods")}
    cluster.settle()

    assert cluster.condition("ModelsReady") == ("False", "QuotaExceeded")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("status 403", "AuthorizationPolicy"),
        ("status 401", "proof.mode: timed"),
        ("timed out", "NetworkPolicy"),
        ("connection refused", "proof.mode: timed"),
        ("TLS handshake failed", "TLS credential's Secret"),
        ("status 503", "istioctl proxy-status"),
    ],
)
def test_what_every_gateway_pod_answered_and_what_to_do_is_told(answer: str, advice: str) -> None:
    cluster = serving()
    cluster.instead = {"gw-a": answer, "gw-b": answer}
    swap(cluster)
    cluster.settle().wait_until_recheck()

    assert cluster.condition("RoutesProgrammed") == ("False", "RouteNotProgrammed")
    told = message(cluster, "RoutesProgrammed")
    assert "2 of 2 gateway pods" in told
    assert "gw-a, probed with http://" in told
    assert f", answered: {answer}" in told
    assert "/.well-known/mlendpoints/ping/titanic-rfc-" in told
    assert advice in told


def test_shifted_routes_that_one_gateway_never_takes_fail_and_are_taken_back() -> None:
    cluster = Cluster(
        builders.an_endpoint(),
        builders.a_config(builders.a_variant("blue"), builders.a_variant("green")),
        builders.a_model(),
    ).settle()
    before = cluster.routes()
    cluster.deaf = {"gw-b"}
    cluster.edit_config(builders.a_config(builders.a_variant("blue", weight=9), builders.a_variant("green")))
    at_its_end(cluster.settle())

    assert cluster.status.history[0].reason == "RouteNotProgrammed"
    assert cluster.condition("ModelsReady") == ("True", "InstancesReady")

    cluster.deaf = set()
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history] == ["Failed", "Succeeded"]
    assert cluster.routes() == before
    assert cluster.condition("RoutesProgrammed") == ("True", "RouteProgrammed")


def test_something_in_the_place_of_the_metrics_service_holds_up_nothing() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    metrics = Ref("Service", builders.NAMESPACE, "titanic-metrics")
    cluster.rejecting = {metrics: Rejection("NotOwned", "Service titanic-metrics exists and belongs to another owner.")}
    cluster.settle()

    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert "Service titanic-metrics exists" in message(cluster, "Ready")
    assert cluster.status.state == "InService"
    assert cluster.status.monitoring_url == ""
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded"]


def test_pods_that_never_get_ready_still_fail_for_their_own_reason() -> None:
    cluster = serving()
    cluster.broken_images[SECOND] = ContainerFacts(name="model", waiting_reason="ImagePullBackOff")
    swap(cluster)
    cluster.settle().wait_until_recheck()

    assert cluster.condition("ModelsReady") == ("False", "ImagePullFailed")


def test_a_pod_that_stumbles_while_gateways_are_asked_does_not_make_a_ready_update_late() -> None:
    cluster = serving()
    cluster.deaf, cluster.starting = {"gw-b"}, {SECOND}
    swap(cluster)
    cluster.settle()
    cluster.now += DEADLINE - 5
    cluster.starting.clear()
    cluster.settle()
    cluster.starting.add(SECOND)
    cluster.now += 10
    cluster.settle()
    cluster.starting.clear()
    cluster.deaf = set()
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]
