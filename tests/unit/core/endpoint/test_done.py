"""When an update is called done: as soon as every gateway pod sends callers to the new version, and not before."""

from collections.abc import Callable
from typing import Literal

import pytest
from msgspec.structs import replace

from mlendpoints.api.endpointconfig import EndpointConfigStatus
from mlendpoints.api.meta import Condition
from mlendpoints.core.endpoint.template_status import TemplateWorld, is_deferrable, plan_config, use_of
from mlendpoints.core.endpoint.updates import running
from tests.kit import builders
from tests.simulation import Cluster

SECOND = "registry.example.com/titanic-rfc:2"


def serving() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()


def draining() -> Cluster:
    """A swap after which the old pods take their time to leave."""
    cluster = serving()
    cluster.leaving_pods[cluster.instance("blue")] = 5
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)
    while len(cluster.status.history) < 2:
        cluster.reconcile()
    return cluster


def rolled_out(cluster: Cluster) -> str:
    world = TemplateWorld(template=cluster.configs["titanic"], uses=(use_of(cluster.world()),), now=cluster.now)
    status = plan_config(world)
    assert status is not None
    return status.conditions[0].status


def test_done_is_said_before_anything_old_is_removed() -> None:
    cluster = draining()

    assert cluster.pruned == []
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert cluster.condition("Reconciling") == ("False", "AsAsked")
    assert cluster.condition("UpdateSucceeded") == ("True", "Succeeded")
    assert cluster.status.state == "InService"
    assert cluster.status.history[0].outcome == "Succeeded"
    assert rolled_out(cluster) == "True"


def test_what_is_left_to_remove_shows_in_the_phase_alone() -> None:
    cluster = draining()
    told = [(c.type, c.status, c.reason) for c in cluster.status.conditions]

    assert cluster.status.update.phase == "RemovingOld"
    assert cluster.status.update.start_time == cluster.status.history[0].start_time

    cluster.settle()

    assert cluster.status.update is None
    assert [(c.type, c.status, c.reason) for c in cluster.status.conditions] == told
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]


def test_done_is_not_said_before_the_last_gateway_pod_serves_the_new_version() -> None:
    cluster = serving()
    cluster.deaf = {"gw-b"}
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)
    cluster.settle()

    assert len(cluster.status.history) == 1
    assert cluster.condition("Ready")[0] != "True"
    assert rolled_out(cluster) != "True"


def another_edit(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:3")


def back(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model()


def restart(cluster: Cluster) -> None:
    cluster.answers = {}


@pytest.mark.parametrize("happens", [another_edit, back, restart], ids=lambda happens: happens.__name__)
def test_an_update_that_succeeded_is_told_once_whatever_happens_while_old_pods_leave(
    happens: Callable[[Cluster], None],
) -> None:
    cluster = draining()
    succeeded = cluster.status.history[0].target
    happens(cluster)
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history if entry.target == succeeded] == ["Succeeded"]
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert cluster.status.update is None


def test_the_deadline_of_an_update_that_succeeded_cannot_pass() -> None:
    cluster = draining()
    cluster.now += 10_000
    cluster.starting.add(SECOND)
    cluster.reconcile()

    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]


def test_an_update_of_weights_leaves_nothing_to_remove_but_its_record() -> None:
    cluster = serving()
    cluster.configs["titanic"] = builders.a_config(
        builders.a_variant("blue", weight=3), builders.a_variant("green", weight=1)
    )
    phases = set[str]()
    while len(cluster.status.history) < 2 or cluster.status.update is not None:
        cluster.reconcile()
        phases.add(cluster.status.update.phase if cluster.status.update else "")
    cluster.settle()

    assert cluster.status.history[0].outcome == "Succeeded"
    assert "RemovingOld" not in phases
    assert cluster.status.update is None


def config_status(generation: int, outcome: Literal["True", "False", "Unknown"]) -> EndpointConfigStatus:
    condition = Condition(type="RolledOut", status=outcome, reason="Any", last_transition_time="2026-11-21T12:00:00Z")
    return EndpointConfigStatus(observed_generation=generation, conditions=(condition,))


@pytest.mark.parametrize("outcome", ["True", "False"])
def test_that_an_edit_is_rolled_out_or_cannot_be_never_waits(outcome: Literal["True", "False"]) -> None:
    assert not is_deferrable(config_status(2, "Unknown"), config_status(2, outcome))


@pytest.mark.parametrize("outcome", ["True", "False", "Unknown"])
def test_that_an_edit_was_seen_never_waits(outcome: Literal["True", "False", "Unknown"]) -> None:
    assert not is_deferrable(config_status(1, outcome), config_status(2, "Unknown"))


def test_that_another_edit_is_rolling_out_may_wait() -> None:
    assert is_deferrable(config_status(2, "True"), config_status(2, "Unknown"))


def test_an_update_that_an_earlier_release_left_removing_has_not_ended_before_it_is_on_record() -> None:
    cluster = draining()
    status = cluster.status
    assert cluster.endpoint is not None
    cluster.endpoint = replace(cluster.endpoint, status=replace(status, history=status.history[1:]))
    assert running(cluster.status) is not None

    cluster.settle()

    assert cluster.status.update is None
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]
    assert cluster.status.history[0].target == status.history[0].target
