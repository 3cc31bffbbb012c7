"""What the wheel installs is what Helm renders of the chart."""

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hack.programs import search_path
from hack.release import make_variables
from mlendpoints.client.errors import ConfigurationError
from mlendpoints.client.release.contents import read_release
from mlendpoints.client.release.rendering import GIVEN, make_objects, supported
from mlendpoints.client.release.resources import BY_NAME, ref_of
from mlendpoints.client.release.values import overlaid, parse_assignments
from mlendpoints.core.world import Ref
from tests.chart.rendering import rendered

REGISTRY = {"images": {"registry": "registry.example.com/team"}}
MANAGED_BY, KEPT = "app.kubernetes.io/managed-by", "helm.sh/resource-policy"
RESOURCES = {"requests": {"cpu": "20m"}, "limits": {"memory": "1Gi"}}
VALUES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "images": {"images": {"tag": "1.2.3", "pullPolicy": "Always", "pullSecrets": ["one", "two"]}},
    "sidecars": {
        "nginx": {"resources": RESOURCES},
        "modelInit": {"resources": RESOURCES},
        "recorder": {"image": "registry.example.com/recorder:1"},
        "fluentBit": {"image": "registry.example.com/fluent-bit:5", "resources": RESOURCES},
    },
    "process": {"replicas": 2, "workers": 3, "logLevel": "debug"},
    "gateway": {
        "gateway": {
            "service": "istio-system/gateway",
            "selector": {"istio": "gateway", "a": "<b>"},
            "httpPort": 8080,
            "httpsPort": 8443,
            "urlPort": 30080,
            "domain": "ml.example.com",
            "hosts": [{"namespaces": ["shop"], "suffixes": ["shop.example.com"]}],
            "hostGraceSeconds": 0,
            "retryAttempts": 0,
        }
    },
    "tls": {"tlsCredentials": {"b.example.com": "two", "a.example.com": "one", "c.example.com": "two"}},
    "proof": {"proof": {"mode": "timed", "seconds": 20}, "drainSeconds": 30},
    "fetch": {
        "fetch": {
            "allowedAddresses": ["10.0.0.1", "127.0.0.0/8"],
            "httpProxy": "http://proxy.example.com:3128",
            "httpsProxy": "http://proxy.example.com:3129",
            "noProxy": ".svc,.example.com",
            "caConfigMap": "authorities",
        }
    },
    "policy": {"admissionPolicy": {"closedNamespaces": ["kube-system"], "allowedMetadata": []}},
    "metrics": {"networkPolicy": {"metricsFrom": []}},
    "monitoring": {
        "monitoring": {
            "url": "https://grafana.example.org/{namespace}/{name}",
            "podMonitors": "never",
            "podMonitorLabels": {"release": "prometheus"},
            "scrapeSeconds": 5,
        }
    },
    "pod": {
        "resources": {"requests": {"cpu": "1"}},
        "podAnnotations": {"example.com/a": "1"},
        "podLabels": {"team": "ml"},
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    },
}


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{os.environ['PATH']}{os.pathsep}{search_path()}"
    if shutil.which("helm", path=path) is None:
        pytest.skip("helm is not installed: the wheel's objects are not compared with what it renders")
    monkeypatch.setenv("PATH", path)


def comparable(objects: Sequence[Mapping[str, Any]]) -> dict[Ref, Mapping[str, Any]]:
    """By kind, namespace and name, without what says who has installed it."""
    found = {}
    for obj in objects:
        template = obj["spec"]["template"]["metadata"] if obj["kind"] == "Deployment" else {}
        for metadata in (obj["metadata"], template):
            metadata.get("labels", {}).pop(MANAGED_BY, None)
            kept = metadata.get("annotations") or {}
            annotations = {key: value for key, value in kept.items() if key not in (GIVEN, KEPT)}
            metadata.pop("annotations", None)
            if annotations:
                metadata["annotations"] = annotations
        found[ref_of(dict(obj))] = obj
    return found


@pytest.mark.parametrize("namespace", ["machine-learning", "elsewhere"])
@pytest.mark.parametrize("name", VALUES)
def test_the_objects_are_those_that_helm_renders(helm: None, name: str, namespace: str) -> None:
    assert helm is None
    ours = [
        obj
        for obj in make_objects(read_release(), overlaid(REGISTRY, VALUES[name]), namespace)
        if obj["kind"] != "Namespace"
    ]
    assert comparable(ours) == comparable(rendered(namespace=namespace, **overlaid(REGISTRY, VALUES[name])))


def test_every_supported_value_is_compared_with_helm() -> None:
    assert set(supported(read_release())) <= {path for values in VALUES.values() for path in paths(values)} | {
        "images.registry"
    }


def paths(values: Mapping[str, Any], above: str = "") -> set[str]:
    """Of all values and of the maps above them."""
    below = (paths(value, f"{above}{key}.") for key, value in values.items() if isinstance(value, Mapping))
    return {f"{above}{key}" for key in values}.union(*below)


def test_each_object_has_a_kind_that_is_installed_and_pruned() -> None:
    assert {obj["kind"] for obj in read_release().objects} <= set(BY_NAME)


def test_crds_come_first_and_the_operator_last() -> None:
    kinds = [obj["kind"] for obj in make_objects(read_release(), REGISTRY, "x")]
    assert kinds[0] == "Namespace"
    assert set(kinds[1:5]) == {"CustomResourceDefinition"}
    assert kinds[-1] == "Deployment"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("watchNamespaces={a}", "watchNamespaces is for Helm only"),
        ("rbac.create=false", "rbac.create is for Helm only"),
        ("networkPolicy.models=write", "networkPolicy.models is for Helm only"),
        ("replica=2", "The chart has no value replica. Did you mean replicas?"),
        ("gateway.domian=x", "Did you mean gateway.domain?"),
        ("replicas=two", "replicas is a number, not 'two'"),
        ("tlsCredentials=x", "tlsCredentials is a map"),
        ("workers=0", "MLENDPOINTS_WORKERS"),
        ("logLevel=loud", "MLENDPOINTS_LOG_LEVEL"),
        ("replicas", "Write KEY=VALUE"),
        ("a..b=1", "Write KEY=VALUE"),
        ("a={b", "Write KEY=VALUE"),
    ],
)
def test_values_that_are_wrong_are_rejected_before_anything_is_sent(assignment: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        make_objects(read_release(), overlaid(REGISTRY, parse_assignments([assignment])), "x")
    assert said in str(error.value)


def test_the_registry_has_to_be_named() -> None:
    with pytest.raises(ConfigurationError, match=r"Name the registry of the images: --set images\.registry="):
        make_objects(read_release(), {}, "x")


def test_a_default_of_a_value_that_needs_helm_may_be_repeated() -> None:
    assert make_objects(read_release(), overlaid(REGISTRY, {"watchNamespaces": []}), "x")


def test_a_form_of_a_variable_that_is_not_known_fails_the_generation() -> None:
    with pytest.raises(ValueError, match=r"MLENDPOINTS_X: hack/release\.py does not know this form: upper"):
        list(make_variables("- {name: MLENDPOINTS_X, value: {{ upper .Values.x }}}"))
