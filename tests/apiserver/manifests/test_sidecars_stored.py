"""Pods with optional sidecars, Fluent Bit among them: the API server takes them, also where it is strict."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import covers
from mlendpoints.core.manifests.deployment import make_deployment
from tests.apiserver.manifests.objects import Objects, differences, our_fields, sent
from tests.kit.agents import listed, make_agent
from tests.kit.builders import a_model
from tests.unit.core.manifests.test_deployment import an_instance

ENV = [{"name": "AGENT", "value": "import time"}]
EITHER = pytest.mark.parametrize("artifact", ["", "http://artifacts.example.com/m.tar.gz"], ids=["none", "artifact"])


@pytest.fixture(autouse=True)
def _listed() -> Iterator[None]:
    with listed(make_agent):
        yield


def deployment(namespace: str, artifact: str) -> Manifest:
    instance = an_instance(a_model(env=ENV, artifact=artifact))
    assert instance.spec.instance is not None
    images = replace(instance.spec.instance.images, fluent_bit="registry.example.com/fluent-bit:5")
    spec = replace(instance.spec, instance=replace(instance.spec.instance, images=images))
    instance = replace(instance, spec=spec, metadata=replace(instance.metadata, namespace=namespace))
    return sent(make_deployment(instance, replicas=1))


@EITHER
def test_they_are_stored_as_they_were_written_and_stay_ours(objects: Objects, artifact: str) -> None:
    manifest = deployment(objects.namespace, artifact)
    created, applied = objects.create(manifest), objects.apply(manifest)
    assert [differences(manifest, stored) for stored in (created, applied)] == [[], []]
    assert covers(our_fields(applied), manifest)


@EITHER
def test_they_are_admitted_where_restricted_is_enforced(objects: Objects, artifact: str) -> None:
    template = deployment(objects.namespace, artifact)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": template["metadata"] | {"name": "pod"}}
    stored = objects.create(pod, dry_run=True)
    assert [container["name"] for container in stored["spec"]["containers"]] == [
        "model",
        "nginx",
        "fluent-bit",
        "agent",
    ]
