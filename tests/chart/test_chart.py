"""The chart: what it grants, what it refuses, and that the operator understands what it sets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hack import render
from mlendpoints.api.containment import make_policies
from mlendpoints.core.world import HostGrant
from mlendpoints.edge.settings import PREFIX, Settings, read_settings
from tests.chart.rendering import helm_template, of_kind, operator_environment, operator_rules, rendered


def test_install_yaml_and_kustomize_base_are_what_the_chart_renders() -> None:
    files: Mapping[Path, str] = render.rendered("registry.example.com/mlendpoints", "0.1.0")
    assert {path: path.read_text() for path in files} == files


def test_the_operator_reads_no_secret_and_no_rule_has_a_wildcard() -> None:
    manifests = rendered(allowedPathPrefixes=["/mnt/models"])
    rules = [*operator_rules(manifests, "ClusterRole"), *operator_rules(manifests, "Role")]
    granted = {word for rule in rules for part in ("apiGroups", "resources", "verbs") for word in rule[part]}
    assert granted.isdisjoint({"*", "secrets", "configmaps", "pods/exec", "escalate", "bind", "impersonate"})


def test_the_operator_is_granted_just_what_it_does() -> None:
    """What it makes it creates, reads when the name is taken, changes and deletes; of all else it reads lists."""
    granted: dict[str, set[str]] = {}
    manifests = rendered(allowedPathPrefixes=["/mnt/models"], networkPolicy={"models": "write"})
    for rule in operator_rules(manifests, "ClusterRole"):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault(f"{resource}.{group}".rstrip("."), set()).update(rule["verbs"])
    makes = {"get", "list", "watch", "create", "patch", "delete"}
    own, istio = "mlendpoints.dev", "networking.istio.io"
    statuses = ("machinelearningendpoints", "machinelearningendpointconfigs", "machinelearningmodels", "mlmodels")
    assert granted == {
        f"machinelearningendpoints.{own}": {"list", "watch", "patch"},
        f"mlmodels.{own}": {"list", "watch"},
        **{f"{kind}/status.{own}": {"patch"} for kind in statuses},
        **{f"{kind}/finalizers.{own}": {"update"} for kind in statuses if not kind.endswith("configs")},
        **{f"{kind}.{own}": makes for kind in statuses[1:3]},
        **{f"{kind}.{istio}": makes for kind in ("virtualservices", "gateways", "destinationrules")},
        **dict.fromkeys(("services", "persistentvolumeclaims", "persistentvolumes", "jobs.batch"), makes),
        "deployments.apps": makes | {"update"},
        "networkpolicies.networking.k8s.io": makes,
        "podmonitors.monitoring.coreos.com": makes,
        "pods": {"list", "watch"},
        "endpointslices.discovery.k8s.io": {"list", "watch"},
        "events": {"list"},
        "events.events.k8s.io": {"create"},
    }


def test_only_monitoring_and_its_node_reach_the_operator() -> None:
    (policy,) = of_kind(rendered(), "NetworkPolicy")
    (deployment,) = of_kind(rendered(), "Deployment")
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert policy["spec"] == {
        "podSelector": deployment["spec"]["selector"],
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [monitoring], "ports": [{"protocol": "TCP", "port": "http"}]}],
    }
    (nobody,) = of_kind(rendered(networkPolicy={"metricsFrom": []}), "NetworkPolicy")
    assert nobody["spec"]["ingress"] == []
    assert list(of_kind(rendered(networkPolicy={"enabled": False}), "NetworkPolicy")) == []


@pytest.mark.parametrize(("models", "reaches"), [("ignore", False), ("write", True), ("remove", True)])
def test_network_policies_are_out_of_reach_unless_they_are_the_operators(models: str, *, reaches: bool) -> None:
    manifests = rendered(networkPolicy={"models": models})
    rules = operator_rules(manifests, "ClusterRole")
    assert any("networkpolicies" in rule["resources"] for rule in rules) == reaches
    role, *_ = of_kind(rendered(networkPolicy={"models": models}, watchNamespaces=["team-a"]), "Role")
    assert role["rules"] == rules


def test_volumes_are_out_of_reach_unless_node_directories_are_allowed() -> None:
    def reaches_volumes(prefixes: list[str]) -> bool:
        rules = operator_rules(rendered(allowedPathPrefixes=prefixes), "ClusterRole")
        return any("persistentvolumes" in rule["resources"] for rule in rules)

    assert (reaches_volumes([]), reaches_volumes(["/mnt/models"])) == (False, True)


def test_an_operator_of_some_namespaces_has_no_rights_in_others() -> None:
    manifests = rendered(watchNamespaces=["team-a", "team-b"])
    roles = list(of_kind(manifests, "Role"))
    assert operator_rules(manifests, "ClusterRole") == []
    assert {role["metadata"]["namespace"] for role in roles} == {
        "team-a",
        "team-b",
        "istio-ingress",
        "machine-learning",
    }
    assert list(of_kind(manifests, "ClusterRoleBinding")) == []


def test_a_role_in_a_namespace_grants_what_the_cluster_role_grants() -> None:
    role, *_ = of_kind(rendered(watchNamespaces=["team-a"]), "Role")
    assert role["rules"] == operator_rules(rendered(), "ClusterRole")


def policy_of(name: str, **values: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as in YAML
    """The spec of one of the chart's policies."""
    (found,) = (
        policy["spec"]
        for policy in of_kind(rendered(**values), "ValidatingAdmissionPolicy")
        if policy["metadata"]["name"] == f"{name}.mlendpoints.dev"
    )
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "relation"), [("instances", "!="), ("operator", "==")])
def test_the_policies_name_the_service_account_of_the_release(name: str, relation: str) -> None:
    policy = policy_of(name, namespace="elsewhere", serviceAccount={"name": "somebody"})
    conditions = [condition["expression"] for condition in policy["matchConditions"]]
    assert f"request.userInfo.username {relation} 'system:serviceaccount:elsewhere:somebody'" in conditions


