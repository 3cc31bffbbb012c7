"""Alerts about the operator fire and clear on a live cluster, while it is gone, stopped or delayed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from hack import rules
from mlendpoints.edge.kube.kinds import ENDPOINT, POD, Kind
from tests.e2e.monitoring.prometheus import Prometheus, until_clear, until_firing
from tests.e2e.monitoring.servers import silent
from tests.e2e.namespace import Namespace, kubectl
from tests.e2e.node import held, node_address, process_of
from tests.e2e.objects import an_endpoint
from tests.kit.installed_operator import NAME, NAMESPACE
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

HERE = Path(__file__).parent
WEBHOOK = Kind(
    name="ValidatingWebhookConfiguration",
    api_version="admissionregistration.k8s.io/v1",
    plural="validatingwebhookconfigurations",
    namespaced=False,
)
MANY = 40  # endpoints: more than the operator reconciles at a time
BY_LIST = {"MLEndpointErrors", "MLEndpointBusy", "MLEndpointLatency", "MLEndpointSaturated"}  # of bad responses
NOT_LIVE = {
    "MLNamespaceThrottled": "neither sixteen callers who edited forty endpoints for a minute and a half, nor eight who "
    "edited a config of 400 endpoints 28 times a second, filled half of the operator's processor time; see "
    "tests/edge/test_worker.py and tests/monitoring",
}


def test_every_alert_but_those_that_no_test_can_bring_about_fires_and_clears_here() -> None:
    texts = "".join(path.read_text() for path in HERE.glob("test_*alerts.py"))
    declared = {rule["alert"] for rule in rules.declaration()["alerts"]}
    assert {alert for alert in declared if f'quick, "{alert}"' not in texts} - BY_LIST == NOT_LIVE.keys()


def test_no_operator(quick: Prometheus) -> None:
    with without_operator():
        until_firing(quick, "MLOperatorNoLeader")
    until_clear(quick, "MLOperatorNoLeader")


def test_an_operator_that_is_stopped_again_and_again(server: SyncClient, quick: Prometheus) -> None:
    with interrupted(the_operator(server), quick):
        until_firing(quick, "MLOperatorBlocked")
    until_clear(quick, "MLOperatorBlocked")


def test_admission_that_hangs_for_one_namespace(namespace: Namespace, quick: Prometheus) -> None:
    """Each write of a status waits for a webhook, and fails."""
    with silent(node_address(namespace.server)) as url, a_webhook(namespace, url):
        namespace.apply(*many_endpoints(namespace))
        until_firing(quick, "MLOperatorBehind")
        until_firing(quick, "MLOperatorErrors", result="error")
    until_clear(quick, "MLOperatorBehind")
    until_clear(quick, "MLOperatorErrors", result="error")


def many_endpoints(namespace: Namespace) -> list[Object]:
    """Their config does not exist: only their statuses are written."""
    names = (f"e{number}" for number in range(MANY))
    return [an_endpoint(name, config="missing", host=namespace.host(name)) for name in names]


@contextmanager
def without_operator() -> Iterator[None]:
    scale = ("--namespace", NAMESPACE, "scale", f"deployment/{NAME}")
    kubectl(*scale, "--replicas=0")
    try:
        yield
    finally:
        kubectl(*scale, "--replicas=1")


def the_operator(server: SyncClient) -> Object:
    """Its only pod."""

    def only() -> Object | None:
        pods = [each for each in Namespace(server, NAMESPACE).all(POD) if each["metadata"]["name"].startswith(NAME)]
        return pods[0] if len(pods) == 1 and pods[0]["status"].get("podIP") else None

    return wait_until(only, "one pod of the operator")


@contextmanager
def interrupted(pod: Object, prometheus: Prometheus) -> Iterator[None]:
    """Until the block ends, the pod's process is stopped until a scrape fails, and runs until one succeeds."""
    process, address = process_of(pod["metadata"]["uid"], "python3"), f"//{pod['status']['podIP']}:"
    ends = threading.Event()

    def is_up() -> bool:
        return any(address in url and state == "up" for url, state in prometheus.targets().items())

    def interrupt() -> None:
        while not ends.is_set():
            with held(process):
                wait_until(lambda: not is_up(), "the operator is not scraped")
            wait_until(is_up, "the operator is scraped")

    with ThreadPoolExecutor(1) as worker:
        working = worker.submit(interrupt)
        try:
            yield
        finally:
            ends.set()
        working.result()


@contextmanager
def a_webhook(namespace: Namespace, url: str) -> Iterator[None]:
    """One that statuses of endpoints wait for, in the namespace alone."""
    name, server = f"{namespace.name}.example.com", namespace.server
    only = {"operations": ["UPDATE"], "apiGroups": ["mlendpoints.dev"], "apiVersions": ["*"]}
    webhook = {
        "name": name,
        "clientConfig": {"url": url},
        "rules": [only | {"resources": [f"{ENDPOINT.plural}/status"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    body = {"metadata": {"name": name}, "webhooks": [webhook]}
    server.ask("POST", WEBHOOK.path(), body=body).raise_for_status()
    try:
        yield
    finally:
        server.ask("DELETE", WEBHOOK.path(name=name)).raise_for_status()
