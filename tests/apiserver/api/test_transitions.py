import pytest

from mlendpoints.api.model import ModelSpec
from mlendpoints.api.structural import make_schema
from tests.apiserver.api.objects import INSTANCES, a_template, an_instance, merged
from tests.kit.sync_client import Object, SyncClient, address

FROZEN = "this is an instance: nothing but replicas may change; edit the template that it was created from"
OTHER_VALUES: Object = {
    "image": "registry.example.com/titanic:2",
    "imagePullPolicy": "Always",
    "artifact": "https://example.com/other.tgz",
    "artifactDigest": f"sha256:{'0' * 64}",
    "command": ["other"],
    "args": ["other"],
    "artifactSecret": "other",
    "env": [{"name": "OTHER"}],
    "port": 9000,
    "healthPath": "/other",
    "startupTimeoutSeconds": 1,
    "runAsUser": 1,
    "runAsGroup": 2000,
    "serviceAccountName": "other",
    "ownProcessNamespace": True,
    "imagePullSecrets": [{"name": "other"}],
    "instance": {"version": "00000000"},
}


@pytest.fixture
def model(operator: SyncClient, namespace: str) -> Object:
    spec = {"artifact": "https://example.com/t.tgz"}
    made: Object = operator.create("mlm", an_instance("mlm", namespace, spec=spec)).raise_for_status().json()
    return made


@pytest.fixture
def config(operator: SyncClient, namespace: str) -> Object:
    made: Object = operator.create("mlec", an_instance("mlec", namespace)).raise_for_status().json()
    return made


def test_the_host_of_an_endpoint_cannot_change(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()

    refused = server.merge("mle", endpoint, {"spec": {"host": "other.example.com"}})

    assert refused.status_code == 422
    assert "host cannot be changed, added or removed; create another endpoint" in refused.json()["message"]


@pytest.mark.parametrize(("before", "after"), [("titanic.example.com", None), (None, "titanic.example.com")])
def test_the_host_of_an_endpoint_is_neither_added_nor_removed(
    before: str | None, after: str | None, server: SyncClient, namespace: str
) -> None:
    wanted = a_template("mle", namespace)
    wanted["spec"] = {"config": "titanic"} | ({"host": before} if before else {})
    endpoint = server.create("mle", wanted).raise_for_status().json()

    refused = server.merge("mle", endpoint, {"spec": {"host": after}})

    assert refused.status_code == 422
    assert "host cannot be changed, added or removed; create another endpoint" in refused.json()["message"]
    changed = server.merge("mle", endpoint, {"spec": {"tls": True}}).raise_for_status().json()
    assert changed["spec"].get("host") == before


def test_everything_else_of_an_endpoint_can_change(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()
    change = {"config": "other", "tls": True, "update": {"deadlineSeconds": 60, "attempt": "2"}}

    changed = server.merge("mle", endpoint, {"spec": change}).json()

    assert changed["spec"] == {"host": "titanic.example.com"} | change
    assert changed["metadata"]["generation"] == 2


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_in_a_model_instance_nothing_but_replicas_may_change(field: str, operator: SyncClient, model: Object) -> None:
    refused = operator.merge("mlm", model, {"spec": {field: OTHER_VALUES[field]}})

    assert refused.status_code == 422
    assert FROZEN in refused.json()["message"]


AGAIN: Object = {"builder": "99", "images": {"nginx": "localhost/mlendpoints/nginx:99"}}


@pytest.mark.parametrize("more", [{}, {"drainSeconds": 3, "nginx": {"limits": {"memory": "1Gi"}}}])
def test_the_operator_freezes_its_part_of_a_model_instance_again(
    more: Object, operator: SyncClient, model: Object
) -> None:
    changed = operator.merge("mlm", model, {"spec": {"instance": AGAIN | more}})

    assert changed.status_code == 200
    assert changed.json()["spec"] == merged(model["spec"], {"instance": AGAIN | more})


@pytest.mark.parametrize(
    "change",
    [
        {"instance": {"images": AGAIN["images"]}},
        {"instance": {"drainSeconds": 3}},
        {"instance": AGAIN | {"cpus": "2"}},
        {"instance": AGAIN | {"path": "/mnt"}},
        {"instance": AGAIN | {"nodeSelector": {"a": "b"}}},
        {"instance": AGAIN, "image": "registry.example.com/titanic:2"},
    ],
    ids=["images alone", "draining alone", "cpus", "path", "nodes", "image"],
)
def test_but_neither_without_another_revision_nor_anything_else(
    change: Object, operator: SyncClient, model: Object
) -> None:
    refused = operator.merge("mlm", model, {"spec": change})

    assert refused.status_code == 422
    assert FROZEN in refused.json()["message"]


def test_the_fields_tried_above_are_all_there_are() -> None:
    assert set(OTHER_VALUES) | {"replicas"} == set(make_schema(ModelSpec)["properties"])


def test_a_large_model_instance_can_be_scaled(user: SyncClient, operator: SyncClient, namespace: str) -> None:
    env = [{"name": f"V{number}", "value": "a" * 4096} for number in range(128)]
    large = operator.create("mlm", an_instance("mlm", namespace, spec={"env": env})).raise_for_status().json()

    assert user.merge("mlm", large, {"spec": {"replicas": 2}}).status_code == 200


def test_a_field_of_a_model_instance_cannot_be_taken_away(operator: SyncClient, model: Object) -> None:
    refused = operator.merge("mlm", model, {"spec": {"artifact": None}})

    assert FROZEN in refused.json()["message"]


def test_the_replicas_of_a_model_instance_can_change(user: SyncClient, model: Object) -> None:
    changed = user.merge("mlm", model, {"spec": {"replicas": 3}})

    assert changed.json()["spec"] == model["spec"] | {"replicas": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"models": [{"name": "blue", "model": "titanic-rfc", "weight": 2}]},
        {"models": [{"name": "green", "model": "titanic-rfc"}]},
        {"instance": {"version": "00000000"}},
    ],
)
def test_in_a_config_instance_nothing_may_change(change: Object, operator: SyncClient, config: Object) -> None:
    refused = operator.merge("mlec", config, {"spec": change})

    assert refused.status_code == 422
    assert "this is an instance: nothing may change" in refused.json()["message"]


