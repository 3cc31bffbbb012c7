from collections.abc import Callable
from typing import Any

import pytest

from mlendpoints.api import labels
from mlendpoints.api.policy import COLLECTORS
from tests.apiserver.api.conftest import Tenants, until_known
from tests.apiserver.api.objects import a_template, an_instance
from tests.kit.sync_client import Object, SyncClient, address, place, typed

SAID = "instances are created by the mlendpoints operator only; create a template, without spec.instance"
KEPT = "this is an instance, which the mlendpoints operator deletes once it is unused"
MARKED = "this is an instance, whose labels, finalizers and owner references only the mlendpoints operator may change"
OWNER = {"apiVersion": "mlendpoints.dev/v1alpha1", "kind": "MachineLearningEndpoint", "name": "other", "uid": "1"}
EDITS: dict[str, Object] = {
    "labels": {"metadata": {"labels": {"team": "a"}}},
    "finalizers": {"metadata": {"finalizers": ["example.com/hold"]}},
    "owners": {"metadata": {"ownerReferences": [OWNER]}},
    "no owners": {"metadata": {"ownerReferences": None}},
}


@pytest.fixture(params=["mlm", "mlec"])
def short(request: pytest.FixtureRequest) -> str:
    """The kinds that have instances."""
    return str(request.param)


@pytest.fixture
def instance(operator: SyncClient, namespace: str, short: str) -> Object:
    """One that stands, with an owner."""
    created: Object = operator.create(short, an_instance(short, namespace)).raise_for_status().json()
    return created


def test_nobody_but_the_operator_creates_instances(short: str, user: SyncClient, namespace: str) -> None:
    refused = user.create(short, an_instance(short, namespace))

    assert refused.status_code == 403
    assert SAID in refused.json()["message"]


def test_nor_by_server_side_apply(short: str, user: SyncClient, namespace: str) -> None:
    instance = an_instance(short, namespace)
    headers = {"Content-Type": "application/apply-patch+yaml"}

    refused = user.ask(
        "PATCH", f"{address(short, instance)}?fieldManager=x", body=typed(short, instance), headers=headers
    )

    assert refused.status_code == 403
    assert SAID in refused.json()["message"]


def test_nor_does_a_cluster_administrator(server: SyncClient, namespace: str) -> None:
    assert server.create("mlm", an_instance("mlm", namespace)).status_code == 403


def test_nor_an_operator_of_the_same_name_in_another_namespace(server: SyncClient, namespace: str) -> None:
    other = server.impersonating(f"system:serviceaccount:{namespace}:mlendpoints-operator")
    server.ask(
        "POST",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
        body={
            "metadata": {"name": "all"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "mlendpoints-operator", "namespace": namespace}],
        },
    ).raise_for_status()
    until_known(other, namespace)

    refused = other.create("mlm", an_instance("mlm", namespace))

    assert SAID in refused.json()["message"]


@pytest.mark.parametrize("short", ["mlm", "mlec", "mle", "mlmodel"])
def test_users_create_and_delete_templates(short: str, tenant: SyncClient, namespace: str) -> None:
    template = a_template(short, namespace)

    assert tenant.create(short, template).status_code == 201
    assert tenant.merge(short, template, EDITS["labels"]).status_code == 200
    assert tenant.ask("DELETE", address(short, template)).status_code == 200


@pytest.mark.parametrize("subresource", ["", "scale"])
def test_users_scale_instances(subresource: str, tenant: SyncClient, operator: SyncClient, namespace: str) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).json()

    scaled = tenant.merge("mlm", instance, {"spec": {"replicas": 4}}, subresource=subresource)

    assert scaled.status_code == 200
    assert tenant.read(address("mlm", instance))["spec"]["replicas"] == 4


def test_users_annotate_instances(short: str, tenant: SyncClient, instance: Object) -> None:
    assert tenant.merge(short, instance, {"metadata": {"annotations": {"note": "x"}}}).status_code == 200


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_users_do_not_edit_what_instances_are_found_by(
    edit: Object, short: str, tenant: SyncClient, instance: Object
) -> None:
    refused = tenant.merge(short, instance, edit)

    assert refused.status_code == 403
    assert MARKED in refused.json()["message"]


