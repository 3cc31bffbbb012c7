"""Alerts about endpoints, MLModels and captured traffic fire and clear on a live cluster."""

from collections.abc import Iterator

import pytest

from mlendpoints.edge.kube.kinds import ENDPOINT, MLMODEL
from tests.e2e.conftest import MakeNamespace, leave
from tests.e2e.gateway import Gateway
from tests.e2e.mlmodels import a_titanic_mlmodel
from tests.e2e.monitoring.callers import Callers
from tests.e2e.monitoring.prometheus import Prometheus, until_clear, until_firing
from tests.e2e.monitoring.servers import answering
from tests.e2e.namespace import Namespace
from tests.e2e.node import node_address
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint

GOOD = [{"seconds": 0}] * 16
BAD = [{"status": 503, "seconds": 1}] * 16
CRASH = [{"exit": 1}]


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
    capture(place, "captured", f"http://nowhere.{place.name}.svc/")
    with Callers(both, place.host("captured")).sending(GOOD):
        until_firing(quick, "MLCaptureSinkDown", **of)
        place.edit(ENDPOINT, "captured", {"config": "good"})
        until_clear(quick, "MLCaptureSinkDown", **of)


def test_a_sink_that_finds_all_records_too_large(place: Namespace, both: list[Gateway], quick: Prometheus) -> None:
    of = {"namespace": place.name, "endpoint": "lossy"}
    with answering(413, node_address(place.server)) as sink:
        capture(place, "lossy", sink)
        with Callers(both, place.host("lossy")).sending(GOOD):
            until_firing(quick, "MLCaptureIncomplete", **of)
        place.edit(ENDPOINT, "lossy", {"config": "good"})
        until_clear(quick, "MLCaptureIncomplete", **of)


def capture(place: Namespace, name: str, sink: str) -> None:
    """An endpoint whose requests are all captured for that sink, in service."""
    config = a_config(name, a_variant("blue", "echo"))
    config["spec"]["capture"] = {"sink": sink}
    place.apply(config, an_endpoint(name, config=name, host=place.host(name)))
    place.until_ready(name)
