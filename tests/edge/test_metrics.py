from typing import Literal

import msgspec

from mlendpoints.api.endpoint import Endpoint, EndpointStatus, HistoryEntry, State
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


def an_update(
    outcome: str, *, start: str = "2026-11-26T09:00:00.000Z", end: str = "2026-11-26T09:00:04.500Z"
) -> HistoryEntry:
    return HistoryEntry(target="v", outcome=outcome, reason="R", start_time=start, end_time=end)


def test_updates_are_counted_once_by_outcome_and_the_successful_ones_are_timed() -> None:
    metrics = Metrics()
    failed = EndpointStatus(history=(an_update("Failed"),))
    succeeded = EndpointStatus(history=(an_update("Succeeded"), an_update("Failed")))
    metrics.updated(EndpointStatus(), failed)
    metrics.updated(failed, succeeded)
    metrics.updated(succeeded, succeeded)
    text = metrics.exposition().decode()
    assert 'mlendpoints_updates_total{outcome="Failed"} 1.0' in text
    assert 'mlendpoints_updates_total{outcome="Succeeded"} 1.0' in text
    assert "mlendpoints_update_seconds_sum 4.5" in text


def test_a_time_that_is_none_is_counted_without_a_duration() -> None:
    metrics = Metrics()
    metrics.updated(EndpointStatus(), EndpointStatus(history=(an_update("Succeeded", start="yesterday"),)))
    text = metrics.exposition().decode()
    assert 'mlendpoints_updates_total{outcome="Succeeded"} 1.0' in text
    assert "mlendpoints_update_seconds_count 0.0" in text