@pytest.mark.parametrize("verbs", [(), ("manage-instances",)], ids=["tenant", "administrator"])
def test_nobody_but_the_operator_freezes_images_again(
    verbs: tuple[str, ...], tenants: Tenants, operator: SyncClient, namespace: str
) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).raise_for_status().json()
    granted = [{"apiGroups": ["mlendpoints.dev"], "resources": ["machinelearningmodels"], "verbs": list(verbs)}]
    changed = {"spec": {"instance": {"builder": "99", "images": {"nginx": "registry.example.com/other:1"}}}}

    refused = tenants(*(granted if verbs else [])).merge("mlm", instance, changed)

    assert refused.status_code == 403
    assert "whose spec.instance only the mlendpoints operator may change" in refused.json()["message"]
    assert operator.merge("mlm", instance, changed).status_code == 200


@pytest.mark.parametrize("collection", [False, True], ids=["one", "all"])
def test_users_do_not_delete_instances(
    collection: bool,  # noqa: FBT001 (a parameter)
    short: str,
    tenant: SyncClient,
    instance: Object,
    namespace: str,
) -> None:
    refused = tenant.ask("DELETE", place(short, namespace) if collection else address(short, instance))

    assert refused.status_code == 403
    assert KEPT in refused.json()["message"]
    assert tenant.read(address(short, instance))["metadata"]["uid"] == instance["metadata"]["uid"]


def _deletes(user: SyncClient, short: str, instance: Object) -> int:
    return user.ask("DELETE", address(short, instance)).status_code


def _edits(edit: str) -> Callable[[SyncClient, str, Object], int]:
    def attempt(user: SyncClient, short: str, instance: Object) -> int:
        return user.merge(short, instance, EDITS[edit]).status_code

    return attempt


_ATTEMPTS: dict[str, Any] = {"delete": _deletes} | {edit: _edits(edit) for edit in EDITS}


@pytest.mark.parametrize("attempt", _ATTEMPTS.values(), ids=_ATTEMPTS)
@pytest.mark.parametrize("collector", COLLECTORS)
def test_what_collects_garbage_does(
    collector: str, attempt: Callable[[SyncClient, str, Object], int], short: str, tenants: Tenants, instance: Object
) -> None:
    assert attempt(tenants(name=collector), short, instance) == 200


@pytest.mark.parametrize("attempt", _ATTEMPTS.values(), ids=_ATTEMPTS)
def test_whoever_has_the_verb_manage_instances_does(
    attempt: Callable[[SyncClient, str, Object], int], short: str, tenants: Tenants, instance: Object
) -> None:
    verb = {
        "apiGroups": ["mlendpoints.dev"],
        "resources": ["machinelearningmodels", "machinelearningendpointconfigs"],
        "verbs": ["manage-instances"],
    }

    assert attempt(tenants(verb), short, instance) == 200


def test_the_verb_counts_for_the_named_instances_only(tenants: Tenants, operator: SyncClient, namespace: str) -> None:
    for name in ("a-11111111", "b-22222222"):
        operator.create("mlm", an_instance("mlm", namespace, name=name)).raise_for_status()
    user = tenants(
        {
            "apiGroups": ["mlendpoints.dev"],
            "resources": ["machinelearningmodels"],
            "verbs": ["manage-instances"],
            "resourceNames": ["a-11111111"],
        }
    )

    assert [
        _deletes(user, "mlm", an_instance("mlm", namespace, name=name)) for name in ("a-11111111", "b-22222222")
    ] == [200, 403]


FREED = "the finalizer mlendpoints.dev/routes keeps the endpoint until the mlendpoints operator has removed its routes"
OTHERS = ["example.com/hold", "orphan"]
FREEING: dict[str, Object] = {
    "all": {"metadata": {"finalizers": None}},
    "ours": {"metadata": {"finalizers": OTHERS}},
    "for another": {"metadata": {"finalizers": ["orphan"]}},
}


@pytest.fixture
def endpoint(server: SyncClient, operator: SyncClient, namespace: str) -> Object:
    """One that the operator holds, and somebody else."""
    template = a_template("mle", namespace)
    template["metadata"]["finalizers"] = OTHERS
    created = server.create("mle", template).raise_for_status().json()
    held = {"metadata": {"finalizers": [labels.ROUTES_FINALIZER, *OTHERS]}}
    kept: Object = operator.merge("mle", created, held).raise_for_status().json()
    return kept


def _deleted(user: SyncClient, endpoint: Object) -> Object:
    """It has been deleted, and still stands."""
    user.ask("DELETE", address("mle", endpoint)).raise_for_status()
    return user.read(address("mle", endpoint))


