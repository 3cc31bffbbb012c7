"""A model's environment comes from Secrets of its namespace: the kubelet reads them, the operator does not."""

from mlendpoints.edge.kube.kinds import ENDPOINT
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint


def test_a_missing_secret_is_told_and_its_value_is_served_once_it_is_there(
    namespace: Namespace, both: list[Gateway]
) -> None:
    source = {"secretKeyRef": {"name": "answers", "key": "ours"}}
    namespace.apply(
        an_echo("echo", env=[{"name": "ANSWER", "valueFrom": source}]),
        a_config("cfg", a_variant("blue", "echo")),
        an_endpoint("late", config="cfg", host=namespace.host("late")),
    )
    told = namespace.until_condition("late", "ModelsReady", "False", reason="ReferenceNotFound")
    assert 'secret "answers" not found' in condition_of(told, "ModelsReady")["message"]

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "answers"}, "stringData": {"ours": "hidden"}}
    namespace.apply(secret)
    namespace.until_ready("late")

    assert all(gateway.invoke(namespace.host("late")).text == "hidden" for gateway in both)
    assert "hidden" not in str([namespace.get(ENDPOINT, "late"), *namespace.instances("late")])
