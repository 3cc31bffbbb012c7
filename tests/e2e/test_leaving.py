"""What a deletion leaves behind."""

from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MODEL, POD
from tests.e2e.gateway import Gateway
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place
from tests.e2e.standing import standing
from tests.kit.waiting import wait_until

TEMPLATES = [(CONFIG.name, "cfg"), (MODEL.name, "echo")]


def test_a_deletion_leaves_the_templates_alone_and_nothing_else(place: Place, both: list[Gateway]) -> None:
    place.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo")))
    before = [place.get(MODEL, "echo")["spec"], place.get(CONFIG, "cfg")["spec"]]
    place.apply(an_endpoint("leaving", config="cfg", host=place.host("leaving")))
    place.until_ready("leaving")
    place.delete(ENDPOINT, "leaving")
    place.until_gone(ENDPOINT, "leaving")
    assert all(gateway.invoke(place.host("leaving")).status_code == 404 for gateway in both)
    wait_until(lambda: standing(place) == TEMPLATES, "only templates are left", last=lambda: standing(place))
    wait_until(lambda: not place.all(POD), "its pods are gone")
    assert [place.get(MODEL, "echo")["spec"], place.get(CONFIG, "cfg")["spec"]] == before


def test_an_endpoint_that_never_served_can_be_deleted(place: Place) -> None:
    place.apply(an_endpoint("waiting", config="none", host=place.host("waiting")))
    place.until_condition("waiting", "ConfigResolved", "False", reason="ReferenceNotFound")
    place.delete(ENDPOINT, "waiting")
    place.until_gone(ENDPOINT, "waiting")
