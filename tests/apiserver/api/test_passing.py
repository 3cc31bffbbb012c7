"""Whoever writes a model must be allowed to read what it names."""

from itertools import chain
from typing import Any

import pytest

from mlendpoints.api.policy import OPERATOR
from tests.apiserver.api.conftest import MARKERS, Tenants, grant, until_known
from tests.apiserver.api.objects import a_template, an_instance
from tests.kit.sync_client import Object, SyncClient

ARTIFACT = {"artifact": "https://models.example.com/titanic.tar.gz"}
NAMING = {
    "artifactSecret": ({**ARTIFACT, "artifactSecret": "store"}, "secrets/store"),
    "imagePullSecrets": ({"imagePullSecrets": [{"name": "pull"}]}, "secrets/pull"),
    "secretKeyRef": (
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}]},
        "secrets/token",
    ),
    "configMapKeyRef": (
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "a", "optional": True}}}]},
        "configmaps/flags",
    ),
}


@pytest.fixture(params=["mlm", "mlmodel"])
def short(request: pytest.FixtureRequest) -> str:
    """The kinds that name Secrets."""
    return str(request.param)


def reads(*refs: str) -> list[Object]:
    """Rules that allow to get just these objects."""
    pairs = (ref.split("/") for ref in refs)
    return [{"apiGroups": [""], "resources": [kind], "resourceNames": [name], "verbs": ["get"]} for kind, name in pairs]


