import msgspec

from mlendpoints.api.model import ModelSpec
from mlendpoints.core.canonical import canonical


def test_a_default_that_is_written_out_says_nothing() -> None:
    written = b'{"image":"a","healthPath":"/ping","startupTimeoutSeconds":300,"args":["serve"],"env":[]}'
    assert canonical(msgspec.json.decode(written, type=ModelSpec)) == {"image": "a"}


def test_what_says_something_goes_by_its_name_on_the_wire() -> None:
    written = {"image": "a", "healthPath": "/live", "env": [{"name": "A", "value": ""}, {"name": "B", "value": "b"}]}
    assert canonical(msgspec.convert(written, ModelSpec)) == {
        "image": "a",
        "healthPath": "/live",
        "env": [{"name": "A"}, {"name": "B", "value": "b"}],
    }


def test_no_replicas_are_not_zero_replicas() -> None:
    assert (canonical(ModelSpec(image="a")), canonical(ModelSpec(image="a", replicas=0))) == (
        {"image": "a"},
        {"image": "a", "replicas": 0},
    )
