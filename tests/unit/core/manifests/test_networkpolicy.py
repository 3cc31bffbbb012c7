import pytest

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.manifests.networkpolicy import make_network_policy
from tests.kit import builders
from tests.unit.core.manifests.made import CASES, made, requested

PROMETHEUS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
    "podSelector": {"matchLabels": {"app": "gate"}},
}


def a_policy(**settings: object) -> Manifest:
    chosen = builders.some_settings(gateway_service="edge/gate", gateway_selector={"app": "gate"}, **settings)
    return make_network_policy(builders.an_endpoint(), chosen)


def test_only_the_gateway_reaches_the_proxies_and_only_monitoring_the_metrics() -> None:
    assert a_policy(metrics_from=(PROMETHEUS,))["spec"]["ingress"] == [
        {"from": [GATEWAY], "ports": [{"protocol": "TCP", "port": 8088}]},
        {"from": [PROMETHEUS], "ports": [{"protocol": "TCP", "port": 9090}]},
    ]


def test_without_readers_nobody_reaches_the_metrics() -> None:
    """A rule without peers would open the port to everybody."""
    assert [rule["from"] for rule in a_policy()["spec"]["ingress"]] == [[GATEWAY]]


def test_what_pods_reach_is_left_to_others() -> None:
    assert a_policy()["spec"]["policyTypes"] == ["Ingress"]


def test_it_is_the_endpoints_beside_its_other_objects() -> None:
    metadata = a_policy()["metadata"]
    assert metadata["name"] == "titanic-models"
    assert metadata["labels"] == gen_gateway()["metadata"]["labels"]
    assert metadata["ownerReferences"] == gen_gateway()["metadata"]["ownerReferences"]


def gen_gateway() -> Manifest:
    endpoint, settings = builders.an_endpoint(), builders.some_settings()
    return make_gateway(endpoint, settings, builders.requested_listeners(endpoint, settings))


@pytest.mark.parametrize("case", CASES)
def test_it_selects_the_pods_of_every_version_of_the_endpoint_and_opens_their_proxies_ports(case: str) -> None:
    wish = requested(case)
    policy = make_network_policy(wish.endpoint, builders.some_settings(metrics_from=(PROMETHEUS,)))["spec"]
    templates = [manifest["spec"]["template"] for manifest in made(wish) if manifest["kind"] == "Deployment"]
    selected = policy["podSelector"]["matchLabels"].items()

    assert all(selected <= template["metadata"]["labels"].items() for template in templates)
    for template in templates:
        _, nginx, *_ = template["spec"]["containers"]
        assert {port["containerPort"] for port in nginx["ports"]} == {8088, 9090}
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8088, 9090]
