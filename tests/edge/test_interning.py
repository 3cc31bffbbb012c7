import msgspec

from mlendpoints.api.model import EnvVar, LocalObjectReference, ModelSpec
from mlendpoints.edge.observe import interning
from mlendpoints.edge.observe.interning import interned


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
