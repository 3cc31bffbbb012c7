"""Statuses that another version of the operator wrote are read, whatever their words: it can be rolled back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.endpoint.template_status import TemplateWorld, plan_config, plan_model, use_of
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.world import ContainerFacts, MLModelWorld
from tests.kit import builders
from tests.simulation import Cluster

WORDS = st.text(min_size=1, max_size=64)
_CLOSED = frozenset({"reason", "outcome", "state", "phase", "type"})


def said_otherwise(value: Any, words: st.DataObject) -> Any:  # noqa: ANN401 - JSON
    """JSON with every word of a closed list, at any depth, replaced by one that this version does not know."""
    if isinstance(value, list):
        return [said_otherwise(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: words.draw(WORDS) if name in _CLOSED else said_otherwise(item, words) for name, item in value.items()}


def serving() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()


def failing() -> Cluster:
    cluster = serving()
    cluster.broken_images["bad:1"] = ContainerFacts(name="model", waiting_reason="ImagePullBackOff")
    cluster.models["titanic-rfc"] = builders.a_model(image="bad:1")
    return cluster.settle().wait_until_recheck()


def updating() -> Cluster:
    cluster = serving()
    cluster.starting.add("slow:1")
    cluster.models["titanic-rfc"] = builders.a_model(image="slow:1")
    return cluster.settle()


@pytest.mark.parametrize("life", [serving, failing, updating], ids=lambda life: life.__name__)
@given(words=st.data())
def test_an_endpoint_in_other_words_is_read_and_goes_on_serving(life: Any, words: st.DataObject) -> None:  # noqa: ANN401
    cluster = life()
    stored = msgspec.to_builtins(cluster.endpoint)
    cluster.endpoint = msgspec.convert(stored | {"status": said_otherwise(stored["status"], words)}, Endpoint)
    uses = (use_of(cluster.world()),)
    plan_config(TemplateWorld(template=cluster.configs["titanic"], uses=uses, now=cluster.now))
    plan_model(TemplateWorld(template=cluster.models["titanic-rfc"], uses=uses, now=cluster.now))
    cluster.settle()

    assert cluster.condition("Available") == ("True", "InService")


def test_a_failure_of_a_later_version_stays_that_failure() -> None:
    cluster = failing()
    stored = msgspec.to_builtins(cluster.endpoint)
    stored["status"]["history"][0]["reason"] = "AnalysisFailed"
    cluster.endpoint = msgspec.convert(stored, Endpoint)
    cluster.settle()

    assert cluster.condition("UpdateSucceeded") == ("False", "AnalysisFailed")


@given(words=st.data())
def test_an_mlmodel_in_other_words_is_read_and_planned(words: st.DataObject) -> None:
    status = {"phase": "Ready", "conditions": [_a_condition()]}
    stored = msgspec.to_builtins(builders.an_mlmodel()) | {"status": said_otherwise(status, words)}
    model = msgspec.convert(stored, MLModel)

    assert plan_mlmodel(MLModelWorld(now=0.0, settings=builders.some_settings(), model=model)).writes


def _a_condition() -> dict[str, str]:
    return {"type": "Ready", "status": "True", "reason": "AsAsked", "lastTransitionTime": builders.BORN}
