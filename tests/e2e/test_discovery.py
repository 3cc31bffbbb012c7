"""Prometheus finds the pods of endpoints and MLModels by their headless Services, and their metrics name them."""

import re
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest

from mlendpoints.edge.kube.kinds import ENDPOINT, MLMODEL, POD, SERVICE, SLICE
from tests.e2e.conftest import OperatorOf
from tests.e2e.mlmodels import a_server_of_another_contract
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import OperatorProcess
from tests.kit.waiting import wait_until

URL = "https://grafana.example.org/d/mlendpoints-endpoint?var-namespace={namespace}&var-endpoint={name}"
SERVICES = {"shop-metrics": ("shop", "blue", "echo"), "single-monitor": ("single", "mlmodel", "single")}


@pytest.fixture
def operator(namespace: Namespace, operator_of: OperatorOf, is_local: bool) -> Iterator[OperatorProcess]:  # noqa: FBT001 (a fixture)
    """An operator of the namespace alone, where it has all rights; not started yet."""
    if not is_local:
        pytest.skip("scrapes the pods, which must be within reach")
    with operator_of(namespace) as operator:
        yield operator


def pods(namespace: Namespace) -> dict[str, int]:
    """Their uids, and how often their containers have started again."""
    return {
        pod["metadata"]["uid"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in namespace.all(POD)
    }


def annotation(namespace: Namespace, service: str, name: str) -> str:
    return str(namespace.get(SERVICE, service)["metadata"]["annotations"][f"prometheus.io/{name}"])


def addresses(namespace: Namespace, service: str) -> list[str]:
    slices = (each for each in namespace.all(SLICE) if each["metadata"]["labels"][_SERVICE] == service)
    return [address for each in slices for found in each.get("endpoints") or () for address in found["addresses"]]


_SERVICE = "kubernetes.io/service-name"


def test_the_pods_of_both_kinds_are_scraped_where_the_annotations_say(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    operator.start(monitoring_url=URL, pod_monitors="never")
    host = namespace.host("shop")
    namespace.apply(
        an_echo("echo"),
        a_config("cfg", a_variant("blue", "echo")),
        an_endpoint("shop", config="cfg", host=host),
        a_server_of_another_contract("single"),
    )
    namespace.until_ready("shop")
    namespace.until_condition("single", "Ready", "True", kind=MLMODEL)

    for service, (endpoint, variant, model) in SERVICES.items():
        assert annotation(namespace, service, "scrape") == "true"
        (address,) = wait_until(partial(addresses, namespace, service), f"{service} has an address")
        where = f"{address}:{annotation(namespace, service, 'port')}{annotation(namespace, service, 'path')}"
        text = httpx2.get(f"{annotation(namespace, service, 'scheme')}://{where}").text
        named = rf'mlendpoints_cpu_requested_cores{{endpoint="{endpoint}",variant="{variant}",model="{model}",version='
        assert re.search(named, text), text

    urls = {kind.name: namespace.get(kind, name)["status"]["monitoringUrl"] for kind, name in _ROOTS.items()}
    assert urls == {kind.name: URL.format(namespace=namespace.name, name=name) for kind, name in _ROOTS.items()}


_ROOTS = {ENDPOINT: "shop", MLMODEL: "single"}


def test_other_settings_restart_no_pods(operator: OperatorProcess, namespace: Namespace) -> None:
    operator.start(pod_monitors="never")
    namespace.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo")))
    namespace.apply(an_endpoint("shop", config="cfg", host=namespace.host("shop")))
    namespace.until_ready("shop")
    before = pods(namespace)

    operator.kill()
    operator.start(monitoring_url=URL, pod_monitors="auto", scrape_seconds="7")
    expected = URL.format(namespace=namespace.name, name="shop")
    wait_until(
        lambda: namespace.get(ENDPOINT, "shop")["status"]["monitoringUrl"] == expected, "the URL is the administrator's"
    )

    namespace.until_ready("shop")
    assert pods(namespace) == before
