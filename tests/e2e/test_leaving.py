"""What a deletion leaves behind."""

from mlendpoints.edge.kinds import (
    CLAIM,
    CONFIG,
    DEPLOYMENT,
    DESTINATION_RULE,
    ENDPOINT,
    GATEWAY,
    MODEL,
    POD,
    SERVICE,
    VIRTUAL_SERVICE,
)
from tests.e2e.gateway import Gateway
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place
from tests.e2e.waiting import until

KINDS = (CLAIM, CONFIG, DEPLOYMENT, DESTINATION_RULE, ENDPOINT, GATEWAY, MODEL, POD, SERVICE, VIRTUAL_SERVICE)
TEMPLATES = [(CONFIG.name, "cfg"), (MODEL.name, "echo")]


def names(place: Place) -> list[tuple[str, str]]:
    return [(kind.name, obj["metadata"]["name"]) for kind in KINDS for obj in place.all(kind)]


def test_a_deletion_leaves_the_templates_alone_and_nothing_else(place: Place, both: list[Gateway]) -> None:
    place.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo")))
    before = [place.get(MODEL, "echo")["spec"], place.get(CONFIG, "cfg")["spec"]]
    place.apply(an_endpoint("leaving", config="cfg", host=place.host("leaving")))
    place.until_ready("leaving")
    place.delete(ENDPOINT, "leaving")
    place.until_gone(ENDPOINT, "leaving")
    assert all(gateway.invoke(place.host("leaving")).status_code == 404 for gateway in both)
    until(lambda: names(place) == TEMPLATES, "only templates are left", last=lambda: names(place))
    assert [place.get(MODEL, "echo")["spec"], place.get(CONFIG, "cfg")["spec"]] == before


def test_an_endpoint_that_never_served_can_be_deleted(place: Place) -> None:
    place.apply(an_endpoint("waiting", config="none", host=place.host("waiting")))
    place.until_condition("waiting", "ConfigResolved", "False", reason="ReferenceNotFound")
    place.delete(ENDPOINT, "waiting")
    place.until_gone(ENDPOINT, "waiting")
