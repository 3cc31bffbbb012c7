"""Prometheus finds the pods of an MLModel as it finds those of an endpoint."""

import string

from msgspec.structs import replace

from mlendpoints.api.patterns import LABEL
from mlendpoints.core.manifests.monitoring import metrics_name, pods_of
from mlendpoints.core.world import Ref, Rejection
from tests.kit import builders
from tests.simulation_mlmodel import Namespace
from tests.unit.core.manifests.mlmodels import made

SERVICE = Ref("Service", builders.NAMESPACE, "titanic-monitor")
MONITOR = Ref("PodMonitor", builders.NAMESPACE, "titanic-monitor")
URL = "https://grafana.example.org/d/a?var-namespace={namespace}&var-endpoint={name}"


def serving(*, installed: bool = False, **settings: object) -> Namespace:
    namespace = Namespace(builders.an_mlmodel(), builders.some_settings(**settings))
    namespace.installed = frozenset({"PodMonitor"} if installed else ())
    return namespace.settle()


def is_annotated(namespace: Namespace) -> bool:
    found = namespace.objects[SERVICE].manifest["metadata"]["annotations"]
    return bool(found["prometheus.io/scrape"] == "true")


def test_by_annotations_or_by_a_pod_monitor() -> None:
    without, monitored = serving(), serving(installed=True)

    assert (is_annotated(without), MONITOR in without.objects) == (True, False)
    assert (is_annotated(monitored), MONITOR in monitored.objects) == (False, True)


def test_it_switches_when_the_kind_comes_and_goes() -> None:
    namespace = serving()
    namespace.installed = frozenset({"PodMonitor"})
    namespace.settle()
    assert (is_annotated(namespace), MONITOR in namespace.objects) == (False, True)

    namespace.installed = frozenset()
    del namespace.objects[MONITOR]
    namespace.settle()
    assert is_annotated(namespace)


def test_pod_monitors_that_are_not_wanted_go_first() -> None:
    namespace = serving(installed=True)
    namespace.settings = replace(namespace.settings, pod_monitors="never")

    namespace.reconcile()
    assert (namespace.pruned, is_annotated(namespace)) == ([MONITOR], False)
    namespace.settle()
    assert is_annotated(namespace)


def test_serving_pods_of_all_versions_are_selected_and_none_that_download() -> None:
    model = builders.an_mlmodel()
    pods = {manifest["kind"]: manifest["spec"].get("template", {}).get("metadata") for manifest in made(model)}

    wanted = pods_of(model).items()
    assert wanted <= pods["Deployment"]["labels"].items()
    assert not wanted <= pods["Job"]["labels"].items()


def test_its_metrics_carry_its_name_as_endpoint_and_model_and_its_version() -> None:
    pod = {manifest["kind"]: manifest for manifest in made(builders.an_mlmodel())}["Deployment"]["spec"]["template"]
    (proxy,) = (container for container in pod["spec"]["containers"] if container["name"] == "nginx")
    env = {variable["name"]: variable["value"] for variable in proxy["env"]}

    assert (env["ENDPOINT"], env["VARIANT"], env["MODEL"]) == ("titanic", "mlmodel", "titanic")
    assert env["VERSION"] == pod["metadata"]["labels"]["mlendpoints.dev/version"]


def test_an_endpoint_of_the_same_name_has_objects_of_its_own() -> None:
    model, endpoint = builders.an_mlmodel(), builders.an_endpoint()

    assert model.metadata.name == endpoint.metadata.name
    assert metrics_name(model) != metrics_name(endpoint)


def test_what_cannot_be_written_for_prometheus_keeps_no_model_from_serving() -> None:
    namespace = Namespace(builders.an_mlmodel())
    namespace.installed = frozenset({"PodMonitor"})
    taken, quota = Rejection("NotOwned", "PodMonitor a exists."), Rejection("QuotaExceeded", "exceeded quota: few.")
    namespace.rejections = {MONITOR: taken, SERVICE: quota}
    namespace.settle()

    assert namespace.status.phase == "Ready"
    assert namespace.status.message == (
        "1 pod ready. There is no monitoringUrl: exceeded quota: few. It has no PodMonitor: PodMonitor a exists."
    )
    assert namespace.status.monitoring_url == ""


def test_the_monitoring_url_is_that_of_its_pods_or_the_administrators() -> None:
    assert serving().status.monitoring_url == "http://titanic-monitor.titanic.svc:9090/metrics"
    expected = "https://grafana.example.org/d/a?var-namespace=titanic&var-endpoint=titanic"
    assert serving(monitoring_url=URL).status.monitoring_url == expected


def test_names_need_no_escape_in_a_url() -> None:
    """By RFC 3986, these characters are unreserved; namespaces follow the same pattern."""
    assert set(LABEL) - set("[]()?*^$") <= set(string.ascii_lowercase + string.digits + "-")
