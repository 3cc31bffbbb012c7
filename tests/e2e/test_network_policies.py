"""With NetworkPolicies of the operator's, endpoints serve; switched off again, they are gone, and the pods stay."""

from collections.abc import Iterator

import pytest

from mlendpoints.edge.kube.kinds import NETWORK_POLICY, POD
from tests.e2e.conftest import OperatorOf
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import OperatorProcess
from tests.kit.waiting import wait_until

NAME = "echo-models"


@pytest.fixture
def operator(namespace: Namespace, operator_of: OperatorOf) -> Iterator[OperatorProcess]:
    """An operator of the namespace alone, where it has all rights; not started yet."""
    with operator_of(namespace) as operator:
        yield operator


def pods(namespace: Namespace) -> dict[str, int]:
    """Their uids, and how often their containers have started again."""
    return {
        pod["metadata"]["uid"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in namespace.all(POD)
    }


def test_endpoints_serve_with_them_and_without(
    operator: OperatorProcess, namespace: Namespace, both: list[Gateway]
) -> None:
    operator.start(network_policies="write", metrics_from='[{"podSelector": {}}]')
    host = namespace.host("echo")
    namespace.apply(
        an_echo("echo"), a_config("cfg", a_variant("blue", "echo")), an_endpoint("echo", config="cfg", host=host)
    )
    namespace.until_ready("echo")
    policy, before = namespace.get(NETWORK_POLICY, NAME), pods(namespace)
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == [8088, 9090]
    assert all(gateway.variant(host) == "blue" for gateway in both)

    namespace.edit(NETWORK_POLICY, NAME, {"ingress": [{}]})
    wait_until(lambda: namespace.get(NETWORK_POLICY, NAME)["spec"] == policy["spec"], "the operator has healed it")

    operator.kill()
    operator.start(network_policies="remove")
    wait_until(lambda: namespace.find(NETWORK_POLICY, NAME) is None, "it is removed")
    namespace.until_ready("echo")
    assert all(gateway.variant(host) == "blue" for gateway in both)
    assert pods(namespace) == before
