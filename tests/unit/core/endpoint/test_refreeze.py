"""A Deployment that is created for a version of an earlier operator: its template fits its images, no other changes.

Each release stands for an operator with a pod template of its own, and images
that this template needs. Pods of one release's template with another's images
never get ready.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlendpoints.api import labels
from mlendpoints.api.endpoint import UpdatePolicy
from mlendpoints.api.model import OPERATORS_PART, Container, Model
from mlendpoints.core import drift
from mlendpoints.core.canonical import Manifest, canonical, patch
from mlendpoints.core.endpoint import refreeze
from mlendpoints.core.manifests import deployment, instances, mlmodel
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.plan import Create, Refreeze, Write
from mlendpoints.core.world import Ref, Rejection
from tests.kit import builders
from tests.simulation import Cluster, CrashError

EARLIER, TODAY, LATER = "1", BUILDER, "99"
IMAGES = (1, 2, 3)


class Releases(Cluster):
    """A cluster whose operator is replaced by that of another release now and then."""

    def __init__(self) -> None:
        update = msgspec.to_builtins(UpdatePolicy(keep_versions=2, keep_instances=1))
        super().__init__(builders.an_endpoint(update=update), builders.a_config(), image(1))

    def ready(self, instance: str) -> int:
        found = self.objects.get(Ref("Deployment", builders.NAMESPACE, instance))
        return super().ready(instance) if found is None or fits(found.manifest) else 0

    def write(self, write: Write) -> None:
        """The first release knows no revision in instances."""
        if isinstance(write, Create) and write.ref.kind == Model.KIND and self.settings.nginx_image == "nginx:1":
            del write.manifest["spec"]["instance"]["builder"]
        super().write(write)

    def manifests(self, kind: str) -> dict[str, Manifest]:
        return {ref.name: stored.manifest for ref, stored in self.objects.items() if ref.kind == kind}

    def asks_for(self, number: int) -> str:
        """Swaps the image; name of the instance that serves then."""
        self.models["titanic-rfc"] = image(number)
        self.settle()
        assert self.condition("Ready") == ("True", "AsAsked")
        return str(self.status.variants[0].instance)


def image(number: int) -> Model:
    return builders.a_model(image=f"registry.example.com/titanic-rfc:{number}")


def fits(made: Manifest) -> bool:
    pod = made["spec"]["template"]["spec"]
    images = {
        container["image"] for container in (*pod["containers"], *pod["initContainers"]) if container["name"] != "model"
    }
    builder = made["metadata"]["annotations"][labels.BUILDER]
    return images == {f"nginx:{builder}", f"model-init:{builder}"}


@contextmanager
def release(cluster: Cluster, builder: str, **fields: Any) -> Iterator[None]:  # noqa: ANN401 - any setting
    """The operator of this release works meanwhile."""
    images = {"nginx_image": f"nginx:{builder}", "model_init_image": f"model-init:{builder}"}
    cluster.settings = (
        builders.some_settings() if builder == "" else msgspec.structs.replace(cluster.settings, **images, **fields)
    )
    with pytest.MonkeyPatch.context() as patched:
        for module in (deployment, drift, instances, mlmodel, refreeze):
            patched.setattr(module, "BUILDER", builder)
        yield


def from_before(*numbers: int) -> Releases:
    """An endpoint that the earlier release has brought through these images; its versions are kept."""
    cluster = Releases()
    with release(cluster, EARLIER, drain_seconds=7, nginx_resources={"limits": {"memory": "64Mi", "cpu": "1"}}):
        for number in numbers:
            cluster.asks_for(number)
    return cluster


def frozen_of(cluster: Releases, instance: str) -> Manifest:
    found: Manifest = cluster.manifests(Model.KIND)[instance]["spec"]["instance"]
    return found


def operators_part(frozen: Manifest) -> Manifest:
    return {name: frozen[name] for name in ("builder", "images", "drainSeconds", "nginx", "network") if name in frozen}


def test_the_earlier_release_writes_no_revision() -> None:
    cluster = from_before(1)
    assert "builder" not in frozen_of(cluster, cluster.instance("blue"))


def test_an_upgrade_changes_neither_instances_nor_deployments() -> None:
    cluster = from_before(1, 2)
    before = cluster.manifests(Model.KIND) | cluster.manifests("Deployment")
    with release(cluster, TODAY):
        cluster.settle()
    assert cluster.manifests(Model.KIND) | cluster.manifests("Deployment") == before


def test_a_version_kept_from_before_comes_back_with_its_own_pods() -> None:
    cluster = from_before(1, 2)
    first, second = cluster.manifests("Deployment")
    before = cluster.manifests("Deployment")[first]
    with release(cluster, TODAY):
        third = cluster.asks_for(3)
        assert cluster.asks_for(1) == first
    after = cluster.manifests("Deployment")
    assert after[first]["spec"]["template"] == before["spec"]["template"]
    assert after[third]["metadata"]["annotations"][labels.BUILDER] == TODAY
    assert second in after


def test_a_deployment_of_an_earlier_release_that_is_deleted_comes_back_as_of_today() -> None:
    cluster = from_before(1)
    name = cluster.instance("blue")
    sizes = {
        key: value for key, value in frozen_of(cluster, name).items() if key not in ("images", "drainSeconds", "nginx")
    }
    cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
    with release(cluster, TODAY, drain_seconds=15, nginx_resources={"limits": {"memory": "1Gi"}}):
        cluster.settle()
    assert operators_part(frozen_of(cluster, name)) == {
        "builder": TODAY,
        "images": {"nginx": f"nginx:{TODAY}", "modelInit": f"model-init:{TODAY}", "shipper": "shipper:1"},
        "nginx": {"limits": {"memory": "1Gi"}},
    }
    assert {key: frozen_of(cluster, name)[key] for key in sizes} == sizes
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert fits(cluster.manifests("Deployment")[name])


def test_so_does_that_of_a_kept_version() -> None:
    cluster = from_before(1, 2)
    first = next(iter(cluster.manifests("Deployment")))
    cluster.delete(Ref("Deployment", builders.NAMESPACE, first))
    with release(cluster, TODAY):
        cluster.settle()
        assert cluster.asks_for(1) == first
    assert fits(cluster.manifests("Deployment")[first])


def test_so_does_that_of_what_serves_after_an_update_has_failed() -> None:
    """Its template is another one by now, by which it could not be created again."""
    cluster = from_before(1)
    name = cluster.instance("blue")
    with release(cluster, TODAY):
        cluster.starting.add(image(2).spec.image)
        cluster.models["titanic-rfc"] = image(2)
        cluster.settle().wait_until_recheck()
        cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
        cluster.settle()
    assert cluster.manifests(Model.KIND)[name]["spec"]["image"] == image(1).spec.image
    assert fits(cluster.manifests("Deployment")[name])
    assert cluster.ready(name) == 1


def test_an_operator_that_is_rolled_back_does_the_same() -> None:
    cluster = Releases()
    with release(cluster, LATER):
        name = cluster.asks_for(1)
    cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
    with release(cluster, TODAY):
        cluster.settle()
    assert cluster.manifests("Deployment")[name]["metadata"]["annotations"][labels.BUILDER] == TODAY
    assert cluster.ready(name) == 1


def test_an_instance_whose_images_are_todays_needs_no_write() -> None:
    """Where CRDs of an earlier release drop the revision, every instance looks like that, and no write changes it."""
    cluster = Releases()
    with release(cluster, TODAY):
        name = cluster.asks_for(1)
        del frozen_of(cluster, name)["builder"]
        cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
        cluster.settle()
    assert not [write for write in cluster.writes if isinstance(write, Refreeze)]
    assert cluster.ready(name) == 1


def test_new_images_of_the_same_revision_reach_new_versions_only() -> None:
    cluster = Releases()
    with release(cluster, TODAY):
        name = cluster.asks_for(1)
        cluster.settings = msgspec.structs.replace(cluster.settings, nginx_image="nginx:patched")
        cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
        cluster.settle()
    assert frozen_of(cluster, name)["images"]["nginx"] == f"nginx:{TODAY}"
    assert cluster.ready(name) == 1


def test_a_deployment_that_waits_to_be_adopted_is_one() -> None:
    cluster = from_before(1)
    name = cluster.instance("blue")
    stored = cluster.objects[Ref("Deployment", builders.NAMESPACE, name)]
    stored.manifest["metadata"]["ownerReferences"] = []
    before = frozen_of(cluster, name)
    with release(cluster, TODAY):
        cluster.settle()
    assert frozen_of(cluster, name) == before
    assert cluster.objects[Ref("Deployment", builders.NAMESPACE, name)] is stored


def test_what_the_api_server_rejects_is_told_and_no_pods_are_created_that_cannot_get_ready() -> None:
    cluster = from_before(1)
    name = cluster.instance("blue")
    cluster.rejecting[Ref(Model.KIND, builders.NAMESPACE, name)] = Rejection(
        "InvalidSpec", "nothing but replicas may change"
    )
    cluster.delete(Ref("Deployment", builders.NAMESPACE, name))
    with release(cluster, TODAY):
        cluster.settle()
    assert cluster.condition("ModelsReady") == ("False", "InvalidSpec")
    assert cluster.manifests("Deployment") == {}


Action = Callable[[Releases], None]


def swap(number: int) -> Action:
    def act(cluster: Releases) -> None:
        cluster.models["titanic-rfc"] = image(number)

    return act


def delete_one(number: int) -> Action:
    def act(cluster: Releases) -> None:
        names = sorted(cluster.manifests("Deployment"))
        if names:
            cluster.delete(Ref("Deployment", builders.NAMESPACE, names[number % len(names)]))

    return act


actions = st.one_of(st.sampled_from(IMAGES).map(swap), st.integers(0, 3).map(delete_one))
steps = st.tuples(st.sampled_from([TODAY, LATER]), actions, st.none() | st.integers(1, 6))


class Watch:
    """What may never change: the template of a Deployment, and an instance as long as it has one."""

    def __init__(self) -> None:
        self._templates: dict[str, Manifest] = {}
        self._instances: dict[str, Manifest] = {}

    def __call__(self, cluster: Cluster) -> None:
        deployments = {r.name: s for r, s in cluster.objects.items() if r.kind == "Deployment"}
        for stored in deployments.values():
            template = self._templates.setdefault(stored.uid, stored.manifest["spec"]["template"])
            assert stored.manifest["spec"]["template"] == template
            assert fits(stored.manifest)
        instances = {r.name: s for r, s in cluster.objects.items() if r.kind == Model.KIND and r.name in deployments}
        self._instances = {
            name: self._instances.get(name, stored.manifest["spec"]["instance"]) for name, stored in instances.items()
        }
        for name, stored in instances.items():
            assert stored.manifest["spec"]["instance"] == self._instances[name]


@settings(max_examples=40)
@given(before=st.lists(st.sampled_from(IMAGES), min_size=1, max_size=3), after=st.lists(steps, max_size=6))
def test_whatever_happens_templates_fit_their_images_and_what_stands_is_not_touched(
    before: list[int], after: list[tuple[str, Action, int | None]]
) -> None:
    cluster, watch = from_before(*before), Watch()
    watch(cluster)
    names = set(cluster.manifests(Model.KIND))
    for builder, act, crash in after:
        act(cluster)
        cluster.crash_at = None if crash is None else cluster.calls + crash
        with release(cluster, builder):
            try:
                cluster.settle(watch)
            except CrashError:
                watch(cluster)
                cluster.settle(watch)
            assert cluster.condition("Ready") == ("True", "AsAsked")
            assert all(cluster.ready(name) == 1 for name in cluster.manifests("Deployment"))
        names |= set(cluster.manifests(Model.KIND))
    assert len(names) <= len(IMAGES)


def test_the_operators_part_is_what_it_freezes_and_the_crd_lets_it_freeze_again() -> None:
    assert set(instances.operators_part(builders.some_settings())) == set(OPERATORS_PART)


objects = st.recursive(
    st.integers(0, 3) | st.text(max_size=2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def merged(before: Any, change: Any) -> Any:  # noqa: ANN401 - any JSON value
    """RFC 7396, to the letter."""
    if not isinstance(change, dict):
        return change
    result = dict(before) if isinstance(before, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(before=st.dictionaries(st.sampled_from("abc"), objects), after=st.dictionaries(st.sampled_from("abc"), objects))
def test_a_merge_patch_makes_one_object_the_other(before: Manifest, after: Manifest) -> None:
    assert merged(before, patch(before, after)) == after
    assert patch(after, after) == {}


def test_a_merge_patch_of_resources_takes_away_what_is_gone() -> None:
    before, after = Container(limits={"cpu": "1", "memory": "1Gi"}), Container(limits={"memory": "2Gi"})
    assert patch(canonical(before), canonical(after)) == {"limits": {"memory": "2Gi", "cpu": None}}
