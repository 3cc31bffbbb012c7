"""MLModels are monitored as endpoints are: Prometheus finds their pods, counts by version, and alerts."""

from collections.abc import Iterator

import pytest

from mlendpoints.api.monitoring import SCRAPE
from mlendpoints.edge.kube.kinds import MLMODEL, POD, SERVICE
from tests.e2e.conftest import MakeNamespace
from tests.e2e.mlmodels import a_server_of_another_contract, until_phase
from tests.e2e.monitoring.callers import Callers, Service, exported, versions_of
from tests.e2e.monitoring.prometheus import Prometheus, until_clear, until_firing
from tests.e2e.namespace import Namespace
from tests.kit.waiting import wait_until

NAME = "single"
VARIANT = "mlmodel"  # what its pods call themselves
STATUSES = [{"status": code} for code in (*[200] * 15, 400, 429, 500, 500, 503)] * 20
BAD = [{"status": 503, "seconds": 1}] * 16
GOOD = [{"seconds": 0}] * 16


@pytest.fixture(scope="module")
def place(make_namespace: MakeNamespace, addon: Prometheus) -> Iterator[Namespace]:  # noqa: ARG001 - skips elsewhere
    namespace = make_namespace()
    namespace.apply(a_server_of_another_contract(NAME, replicas=2))
    until_phase(namespace, NAME, "Ready")
    yield namespace
    namespace.delete(MLMODEL, NAME)


@pytest.fixture
def callers(place: Namespace) -> Callers:
    return Callers([Service(place.get(SERVICE, NAME)["spec"]["clusterIP"])], f"{NAME}.{place.name}.svc")


def test_prometheus_finds_its_pods_by_the_annotations_of_its_service(place: Namespace, addon: Prometheus) -> None:
    assert place.get(SERVICE, f"{NAME}-monitor")["metadata"]["annotations"][SCRAPE] == "true"
    addresses = {pod["status"]["podIP"] for pod in place.all(POD)}
    urls = {f"http://{address}:9090/metrics" for address in addresses}
    wait_until(lambda: urls <= {url for url, state in addon.targets().items() if state == "up"}, "its pods are scraped")


def test_requests_are_counted_by_version_and_status_through_an_update(
    place: Namespace, callers: Callers, addon: Prometheus
) -> None:
    versions = versions_of(place)
    callers.send(STATUSES)
    first = callers.by_version(versions, variant=VARIANT)
    assert first.total() == len(STATUSES)
    wait_until(lambda: exported(place, NAME) == first, "pods count the same", last=lambda: exported(place, NAME))

    with callers.sending(STATUSES[:20]):
        place.edit(MLMODEL, NAME, {"env": [{"name": "ANSWER", "value": "new"}]})
        until_phase(place, NAME, "Ready")
        wait_until(lambda: len(place.all(POD)) == 2, "the previous pods are gone")
    versions |= versions_of(place)
    both = callers.by_version(versions, variant=VARIANT)
    assert {version for _, version, _ in both} == {versions[NAME], versions["new"]}
    wait_until(
        lambda: addon.counted(place.name, NAME) == both,
        "Prometheus counts the same",
        last=lambda: (addon.counted(place.name, NAME), both),
    )


def test_bad_responses_fire_the_alerts_of_endpoints(place: Namespace, callers: Callers, quick: Prometheus) -> None:
    alerts = ("MLEndpointErrors", "MLEndpointBusy", "MLEndpointLatency", "MLEndpointSaturated")
    of = {"namespace": place.name, "endpoint": NAME, "variant": VARIANT}
    with callers.sending(BAD):
        for alert in alerts:
            until_firing(quick, alert, **of)
    with callers.sending(GOOD):
        for alert in alerts:
            until_clear(quick, alert, **of)
