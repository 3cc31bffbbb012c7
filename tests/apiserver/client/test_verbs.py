"""The verbs of an endpoint on the real API server: which fields of which objects they edit."""

import msgspec
import pytest

from mlendpoints.api.policy import OPERATOR
from mlendpoints.client import (
    ClientError,
    ConfigurationError,
    EndpointConfig,
    InvalidError,
    MLOpsClient,
    Model,
    NotFoundError,
    SharedError,
    UnreachableError,
    WaitTimeoutError,
)
from mlendpoints.client.objects import make_manifest
from mlendpoints.core.endpoint.resolve import freeze
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.world import World
from tests.apiserver.api.conftest import may_do_everything
from tests.apiserver.client.conftest import Report, a_model, create_titanic
from tests.kit.builders import BORN, some_settings
from tests.kit.sync_client import SyncClient


def weights(client: MLOpsClient) -> dict[str, int]:
    config = client.V1Alpha1EndpointConfig.get("titanic")
    return {variant.name: variant.weight for variant in config.spec.models}


def test_weights_are_set(client: MLOpsClient) -> None:
    create_titanic(client)
    changes = client.endpoint("titanic").weights({"blue": 9}, wait=False)
    assert weights(client) == {"blue": 9, "green": 1}
    assert [(change.field, change.after) for change in changes] == [("spec.models[blue].weight", 9)]
    assert client.endpoint("titanic").weights({"blue": 9}, wait=False) == ()


def test_a_verb_waits_until_its_edit_is_rolled_out(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(WaitTimeoutError, match=r"MachineLearningEndpointConfig .* is not yet RolledOut"):
        client.endpoint("titanic").scale("blue", 2, timeout=0.1)


def test_a_rule_of_the_api_is_reported(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(InvalidError):
        client.endpoint("titanic").scale("blue", 0, wait=False)


def test_a_swap_edits_the_model_or_names_another_one(client: MLOpsClient) -> None:
    create_titanic(client)
    titanic = client.endpoint("titanic")
    titanic.swap(
        "green", artifact="http://artifacts.example.com/2.tar.gz", artifact_digest=f"sha256:{'a' * 64}", wait=False
    )
    titanic.swap("green", artifact="http://artifacts.example.com/3.tar.gz", wait=False)
    spec = client.V1Alpha1Model.get("lr").spec
    assert (spec.artifact, spec.artifact_digest) == ("http://artifacts.example.com/3.tar.gz", "")
    client.V1Alpha1Model.create(a_model("gbm"))
    titanic.swap("green", model="gbm", wait=False)
    assert [v.model for v in client.V1Alpha1EndpointConfig.get("titanic").spec.models] == ["rfc", "gbm"]


def test_a_swap_for_what_does_not_exist_changes_nothing(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(NotFoundError, match=r"Did you mean rfc\?"):
        client.endpoint("titanic").swap("green", model="rcf", wait=False)
    with pytest.raises(InvalidError, match="has no field imagge"):
        client.endpoint("titanic").swap("green", imagge="x", wait=False)
    with pytest.raises(ConfigurationError):
        client.endpoint("titanic").swap("green", wait=False)


def test_an_edit_that_changes_other_endpoints_has_to_be_allowed(client: MLOpsClient) -> None:
    create_titanic(client)
    create_titanic(client, "other", config="other")
    create_titanic(client, "second")
    with pytest.raises(SharedError, match="Config titanic is also used by second") as caught:
        client.endpoint("titanic").weights({"blue": 9}, wait=False)
    assert caught.value.endpoints == ("second",)
    with pytest.raises(SharedError, match="Model rfc is also used by other, second"):
        client.endpoint("titanic").swap("blue", image="registry.example.com/rfc:2", wait=False)
    client.endpoint("titanic").weights({"blue": 9}, wait=False, shared=True)
    assert weights(client)["blue"] == 9


def keep(client: MLOpsClient, operator: SyncClient) -> str:
    """The instances of the endpoint as the operator writes them; the version."""
    endpoint = client.V1Alpha1Endpoint.get("titanic")
    config = client.V1Alpha1EndpointConfig.get("titanic")
    models = {model.metadata.name: model for model in client.V1Alpha1Model.list()}
    settings = some_settings()
    target = freeze(
        endpoint, config, World(now=0.0, settings=settings, endpoint=endpoint, config=config, models=models)
    )
    record = make_config_instance(
        endpoint,
        config_name="titanic",
        version=target.version,
        variants=config.spec.models,
        model_versions=target.model_versions,
    )
    assert operator.create("mlec", record).is_success
    for variant in target.variants:
        instance = make_model_instance(
            endpoint,
            variant.template,
            variant.spec,
            config_name="titanic",
            version=variant.version,
            replicas=1,
            settings=settings,
        )
        answer = operator.create("mlm", instance)
        assert answer.is_success, answer.text
    return target.version


def test_a_rollback_restores_config_and_models(client: MLOpsClient, server: SyncClient, report: Report) -> None:
    may_do_everything(server, OPERATOR)
    endpoint = create_titanic(client)
    before = client.V1Alpha1EndpointConfig.get("titanic").spec, client.V1Alpha1Model.get("rfc").spec
    version = keep(client, server.impersonating(OPERATOR))
    titanic = client.endpoint("titanic")
    titanic.weights({"blue": 9}, wait=False)
    titanic.swap("blue", image="registry.example.com/rfc:2", wait=False)
    entry = {"target": version, "outcome": "Succeeded", "reason": "Succeeded", "startTime": BORN, "endTime": BORN}
    report(endpoint, configVersion="newer", targetVersion="newer", history=[entry])
    changes = titanic.rollback(wait=False)
    assert (client.V1Alpha1EndpointConfig.get("titanic").spec, client.V1Alpha1Model.get("rfc").spec) == before
    assert {change.field for change in changes} == {"spec.image", "spec.models[blue].weight"}
    assert titanic.rollback(to=version, wait=False) == ()


def test_a_rollback_to_what_is_not_kept_says_what_to_do(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(ClientError, match="no earlier version"):
        client.endpoint("titanic").rollback()
    with pytest.raises(NotFoundError, match="keepVersions"):
        client.endpoint("titanic").rollback(to="gone")


def test_an_endpoint_without_url_is_not_invoked(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(UnreachableError, match=r"no URL yet: see explain\(\)"):
        client.endpoint("titanic").invoke({})


def test_whole_objects_round_trip(client: MLOpsClient) -> None:
    create_titanic(client)
    config = client.V1Alpha1EndpointConfig.get("titanic")
    assert msgspec.convert(make_manifest(config), EndpointConfig).spec == config.spec
    model = client.V1Alpha1Model.get("rfc")
    assert msgspec.convert(make_manifest(model), Model).spec == model.spec
