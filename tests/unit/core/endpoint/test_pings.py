"""Who answers a ping: the pod's proxy, but for pods of an older operator, which forward it to the model.

Pods never restart by an upgrade, and a kept version comes back with its old
template, so each instance is asked as its own pods were built.
"""

from typing import Any

import msgspec
import pytest

from mlendpoints.api import labels
from mlendpoints.api.endpoint import UpdatePolicy
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.plan import Plan
from mlendpoints.core.world import Probe, Ref
from tests.kit import builders
from tests.simulation import Cluster

HEALTH = "/healthy"


def image(number: int) -> Any:  # noqa: ANN401 - a model
    return builders.a_model(image=f"registry.example.com/titanic-rfc:{number}", healthPath=HEALTH)


def built_by(builder: str) -> tuple[Cluster, str]:
    """An endpoint that serves an instance whose Deployment an operator of this builder made; its versions are kept."""
    update = msgspec.to_builtins(UpdatePolicy(keep_versions=2, keep_instances=1))
    cluster = Cluster(builders.an_endpoint(update=update), builders.a_config(), image(1)).settle()
    instance = cluster.instance("blue")
    annotations = cluster.objects[Ref("Deployment", builders.NAMESPACE, instance)].manifest["metadata"]["annotations"]
    annotations[labels.BUILDER] = builder
    cluster.settle()
    return cluster, instance


def swapped(cluster: Cluster, number: int) -> list[Plan]:
    """The plans that bring another image in service."""
    plans: list[Plan] = []
    cluster.models["titanic-rfc"] = image(number)
    cluster.settle(lambda seen: plans.append(seen.plan))
    return plans


def path_of(cluster: Cluster, instance: str) -> str:
    rules = cluster.objects[Ref("VirtualService", builders.NAMESPACE, "titanic")].manifest["spec"]["http"]
    return str(next(rule["rewrite"]["uri"] for rule in rules if rule["name"] == f"ping/{instance}"))


def requested(plans: list[Plan], instance: str) -> set[str]:
    """Bodies that the pings of the instance were expected to have."""
    pings: list[Probe] = [probe for plan in plans for probe in plan.probes if probe.revision == instance]
    return {probe.body for probe in pings}


def test_the_proxy_answers_with_the_name_of_the_instance() -> None:
    cluster, first = built_by(BUILDER)
    plans = swapped(cluster, 2)
    second = cluster.instance("blue")
    assert second != first
    assert path_of(cluster, second) == "/.well-known/mlendpoints/ping"
    assert requested(plans, second) == {second}


@pytest.mark.parametrize("builder", ["1", ""])
def test_a_version_kept_from_an_older_operator_comes_back_by_its_health_path(builder: str) -> None:
    cluster, old = built_by(builder)
    assert path_of(cluster, old) == HEALTH
    swapped(cluster, 2)
    new = cluster.instance("blue")
    assert path_of(cluster, new) == labels.PROXY_PING_PATH
    plans = swapped(cluster, 1)
    assert [variant.instance for variant in cluster.status.variants] == [old]
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert path_of(cluster, old) == HEALTH
    assert requested(plans, old) == {""}


def test_an_instance_of_a_later_operator_answers_itself() -> None:
    cluster, instance = built_by("77")
    assert path_of(cluster, instance) == labels.PROXY_PING_PATH


def test_a_deployment_that_is_made_again_is_asked_as_it_is_built_now() -> None:
    cluster, instance = built_by("1")
    cluster.delete(Ref("Deployment", builders.NAMESPACE, instance))
    cluster.settle()
    assert path_of(cluster, instance) == labels.PROXY_PING_PATH
    assert cluster.condition("Ready") == ("True", "AsAsked")
