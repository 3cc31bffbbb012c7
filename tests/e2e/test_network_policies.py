"""With NetworkPolicies of the operator's, endpoints serve; switched off again, they are gone, and the pods stay."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import NETWORK_POLICY, POD
from tests.e2e.conftest import GATEWAY
from tests.e2e.desk import Desk, at_rest, environment_of
from tests.e2e.gateway import Gateway
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

NAME = "echo-models"


@pytest.fixture
def desk(
    server: SyncClient,
    place: Place,
    kubeconfig: Path,
    is_local: bool,  # noqa: FBT001 (a fixture)
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Desk]:
    """An operator of the namespace alone, where it has all rights; not started yet."""
    environment = environment_of(kubeconfig, GATEWAY, reachable=is_local)
    desk = Desk(served=[place], environment=environment, logs=tmp_path_factory.mktemp("desk"))
    with at_rest(server, [place]), closing(desk):
        yield desk


def pods(place: Place) -> dict[str, int]:
    """Their uids, and how often their containers have started again."""
    return {
        pod["metadata"]["uid"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in place.all(POD)
    }


def test_endpoints_serve_with_them_and_without(desk: Desk, place: Place, both: list[Gateway]) -> None:
    desk.start(network_policies="write", metrics_from='[{"podSelector": {}}]')
    host = place.host("echo")
    place.apply(
        an_echo("echo"), a_config("cfg", a_variant("blue", "echo")), an_endpoint("echo", config="cfg", host=host)
    )
    place.until_ready("echo")
    policy, before = place.get(NETWORK_POLICY, NAME), pods(place)
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == [8088, 9090]
    assert all(gateway.variant(host) == "blue" for gateway in both)

    place.edit(NETWORK_POLICY, NAME, {"ingress": [{}]})
    wait_until(lambda: place.get(NETWORK_POLICY, NAME)["spec"] == policy["spec"], "the operator has healed it")

    desk.kill()
    desk.start(network_policies="remove")
    wait_until(lambda: place.find(NETWORK_POLICY, NAME) is None, "it is removed")
    place.until_ready("echo")
    assert all(gateway.variant(host) == "blue" for gateway in both)
    assert pods(place) == before
