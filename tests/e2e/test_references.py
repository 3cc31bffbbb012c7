"""How endpoints, configs and models name each other."""

from mlendpoints.edge.kube.kinds import CONFIG, MODEL
from tests.e2e.gateway import Gateway
from tests.e2e.objects import LONG, a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place, condition_of


def test_an_endpoint_goes_on_when_its_config_and_then_its_model_appear(place: Place, both: list[Gateway]) -> None:
    place.apply(an_endpoint("early", config="late", host=place.host("early")))
    waiting = place.until_condition("early", "ConfigResolved", "False", reason="ReferenceNotFound")
    assert f"{place.name}/late" in condition_of(waiting, "ConfigResolved")["message"]
    place.apply(a_config("late", a_variant("blue", "later")))
    place.until_condition("late", "RolledOut", "False", reason="ReferenceNotFound", kind=CONFIG)
    place.apply(an_echo("later"))
    place.until_ready("early")
    for gateway in both:
        assert gateway.invoke(place.host("early")).text == "later"


def test_two_endpoints_share_one_config_but_no_pods(place: Place, both: list[Gateway]) -> None:
    place.apply(an_echo("echo"), a_config("shared", a_variant("blue", "echo")))
    place.apply(*(an_endpoint(name, config="shared", host=place.host(name)) for name in ("one", "two")))
    for name in ("one", "two"):
        place.until_ready(name)
        assert all(gateway.variant(place.host(name)) == "blue" for gateway in both)
    place.until_rolled_out("shared")
    assert place.get(CONFIG, "shared")["status"]["usedBy"] == ["one", "two"]
    names = {instance["metadata"]["name"] for name in ("one", "two") for instance in place.instances(name)}
    assert len(names) == 2


def test_the_same_model_twice_in_a_config_makes_two_variants(place: Place, both: list[Gateway]) -> None:
    place.apply(
        an_echo("echo"),
        a_config("twice", a_variant("blue", "echo"), a_variant("green", "echo")),
        an_endpoint("twice", config="twice", host=place.host("twice")),
    )
    place.until_ready("twice")
    assert len({instance["metadata"]["name"] for instance in place.instances("twice")}) == 2
    for gateway in both:
        assert gateway.variant(place.host("twice"), variant="blue") == "blue"
        assert gateway.variant(place.host("twice"), variant="green") == "green"


def test_names_of_54_characters_serve(place: Place, both: list[Gateway]) -> None:
    assert len(LONG) == 54
    host = place.host("long")
    place.apply(an_echo(LONG), a_config(LONG, a_variant("v" * 32, LONG)), an_endpoint(LONG, config=LONG, host=host))
    place.until_ready(LONG)
    assert all(gateway.invoke(host).text == LONG for gateway in both)
    assert all(len(model["metadata"]["name"]) in (54, 63) for model in place.all(MODEL))
