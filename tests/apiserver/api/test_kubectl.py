"""What kubectl is told: names, columns, scale. (It asks the API server for all of it.)"""

import pytest

from tests.apiserver.api.objects import a_template, an_instance
from tests.kit.sync_client import OWN_API, PLURALS, Object, SyncClient, address

NOW = "2026-01-01T00:00:00Z"
ALL = sorted(PLURALS)


def _crd(short: str, server: SyncClient) -> Object:
    return server.read(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURALS[short]}.mlendpoints.dev")


def _condition(type_: str, status: str) -> Object:
    return {"type": type_, "status": status, "reason": "AsAsked", "lastTransitionTime": NOW}


@pytest.mark.parametrize(
    ("short", "plural"),
    [
        ("mlm", "machinelearningmodels"),
        ("mlec", "machinelearningendpointconfigs"),
        ("mle", "machinelearningendpoints"),
    ],
)
def test_kinds_have_a_short_name_and_a_category(short: str, plural: str, server: SyncClient) -> None:
    (resource,) = [r for r in server.read(OWN_API)["resources"] if r["name"] == plural]

    assert resource["shortNames"] == [short]
    assert resource["categories"] == ["mlendpoints"]
    assert resource["namespaced"]


def test_statuses_and_scale_are_subresources(server: SyncClient) -> None:
    subresources = {r["name"] for r in server.read(OWN_API)["resources"] if "/" in r["name"]}

    assert subresources == {
        "machinelearningmodels/scale",
        "machinelearningmodels/status",
        "machinelearningendpointconfigs/status",
        "machinelearningendpoints/status",
        "mlmodels/scale",
        "mlmodels/status",
    }


def test_the_columns_of_an_endpoint(server: SyncClient, namespace: str) -> None:
    endpoint = server.create("mle", a_template("mle", namespace)).json()
    status = {
        "state": "InService",
        "url": "http://titanic.example.com",
        "monitoringUrl": "https://grafana.example.com/titanic",
        "traffic": "blue=90,green=10",
        "conditions": [
            _condition("Ready", "True") | {"reason": "AsAsked", "message": "The endpoint matches its spec."}
        ],
    }
    server.merge("mle", endpoint, {"status": status}, subresource="status").raise_for_status()

    (row,) = server.table("mle", namespace)

    assert row.pop("Age")
    assert row == {
        "Name": "titanic",
        "State": "InService",
        "Ready": "True",
        "Reason": "AsAsked",
        "Config": "titanic",
        "URL": "http://titanic.example.com",
        "Traffic": "blue=90,green=10",
        "Monitoring": "https://grafana.example.com/titanic",
        "Message": "The endpoint matches its spec.",
    }


def test_the_columns_of_a_config(server: SyncClient, namespace: str) -> None:
    config = server.create("mlec", a_template("mlec", namespace)).json()
    status = {"models": "blue=90,green=10", "conditions": [_condition("RolledOut", "False")]}
    server.merge("mlec", config, {"status": status}, subresource="status").raise_for_status()

    (row,) = server.table("mlec", namespace)

    assert row.pop("Age")
    assert row == {"Name": "titanic", "Endpoint": None, "Models": "blue=90,green=10", "Rolled out": "False"}


def test_the_columns_of_a_model(server: SyncClient, operator: SyncClient, namespace: str) -> None:
    artifact = {"artifact": "https://example.com/t.tgz"}
    server.create("mlm", a_template("mlm", namespace, spec=artifact)).raise_for_status()
    instance = operator.create("mlm", an_instance("mlm", namespace, spec=artifact | {"replicas": 2})).json()
    status = {"readyReplicas": 1, "fetched": "1.2 GiB in 5.9 s (210 MiB/s)"}
    server.merge("mlm", instance, {"status": status}, subresource="status").raise_for_status()

    template_row, instance_row = server.table("mlm", namespace)

    shown = {"Image": "registry.example.com/titanic:1.4", "Artifact": "https://example.com/t.tgz"}
    assert template_row.pop("Age")
    assert instance_row.pop("Age")
    unknown = {"Endpoint": None, "Replicas": None, "Ready": None, "Rolled out": None, "Fetched": None}
    assert template_row == {"Name": "titanic", **shown, **unknown}
    assert instance_row == {
        "Name": "titanic-3f9c2ab1",
        "Endpoint": "titanic",
        **shown,
        "Replicas": 2,
        "Ready": 1,
        "Rolled out": None,
        "Fetched": status["fetched"],
    }