def test_the_operators_policy_knows_what_the_chart_has_chosen() -> None:
    def variables(**values: Any) -> Mapping[str, str]:  # noqa: ANN401 - as in YAML
        return {each["name"]: each["expression"] for each in policy_of("operator", **values)["variables"]}

    chosen = variables(
        gateway={
            "service": "edge/gate",
            "selector": {"app": "gate", "team": "a"},
            "httpPort": 8080,
            "httpsPort": 8443,
        },
        recorder={"image": "localhost:5000/recorder:1"},
        tlsCredentials={"example.com": "example-com-tls", "a.example.com": "a-tls", "b.example.com": "a-tls"},
        allowedPathPrefixes=["/mnt/models/", "team-a=/srv"],
        admissionPolicy={"closedNamespaces": ["kube-system", "platform"], "allowedMetadata": ["team", "a.com/b"]},
        monitoring={"podMonitorLabels": {"release": "prometheus"}},
    )
    assert chosen["closed"] == '["kube-system","platform","edge"]'
    assert chosen["prefixes"] == '["/mnt/models","/srv"]'
    assert (chosen["gateway"], chosen["selector"]) == ('"edge"', '{"app":"gate","team":"a"}')
    assert chosen["listeners"] == '["8080/","8443/a-tls","8443/example-com-tls"]'
    assert chosen["added"] == '["team","a.com/b"]'
    assert chosen["monitorLabels"] == '{"release":"prometheus"}'
    assert variables()["prefixes"] == "[]"


def test_without_choices_the_operators_policy_is_the_generated_one() -> None:
    policy, _ = make_policies()
    chosen = {each["name"]: each["expression"] for each in policy_of("operator")["variables"]}
    generated = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
    put = ("closed", "added", "prefixes", "gateway", "selector", "listeners", "monitorLabels")
    lists = {name: json.loads(chosen.pop(name)) for name in put}
    assert lists == {name: json.loads(generated.pop(name).replace("'", '"')) for name in lists}
    assert chosen == generated


