import msgspec

from mlendpoints.api.env import EnvVar
from mlendpoints.api.model import LocalObjectReference, ModelSpec
from mlendpoints.edge.observe import interning
from mlendpoints.edge.observe.interning import interned, share_strings
from tests.edge.objects import a_model_instance, an_endpoint, an_entry


def a_spec(image: str = "registry.example.com/team/model:1") -> ModelSpec:
    """A new object each time, as decoding gives it."""
    said = {"image": image, "args": ["serve", "quietly"], "env": [{"name": "OMP_NUM_THREADS", "value": "1"}]}
    return msgspec.convert(said, ModelSpec)


def test_equal_fields_are_the_very_same_afterwards() -> None:
    one, other = interned(a_spec()), interned(a_spec())
    assert one == other == a_spec()
    assert one.image is other.image
    assert one.args is other.args
    assert one.env is other.env


def test_what_differs_stays_different() -> None:
    assert interned(a_spec("a:1")).image == "a:1"
    assert interned(a_spec("b:1")).image == "b:1"


def test_own_fields_are_left_as_they_are() -> None:
    spec = a_spec()
    assert interned(spec, but=("args",)).args is spec.args


def test_only_so_many_values_are_remembered() -> None:
    for number in range(interning.MOST + 10):
        interned(msgspec.structs.replace(a_spec(), args=(str(number),)))
    assert len(interning._known) <= interning.MOST  # noqa: SLF001 (it must not grow for ever)


def test_fields_that_say_the_same_stay_what_they_are() -> None:
    said = {"image": "m:1", "env": [{"name": "token"}], "imagePullSecrets": [{"name": "token"}]}
    for first, second in (("env", "imagePullSecrets"), ("imagePullSecrets", "env")):
        interning._known.clear()  # noqa: SLF001 - whichever is seen first
        interned(msgspec.convert({"image": "m:1", first: said[first]}, ModelSpec))
        spec = interned(msgspec.convert({"image": "m:1", second: said[second]}, ModelSpec))
        assert spec == msgspec.convert({"image": "m:1", second: said[second]}, ModelSpec)
        whole = interned(msgspec.convert(said, ModelSpec))
        assert (type(whole.env[0]), type(whole.image_pull_secrets[0])) == (EnvVar, LocalObjectReference)


def test_strings_are_the_very_same_afterwards_at_any_depth() -> None:
    one, other = share_strings(a_spec()), share_strings(a_spec())
    assert one == other == a_spec()
    assert one.image is other.image
    assert one.args[1] is other.args[1]
    assert one.env[0].name is other.env[0].name


def test_values_without_strings_stay_what_they_are() -> None:
    values: list[object] = [1, None, b"x", (), {}, (1, 2), frozenset({1})]
    for value in values:
        assert share_strings(value) is value


def test_dictionaries_are_shared_by_keys_and_values() -> None:
    one, other = (msgspec.json.decode(b'{"key": "value"}') for _ in range(2))
    shared, again = share_strings(one), share_strings(other)
    assert shared == again == {"key": "value"}
    assert next(iter(shared)) is next(iter(again))
    assert shared["key"] is again["key"]


def test_values_that_are_nested_too_deep_stay_as_they_are() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    assert "x" in share_strings(deep)


def test_an_endpoint_and_its_instances_share_names_and_uids() -> None:
    endpoint = an_entry("MachineLearningEndpoint", an_endpoint("ep"))
    instance = an_entry("MachineLearningModel", a_model_instance("rfc-1"))
    assert endpoint.ref.namespace is instance.ref.namespace
    assert instance.facts.child.controller is endpoint.uid  # type: ignore[union-attr]