def naming(count: int) -> tuple[Object, list[str]]:
    """So many references, of all sorts, and what they name."""
    secrets = [f"secrets/s{index}" for index in range(count - count // 3)]
    maps = [f"configmaps/m{index}" for index in range(count // 3)]
    key: dict[str, Any] = {"key": "k"}
    env = [
        {"name": f"V{index}", "valueFrom": {field: key | {"name": ref.split("/")[1]}}}
        for index, (field, ref) in enumerate(
            chain((("secretKeyRef", ref) for ref in secrets[3:]), (("configMapKeyRef", ref) for ref in maps))
        )
    ]
    spec: Object = {"env": env} if env else {}
    if secrets:
        spec |= {**ARTIFACT, "artifactSecret": "s0"}
    if secrets[1:]:
        spec["imagePullSecrets"] = [{"name": ref.split("/")[1]} for ref in secrets[1:3]]
    return spec, secrets + maps


@pytest.mark.parametrize(("spec", "named"), NAMING.values(), ids=NAMING)
def test_a_model_that_names_what_its_writer_may_not_read_is_rejected(
    spec: Object, named: str, short: str, tenants: Tenants, namespace: str
) -> None:
    rejected = tenants().create(short, a_template(short, namespace, spec=spec))

    assert rejected.status_code == 403
    assert f"spec names {named}, which tenant-" in rejected.json()["message"]
    assert f"may not get in namespace {namespace}" in rejected.json()["message"]
    assert tenants(*reads(named)).create(short, a_template(short, namespace, spec=spec)).status_code == 201


def test_so_is_one_that_names_an_account_that_its_writer_may_not_impersonate(
    short: str, tenant: SyncClient, tenants: Tenants, namespace: str
) -> None:
    template = a_template(short, namespace, spec={"serviceAccountName": "robot"})
    rejected = tenant.create(short, template)
    verb = {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["robot"], "verbs": ["impersonate"]}

    assert rejected.status_code == 403
    assert "spec.serviceAccountName is robot, which tenant-" in rejected.json()["message"]
    assert tenants(verb).create(short, template).status_code == 201


@pytest.mark.parametrize("count", [0, 2, 3, 16])
def test_each_of_up_to_16_references_is_checked(count: int, short: str, tenants: Tenants, namespace: str) -> None:
    spec, refs = naming(count)
    template = a_template(short, namespace, spec=spec)

    for missing in {0, count // 2, count - 1} if count else ():
        known = [ref for index, ref in enumerate(refs) if index != missing]
        rejected = tenants(*reads(*known)).create(short, template)
        assert rejected.status_code == 403
        assert f"spec names {refs[missing]}, which" in rejected.json()["message"]
    assert len(refs) == count
    assert tenants(*reads(*refs)).create(short, template).status_code == 201


def test_16_references_and_an_account_are_within_the_budget(short: str, tenants: Tenants, namespace: str) -> None:
    spec, refs = naming(16)
    verb = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}
    template = a_template(short, namespace, spec=spec | {"serviceAccountName": "robot"})

    assert tenants(verb, *reads(*refs)).create(short, template).status_code == 201


def test_more_than_16_references_are_rejected_whatever_their_writer_may(
    short: str, user: SyncClient, namespace: str
) -> None:
    rejected = user.create(short, a_template(short, namespace, spec=naming(17)[0]))

    assert rejected.status_code == 422
    assert "at most 16 references" in rejected.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"image": "registry.example.com/thief:1"},
        {"command": ["send"]},
        {"artifact": "https://elsewhere.example.com/titanic.tar.gz"},
        {"env": [{"name": "SEND_TO", "value": "elsewhere"}]},
        {"port": 8090},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_the_spec_of_such_a_model_needs_the_right(
    change: Object, short: str, user: SyncClient, tenants: Tenants, namespace: str
) -> None:
    template = a_template(short, namespace, spec={**ARTIFACT, "artifactSecret": "store"})
    user.create(short, template).raise_for_status()

    rejected = tenants().merge(short, template, {"spec": change})

    assert rejected.status_code == 403
    assert "spec names secrets/store" in rejected.json()["message"]
    assert tenants(*reads("secrets/store")).merge(short, template, {"spec": change}).status_code == 200


def test_taking_the_names_out_needs_no_right(short: str, user: SyncClient, tenant: SyncClient, namespace: str) -> None:
    template = a_template(short, namespace, spec={**ARTIFACT, "artifactSecret": "store"})
    user.create(short, template).raise_for_status()

    assert tenant.merge(short, template, {"spec": {"artifactSecret": None}}).status_code == 200


def test_writes_that_leave_the_spec_alone_need_no_right(
    short: str, user: SyncClient, tenant: SyncClient, namespace: str
) -> None:
    template = a_template(short, namespace, spec={**ARTIFACT, "artifactSecret": "store"})
    user.create(short, template).raise_for_status()

    assert tenant.merge(short, template, {"metadata": {"labels": {"team": "a"}}}).status_code == 200
    if short == "mlmodel":
        assert tenant.merge(short, template, {"spec": {"replicas": 3}}, subresource="scale").status_code == 200


def test_a_secret_of_the_same_name_in_another_namespace_does_not_help(
    short: str, server: SyncClient, tenants: Tenants, namespace: str
) -> None:
    elsewhere = f"{namespace}-b"
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": elsewhere}}).raise_for_status()
    user = tenants(name=f"{namespace}-reader")
    grant(server, elsewhere, f"{namespace}-reader", [*reads("secrets/store"), MARKERS])
    until_known(user, elsewhere)
    template = a_template(short, namespace, spec={**ARTIFACT, "artifactSecret": "store"})

    assert user.create(short, template).status_code == 403


def test_the_operator_creates_instances_of_such_models_and_tenants_scale_them(
    tenant: SyncClient, tenants: Tenants, server: SyncClient, namespace: str
) -> None:
    tenants(name=OPERATOR)  # no right to read anything
    instance = an_instance(
        "mlm", namespace, spec={**ARTIFACT, "artifactSecret": "store", "serviceAccountName": "robot"}
    )

    assert server.impersonating(OPERATOR).create("mlm", instance).status_code == 201
    assert tenant.merge("mlm", instance, {"spec": {"replicas": 3}}).status_code == 200


S3 = {"sink": "s3://captured/titanic", "sinkSecret": "writer"}
OTHER = {"sink": "s3://elsewhere/titanic", "sinkSecret": "writer"}


@pytest.mark.parametrize(
    ("short", "spec"),
    [
        ("mlmodel", {"capture": S3}),
        ("mlec", {"capture": S3}),
        ("mlec", {"models": [{"capture": S3}]}),
        ("mlec", {"capture": {"enabled": False} | S3}),
    ],
)
def test_the_secret_of_a_sink_must_be_readable_by_whoever_says_where_it_is_sent(
    short: str, spec: Object, tenants: Tenants, namespace: str
) -> None:
    rejected = tenants().create(short, a_template(short, namespace, spec=spec))

    assert rejected.status_code == 403
    assert "spec names secrets/writer, which tenant-" in rejected.json()["message"]
    assert tenants(*reads("secrets/writer")).create(short, a_template(short, namespace, spec=spec)).status_code == 201


def test_each_sink_of_a_config_is_checked(tenants: Tenants, namespace: str) -> None:
    names = [f"s{number}" for number in range(11)]
    variants = [
        {"name": f"v{number}", "model": "m", "capture": S3 | {"sinkSecret": name}}
        for number, name in enumerate(names[1:])
    ]
    template = a_template("mlec", namespace) | {"spec": {"capture": S3 | {"sinkSecret": "s0"}, "models": variants}}

    for missing in ("s0", "s5", "s10"):
        known = [f"secrets/{name}" for name in names if name != missing]
        rejected = tenants(*reads(*known)).create("mlec", template)
        assert rejected.status_code == 403
        assert f"spec names secrets/{missing}, which" in rejected.json()["message"]
    assert tenants(*reads(*(f"secrets/{name}" for name in names))).create("mlec", template).status_code == 201


def test_the_share_of_a_variant_may_be_changed_without_the_right_but_no_sink(
    user: SyncClient, tenant: SyncClient, namespace: str
) -> None:
    models: list[Object] = [{"name": "blue", "model": "m"}, {"name": "green", "model": "m", "capture": S3}]
    template = a_template("mlec", namespace) | {"spec": {"capture": S3, "models": models}}
    user.create("mlec", template).raise_for_status()

    heavier = [models[0] | {"weight": 9}, models[1]]
    assert tenant.merge("mlec", template, {"spec": {"models": heavier}}).status_code == 200
    for change in ({"capture": OTHER}, {"models": [models[0], models[1] | {"capture": OTHER}]}):
        rejected = tenant.merge("mlec", template, {"spec": change})
        assert rejected.status_code == 403
        assert "spec names secrets/writer, which" in rejected.json()["message"]
    off = {"capture": None, "models": [models[0], models[1] | {"capture": None}]}
    assert tenant.merge("mlec", template, {"spec": off}).status_code == 200


def test_a_frozen_config_names_sinks_without_a_check(operator: SyncClient, namespace: str) -> None:
    instance = an_instance("mlec", namespace, spec={"models": [{"capture": S3}]})
    assert operator.create("mlec", instance).status_code == 201