def test_without_admission_policies_the_chart_has_none() -> None:
    manifests = rendered(admissionPolicy={"create": False})
    assert not [each for each in manifests if each["kind"].startswith("ValidatingAdmissionPolicy")]


def test_the_operators_policy_looks_at_all_that_its_roles_let_it_write() -> None:
    roles = rendered(allowedPathPrefixes=["/mnt/models"], networkPolicy={"models": "write"})
    rules = [*operator_rules(roles, "ClusterRole"), *operator_rules(roles, "Role")]
    writes = {"create", "update", "patch", "delete"}
    granted = {
        (group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if writes.intersection(rule["verbs"]) and "/" not in resource
    }
    looked_at = {
        (group, resource)
        for rule in policy_of("operator")["matchConstraints"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert granted == looked_at


def test_every_variable_that_the_chart_sets_is_a_setting() -> None:
    manifests = rendered(gateway={"urlPort": 8443})
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__}
    assert set(operator_environment(manifests)) <= known


def test_the_operator_understands_the_defaults_of_the_chart() -> None:
    images = {
        name: f"registry.example.com/team/{name.replace('_', '-')}:0.1.0" for name in ("model_init", "nginx", "shipper")
    }
    expected = Settings(
        model_init_image=images["model_init"], nginx_image=images["nginx"], shipper_image=images["shipper"]
    )
    assert read_settings(operator_environment(rendered())) == expected


def test_the_operator_understands_every_value_of_the_chart() -> None:
    manifests = rendered(
        namespace="elsewhere",
        images={"registry": "localhost:5000", "tag": "v1", "pullPolicy": "Never"},
        gateway={
            "service": "istio-system/gate",
            "selector": {"app": "gate", "team": "a"},
            "domain": "ml.example.com",
            "hosts": [{"namespaces": ["team-a"], "suffixes": ["a.example.com", "*"]}],
            "hostGraceSeconds": 5,
            "httpPort": 8080,
            "httpsPort": 8443,
            "urlPort": 9443,
            "retryAttempts": 0,
        },
        nginx={"resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}}},
        modelInit={"resources": {"limits": {"memory": "512Mi"}}},
        fluentBit={"image": "localhost:5000/fluent-bit:5@sha256:0", "resources": {"limits": {"memory": "256Mi"}}},
        tlsCredentials={"example.com": "example-com-tls", "a.example.com": "a-tls"},
        proof={"mode": "timed", "seconds": 3.5},
        drainSeconds=0,
        allowedPathPrefixes=["/mnt/models", "team-a=/srv"],
        networkPolicy={"models": "write", "metricsFrom": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        monitoring={
            "url": "https://grafana.example.org/d/a?var-namespace={namespace}&var-endpoint={name}",
            "podMonitors": "never",
            "podMonitorLabels": {"release": "prometheus"},
            "scrapeSeconds": 7,
        },
        fetch={
            "allowedAddresses": ["169.254.20.10/32", "fd00::/8"],
            "httpProxy": "http://proxy:3128",
            "httpsProxy": "http://proxy:3129",
            "noProxy": ".svc,.example.com",
            "caConfigMap": "authorities",
        },
        watchNamespaces=["team-a", "team-b"],
        workers=4,
        logLevel="debug",
    )
    assert read_settings(operator_environment(manifests)) == Settings(
        model_init_image="localhost:5000/model-init:v1",
        nginx_image="localhost:5000/nginx:v1",
        shipper_image="localhost:5000/shipper:v1",
        image_pull_policy="Never",
        gateway_service="istio-system/gate",
        gateway_selector={"app": "gate", "team": "a"},
        gateway_domain="ml.example.com",
        gateway_hosts=(HostGrant(namespaces=("team-a",), suffixes=("a.example.com", "*")),),
        host_grace_seconds=5,
        http_port=8080,
        https_port=8443,
        url_port=9443,
        retry_attempts=0,
        nginx_resources={"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}},
        model_init_resources={"limits": {"memory": "512Mi"}},
        fluent_bit_image="localhost:5000/fluent-bit:5@sha256:0",
        fluent_bit_resources={"limits": {"memory": "256Mi"}},
        tls_credentials={"example.com": "example-com-tls", "a.example.com": "a-tls"},
        proof="timed",
        proof_seconds=3.5,
        drain_seconds=0,
        allowed_path_prefixes=("/mnt/models", "team-a=/srv"),
        network_policies="write",
        metrics_from=({"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}),
        monitoring_url="https://grafana.example.org/d/a?var-namespace={namespace}&var-endpoint={name}",
        pod_monitors="never",
        pod_monitor_labels={"release": "prometheus"},
        scrape_seconds=7,
        fetch_allowed_addresses=("169.254.20.10/32", "fd00::/8"),
        fetch_http_proxy="http://proxy:3128",
        fetch_https_proxy="http://proxy:3129",
        fetch_no_proxy=".svc,.example.com",
        fetch_ca_config_map="authorities",
        namespaces=("team-a", "team-b"),
        lease_namespace="elsewhere",
        workers=4,
        log_level="debug",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "images.registry is required"),
        ({"image": {}}, "additional properties 'image' not allowed"),
        ({"images": {"registry": "https://registry.example.com"}}, "/images/registry"),
        ({"gateway": {"service": "istio-ingressgateway"}}, "/gateway/service"),
        ({"gateway": {"selector": "istio=ingressgateway"}}, "/gateway/selector"),
        ({"gateway": {"httpPort": 0}}, "/gateway/httpPort"),
        ({"gateway": {"domain": "*.example.com"}}, "/gateway/domain"),
        ({"gateway": {"hosts": [{"namespaces": ["shop"]}]}}, "/gateway/hosts/0"),
        ({"gateway": {"hosts": [{"namespaces": ["shop"], "suffixes": ["*.a.com"]}]}}, "/gateway/hosts/0/suffixes/0"),
        ({"tlsCredentials": {"example": {"com": "tls"}}}, "/tlsCredentials/example"),
        ({"tlsCredentials": {"example.com": "a'b"}}, "/tlsCredentials/example.com"),
        ({"proof": {"mode": "hoped"}}, "/proof/mode"),
        ({"drainSeconds": 601}, "/drainSeconds"),
        ({"allowedPathPrefixes": ["mnt"]}, "/allowedPathPrefixes/0"),
        ({"allowedPathPrefixes": ["/"]}, "/allowedPathPrefixes/0"),
        ({"allowedPathPrefixes": ["Team=/mnt"]}, "/allowedPathPrefixes/0"),
        ({"fetch": {"allowedAddresses": ["store.example.com"]}}, "/fetch/allowedAddresses/0"),
        ({"fetch": {"httpsProxy": "https://proxy"}}, "/fetch/httpsProxy"),
        ({"watchNamespaces": "team-a"}, "/watchNamespaces"),
        ({"admissionPolicy": {"closedNamespaces": ["platform"]}}, "/admissionPolicy/closedNamespaces"),
        ({"admissionPolicy": {"allowedMetadata": ["a'b"]}}, "/admissionPolicy/allowedMetadata/0"),
        ({"networkPolicy": {"models": True}}, "/networkPolicy/models"),
        ({"monitoring": {"podMonitors": False}}, "/monitoring/podMonitors"),
        ({"monitoring": {"url": "https://example.org/{endpoint}"}}, "/monitoring/url"),
        ({"monitoring": {"url": "grafana.example.org"}}, "/monitoring/url"),
        ({"monitoring": {"podMonitorLabels": {"app.kubernetes.io/name": "a"}}}, "invalid propertyName"),
        ({"monitoring": {"podMonitorLabels": {"a": "b'c"}}}, "/monitoring/podMonitorLabels/a"),
        ({"monitoring": {"scrapeSeconds": 0}}, "/monitoring/scrapeSeconds"),
        ({"replicas": 3}, "/replicas"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: Mapping[str, Any], message: str) -> None:
    done = helm_template(values)
    assert done.returncode != 0
    assert message in done.stderr
