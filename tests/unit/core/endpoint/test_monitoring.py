"""Optional sidecars are judged into MonitoringReady; nothing else depends on them."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.core.world import ContainerFacts, PodFacts
from tests.kit import builders
from tests.kit.agents import NAME, listed, make_agent
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

ENV = [{"name": "AGENT", "value": "import time"}]
RUNS = ContainerFacts(name=NAME, ready=True)
STARTS = ContainerFacts(name=NAME, waiting_reason="PodInitializing")
KILLED = ContainerFacts(name=NAME, exit_code=137, exit_reason="OOMKilled", restarts=2)
NO_IMAGE = ContainerFacts(name=NAME, waiting_reason="ImagePullBackOff", waiting_message="no such image")
OWN = "MonitoringReady"
CONFIGURED = builders.some_settings(fluent_bit_image="fluent-bit:5")


@pytest.fixture(autouse=True)
def _listed() -> Iterator[None]:
    with listed(make_agent):
        yield


class Watched(Cluster):
    """Whose pods have an agent as well, in this state."""

    agent: ContainerFacts | None = RUNS

    def _pods(self, instance: str) -> list[PodFacts]:
        agents = () if self.agent is None else (self.agent,)
        return [replace(pod, containers=(*pod.containers, *agents)) for pod in super()._pods(instance)]


def watched(agent: ContainerFacts | None = RUNS) -> Watched:
    cluster = Watched(builders.an_endpoint(), builders.a_config(), builders.a_model(env=ENV))
    cluster.agent = agent
    return cluster


def conditions(cluster: Cluster) -> dict[str, tuple[str, str]]:
    assert cluster.endpoint is not None
    return {found.type: (found.status, found.reason) for found in cluster.endpoint.status.conditions}


def message(cluster: Cluster) -> str:
    assert cluster.endpoint is not None
    return next(found.message for found in cluster.endpoint.status.conditions if found.type == OWN)


def others(cluster: Cluster) -> dict[str, tuple[str, str]]:
    return {kind: state for kind, state in conditions(cluster).items() if kind != OWN}


def test_an_endpoint_without_an_optional_sidecar_is_as_it_should_be_and_says_what_is_not_measured() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    assert conditions(cluster)[OWN] == ("True", "NoProcessMetrics")
    assert "the operator has no image of Fluent Bit (fluentBit.image" in message(cluster)


def test_an_endpoint_without_versions_has_no_such_condition() -> None:
    cluster = Cluster(builders.an_endpoint(config="absent"), builders.a_config(), builders.a_model()).settle()
    assert OWN not in conditions(cluster)


def test_what_the_versions_lack_is_said_after_what_runs() -> None:
    text = message(watched().settle())
    assert text.startswith("These containers run in all pods that have them: agent. Pods have no metrics of their")


def with_fluent_bit(agent: ContainerFacts | None, **model: Any) -> Watched:  # noqa: ANN401 - any field
    """Made by an operator that has an image of it; its pods have this container as well."""
    cluster = Watched(builders.an_endpoint(), builders.a_config(), builders.a_model(**model))
    cluster.settings, cluster.agent = CONFIGURED, agent
    return cluster


def test_fluent_bit_is_one_of_them() -> None:
    cluster = with_fluent_bit(replace(RUNS, name="fluent-bit")).settle()
    assert conditions(cluster)[OWN] == ("True", "SidecarsRunning")
    assert message(cluster) == "These containers run in all pods that have them: fluent-bit."


def test_a_model_with_a_process_namespace_of_its_own_has_none_and_that_is_said() -> None:
    cluster = with_fluent_bit(None, ownProcessNamespace=True).settle()
    assert conditions(cluster)[OWN] == ("True", "NoProcessMetrics")
    assert "its model sets ownProcessNamespace" in message(cluster)


def test_versions_of_before_keep_running_without_it_and_that_is_said() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.settings = CONFIGURED
    before = len(cluster.writes)
    cluster.settle()
    assert cluster.writes[before:] == []
    assert conditions(cluster)[OWN] == ("True", "NoProcessMetrics")
    assert "Those of the next version will have them" in message(cluster)


def test_pods_of_an_mlmodel_of_before_keep_running_without_it() -> None:
    """An MLModel has no record of its images: what its pods have counts."""
    namespace = Namespace(builders.an_mlmodel()).settle()
    namespace.settings = CONFIGURED
    before = len(namespace.writes)
    namespace.settle()
    assert namespace.writes[before:] == []
    (found,) = [found for found in namespace.status.conditions if found.type == OWN]
    assert (found.status, found.reason) == ("True", "NoProcessMetrics")
    assert "Those of the next version will have them" in found.message


def test_it_is_true_once_they_run_in_all_pods() -> None:
    cluster = watched().settle()
    assert conditions(cluster)[OWN] == ("True", "SidecarsRunning")
    assert "agent" in message(cluster)


@pytest.mark.parametrize(
    ("agent", "state", "words"),
    [
        (KILLED, ("False", "OOMKilled"), "Raise its memory limit"),
        (NO_IMAGE, ("False", "ImagePullFailed"), "no such image"),
        (STARTS, ("Unknown", "SidecarsStarting"), "does not run yet: agent"),
    ],
)
def test_it_says_why_one_does_not_run_and_no_other_condition_does(
    agent: ContainerFacts | None, state: tuple[str, str], words: str
) -> None:
    cluster = watched(agent).settle()
    assert conditions(cluster)[OWN] == state
    assert words in message(cluster)
    assert others(cluster) == others(watched().settle())
    assert conditions(cluster)["Ready"][0] == conditions(cluster)["Available"][0] == "True"


def test_an_agent_that_fails_later_is_reported_and_nothing_else_is_written() -> None:
    cluster = watched()
    cluster.settle()
    writes, before = len(cluster.writes), others(cluster)
    cluster.agent = KILLED
    cluster.settle()
    assert (cluster.writes[writes:], others(cluster)) == ([], before)
    assert any(event.reason == "OOMKilled" and OWN in event.message for event in cluster.events)


def test_an_update_completes_whatever_the_agents_do() -> None:
    cluster = watched(KILLED).settle()
    cluster.models["titanic-rfc"] = builders.a_model(env=ENV, image="next")
    cluster.settle()
    assert conditions(cluster)["UpdateSucceeded"] == ("True", "Succeeded")
    assert conditions(cluster)["Ready"][0] == "True"


def test_pods_that_an_agent_keeps_from_being_ready_are_not_called_broken_while_it_restarts() -> None:
    cluster = watched()
    cluster.settle()
    cluster.agent = KILLED
    cluster.starting.add("registry.example.com/titanic-rfc:1")
    cluster.settle()
    assert conditions(cluster)["ModelsReady"] == ("Unknown", "InstancesStarting")
    assert conditions(cluster)[OWN] == ("False", "OOMKilled")


def test_an_agent_s_image_that_cannot_be_pulled_cannot_be_hidden_and_fails_the_update_with_the_reason() -> None:
    cluster = watched()
    cluster.settle()
    cluster.agent = NO_IMAGE
    cluster.starting.add("next")
    cluster.models["titanic-rfc"] = builders.a_model(env=ENV, image="next")
    cluster.settle().wait_until_recheck()
    assert conditions(cluster)["UpdateSucceeded"] == ("False", "ImagePullFailed")
    assert conditions(cluster)["Available"][0] == "True"


def test_a_broken_model_is_named_before_a_broken_agent() -> None:
    cluster = watched(NO_IMAGE)
    cluster.broken_images["bad"] = ContainerFacts(name="model", exit_code=3, exit_reason="Error", restarts=1)
    cluster.models["titanic-rfc"] = builders.a_model(env=ENV, image="bad")
    cluster.settle()
    assert conditions(cluster)["ModelsReady"] == ("False", "CrashLooping")


def test_an_mlmodel_has_the_condition_too_and_waits_for_no_agent() -> None:
    with_agent = Namespace(builders.an_mlmodel(env=ENV)).settle()
    assert OWN in {found.type for found in with_agent.status.conditions}
    assert with_agent.status.phase == "Ready"
