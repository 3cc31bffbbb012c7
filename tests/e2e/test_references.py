"""How endpoints, configs and models name each other."""

from mlendpoints.edge.kube.kinds import CONFIG, MODEL
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import LONG, a_config, a_variant, an_echo, an_endpoint


def test_an_endpoint_goes_on_when_its_config_and_then_its_model_appear(
    namespace: Namespace, both: list[Gateway]
) -> None:
    namespace.apply(an_endpoint("early", config="late", host=namespace.host("early")))
    waiting = namespace.until_condition("early", "ConfigResolved", "False", reason="ReferenceNotFound")
    assert f"{namespace.name}/late" in condition_of(waiting, "ConfigResolved")["message"]
    namespace.apply(a_config("late", a_variant("blue", "later")))
    namespace.until_condition("late", "RolledOut", "False", reason="ReferenceNotFound", kind=CONFIG)
    namespace.apply(an_echo("later"))
    namespace.until_ready("early")
    for gateway in both:
        assert gateway.invoke(namespace.host("early")).text == "later"


def test_two_endpoints_share_one_config_but_no_pods(namespace: Namespace, both: list[Gateway]) -> None:
    namespace.apply(an_echo("echo"), a_config("shared", a_variant("blue", "echo")))
    namespace.apply(*(an_endpoint(name, config="shared", host=namespace.host(name)) for name in ("one", "two")))
    for name in ("one", "two"):
        namespace.until_ready(name)
        assert all(gateway.variant(namespace.host(name)) == "blue" for gateway in both)
    namespace.until_rolled_out("shared")
    assert namespace.get(CONFIG, "shared")["status"]["usedBy"] == ["one", "two"]
    names = {instance["metadata"]["name"] for name in ("one", "two") for instance in namespace.instances(name)}
    assert len(names) == 2


def test_the_same_model_twice_in_a_config_makes_two_variants(namespace: Namespace, both: list[Gateway]) -> None:
    namespace.apply(
        an_echo("echo"),
        a_config("twice", a_variant("blue", "echo"), a_variant("green", "echo")),
        an_endpoint("twice", config="twice", host=namespace.host("twice")),
    )
    namespace.until_ready("twice")
    assert len({instance["metadata"]["name"] for instance in namespace.instances("twice")}) == 2
    for gateway in both:
        assert gateway.variant(namespace.host("twice"), variant="blue") == "blue"
        assert gateway.variant(namespace.host("twice"), variant="green") == "green"


def test_names_of_54_characters_serve(namespace: Namespace, both: list[Gateway]) -> None:
    assert len(LONG) == 54
    host = namespace.host("long")
    namespace.apply(an_echo(LONG), a_config(LONG, a_variant("v" * 32, LONG)), an_endpoint(LONG, config=LONG, host=host))
    namespace.until_ready(LONG)
    assert all(gateway.invoke(host).text == LONG for gateway in both)
    assert all(len(model["metadata"]["name"]) in (54, 63) for model in namespace.all(MODEL))
