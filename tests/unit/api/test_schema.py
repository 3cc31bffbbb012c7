from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mlendpoints.api.crd import KINDS, Kind, make_crd
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig, ProductionVariant
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import Model
from mlendpoints.api.structural import Schema

SMALLEST: dict[Kind, dict[str, Any]] = {
    Model: {"image": "registry.example.com/titanic:1.4"},
    EndpointConfig: {"models": [{"name": "blue", "model": "titanic-rfc"}]},
    Endpoint: {"config": "titanic", "host": "titanic.example.com"},
    MLModel: {"image": "registry.example.com/titanic:1.4"},
}
kinds = pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.__name__)


def _whole(kind: Kind) -> Schema:
    schema: Schema = make_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from _parts(part, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from _parts(schema[inner], f"{path}[]")


def _part(kind: Kind, wanted: str) -> Schema:
    return dict(_parts(_whole(kind)))[wanted]


def _defaulted(value: Any, schema: Schema) -> Any:  # noqa: ANN401 (any JSON value)
    """What the API server makes of a value before it stores it."""
    if isinstance(value, list):
        return [_defaulted(item, schema["items"]) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    unset = {k: part["default"] for k, part in schema["properties"].items() if "default" in part and k not in value}
    return {key: _defaulted(part, schema["properties"][key]) for key, part in (value | unset).items()}


@kinds
def test_nothing_is_left_to_look_up_elsewhere(kind: Kind) -> None:
    assert "$ref" not in str(make_crd(kind))


@kinds
def test_every_part_has_exactly_one_type(kind: Kind) -> None:
    untyped = [
        path for path, part in _parts(_whole(kind)) if ("type" in part) == ("x-kubernetes-int-or-string" in part)
    ]

    assert untyped == []


@kinds
def test_every_list_says_how_it_merges(kind: Kind) -> None:
    lists = {path: part for path, part in _parts(_whole(kind)) if part.get("type") == "array"}

    assert [path for path, part in lists.items() if "x-kubernetes-list-type" not in part] == []


@kinds
def test_keys_of_list_maps_are_required(kind: Kind) -> None:
    maps = [part for _, part in _parts(_whole(kind)) if "x-kubernetes-list-map-keys" in part]

    assert maps
    assert [m for m in maps if not set(m["x-kubernetes-list-map-keys"]) <= set(m["items"]["required"])] == []


@kinds
def test_every_field_is_described(kind: Kind) -> None:
    fields = {path: part for path, part in _parts(_whole(kind)) if path.startswith((".spec.", ".status."))}

    assert [path for path, part in fields.items() if not path.endswith("[]") and not part.get("description")] == []


@kinds
def test_everything_in_a_spec_is_bounded(kind: Kind) -> None:
    bound = {"string": {"maxLength", "enum"}, "array": {"maxItems"}, "integer": {"maximum"}}
    spec = {path: part for path, part in _parts(_whole(kind)) if path.startswith(".spec.")}

    assert [
        path for path, part in spec.items() if part.get("type") in bound and not bound[part["type"]] & set(part)
    ] == []


@kinds
def test_every_map_in_a_spec_is_bounded(kind: Kind) -> None:
    maps = {
        path: part for path, part in _parts(_whole(kind)) if path.startswith(".spec") and "additionalProperties" in part
    }

    assert [path for path, part in maps.items() if "maxProperties" not in part] == []


@kinds
def test_the_api_server_fills_in_what_the_structs_fill_in(kind: Kind) -> None:
    smallest = {"metadata": {"name": "titanic"}, "spec": SMALLEST[kind]}
    stored = _defaulted(smallest, _whole(kind))

    assert (stored == smallest) == (kind is EndpointConfig)  # which is a list
    assert msgspec.convert(stored, kind) == msgspec.convert(smallest, kind)


@kinds
def test_an_object_survives_the_way_to_the_wire_and_back(kind: Kind) -> None:
    stored = _defaulted({"metadata": {"name": "titanic"}, "spec": SMALLEST[kind]}, _whole(kind))
    read = msgspec.convert(stored, kind)

    assert msgspec.json.decode(msgspec.json.encode(read), type=kind) == read


@kinds
def test_nothing_is_filled_in_in_a_status(kind: Kind) -> None:
    assert [p for p, part in _parts(_whole(kind)) if p.startswith(".status") and "default" in part] == []


@kinds
def test_nothing_is_filled_in_below_lists_where_tools_take_the_list_for_one_value(kind: Kind) -> None:
    assert [p for p, part in _parts(_whole(kind)) if "[]" in p and "default" in part] == []


def test_descriptions_tell_the_defaults() -> None:
    assert _part(EndpointConfig, ".spec.models[].weight")["description"].endswith(" Default: 1.")
    assert _part(EndpointConfig, ".spec.models[].memory")["description"].endswith(" Default: 1Gi.")
    assert _part(Model, ".spec.args")["description"].endswith(' Default: ["serve"].')


def test_quantities_may_be_numbers_or_strings() -> None:
    written = {"name": "blue", "model": "m", "cpus": 2, "memory": "1Gi", "resources": {"nvidia.com/gpu": 1}}

    variant = msgspec.convert(written, ProductionVariant)

    assert (variant.cpus, variant.memory, variant.resources) == ("2", "1Gi", {"nvidia.com/gpu": "1"})


def test_an_mlmodels_quantities_may_be_numbers_too() -> None:
    written = {"image": "i", "cpus": 2, "memory": 1073741824, "resources": {"nvidia.com/gpu": 1}}

    spec = msgspec.convert(written, MLModelSpec)

    assert (spec.cpus, spec.memory, spec.resources) == ("2", "1073741824", {"nvidia.com/gpu": "1"})


def test_a_number_and_its_string_are_the_same_variant() -> None:
    number, string = ({"name": "blue", "model": "m", "cpus": cpus} for cpus in (2, "2"))

    assert msgspec.convert(number, ProductionVariant) == msgspec.convert(string, ProductionVariant)


def test_lists_that_several_managers_write_merge_by_key() -> None:
    keys = {path: part.get("x-kubernetes-list-map-keys") for kind in KINDS for path, part in _parts(_whole(kind))}

    assert keys[".spec.models"] == ["name"]
    assert keys[".spec.env"] == ["name"]
    assert keys[".spec.imagePullSecrets"] == ["name"]
    assert keys[".status.conditions"] == ["type"]
    assert keys[".status.variants"] == ["instance"]


def test_only_models_can_be_scaled() -> None:
    scaled = [kind for kind in KINDS if "scale" in make_crd(kind)["spec"]["versions"][0]["subresources"]]

    assert scaled == [Model, MLModel]
    assert _part(Model, ".spec.replicas")["maximum"] == 10000


def test_an_mlmodel_always_says_how_many_pods_it_wants_so_that_it_can_be_scaled() -> None:
    assert _part(MLModel, ".spec.replicas")["default"] == 1


def test_a_message_shows_only_where_there_is_room() -> None:
    columns = make_crd(MLModel)["spec"]["versions"][0]["additionalPrinterColumns"]

    assert [column["name"] for column in columns if "priority" not in column] == [
        *("Phase", "Replicas", "Ready", "Reason", "Endpoint"),
        "Age",
    ]


def test_a_kind_whose_name_is_short_needs_no_short_name() -> None:
    named = {kind: make_crd(kind)["spec"]["names"] for kind in KINDS}

    assert named[MLModel]["singular"] == KINDS[MLModel].short
    assert [kind for kind, names in named.items() if "shortNames" not in names] == [MLModel]


@kinds
def test_every_kind_has_a_status_and_an_age(kind: Kind) -> None:
    version = make_crd(kind)["spec"]["versions"][0]

    assert version["subresources"]["status"] == {}
    assert version["additionalPrinterColumns"][-1]["name"] == "Age"
