"""What a Prometheus with the configuration of ``deploy/monitoring`` discovers of the operator's headless Services."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.monitoring import Root, make_monitoring_service, metrics_name
from tests.apiserver.conftest import ROOT
from tests.apiserver.manifests.objects import Objects, sent
from tests.kit import builders
from tests.kit.promtool import promtool, run_promtool

CONFIGURATION = ROOT / "deploy" / "monitoring" / "prometheus.yaml"
ROOTS: dict[str, Root] = {"an endpoint": builders.an_endpoint(), "an MLModel": builders.an_mlmodel()}
READY = {"ready": True, "serving": True, "terminating": False}
DRAINS = {"ready": False, "serving": True, "terminating": True}


@pytest.fixture(scope="module")
def tool() -> Sequence[str]:
    return promtool()


def a_pod(name: str) -> Manifest:
    """Like one of ours, with a port beside that of the metrics."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container = {
        "name": "nginx",
        "image": "nginx:1",
        "ports": [{"name": "http", "containerPort": 8088}, {"name": "metrics", "containerPort": 9090}],
        "securityContext": context | {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def a_slice(service: str, pods: dict[str, tuple[str, Manifest]]) -> Manifest:
    """As Kubernetes makes it of these pods: name -> address, conditions."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-abcde", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "metrics", "port": 9090, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}}
            for name, (address, conditions) in pods.items()
        ],
    }


def place(objects: Objects, root: Root, *, scraped: bool) -> None:
    """The headless Service, with a pod that serves and one that drains."""
    made = make_monitoring_service(root, scraped=scraped)
    metadata = made["metadata"] | {"namespace": objects.namespace}
    objects.create(sent(made | {"metadata": metadata}))
    pods = {"serves": ("10.9.0.1", READY), "drains": ("10.9.0.2", DRAINS)}
    for name in pods:
        objects.create(a_pod(name))
    found = a_slice(metrics_name(root), pods)
    for endpoint in found["endpoints"]:
        endpoint["targetRef"]["namespace"] = objects.namespace
    objects.create(found)


def targets(tool: Sequence[str], folder: Path, *, kubeconfig: Path, namespace: str) -> list[dict[str, str]]:
    """The labels of the targets of the job ``models``, asked as from outside of the cluster."""
    configuration: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    (job,) = (job for job in configuration["scrape_configs"] if job["job_name"] == "models")
    (discovery,) = job["kubernetes_sd_configs"]
    found = discovery | {"kubeconfig_file": str(kubeconfig), "namespaces": {"names": [namespace]}}
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump({"scrape_configs": [job | {"kubernetes_sd_configs": [found]}]}))
    code, said = run_promtool(tool, "check", "service-discovery", "--timeout=5s", path, "models")
    assert code == 0, said
    return [each["labels"] for each in json.loads(said[said.index("[") :]) if each.get("labels")]


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_every_pod_is_a_target_once_until_it_has_drained(
    objects: Objects, tool: Sequence[str], tmp_path: Path, kubeconfig: Path, root: Root
) -> None:
    place(objects, root, scraped=True)

    found = targets(tool, tmp_path, kubeconfig=kubeconfig, namespace=objects.namespace)

    assert sorted((each["__address__"], each["pod"]) for each in found) == [
        ("10.9.0.1:9090", "serves"),
        ("10.9.0.2:9090", "drains"),
    ]
    assert {each["namespace"] for each in found} == {objects.namespace}
    assert not {"endpoint", "variant", "model", "version"}.intersection(*found), "these come from the metrics"


def test_where_there_is_a_pod_monitor_nothing_is_discovered_by_services(
    objects: Objects, tool: Sequence[str], tmp_path: Path, kubeconfig: Path
) -> None:
    place(objects, ROOTS["an endpoint"], scraped=False)

    assert targets(tool, tmp_path, kubeconfig=kubeconfig, namespace=objects.namespace) == []
