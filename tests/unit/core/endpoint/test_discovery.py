"""Prometheus finds the pods by a PodMonitor where that kind is installed, else by annotations, never by both."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.world import Ref, Rejection
from tests.kit import builders
from tests.simulation import Cluster

SERVICE = Ref("Service", builders.NAMESPACE, "titanic-metrics")
MONITOR = Ref("PodMonitor", builders.NAMESPACE, "titanic-metrics")
INSTALLED = frozenset({"PodMonitor"})
URL = "https://grafana.example.org/d/mlendpoints-endpoint?var-namespace={namespace}&var-endpoint={name}"


def a_cluster(installed: frozenset[str] = frozenset(), **chosen: object) -> Cluster:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(**chosen)
    cluster.installed = installed
    return cluster.settle()


def is_to_be_scraped(cluster: Cluster) -> bool:
    return bool(cluster.objects[SERVICE].manifest["metadata"]["annotations"]["prometheus.io/scrape"] == "true")


def scrape(cluster: Cluster) -> Manifest:
    (found,) = cluster.objects[MONITOR].manifest["spec"]["podMetricsEndpoints"]
    return dict(found)


def written(cluster: Cluster) -> list[Ref]:
    return [write.ref for write in cluster.writes if hasattr(write, "ref")]


def message(cluster: Cluster) -> str:
    return str(next(each.message for each in cluster.status.conditions if each.type == "Ready"))


def install(cluster: Cluster) -> None:
    cluster.installed = INSTALLED


def remove(cluster: Cluster) -> None:
    """The API server deletes the objects of a kind with it."""
    cluster.installed = frozenset()
    cluster.objects.pop(MONITOR, None)


def switch_on(cluster: Cluster) -> None:
    cluster.settings = replace(cluster.settings, pod_monitors="auto")


def switch_off(cluster: Cluster) -> None:
    cluster.settings = replace(cluster.settings, pod_monitors="never")


def lose(cluster: Cluster) -> None:
    cluster.objects.pop(MONITOR, None)


def test_without_the_kind_the_service_is_annotated() -> None:
    cluster = a_cluster()

    assert MONITOR not in cluster.objects
    assert {
        "prometheus.io/scrape": "true",
        "prometheus.io/scheme": "http",
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": "9090",
    }.items() <= cluster.objects[SERVICE].manifest["metadata"]["annotations"].items()


def test_with_the_kind_there_is_a_pod_monitor_and_the_service_is_not_scraped() -> None:
    cluster = a_cluster(INSTALLED)

    assert not is_to_be_scraped(cluster)
    selected = cluster.objects[MONITOR].manifest["spec"]["selector"]["matchLabels"]
    assert selected == {"mlendpoints.dev/endpoint": "titanic", "app.kubernetes.io/managed-by": "mlendpoints"}
    assert (scrape(cluster)["port"], scrape(cluster)["interval"]) == ("metrics", "5s")


def test_the_pod_monitor_is_written_last_since_its_api_may_be_broken() -> None:
    cluster = a_cluster(INSTALLED)
    lost = [ref for ref in cluster.objects if ref.kind in ("PodMonitor", "Service")]
    for ref in lost:
        del cluster.objects[ref]

    writes = [write.ref for write in plan_endpoint(cluster.world()).writes if hasattr(write, "ref")]
    assert sorted(writes) == sorted(lost)
    assert writes[-1] == MONITOR


def test_neither_costs_a_further_write_while_the_kind_is_absent() -> None:
    assert written(a_cluster()).count(SERVICE) == 1


@pytest.mark.parametrize(
    ("drain", "chosen", "interval"),
    [(15, None, "5s"), (600, None, "30s"), (2, None, "1s"), (0, None, "1s"), (15, 7, "7s")],
)
def test_a_pod_that_drains_is_scraped_several_times(drain: int, chosen: int | None, interval: str) -> None:
    assert scrape(a_cluster(INSTALLED, drain_seconds=drain, scrape_seconds=chosen))["interval"] == interval


def test_labels_for_the_selector_of_prometheus_replace_none_of_the_operators() -> None:
    cluster = a_cluster(INSTALLED, pod_monitor_labels={"release": "prometheus", "mlendpoints.dev/endpoint": "other"})

    found = cluster.objects[MONITOR].manifest["metadata"]["labels"]
    assert (found["release"], found["mlendpoints.dev/endpoint"]) == ("prometheus", "titanic")


def test_the_name_of_the_endpoint_stays_in_the_metrics_and_no_pod_chooses_its_namespace() -> None:
    found = scrape(a_cluster(INSTALLED))

    assert found["relabelings"] == [{"action": "labeldrop", "regex": "endpoint"}]
    assert "honorLabels" not in found


def test_when_the_kind_is_installed_annotations_go_before_there_is_a_pod_monitor() -> None:
    cluster = a_cluster()
    cluster.writes.clear()
    install(cluster)
    cluster.settle()

    assert written(cluster) == [SERVICE, MONITOR]
    assert not is_to_be_scraped(cluster)


def test_when_the_kind_is_removed_the_annotations_return_and_nothing_else_changes() -> None:
    cluster = a_cluster(INSTALLED)
    cluster.writes.clear()
    remove(cluster)
    cluster.settle()

    assert written(cluster) == [SERVICE]
    assert is_to_be_scraped(cluster)
    assert cluster.pruned == []


def test_when_they_are_not_wanted_pod_monitors_go_before_there_are_annotations() -> None:
    cluster = a_cluster(INSTALLED)
    switch_off(cluster)

    cluster.reconcile()
    assert (cluster.pruned, is_to_be_scraped(cluster)) == ([MONITOR], False)
    cluster.settle()
    assert MONITOR not in cluster.objects
    assert is_to_be_scraped(cluster)


def test_pod_monitors_go_without_any_proof_of_routes() -> None:
    cluster = a_cluster(INSTALLED)
    cluster.deaf = {pod.name for pod in cluster.gateways}
    cluster.edit_config(builders.a_config(builders.a_variant("green", "titanic-rfc")))
    cluster.settle()
    switch_off(cluster)
    cluster.settle()

    assert MONITOR not in cluster.objects


@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(st.sampled_from([install, remove, switch_on, switch_off, lose]), max_size=6),
    looks=st.lists(st.integers(0, 2), min_size=6, max_size=6),
)
def test_it_is_never_both_and_in_the_end_one(changes: list[Callable[[Cluster], None]], looks: list[int]) -> None:
    def watch(cluster: Cluster) -> None:
        assert not (MONITOR in cluster.objects and is_to_be_scraped(cluster))

    cluster = a_cluster()
    for change, times in zip(changes, looks, strict=False):
        change(cluster)
        for _ in range(times):
            cluster.reconcile()
            watch(cluster)
    cluster.settle(watch)

    assert (MONITOR in cluster.objects) is (cluster.settings.pod_monitors == "auto" and bool(cluster.installed))
    assert (MONITOR in cluster.objects) is not is_to_be_scraped(cluster)
    assert not cluster.reconcile()


def test_a_pod_monitor_that_cannot_be_written_keeps_no_endpoint_from_serving() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.installed = INSTALLED
    cluster.rejecting = {MONITOR: Rejection("NotOwned", "PodMonitor titanic-metrics already exists.")}
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert message(cluster).endswith(" It has no PodMonitor: PodMonitor titanic-metrics already exists.")
    assert cluster.status.monitoring_url == "http://titanic-metrics.titanic.svc:9090/metrics"


def test_the_monitoring_url_is_the_administrators() -> None:
    expected = "https://grafana.example.org/d/mlendpoints-endpoint?var-namespace=titanic&var-endpoint=titanic"
    assert a_cluster(monitoring_url=URL).status.monitoring_url == expected


def test_a_page_elsewhere_does_not_depend_on_the_service() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(monitoring_url=URL)
    cluster.rejecting = {SERVICE: Rejection("QuotaExceeded", "exceeded quota: services.")}
    cluster.settle()

    assert cluster.status.monitoring_url.startswith("https://grafana.example.org/")
    assert message(cluster).endswith(" Its metrics have no Service: exceeded quota: services.")


def test_another_monitoring_url_writes_nothing_but_statuses_which_can_wait() -> None:
    cluster = a_cluster()
    cluster.writes.clear()
    cluster.settings = replace(cluster.settings, monitoring_url=URL)
    cluster.reconcile()

    assert cluster.plan.deferrable
    cluster.settle()
    assert written(cluster) == []
