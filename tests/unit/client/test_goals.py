"""What ends a wait: the goal, of the newest generation, or a failure that only an edit ends."""

import msgspec
import pytest

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.client import ConfigurationError
from mlendpoints.client.goals import Goal
from tests.kit.builders import an_endpoint, an_mlmodel
from tests.unit.client.objects import a_condition, an_endpoint_with, with_status

READY = Goal("Ready", "True")


def test_a_condition_of_the_newest_generation_counts() -> None:
    assert READY.is_reached(an_endpoint_with(a_condition("Ready", "True")))


def test_a_condition_of_an_earlier_generation_does_not() -> None:
    endpoint = an_endpoint_with(a_condition("Ready", "True"))
    edited = msgspec.structs.replace(endpoint, metadata=msgspec.structs.replace(endpoint.metadata, generation=2))
    assert not READY.is_reached(edited)


def test_an_object_without_status_has_reached_nothing() -> None:
    assert not READY.is_reached(an_endpoint())
    assert READY.failure(an_endpoint()) == ""


def test_a_condition_can_be_waited_for_to_be_false() -> None:
    goal = Goal.parse("Available=False", Endpoint.KIND)
    assert goal.is_reached(an_endpoint_with(a_condition("Available", "False")))
    assert goal.failure(an_endpoint_with(a_condition("UpdateSucceeded", "False", message="Failed."))) == ""


def test_phases_of_mlmodels_and_states_of_endpoints_are_goals() -> None:
    serving: MLModel = with_status(an_mlmodel(), phase="Serving", observed_generation=1)
    assert Goal.parse("phase=Serving", MLModel.KIND).is_reached(serving)
    in_service = an_endpoint_with(state="InService", observed_generation=1)
    assert Goal.parse("state=InService", Endpoint.KIND).is_reached(in_service)
    assert not Goal.parse("state=Failed", Endpoint.KIND).is_reached(in_service)


@pytest.mark.parametrize("text", ["phase=Serving", "state", "Redy", "=True", "state=InService"])
def test_goals_that_a_kind_does_not_have_are_rejected(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Goal.parse(text, Model.KIND)


def test_without_a_text_configs_and_models_roll_out_and_the_others_get_ready() -> None:
    goals = {kind: Goal.parse("", kind).name for kind in (Model.KIND, EndpointConfig.KIND, Endpoint.KIND, MLModel.KIND)}
    assert list(goals.values()) == ["RolledOut", "RolledOut", "Ready", "Ready"]


def test_an_update_that_has_failed_ends_a_wait() -> None:
    failed = an_endpoint_with(a_condition("UpdateSucceeded", "False", message="blue: no such image."))
    assert READY.failure(failed) == "blue: no such image."


def test_a_failed_mlmodel_ends_a_wait() -> None:
    failed: MLModel = with_status(an_mlmodel(), phase="Failed", message="No such image.", observed_generation=1)
    assert READY.failure(failed) == "No such image."


def test_an_ended_wait_says_that_it_continues_in_the_cluster() -> None:
    endpoint = an_endpoint_with(a_condition("Ready", "Unknown", message="ModelsReady: blue: 0 of 1 pods. More."))
    assert READY.pending(endpoint) == (
        "MachineLearningEndpoint titanic/titanic is not yet Ready. ModelsReady: blue: 0 of 1 pods."
        " It continues in the cluster; wait again, or undo the edit."
    )
