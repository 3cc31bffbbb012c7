"""What NetworkPolicies a stolen token of the operator may write: that of one endpoint, which opens nothing else."""

from typing import Any

import pytest

from mlendpoints.api import labels
from mlendpoints.core.manifests.networkpolicy import make_network_policy
from tests.apiserver.api.objects import controlled, merged
from tests.apiserver.api.test_containment import MERGE, SAID
from tests.kit import builders
from tests.kit.sync_client import Object, SyncClient

GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-ingress"}},
    "podSelector": {"matchLabels": {"istio": "ingressgateway"}},
}
READERS: tuple[Object, ...] = (
    {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
)
OTHERS: tuple[Object, ...] = (
    GATEWAY | {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}},
    GATEWAY | {"namespaceSelector": {}},
    GATEWAY | {"podSelector": {"matchLabels": {"app": "other"}}},
    GATEWAY | {"podSelector": {}},
    {"podSelector": GATEWAY["podSelector"]},
    {"namespaceSelector": GATEWAY["namespaceSelector"]},
    {"ipBlock": {"cidr": "0.0.0.0/0"}},
)


def folder(namespace: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"


def a_policy(namespace: str, **spec: Any) -> Object:  # noqa: ANN401 - any field
    """The one that the operator makes, with ``spec`` merged into its own."""
    made = make_network_policy(builders.an_endpoint(), builders.some_settings(metrics_from=READERS))
    metadata = made["metadata"] | {"namespace": namespace} | {"ownerReferences": controlled()["ownerReferences"]}
    return made | {"metadata": metadata, "spec": merged(made["spec"], spec)}


def said(user: SyncClient, policy: Object) -> str:
    path = f"{folder(policy['metadata']['namespace'])}?dryRun=All"
    answer = user.ask("POST", path, body=policy)
    return "" if answer.is_success else str(answer.json()["message"])


@pytest.mark.parametrize("readers", [(), READERS])
def test_it_writes_that_of_an_endpoint(readers: tuple[Object, ...], operator: SyncClient, namespace: str) -> None:
    made = make_network_policy(builders.an_endpoint(), builders.some_settings(metrics_from=readers))
    assert said(operator, a_policy(namespace) | {"spec": made["spec"]}) == ""


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": None},
        {"matchLabels": {labels.COMPONENT: None}},
        {"matchLabels": {labels.COMPONENT: "mlmodel"}},
        {"matchLabels": {labels.MANAGED_BY: "Helm"}},
        {"matchLabels": {labels.ENDPOINT: "other"}},
        {"matchLabels": {labels.ENDPOINT: None, "app": "titanic"}},
        {"matchLabels": {"version": "1"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    ],
    ids=str,
)
def test_it_selects_the_pods_of_its_endpoint(selector: Object, operator: SyncClient, namespace: str) -> None:
    told = said(operator, a_policy(namespace, podSelector=selector))
    assert f"{SAID}writes NetworkPolicies for the pods of the endpoint" in told


@pytest.mark.parametrize(
    "spec",
    [
        {"policyTypes": ["Egress"]},
        {"policyTypes": ["Ingress", "Egress"]},
        {"egress": [{}]},
        {"ingress": [{}]},
        {"ingress": [{"ports": None}]},
        {"ingress": [{"from": None}]},
        {"ingress": [{"from": []}]},
        {"ingress": [{"ports": [{"port": 8080}]}]},
        {"ingress": [{"ports": [{"port": "http"}]}]},
        {"ingress": [{"ports": [{"endPort": 9000}]}]},
        {"ingress": [{"ports": [{"port": 8088}, {"port": 8080}]}]},
        *({"ingress": [{"from": [GATEWAY, other]}]} for other in OTHERS),
    ],
    ids=str,
)
def test_it_opens_proxies_to_the_gateway_and_metrics_to_their_readers(
    spec: Object, operator: SyncClient, namespace: str
) -> None:
    policy = a_policy(namespace)
    changed = a_policy(namespace, **spec)
    if spec in ({"ingress": [{}]}, {"ingress": [{"from": []}]}):
        changed = policy | {"spec": policy["spec"] | spec}
    assert f"{SAID}writes NetworkPolicies that open port 8088" in said(operator, changed)


def test_it_leaves_those_of_others_alone(operator: SyncClient, server: SyncClient, namespace: str) -> None:
    theirs = a_policy(namespace)
    theirs["metadata"] = {"name": "theirs", "namespace": namespace}
    server.ask("POST", folder(namespace), body=theirs).raise_for_status()

    patch = {"metadata": controlled()}
    assert operator.ask("PATCH", f"{folder(namespace)}/theirs", body=patch, headers=MERGE).status_code == 403
    assert operator.ask("DELETE", f"{folder(namespace)}/theirs").status_code == 403