@pytest.mark.parametrize("freeing", FREEING.values(), ids=FREEING)
@pytest.mark.parametrize("deleted", [False, True], ids=["stands", "deleted"])
def test_users_do_not_take_the_finalizer_off_an_endpoint(
    deleted: bool,  # noqa: FBT001 (a parameter)
    freeing: Object,
    tenant: SyncClient,
    endpoint: Object,
) -> None:
    if deleted:
        _deleted(tenant, endpoint)

    refused = tenant.merge("mle", endpoint, freeing)

    assert refused.status_code == 403
    assert FREED in refused.json()["message"]
    assert labels.ROUTES_FINALIZER in tenant.read(address("mle", endpoint))["metadata"]["finalizers"]


def test_nor_by_replacing_the_endpoint(tenant: SyncClient, endpoint: Object) -> None:
    file = a_template("mle", endpoint["metadata"]["namespace"])
    file["metadata"]["resourceVersion"] = endpoint["metadata"]["resourceVersion"]  # as kubectl replace fills in

    refused = tenant.replace("mle", file)

    assert refused.status_code == 403
    assert "kubectl apply does, kubectl replace does not" in refused.json()["message"]
    assert tenant.replace("mle", endpoint).status_code == 200


def test_users_edit_all_else_of_an_endpoint_and_delete_it(tenant: SyncClient, endpoint: Object) -> None:
    ours_alone = {"metadata": {"finalizers": [labels.ROUTES_FINALIZER]}}

    edits: tuple[Object, ...] = (EDITS["labels"], EDITS["owners"], {"spec": {"config": "other"}}, ours_alone)
    assert [tenant.merge("mle", endpoint, edit).status_code for edit in edits] == [200] * len(edits)
    assert "deletionTimestamp" in _deleted(tenant, endpoint)["metadata"]


def test_users_put_the_finalizer_on(tenant: SyncClient, namespace: str) -> None:
    created = tenant.create("mle", a_template("mle", namespace)).raise_for_status().json()

    assert tenant.merge("mle", created, {"metadata": {"finalizers": [labels.ROUTES_FINALIZER]}}).status_code == 200


def test_templates_may_have_a_finalizer_of_that_name(tenant: SyncClient, namespace: str) -> None:
    template = a_template("mlm", namespace)
    template["metadata"]["finalizers"] = [labels.ROUTES_FINALIZER]
    created = tenant.create("mlm", template).raise_for_status().json()

    assert tenant.merge("mlm", created, FREEING["all"]).status_code == 200


def test_the_operator_takes_its_finalizer_off(tenant: SyncClient, operator: SyncClient, endpoint: Object) -> None:
    _deleted(tenant, endpoint)

    assert operator.merge("mle", endpoint, FREEING["ours"]).status_code == 200


@pytest.mark.parametrize("collector", COLLECTORS)
def test_what_collects_garbage_takes_off_only_its_own(collector: str, tenants: Tenants, endpoint: Object) -> None:
    user = tenants(name=collector)
    own = {"metadata": {"finalizers": [labels.ROUTES_FINALIZER, "example.com/hold"]}}

    assert user.merge("mle", endpoint, own).status_code == 200
    assert user.merge("mle", endpoint, FREEING["all"]).status_code == 403


def _manages_endpoints(**more: Any) -> Object:  # noqa: ANN401 - as in YAML
    return {
        "apiGroups": ["mlendpoints.dev"],
        "resources": ["machinelearningendpoints"],
        "verbs": ["manage-instances"],
        **more,
    }


def test_whoever_has_the_verb_frees_an_endpoint_for_which_there_is_no_operator(
    tenants: Tenants, endpoint: Object
) -> None:
    user = tenants(_manages_endpoints())
    _deleted(user, endpoint)

    assert user.merge("mle", endpoint, FREEING["all"]).status_code == 200
    assert user.ask("GET", address("mle", endpoint)).status_code == 404


def test_so_does_a_cluster_administrator(user: SyncClient, endpoint: Object) -> None:
    _deleted(user, endpoint)

    assert user.merge("mle", endpoint, FREEING["all"]).status_code == 200


def test_the_verb_counts_for_the_named_endpoints_only(tenants: Tenants, endpoint: Object) -> None:
    users = [tenants(_manages_endpoints(resourceNames=[name])) for name in ("other", "titanic")]

    assert [user.merge("mle", endpoint, FREEING["all"]).status_code for user in users] == [403, 200]
