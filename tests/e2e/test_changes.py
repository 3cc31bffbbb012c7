"""Edits of a live endpoint, which the tests share, and who is left in peace by them."""

import pytest

from mlendpoints.edge.kube.kinds import CONFIG, DEPLOYMENT, MODEL, POD, VIRTUAL_SERVICE
from tests.e2e.conftest import MakeNamespace
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, kubectl
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until


@pytest.fixture(scope="module")
def live(make_namespace: MakeNamespace) -> Namespace:
    namespace = make_namespace()
    namespace.apply(
        an_echo("echo"),
        an_echo("other"),
        a_config("cfg", a_variant("blue", "echo", weight=90), a_variant("green", "other", weight=10)),
        an_endpoint("live", config="cfg", host=namespace.host("live")),
    )
    namespace.until_ready("live")
    return namespace


def shift(namespace: Namespace, blue: int, green: int) -> Object:
    """Edits both weights and waits until they are in force."""
    variants = a_config("cfg", a_variant("blue", "echo", weight=blue), a_variant("green", "other", weight=green))
    namespace.edit(CONFIG, "cfg", variants["spec"])
    namespace.until_rolled_out("cfg")
    return namespace.until_ready("live")


def pods(namespace: Namespace) -> dict[str, int]:
    """Restarts of each living pod, by uid."""
    return {
        pod["metadata"]["uid"]: sum(container["restartCount"] for container in pod["status"]["containerStatuses"])
        for pod in namespace.all(POD)
        if "deletionTimestamp" not in pod["metadata"]
    }


def test_an_edit_of_weights_touches_no_pod(live: Namespace, both: list[Gateway]) -> None:
    before, generations = pods(live), [d["metadata"]["generation"] for d in live.all(DEPLOYMENT)]
    assert len(before) == 2
    assert shift(live, 0, 1)["status"]["traffic"] == "blue=0,green=1"
    assert all(gateway.variant(live.host("live")) == "green" for gateway in both for _ in range(20))
    assert pods(live) == before
    assert [d["metadata"]["generation"] for d in live.all(DEPLOYMENT)] == generations


def test_a_scaled_instance_stays_scaled_when_weights_are_edited(live: Namespace) -> None:
    name = live.instances("live")[0]["metadata"]["name"]
    kubectl("--namespace", live.name, "scale", f"mlm/{name}", "--replicas", "2")
    wait_until(lambda: live.get(DEPLOYMENT, name)["status"].get("readyReplicas") == 2, "two pods are ready")
    wait_until(lambda: live.get(MODEL, name)["status"].get("readyReplicas") == 2, "the instance says so")
    shift(live, 50, 50)
    assert live.get(MODEL, name)["spec"]["replicas"] == 2
    assert live.get(DEPLOYMENT, name)["spec"]["replicas"] == 2
    assert live.get(DEPLOYMENT, name)["status"]["readyReplicas"] == 2


def test_an_edited_model_takes_over_and_the_old_one_leaves(live: Namespace, both: list[Gateway]) -> None:
    old, kept = (instance["metadata"]["name"] for instance in live.instances("live"))
    live.edit(MODEL, "echo", {"env": [{"name": "ANSWER", "value": "edited"}]})
    live.until_condition("echo", "RolledOut", "True", kind=MODEL)
    live.until_ready("live")
    assert all(gateway.invoke(live.host("live"), variant="blue").text == "edited" for gateway in both)
    live.until_gone(MODEL, old)
    assert kept in {instance["metadata"]["name"] for instance in live.instances("live")}


def test_a_child_deleted_by_hand_is_made_again(live: Namespace, both: list[Gateway]) -> None:
    uid = live.get(VIRTUAL_SERVICE, "live")["metadata"]["uid"]
    live.delete(VIRTUAL_SERVICE, "live")

    def made_again() -> bool:
        found = live.find(VIRTUAL_SERVICE, "live")
        return found is not None and found["metadata"]["uid"] != uid

    wait_until(made_again, "there is a new VirtualService")
    for gateway in both:
        wait_until(lambda: gateway.invoke(live.host("live")).status_code == 200, "it is routed again")  # noqa: B023
