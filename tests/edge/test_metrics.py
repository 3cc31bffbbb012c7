from typing import Literal

import msgspec

from mlendpoints.api.endpoint import Endpoint, EndpointStatus, State
from mlendpoints.api.meta import Condition
from mlendpoints.api.mlmodel import MLModelStatus, Phase
from mlendpoints.core.world import Ref
from mlendpoints.edge.metrics import Metrics
from tests.kit.builders import an_endpoint, an_mlmodel

KEY = Ref("MachineLearningEndpoint", "titanic", "titanic")


def states(metrics: Metrics) -> list[str]:
    lines = metrics.exposition().decode().splitlines()
    return [line for line in lines if line.startswith("mlendpoints_endpoint_state{")]


def observe(metrics: Metrics, state: State) -> None:
    metrics.endpoint(KEY, msgspec.structs.replace(an_endpoint(), status=EndpointStatus(state=state)))


def test_an_endpoint_shows_the_state_it_is_in_and_no_other() -> None:
    metrics = Metrics()
    observe(metrics, "Creating")
    observe(metrics, "InService")
    assert states(metrics) == [
        'mlendpoints_endpoint_state{endpoint="titanic",namespace="titanic",state="InService"} 1.0'
    ]


def test_a_deleted_endpoint_shows_nothing() -> None:
    metrics = Metrics()
    observe(metrics, "InService")
    metrics.endpoint(KEY, None)
    assert states(metrics) == []


def test_requests_are_counted_by_verb_kind_and_code() -> None:
    metrics = Metrics()
    metrics.request("create", "Service", 201)
    metrics.request("create", "Service", 201)
    expected = 'mlendpoints_api_requests_total{code="201",kind="Service",verb="create"} 2.0'
    assert expected in metrics.exposition().decode().splitlines()


def test_an_mlmodel_shows_the_phase_it_is_in_until_it_goes() -> None:
    metrics, key = Metrics(), Ref("MLModel", "titanic", "titanic")

    def phases() -> list[str]:
        lines = metrics.exposition().decode().splitlines()
        return [line for line in lines if line.startswith("mlendpoints_mlmodel_phase{")]

    for phase in PHASES:
        metrics.mlmodel(key, msgspec.structs.replace(an_mlmodel(), status=MLModelStatus(phase=phase)))
    assert phases() == ['mlendpoints_mlmodel_phase{mlmodel="titanic",namespace="titanic",phase="Ready"} 1.0']
    metrics.mlmodel(key, None)
    assert phases() == []


PHASES: list[Phase] = ["Pending", "Ready"]


def with_conditions(said: dict[str, Literal["True", "False", "Unknown"]]) -> Endpoint:
    found = (
        Condition(type=kind, status=status, reason="Any", last_transition_time="2026-11-21T12:00:00Z")
        for kind, status in said.items()
    )
    return msgspec.structs.replace(an_endpoint(), status=EndpointStatus(conditions=tuple(found)))


def conditions(metrics: Metrics) -> list[str]:
    lines = metrics.exposition().decode().splitlines()
    return sorted(line.partition("{")[2] for line in lines if line.startswith("mlendpoints_endpoint_condition{"))


def test_conditions_are_shown_with_one_status_each_and_gone_with_the_endpoint() -> None:
    metrics = Metrics()
    said: dict[str, Literal["True", "False", "Unknown"]] = {
        "Ready": "Unknown",
        "UpdateSucceeded": "Unknown",
        "Reconciling": "True",
    }
    metrics.endpoint(KEY, with_conditions(said))
    metrics.endpoint(KEY, with_conditions(said | {"Ready": "False"}))

    assert conditions(metrics) == [
        'condition="Ready",endpoint="titanic",namespace="titanic",status="False"} 1.0',
        'condition="UpdateSucceeded",endpoint="titanic",namespace="titanic",status="Unknown"} 1.0',
    ]
    metrics.endpoint(KEY, None)
    assert conditions(metrics) == []
