"""The API server takes the NetworkPolicies that are installed and documented; they select what is meant."""

import re
from pathlib import Path

import yaml

from tests.kit.sync_client import Object, SyncClient
from tests.unit.core.manifests.made import made, requested

ROOT = Path(__file__).parents[3]


def documented() -> Object:
    """The one for the pods of endpoints."""
    (block,) = re.findall("```yaml\n(.*?)```", (ROOT / "docs/how-to/network-policies.md").read_text(), flags=re.DOTALL)
    policy: Object = yaml.safe_load(block)
    return policy


def installed() -> Object:
    """The operator's."""
    manifests = yaml.safe_load_all((ROOT / "deploy/install.yaml").read_text())
    (policy,) = (each for each in manifests if each["kind"] == "NetworkPolicy")
    chosen: Object = policy
    return chosen


def test_the_api_server_takes_both(server: SyncClient, namespace: str) -> None:
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies?fieldValidation=Strict"
    for policy in (documented(), installed()):
        policy["metadata"]["namespace"] = namespace
        assert server.ask("POST", path, body=policy).status_code == 201


def test_what_is_documented_selects_the_pods_of_endpoints_and_opens_their_ports() -> None:
    policy = documented()["spec"]
    pod, *_ = (each["spec"]["template"] for each in made(requested("titanic")) if each["kind"] == "Deployment")
    ports = {port["containerPort"] for port in _nginx(pod["spec"])["ports"]}

    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == ports


def _nginx(pod: Object) -> Object:
    containers: list[Object] = pod["containers"]
    return next(each for each in containers if each["name"] == "nginx")