@pytest.mark.parametrize(("short", "extra"), [("mlm", {"replicas": 1}), ("mlec", {})])
def test_a_template_cannot_become_an_instance(
    short: str, extra: Object, server: SyncClient, operator: SyncClient, namespace: str
) -> None:
    template = server.create(short, a_template(short, namespace)).json()

    refused = operator.merge(short, template, {"spec": {"instance": INSTANCES[short]} | extra})

    assert refused.status_code == 422
    assert "instance is set by the operator only, when it creates the object" in refused.json()["message"]


@pytest.mark.parametrize(("short", "extra"), [("mlm", {"replicas": None}), ("mlec", {})])
def test_an_instance_cannot_become_a_template(short: str, extra: Object, operator: SyncClient, namespace: str) -> None:
    instance = operator.create(short, an_instance(short, namespace)).json()

    refused = operator.merge(short, instance, {"spec": {"instance": None} | extra})

    assert refused.status_code == 422
    assert "instance is set by the operator only" in refused.json()["message"]


@pytest.mark.parametrize(
    ("short", "change"), [("mlm", {"port": 9000}), ("mlec", {"models": [{"name": "g", "model": "m"}]})]
)
def test_a_template_can_change(short: str, change: Object, server: SyncClient, namespace: str) -> None:
    template = server.create(short, a_template(short, namespace)).json()

    assert server.merge(short, template, {"spec": change}).status_code == 200


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_metadata_of_an_instance_can_change(
    short: str, server: SyncClient, operator: SyncClient, namespace: str
) -> None:
    instance = operator.create(short, an_instance(short, namespace)).json()

    server.merge(short, instance, {"metadata": {"finalizers": ["example.com/kept"], "labels": {"team": "a"}}})
    changed = server.merge(short, instance, {"metadata": {"finalizers": []}})

    assert changed.json()["metadata"]["labels"] == instance["metadata"]["labels"] | {"team": "a"}


def test_a_status_write_changes_no_spec_and_no_generation(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()
    change = {"spec": {"config": "other"}, "status": {"state": "InService", "observedGeneration": 1}}

    server.merge("mle", endpoint, change, subresource="status").raise_for_status()
    read = server.read(address("mle", endpoint))

    assert read["status"] == {"state": "InService", "observedGeneration": 1}
    assert read["spec"] == endpoint["spec"]
    assert read["metadata"]["generation"] == 1


def test_a_spec_write_changes_no_status(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()

    changed = server.merge("mle", endpoint, {"status": {"state": "InService"}}).json()

    assert "status" not in changed


def test_a_state_that_another_version_knows_is_stored(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()

    changed = server.merge("mle", endpoint, {"status": {"state": "Fine"}}, subresource="status")

    assert changed.json()["status"] == {"state": "Fine"}
