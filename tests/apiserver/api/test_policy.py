import pytest

from tests.apiserver.api.objects import a_template, an_instance
from tests.apiserver.server import Server, address, typed

SAID = "instances are made by the mlendpoints operator alone; create a template, without spec.instance"


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_nobody_but_the_operator_makes_instances(short: str, user: Server, namespace: str) -> None:
    refused = user.create(short, an_instance(short, namespace))

    assert refused.status_code == 403
    assert SAID in refused.json()["message"]


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_nor_by_server_side_apply(short: str, user: Server, namespace: str) -> None:
    instance = an_instance(short, namespace)
    headers = {"Content-Type": "application/apply-patch+yaml"}

    refused = user.ask(
        "PATCH", f"{address(short, instance)}?fieldManager=x", body=typed(short, instance), headers=headers
    )

    assert refused.status_code == 403
    assert SAID in refused.json()["message"]


def test_nor_does_a_cluster_administrator(server: Server, namespace: str) -> None:
    assert server.create("mlm", an_instance("mlm", namespace)).status_code == 403


def test_nor_an_operator_of_the_same_name_in_another_namespace(server: Server, namespace: str) -> None:
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

    refused = other.create("mlm", an_instance("mlm", namespace))

    assert SAID in refused.json()["message"]


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_the_operator_makes_instances(short: str, operator: Server, namespace: str) -> None:
    assert operator.create(short, an_instance(short, namespace)).status_code == 201


@pytest.mark.parametrize("short", ["mlm", "mlec", "mle"])
def test_users_make_templates(short: str, user: Server, namespace: str) -> None:
    assert user.create(short, a_template(short, namespace)).status_code == 201


def test_users_scale_instances(user: Server, operator: Server, namespace: str) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).json()

    scaled = user.merge("mlm", instance, {"spec": {"replicas": 4}}, subresource="scale")

    assert scaled.status_code == 200
    assert user.read(address("mlm", instance))["spec"]["replicas"] == 4


def test_anybody_whom_rbac_lets_deletes_instances(user: Server, operator: Server, namespace: str) -> None:
    instance = operator.create("mlm", an_instance("mlm", namespace)).json()

    assert user.ask("DELETE", address("mlm", instance)).status_code == 200
