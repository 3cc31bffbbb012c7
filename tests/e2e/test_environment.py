"""A model's environment comes from Secrets of its namespace: the kubelet reads them, the operator does not."""

from mlendpoints.edge.kube.kinds import ENDPOINT
from tests.e2e.gateway import Gateway
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place, condition_of


def test_a_missing_secret_is_told_and_its_value_is_served_once_it_is_there(place: Place, both: list[Gateway]) -> None:
    source = {"secretKeyRef": {"name": "answers", "key": "ours"}}
    place.apply(
        an_echo("echo", env=[{"name": "ANSWER", "valueFrom": source}]),
        a_config("cfg", a_variant("blue", "echo")),
        an_endpoint("late", config="cfg", host=place.host("late")),
    )
    told = place.until_condition("late", "ModelsReady", "False", reason="ReferenceNotFound")
    assert 'secret "answers" not found' in condition_of(told, "ModelsReady")["message"]

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "answers"}, "stringData": {"ours": "hidden"}}
    place.apply(secret)
    place.until_ready("late")

    assert all(gateway.invoke(place.host("late")).text == "hidden" for gateway in both)
    assert "hidden" not in str([place.get(ENDPOINT, "late"), *place.instances("late")])
