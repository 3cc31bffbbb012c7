"""What a deletion leaves behind."""

from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MODEL, POD
from tests.e2e.gateway import Gateway
from tests.e2e.inventory import inventory
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.waiting import wait_until

TEMPLATES = [(CONFIG.name, "cfg"), (MODEL.name, "echo")]


def test_a_deletion_leaves_the_templates_alone_and_nothing_else(namespace: Namespace, both: list[Gateway]) -> None:
    namespace.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo")))
    before = [namespace.get(MODEL, "echo")["spec"], namespace.get(CONFIG, "cfg")["spec"]]
    namespace.apply(an_endpoint("leaving", config="cfg", host=namespace.host("leaving")))
    namespace.until_ready("leaving")
    namespace.delete(ENDPOINT, "leaving")
    namespace.until_gone(ENDPOINT, "leaving")
    assert all(gateway.invoke(namespace.host("leaving")).status_code == 404 for gateway in both)
    wait_until(lambda: inventory(namespace) == TEMPLATES, "only templates are left", last=lambda: inventory(namespace))
    wait_until(lambda: not namespace.all(POD), "its pods are gone")
    assert [namespace.get(MODEL, "echo")["spec"], namespace.get(CONFIG, "cfg")["spec"]] == before


def test_an_endpoint_that_never_served_can_be_deleted(namespace: Namespace) -> None:
    namespace.apply(an_endpoint("waiting", config="none", host=namespace.host("waiting")))
    namespace.until_condition("waiting", "ConfigResolved", "False", reason="ReferenceNotFound")
    namespace.delete(ENDPOINT, "waiting")
    namespace.until_gone(ENDPOINT, "waiting")