def test_autoscalers_see_replicas_and_selector(server: SyncClient, operator: SyncClient, namespace: str) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).json()
    status = {"replicas": 1, "selector": "mlendpoints.dev/version=3f9c2ab1"}
    server.merge("mlm", instance, {"status": status}, subresource="status").raise_for_status()

    scale = server.read(f"{address('mlm', instance)}/scale")

    assert scale["kind"] == "Scale"
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == status


def test_a_template_cannot_be_scaled(server: SyncClient, namespace: str) -> None:
    template = server.create("mlm", a_template("mlm", namespace)).json()

    refused = server.merge("mlm", template, {"spec": {"replicas": 2}}, subresource="scale")

    assert refused.status_code == 422
    assert "replicas is for instances" in refused.json()["message"]


def test_the_scale_of_an_instance_has_bounds(server: SyncClient, operator: SyncClient, namespace: str) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).json()

    refused = server.merge("mlm", instance, {"spec": {"replicas": 10001}}, subresource="scale")

    assert "spec.replicas in body should be less than or equal to 10000" in refused.json()["message"]


def test_an_mlmodel_is_found_by_its_own_short_word(server: SyncClient) -> None:
    (resource,) = [r for r in server.read(OWN_API)["resources"] if r["name"] == "mlmodels"]

    assert (resource["singularName"], resource["categories"]) == ("mlmodel", ["mlendpoints"])


def test_the_columns_of_an_mlmodel(server: SyncClient, namespace: str) -> None:
    artifact = {"artifact": "https://example.com/t.tgz"}
    model = server.create("mlmodel", a_template("mlmodel", namespace, spec=artifact)).json()
    status = {"phase": "Downloading", "message": "Fetching.", "readyReplicas": 1, "serviceEndpoint": "http://t.ns.svc"}
    status |= {"fetched": "1.2 GiB in 5.9 s (210 MiB/s)", "monitoringUrl": "https://grafana.example.com/t"}
    server.merge("mlmodel", model, {"status": status}, subresource="status").raise_for_status()

    (row,) = server.table("mlmodel", namespace)

    assert row.pop("Age")
    assert row == {
        "Name": "titanic",
        "Phase": "Downloading",
        "Replicas": 1,
        "Ready": 1,
        "Reason": None,
        "Endpoint": "http://t.ns.svc",
        "Image": "registry.example.com/titanic:1.4",
        "Artifact": "https://example.com/t.tgz",
        "Fetched": "1.2 GiB in 5.9 s (210 MiB/s)",
        "Monitoring": "https://grafana.example.com/t",
        "Message": "Fetching.",
    }


def test_scaling_an_mlmodel_changes_its_count_and_nothing_else(server: SyncClient, namespace: str) -> None:
    model = server.create("mlmodel", a_template("mlmodel", namespace)).json()

    server.merge("mlmodel", model, {"spec": {"replicas": 3}}, subresource="scale").raise_for_status()

    assert server.read(address("mlmodel", model))["spec"] == model["spec"] | {"replicas": 3}


@pytest.mark.parametrize("short", ALL)
def test_explain_knows_every_field_of_a_spec(short: str, server: SyncClient) -> None:
    crd = _crd(short, server)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    assert [name for name, field in spec["properties"].items() if not field.get("description")] == []


@pytest.mark.parametrize("short", ALL)
def test_the_api_server_finds_nothing_wrong_with_a_schema(short: str, server: SyncClient) -> None:
    assert [c for c in _crd(short, server)["status"]["conditions"] if c["type"] == "NonStructuralSchema"] == []
