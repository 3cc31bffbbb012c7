"""Alerts fire and clear on a live cluster, where a test can bring them about within minutes.

For the others, about an operator in trouble or records that are lost, see ``tests/monitoring``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlendpoints.edge.kube.kinds import ENDPOINT, MLMODEL
from tests.e2e.conftest import MakeNamespace, leave
from tests.e2e.gateway import Gateway
from tests.e2e.mlmodels import a_titanic_mlmodel
from tests.e2e.monitoring.callers import Callers
from tests.e2e.monitoring.prometheus import Prometheus
from tests.e2e.namespace import Namespace, kubectl
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.waiting import wait_until

GOOD = [{"seconds": 0}] * 16
BAD = [{"status": 503, "seconds": 1}] * 16
CRASH = [{"exit": 1}]
OPERATOR = ("--namespace", "machine-learning", "scale", "deployment/mlendpoints-operator")


@pytest.fixture(scope="module")
def place(make_namespace: MakeNamespace) -> Iterator[Namespace]:
    namespace = make_namespace()
    namespace.apply(an_echo("echo"), a_config("good", a_variant("blue", "echo")))
    yield namespace
    leave(namespace)


@pytest.fixture
def serving(place: Namespace, request: pytest.FixtureRequest) -> str:
    """An endpoint of the test's own, in service."""
    name = request.node.name.split("[")[0].replace("test_", "").replace("_", "-")[:40].strip("-")
    place.apply(an_endpoint(name, config="good", host=place.host(name), deadline=30))
    place.until_ready(name)
    return str(name)


def test_bad_responses(place: Namespace, serving: str, both: list[Gateway], quick: Prometheus) -> None:
    callers = Callers(both, place.host(serving))
    alerts = ("MLEndpointErrors", "MLEndpointBusy", "MLEndpointLatency", "MLEndpointSaturated")
    with callers.sending(BAD):
        for alert in alerts:
            until_firing(quick, alert, namespace=place.name, endpoint=serving)
    with callers.sending(GOOD):
        for alert in alerts:
            until_clear(quick, alert, namespace=place.name, endpoint=serving)


def test_an_update_that_fails(place: Namespace, serving: str, quick: Prometheus) -> None:
    of = {"namespace": place.name, "endpoint": serving}
    place.apply(an_echo("bad", first="sys.exit(1)"), a_config("bad", a_variant("blue", "bad")))
    place.edit(ENDPOINT, serving, {"config": "bad"})
    until_firing(quick, "MLEndpointUpdateStuck", **of)
    until_firing(quick, "MLEndpointUpdateFailed", **of)
    place.edit(ENDPOINT, serving, {"config": "good"})
    until_clear(quick, "MLEndpointUpdateStuck", **of)
    until_clear(quick, "MLEndpointUpdateFailed", **of)


def test_a_config_that_does_not_exist(place: Namespace, serving: str, quick: Prometheus) -> None:
    of = {"namespace": place.name, "endpoint": serving}
    place.edit(ENDPOINT, serving, {"config": "missing"})
    until_firing(quick, "MLEndpointNotReady", **of)
    place.edit(ENDPOINT, serving, {"config": "good"})
    until_clear(quick, "MLEndpointNotReady", **of)


def test_a_model_that_crashes(place: Namespace, serving: str, both: list[Gateway], quick: Prometheus) -> None:
    of = {"namespace": place.name, "endpoint": serving}
    callers = Callers(both, place.host(serving))
    with callers.sending(CRASH):
        until_firing(quick, "MLEndpointOutOfService", **of)
    until_clear(quick, "MLEndpointOutOfService", **of)


def test_an_mlmodel_whose_download_fails(namespace: Namespace, artifacts: str, storage: str, quick: Prometheus) -> None:
    model = a_titanic_mlmodel("titanic", "titanic-lr.tar.gz", artifacts=artifacts, storageClass=storage)
    right = model["spec"]["artifactDigest"]
    model["spec"]["artifactDigest"] = "sha256:" + "0" * 64
    namespace.apply(model)
    until_firing(quick, "MLModelFailed", namespace=namespace.name, mlmodel="titanic")
    namespace.edit(MLMODEL, "titanic", {"artifactDigest": right})
    until_clear(quick, "MLModelFailed", namespace=namespace.name, mlmodel="titanic")


def test_a_sink_that_does_not_exist(place: Namespace, both: list[Gateway], quick: Prometheus) -> None:
    of = {"namespace": place.name, "endpoint": "captured"}
    config = a_config("captured", a_variant("blue", "echo"))
    config["spec"]["capture"] = {"sink": f"http://nowhere.{place.name}.svc/"}
    place.apply(config, an_endpoint("captured", config="captured", host=place.host("captured")))
    place.until_ready("captured")
    with Callers(both, place.host("captured")).sending(GOOD):
        until_firing(quick, "MLCaptureSinkDown", **of)
        place.edit(ENDPOINT, "captured", {"config": "good"})
        until_clear(quick, "MLCaptureSinkDown", **of)


def test_no_operator(quick: Prometheus) -> None:
    with without_operator():
        until_firing(quick, "MLOperatorNoLeader")
    until_clear(quick, "MLOperatorNoLeader")


@contextmanager
def without_operator() -> Iterator[None]:
    kubectl(*OPERATOR, "--replicas=0")
    try:
        yield
    finally:
        kubectl(*OPERATOR, "--replicas=1")


def until_firing(quick: Prometheus, alert: str, **labels: str) -> None:
    wait_until(lambda: quick.firing(alert, **labels), f"{alert} fires for {labels}", pause=0.5)


def until_clear(quick: Prometheus, alert: str, **labels: str) -> None:
    wait_until(lambda: not quick.firing(alert, **labels), f"{alert} is clear for {labels}", pause=0.5)
