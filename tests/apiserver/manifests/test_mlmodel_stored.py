"""The same of an MLModel's manifests; and what a PUT leaves of what was created before."""

import json
from typing import Any

import pytest
import yaml

from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import covers
from tests.apiserver.manifests.objects import Objects, differences, our_fields, sent
from tests.kit.builders import an_mlmodel
from tests.unit.core.manifests.mlmodels import CASES, made, requested

ALL = [
    (case, f"{made_of['kind']}/{made_of['metadata']['name']}") for case in CASES for made_of in made(requested(case))
]
EVERY = pytest.mark.parametrize(("case", "kind"), ALL)
COMPARED = pytest.mark.parametrize(
    ("case", "kind"), [one for one in ALL if one[1].startswith(("Deployment", "Service", "PodMonitor"))]
)
PODS = pytest.mark.parametrize(("case", "kind"), [one for one in ALL if one[1].startswith(("Deployment", "Job"))])


def manifest_of(model: MLModel, kind: str, namespace: str) -> Manifest:
    """The first one of a kind, or of ``kind/name``."""
    kind, _, name = kind.partition("/")
    found = (manifest for manifest in made(model) if manifest["kind"] == kind)
    manifest = next(manifest for manifest in found if name in ("", manifest["metadata"]["name"]))
    return sent(manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}})


@EVERY
def test_every_field_is_stored_as_it_was_written(objects: Objects, case: str, kind: str) -> None:
    manifest = manifest_of(requested(case), kind, objects.namespace)
    assert differences(manifest, objects.create(manifest)) == []


@COMPARED
def test_every_field_is_ours_once_it_is_created(objects: Objects, case: str, kind: str) -> None:
    manifest = manifest_of(requested(case), kind, objects.namespace)
    assert covers(our_fields(objects.create(manifest)), manifest)


@PODS
def test_the_pod_is_admitted_where_restricted_is_enforced(objects: Objects, case: str, kind: str) -> None:
    template = manifest_of(requested(case), kind, objects.namespace)["spec"]["template"]
    metadata = template["metadata"] | {"name": "pod", "namespace": objects.namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

    stored = objects.create(pod, dry_run=True)

    assert stored["spec"]["volumes"] == pod["spec"]["volumes"]


def deployments(namespace: str, **edit: Any) -> tuple[Manifest, Manifest]:  # noqa: ANN401 - any field
    """The Deployment before and after an edit."""
    env = [{"name": "A", "value": "1"}, {"name": "B"}]
    before = an_mlmodel(env=env, nodeSelector={"a": "b"}, tolerations=[{"operator": "Exists"}])
    after = an_mlmodel(**edit)
    first, second = (manifest_of(model, "Deployment", namespace) for model in (before, after))
    return first, second


@pytest.mark.parametrize("edit", [{"env": [{"name": "B"}]}, {"artifact": ""}, {"accessMode": "ReadWriteMany"}])
def test_a_put_leaves_nothing_of_what_the_new_version_does_not_say(objects: Objects, edit: dict[str, Any]) -> None:
    before, after = deployments(objects.namespace, **edit)
    objects.create(before)

    stored = objects.replace(after)

    fresh = objects.create(after | {"metadata": after["metadata"] | {"name": "fresh"}})
    assert stored["spec"]["template"] == fresh["spec"]["template"]
    assert covers(our_fields(stored), after)


def test_an_apply_would_leave_what_was_created(objects: Objects) -> None:
    before, after = deployments(objects.namespace, env=[{"name": "B"}])
    objects.create(before)

    stored = objects.apply(after)

    assert '"name": "A"' in json.dumps(stored["spec"]["template"])


def test_what_a_put_has_written_is_mended_by_an_apply(objects: Objects) -> None:
    before, after = deployments(objects.namespace, image="registry.example.com/titanic:2")
    objects.create(before)
    objects.replace(after)
    edited = objects.edit(after, yaml.safe_load("spec: {progressDeadlineSeconds: 1}"))
    assert not covers(our_fields(edited), after)

    stored = objects.apply(after)

    assert stored["spec"]["progressDeadlineSeconds"] == after["spec"]["progressDeadlineSeconds"]
    assert covers(our_fields(stored), after)
