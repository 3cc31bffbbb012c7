"""The verbs' edits: the fewest fields, shown before and after."""

from typing import Any

import msgspec
import pytest

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.client import ClientError, InvalidError, NotFoundError, explain
from mlendpoints.client.edits import (
    earlier_version,
    field_changes,
    record_of,
    restored_config,
    restored_model,
    users_of_config,
    users_of_model,
    with_variant,
    with_weights,
)
from mlendpoints.core.endpoint.resolve import freeze
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.world import World
from tests.kit.builders import BORN, a_config, a_model, a_variant, an_endpoint, some_settings
from tests.unit.client.objects import a_condition, an_endpoint_with

CONFIG = a_config(a_variant("blue", weight=90), a_variant("green", weight=10))


def test_weights_of_variants_that_are_not_named_stay() -> None:
    assert [v.weight for v in with_weights(CONFIG, {"blue": 50}).spec.models] == [50, 10]


def test_an_unknown_variant_is_rejected_with_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match=r"has no variant blu. Did you mean blue\?"):
        with_weights(CONFIG, {"blu": 1})
    with pytest.raises(NotFoundError, match="Its variants: blue, green"):
        with_variant(CONFIG, "canary", instances=2)


def test_a_weight_out_of_bounds_is_rejected_by_its_field() -> None:
    with pytest.raises(InvalidError) as caught:
        with_weights(CONFIG, {"blue": -1})
    assert caught.value.fields == ("spec.models[blue].weight",)


def test_changes_name_variants() -> None:
    changes = field_changes(CONFIG, with_weights(CONFIG, {"blue": 50, "green": 50}))
    assert [str(change).partition(": ")[2] for change in changes] == [
        "spec.models[blue].weight: 90 -> 50",
        "spec.models[green].weight: 10 -> 50",
    ]


def history(*entries: tuple[str, str]) -> list[dict[str, str]]:
    times = {"startTime": BORN, "endTime": BORN}
    return [{"target": target, "outcome": outcome, "reason": "Succeeded"} | times for target, outcome in entries]


def a_status(serving: str, target: str, *entries: tuple[str, str]) -> EndpointStatus:
    fields = {"configVersion": serving, "targetVersion": target, "history": history(*entries)}
    return msgspec.convert(fields, EndpointStatus)


@pytest.mark.parametrize(
    ("status", "version"),
    [
        (a_status("v2", "v2", ("v2", "Succeeded"), ("v1", "Succeeded")), "v1"),
        (a_status("v2", "v2", ("v2", "Succeeded"), ("bad", "Failed"), ("v1", "Succeeded")), "v1"),
        (a_status("v2", "v3", ("v2", "Succeeded"), ("v1", "Succeeded")), "v2"),
    ],
)
def test_a_rollback_leads_to_what_serves_or_served_before(status: EndpointStatus, version: str) -> None:
    assert earlier_version(status, "titanic") == version


def test_without_an_earlier_version_there_is_no_rollback() -> None:
    with pytest.raises(ClientError, match="no earlier version"):
        earlier_version(a_status("v1", "v1", ("v1", "Succeeded")), "titanic")


def frozen(config: EndpointConfig, model: Model) -> tuple[EndpointConfig, Model, str]:
    """The instances that the operator writes, and the version of the target."""
    endpoint = an_endpoint()
    settings = some_settings()
    world = World(now=0.0, settings=settings, endpoint=endpoint, config=config, models={model.metadata.name: model})
    target = freeze(endpoint, config, world)
    record = make_config_instance(
        endpoint,
        config_name=target.config,
        version=target.version,
        variants=config.spec.models,
        model_versions=target.model_versions,
    )
    first: Any = target.variants[0]
    instance = make_model_instance(
        endpoint,
        model,
        first.spec,
        config_name=target.config,
        version=first.version,
        replicas=3,
        settings=settings,
    )
    return msgspec.convert(record, EndpointConfig), msgspec.convert(instance, Model), target.version


def test_a_restored_config_and_model_are_the_version_again() -> None:
    config, model = a_config(a_variant("blue", cpus="0.5")), a_model(args=["serve", "--fast"])
    record, instance, version = frozen(config, model)
    edited = a_config(a_variant("blue", weight=7)), a_model(image="registry.example.com/other:2")
    again = restored_config(edited[0], record), restored_model(edited[1], instance)
    assert frozen(*again)[2] == version
    assert again[1].metadata == edited[1].metadata


def test_a_version_that_is_not_kept_is_an_error_that_names_those_that_are() -> None:
    record, _, version = frozen(a_config(a_variant("blue")), a_model())
    assert record_of((record,), an_endpoint(), version) is record
    with pytest.raises(NotFoundError, match=f"kept besides the one that serves: {version}"):
        record_of((record, CONFIG), an_endpoint(), "gone")


def test_other_users_of_a_template_are_found() -> None:
    endpoints = (an_endpoint("titanic"), an_endpoint("other"), an_endpoint("third", config="elsewhere"))
    configs = (a_config(a_variant(model="rfc")), a_config(a_variant(model="lr"), name="elsewhere"))
    assert users_of_config("titanic", endpoints, other_than="titanic") == ("other",)
    assert users_of_model("rfc", configs, endpoints, other_than="titanic") == ("other",)
    assert users_of_model("lr", configs, endpoints, other_than="third") == ()


def test_an_explanation_says_what_to_do() -> None:
    message = "ModelsReady: blue: the image cannot be pulled: no such host. Check spec.image."
    endpoint = an_endpoint_with(a_condition("Ready", "False", message=message, reason="ImagePullFailed"))
    found = explain(endpoint)
    assert (found.is_ready, found.reason) == (False, "ImagePullFailed")
    assert str(found) == "ModelsReady: blue: the image cannot be pulled: no such host."
    assert found.action


def test_an_edit_that_the_operator_has_not_seen_is_explained_as_such() -> None:
    endpoint = an_endpoint_with(a_condition("Ready", "True", generation=0))
    assert explain(endpoint).sentence == "The operator has not yet reported on generation 1."
