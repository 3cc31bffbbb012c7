"""What PodMonitors a stolen token of the operator may write: that of one endpoint or MLModel, which leaks nothing."""

from typing import Any

import pytest

from mlendpoints.api import labels
from mlendpoints.api.monitoring import SCRAPE, WHERE
from mlendpoints.core.manifests.monitoring import Root, make_monitoring_service, make_pod_monitor
from mlendpoints.edge.kube.kinds import POD_MONITOR, SERVICE
from tests.apiserver.api.objects import controlled, merged
from tests.apiserver.api.test_containment import MERGE, SAID
from tests.apiserver.conftest import MONITOR_LABELS
from tests.kit import builders
from tests.kit.sync_client import Object, SyncClient

ROOTS: dict[str, Root] = {"an endpoint": builders.an_endpoint(), "an MLModel": builders.an_mlmodel()}
pytestmark = pytest.mark.usefixtures("pod_monitors")


def placed(manifest: Object, namespace: str) -> Object:
    metadata = {"namespace": namespace, "ownerReferences": controlled()["ownerReferences"]}
    return manifest | {"metadata": manifest["metadata"] | metadata}


def a_monitor(namespace: str, root: Root = ROOTS["an endpoint"], **spec: Any) -> Object:  # noqa: ANN401 - any field
    """The one that the operator makes, with ``spec`` merged into its own."""
    made = placed(make_pod_monitor(root, builders.some_settings(pod_monitor_labels=MONITOR_LABELS)), namespace)
    return made | {"spec": merged(made["spec"], spec)}


def said(user: SyncClient, manifest: Object) -> str:
    kind = {"PodMonitor": POD_MONITOR, "Service": SERVICE}[manifest["kind"]]
    answer = user.ask("POST", f"{kind.path(manifest['metadata']['namespace'])}?dryRun=All", body=manifest)
    return "" if answer.is_success else str(answer.json()["message"])


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_it_writes_that_of_its_kinds_and_annotates_their_services(
    root: Root, operator: SyncClient, namespace: str
) -> None:
    assert said(operator, a_monitor(namespace, root)) == ""
    for scraped in (True, False):
        assert said(operator, placed(make_monitoring_service(root, scraped=scraped), namespace)) == ""


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": None},
        {"matchLabels": {labels.MANAGED_BY: None}},
        {"matchLabels": {labels.MANAGED_BY: "Helm"}},
        {"matchLabels": {labels.ENDPOINT: "other"}},
        {"matchLabels": {labels.ENDPOINT: None}},
        {"matchLabels": {labels.ENDPOINT: None, labels.MLMODEL: "titanic"}},
        {"matchLabels": {"version": "1"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    ],
    ids=str,
)
def test_it_selects_the_pods_of_its_endpoint(selector: Object, operator: SyncClient, namespace: str) -> None:
    told = said(operator, a_monitor(namespace, selector=selector))
    assert f"{SAID}writes PodMonitors for the pods of the endpoint or MLModel" in told


@pytest.mark.parametrize(
    "component", ["download", "model", None], ids=["pods that download", "pods of endpoints", "all pods"]
)
def test_of_an_mlmodel_it_selects_the_serving_pods(component: str | None, operator: SyncClient, namespace: str) -> None:
    monitor = a_monitor(namespace, ROOTS["an MLModel"], selector={"matchLabels": {labels.COMPONENT: component}})
    assert f"{SAID}writes PodMonitors for the pods of the endpoint or MLModel" in said(operator, monitor)


