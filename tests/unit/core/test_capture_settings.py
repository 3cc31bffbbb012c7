"""Which capture a variant gets, and that it is part of its version: toggling it is an update like any other."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.resolve import Target, resolve
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import Create
from mlendpoints.core.versions import mlmodel_version
from tests.kit import builders
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

S3 = {"sink": "s3://captured/titanic"}
OFF = {"enabled": False}
MADE = frozenset({"other-3f9c2ab1"})
ON_A_CLAIM = {"sink": "pvc://other-3f9c2ab1/captured"}
SAID = "The sink of capture is on claim other-3f9c2ab1, which the operator created for a version"


def a_config(capture: Any, *variants: Any) -> EndpointConfig:  # noqa: ANN401 - JSON
    """One with a capture of its own, and variants called by their numbers with theirs."""
    models = [builders.a_variant(f"v{number}", capture=each) for number, each in enumerate(variants)]
    spec = {"models": models, "capture": capture}
    return msgspec.convert({"metadata": builders.metadata("titanic"), "spec": spec}, EndpointConfig)


def target(config: EndpointConfig) -> Target:
    found = resolve(Cluster(builders.an_endpoint(), config, builders.a_model()).world())
    assert isinstance(found, Target)
    return found


def sinks(config: EndpointConfig) -> list[str | None]:
    captures = [variant.spec.capture for variant in target(config).variants]
    return [capture.sink if capture else None for capture in captures]


def version(capture: Any, own: Any = None) -> str:  # noqa: ANN401 - JSON
    return target(a_config(capture, own)).variants[0].version


def test_a_variant_s_own_capture_replaces_its_config_s_as_a_whole() -> None:
    config = a_config(S3 | {"percentage": 5}, None, {"sink": "gs://captured"}, OFF)
    assert sinks(config) == ["s3://captured/titanic", "gs://captured", None]
    own = target(config).variants[1].spec.capture
    assert own is not None
    assert own.percentage == 100


def test_turning_it_on_is_another_version_of_the_variants_that_get_it_and_of_no_others() -> None:
    off, on = target(a_config(None, None, OFF)), target(a_config(S3, None, OFF))
    assert off.model_versions["v0"] != on.model_versions["v0"]
    assert off.model_versions["v1"] == on.model_versions["v1"]


@pytest.mark.parametrize("change", [{"percentage": 1}, {"maxBytes": 9}, {"sinkSecret": "x"}, {"capture": ["Input"]}])
def test_each_setting_of_it_is_part_of_the_version(change: Any) -> None:  # noqa: ANN401 - JSON
    assert version(S3) != version(S3 | change)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((None, None), (OFF, None)),
        ((None, None), (S3, OFF)),
        ((S3, None), (None, S3)),
        ((S3, None), (S3 | {"capture": ["Output", "Input"], "percentage": 100, "enabled": True}, None)),
    ],
)
def test_what_means_the_same_is_the_same_version(one: Any, other: Any) -> None:  # noqa: ANN401 - JSON
    assert version(*one) == version(*other)


def test_an_mlmodel_has_the_same_setting() -> None:
    plain, off, on = (mlmodel_version(builders.an_mlmodel(capture=each)) for each in (None, OFF, S3))
    assert plain == off != on


def test_the_record_of_a_target_has_what_each_variant_got() -> None:
    cluster = Cluster(builders.an_endpoint(), a_config(S3, None), builders.a_model())
    cluster.settle()
    (record,) = cluster.world().config_instances.values()
    assert [variant.capture.sink if variant.capture else None for variant in record.spec.models] == [S3["sink"]]


def test_a_sink_on_a_claim_that_the_operator_made_is_a_mistake_that_is_reported() -> None:
    cluster = Cluster(builders.an_endpoint(), a_config(ON_A_CLAIM, None), builders.a_model())
    plan = plan_endpoint(replace(cluster.world(), own_claims=MADE))
    assert plan.status is not None
    (resolved,) = (c for c in plan.status.conditions if c.type == "ConfigResolved")
    assert (resolved.status, resolved.reason, resolved.message.startswith(SAID)) == ("False", "InvalidSpec", True)
    assert plan.writes == ()
    assert isinstance(resolve(cluster.world()), Target)


def test_so_it_is_for_an_mlmodel_which_is_not_started() -> None:
    namespace = Namespace(builders.an_mlmodel(artifact="", capture=ON_A_CLAIM))
    plan = plan_mlmodel(replace(namespace.world(), own_claims=MADE))
    assert plan.status is not None
    assert (plan.status.phase, plan.status.message.startswith(SAID)) == ("Failed", True)
    assert {write.ref.kind for write in plan.writes if isinstance(write, Create)} == {"Service"}
