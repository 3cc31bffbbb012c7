"""A setting of pods is declared once: versions, manifests, schemas and documentation follow."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml

import mlendpoints
from mlendpoints.api.declared import IN_POD, copied_fields, quantity_fields, version_fields
from mlendpoints.api.endpointconfig import EndpointConfig, ProductionVariant
from mlendpoints.api.meta import Value
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import Model, ModelInstance, ModelServer
from mlendpoints.api.pod_settings import PodSettings
from mlendpoints.core.manifests.copied import copied
from mlendpoints.core.versions import config_version, mlmodel_version, model_version
from tests.unit.core.declared_field import shown
from tests.unit.core.manifests import made, mlmodels

ROOT = Path(__file__).parents[3]
DECLARATION = """
    scheduler_name: Annotated[
        str, Meta(description="Scheduler of the pods.", pattern=patterns.SUBDOMAIN, max_length=253), IN_POD
    ] = ""
"""
Shown = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """What the operator makes of a variant and an MLModel if its source has the one declaration more."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(Path(mlendpoints.__file__).parent, source / "mlendpoints")
    declarations = source / "mlendpoints" / "api" / "pod_settings.py"
    text, last = declarations.read_text(), '    ] = "ReadWriteOnce"\n'
    assert text.count(last) == 1
    declarations.write_text(text.replace(last, last + DECLARATION))

    def ask(**written: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.unit.core.declared_field", json.dumps(written)],
            cwd=ROOT,
            env=dict(os.environ) | {"PYTHONPATH": str(source)},
            check=True,
            stdout=subprocess.PIPE,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return ask


def test_a_declared_field_is_in_versions_instances_pods_crds_and_reference(extended: Shown) -> None:
    before, with_it = shown(), extended(schedulerName="volcano")

    assert [a == b for a, b in zip(before["versions"], with_it["versions"], strict=True)] == [False, False]
    assert with_it["instance"]["schedulerName"] == "volcano"
    assert [pod["schedulerName"] for pod in with_it["pods"]] == ["volcano", "volcano"]
    has_it = {kind for kind, crd in with_it["crds"].items() if '"schedulerName": {"description"' in crd}
    assert has_it == {Model.KIND, EndpointConfig.KIND, MLModel.KIND}
    assert "has(self.schedulerName) == has(oldSelf.schedulerName)" in with_it["crds"][Model.KIND]
    assert with_it["reference"].count("| `schedulerName` | string |") == 3


def test_a_field_that_nobody_sets_changes_no_version_and_no_manifest(extended: Shown) -> None:
    before, after = shown(), extended()

    assert {part: after[part] for part in ("versions", "instance", "pods")} == {
        part: before[part] for part in ("versions", "instance", "pods")
    }


@pytest.mark.parametrize("kind", [ProductionVariant, MLModelSpec, ModelInstance])
def test_all_kinds_that_make_pods_have_all_settings(kind: type[Value]) -> None:
    assert set(PodSettings.__struct_fields__) <= set(kind.__struct_fields__)
    assert quantity_fields(PodSettings) == ("cpus", "memory", "resources", "size")
    assert copied_fields(PodSettings, "pod")
    assert copied_fields(kind, "pod")[-2:] == copied_fields(PodSettings, "pod")


def test_only_names_and_counts_are_no_part_of_a_version() -> None:
    outside = {
        name
        for kind in (ProductionVariant, MLModelSpec, ModelServer)
        for name in {field.encode_name for field in msgspec.structs.fields(kind)} - version_fields(kind)
    }
    assert outside == {"name", "model", "weight", "instances", "replicas"}


class Counted(Value, frozen=True, kw_only=True):
    seconds: Annotated[int, IN_POD] = 30
    shared: Annotated[bool, IN_POD] = False
    needed: Annotated[int, IN_POD]


def test_a_default_that_differs_from_kubernetes_is_copied_and_what_is_empty_is_not() -> None:
    assert copied(ModelServer(image="a"), "container") == {"image": "a", "args": ["serve"]}
    assert copied(ModelServer(image="a", args=()), "container") == {"image": "a"}


def test_zero_is_copied_where_it_is_not_the_default() -> None:
    assert copied(Counted(needed=0), "pod") == {"seconds": 30, "needed": 0}
    assert copied(Counted(needed=1, seconds=0, shared=True), "pod") == {"seconds": 0, "shared": True, "needed": 1}


# As earlier commits computed them. A change of one replaces the pods of every endpoint.
VERSIONS = yaml.safe_load("""
captured: {store: szgkjqkk, claim: qzz4lblg, config: e5xkjuun}
everything: {disk: k3izjtpt, claim: rox52cjg, shared: yv5rddmx, none: g77ac6vr, config: 7om3hcbr}
smallest: {only: gee6nqdz, config: 6b44r6fk}
titanic: {green: 4svnpxzl, blue: xnxj2bo5, config: cn3ivtzk}
""")
MLMODELS = {"everything": "fbsclwnk", "smallest": "j5m7e4pj", "tensorflow-serving": "xywcc5o7"}


@pytest.mark.parametrize("case", made.CASES)
def test_versions_of_endpoints_never_change(case: str) -> None:
    wish = made.requested(case)
    uid, variants = wish.endpoint.metadata.uid, wish.config.spec.models
    models = {v.name: model_version(endpoint_uid=uid, variant=v, template=wish.models[v.model]) for v in variants}
    config = config_version(
        endpoint_uid=uid,
        config=wish.config.metadata.name,
        attempt=wish.endpoint.spec.update.attempt,
        variants=variants,
        model_versions=models,
    )
    assert VERSIONS[case] == models | {"config": config}


@pytest.mark.parametrize("case", mlmodels.CASES)
def test_versions_of_mlmodels_never_change(case: str) -> None:
    assert MLMODELS[case] == mlmodel_version(mlmodels.requested(case))