@pytest.mark.parametrize(
    "spec",
    [
        {"namespaceSelector": {"any": True}},
        {"jobLabel": "app"},
        {"sampleLimit": None},
        {"sampleLimit": 1000000},
        {"podTargetLabels": ["app"]},
        {"podMetricsEndpoints": None},
        {"podMetricsEndpoints": []},
        {"podMetricsEndpoints": [{"port": "metrics"}, {"port": "http"}]},
        *(
            {"podMetricsEndpoints": [{**change}]}
            for change in (
                {"port": "http"},
                {"port": None, "portNumber": 22},
                {"path": "/invocations"},
                {"path": None},
                {"honorLabels": True},
                {"proxyUrl": "http://thief.example.com"},
                {"params": {"a": ["b"]}},
                {"scheme": "https"},
                {"bearerTokenSecret": {"name": "token", "key": "token"}},
                {"authorization": {"credentials": {"name": "token", "key": "token"}}},
                {"relabelings": None},
                {"relabelings": [{"targetLabel": "__address__", "replacement": "thief.example.com"}]},
                {"metricRelabelings": [{"targetLabel": "namespace", "replacement": "other"}]},
            )
        ),
    ],
    ids=str,
)
def test_it_scrapes_the_metrics_and_sends_nothing(spec: Object, operator: SyncClient, namespace: str) -> None:
    assert f"{SAID}writes PodMonitors that scrape /metrics at the port metrics" in said(
        operator, a_monitor(namespace, **spec)
    )


@pytest.mark.parametrize("label", [{"release": "other"}, {"team": "a"}, {"team": ""}], ids=str)
def test_of_further_labels_it_writes_those_that_the_administrator_has_chosen(
    label: dict[str, str], operator: SyncClient, namespace: str
) -> None:
    monitor = a_monitor(namespace)
    monitor["metadata"] = monitor["metadata"] | {"labels": monitor["metadata"]["labels"] | label}
    assert f"{SAID}gives objects its own labels only" in said(operator, monitor)


def test_those_labels_are_for_pod_monitors_alone(operator: SyncClient, namespace: str) -> None:
    service = placed(make_monitoring_service(ROOTS["an endpoint"], scraped=True), namespace)
    service["metadata"] = service["metadata"] | {"labels": service["metadata"]["labels"] | MONITOR_LABELS}
    assert f"{SAID}gives objects its own labels only" in said(operator, service)


@pytest.mark.parametrize(
    "annotation",
    [
        {"prometheus.io/scrape": "slow"},
        {"prometheus.io/port": "8080"},
        {"prometheus.io/path": "/secret"},
        {"prometheus.io/scheme": "https"},
        {"prometheus.io/probe": "true"},
        {"prometheus.io/param_a": ""},
    ],
    ids=str,
)
def test_it_annotates_services_for_the_port_of_metrics_alone(
    annotation: dict[str, str], operator: SyncClient, namespace: str
) -> None:
    service = placed(make_monitoring_service(ROOTS["an endpoint"], scraped=False), namespace)
    service["metadata"] = service["metadata"] | {"annotations": {SCRAPE: "true", **WHERE} | annotation}
    assert f"{SAID}gives objects annotations of mlendpoints.dev/" in said(operator, service)


def test_it_annotates_nothing_but_services_for_prometheus(operator: SyncClient, namespace: str) -> None:
    monitor = a_monitor(namespace)
    monitor["metadata"] = monitor["metadata"] | {"annotations": {SCRAPE: "true", **WHERE}}
    assert f"{SAID}gives objects annotations of mlendpoints.dev/" in said(operator, monitor)


def test_it_leaves_those_of_others_alone(operator: SyncClient, server: SyncClient, namespace: str) -> None:
    theirs = a_monitor(namespace)
    theirs["metadata"] = {"name": "theirs", "namespace": namespace}
    server.ask("POST", POD_MONITOR.path(namespace), body=theirs).raise_for_status()

    patch = {"metadata": controlled()}
    path = POD_MONITOR.path(namespace, "theirs")
    assert operator.ask("PATCH", path, body=patch, headers=MERGE).status_code == 403
    assert operator.ask("DELETE", path).status_code == 403


def test_what_others_have_added_does_not_keep_it_from_repairing_its_own(
    operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    monitor = a_monitor(namespace)
    operator.ask("POST", POD_MONITOR.path(namespace), body=monitor).raise_for_status()
    path = POD_MONITOR.path(namespace, monitor["metadata"]["name"])
    server.ask("PATCH", path, body={"spec": {"targetLimit": 9}}, headers=MERGE).raise_for_status()

    headers = {"Content-Type": "application/apply-patch+yaml"}
    applied = operator.ask("PATCH", f"{path}?fieldManager=mlendpoints&force=true", body=monitor, headers=headers)
    assert applied.is_success, applied.text
