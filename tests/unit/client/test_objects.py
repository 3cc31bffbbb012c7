"""Edits reach the API server as little as possible changed: what this release does not know stays."""

from typing import Any

import msgspec
import pytest

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.client import InvalidError, with_spec
from mlendpoints.client.objects import checked, make_manifest, overlaid, templates
from tests.kit.builders import a_config, a_model, a_variant


def stored(obj: Model | EndpointConfig, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    found = make_manifest(obj)
    found["spec"] |= spec
    found["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    return found


def test_a_manifest_has_its_kind_and_no_status() -> None:
    manifest = make_manifest(a_model())
    assert (manifest["kind"], manifest["apiVersion"]) == ("MachineLearningModel", "mlendpoints.dev/v1alpha1")
    assert "status" not in manifest


def test_fields_of_a_later_release_stay() -> None:
    model = a_model()
    written = overlaid(stored(model, later={"x": 1}), model, with_spec(model, image="registry.example.com/m:2"))
    assert written["spec"]["later"] == {"x": 1}
    assert written["spec"]["image"] == "registry.example.com/m:2"
    assert written["metadata"]["managedFields"] == [{"manager": "kubectl"}]


def test_fields_of_a_later_release_stay_in_the_variants() -> None:
    config = a_config(a_variant("blue"), a_variant("green"))
    known = stored(config)
    known["spec"]["models"][1]["later"] = True
    edited = with_spec(config, models=(config.spec.models[1],))
    assert overlaid(known, config, edited)["spec"]["models"] == [
        {"name": "green", "model": "titanic-rfc", "later": True}
    ]


def test_a_field_that_gets_its_default_is_removed() -> None:
    model = a_model(port=9000)
    assert "port" not in overlaid(stored(model), model, with_spec(model, port=8080))["spec"]


def test_an_edit_of_nothing_changes_nothing() -> None:
    model = a_model()
    known = stored(model, port=8080)  # a default that the API server has filled in
    assert overlaid(known, model, model) == known


def test_labels_are_edited_and_others_fields_of_the_metadata_are_not() -> None:
    model = a_model()
    labelled = msgspec.structs.replace(
        model, metadata=msgspec.structs.replace(model.metadata, labels={"team": "ml"}, uid="another")
    )
    metadata = overlaid(stored(model), model, labelled)["metadata"]
    assert (metadata["labels"], metadata["uid"]) == ({"team": "ml"}, "uid-of-titanic-rfc")


@pytest.mark.parametrize(
    ("fields", "path"),
    [({"port": 80}, "spec.port"), ({"imagge": "x"}, "spec.imagge"), ({"env": "HOME"}, "spec.env")],
)
def test_wrong_fields_are_named_before_anything_is_sent(fields: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidError) as caught:
        with_spec(a_model(), **fields)
    assert caught.value.fields == (path,)


def test_values_deep_in_an_object_are_checked() -> None:
    config = a_config(a_variant("blue"))
    bad = msgspec.structs.replace(config.spec.models[0], weight=-1)
    broken = msgspec.structs.replace(config, spec=msgspec.structs.replace(config.spec, models=(bad,)))
    with pytest.raises(InvalidError, match=r"spec.models\[0\].weight: Expected `int` >= 0"):
        checked(broken, "")


def test_instances_are_no_templates() -> None:
    instance = msgspec.convert(
        {
            "metadata": {"name": "t-1"},
            "spec": {"models": [a_variant()], "instance": {"endpoint": "t", "config": "t", "version": "1"}},
        },
        EndpointConfig,
    )
    template = a_config(a_variant())
    assert templates(iter([instance, template])) == (template,)
