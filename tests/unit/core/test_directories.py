"""Whose node directory a path comes to."""

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.directories import Directory, is_allowed, locate, overlapping, why_not
from mlendpoints.core.endpoint import view
from mlendpoints.core.manifests import instances
from mlendpoints.core.manifests.storage import volume_name
from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation import Cluster

NAMES = st.sampled_from(["a", "b", "models", "mnt", "titanic-3f9c2ab1", "etc"])
PARTS = st.lists(st.sampled_from(["a", "b", "models", "mnt", "..", ".", "", "titanic-3f9c2ab1"]), max_size=5)
PREFIXES = st.lists(st.sampled_from(["/mnt", "/srv/models", "/srv/b", "a=/a", "b=/b"]), max_size=3, unique=True)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/mnt", Directory("/mnt/team-a")),
        ("/mnt/", Directory("/mnt/team-a")),
        ("/mnt/models/large", Directory("/mnt/team-a", "models/large")),
        ("/fast/x", Directory("/fast/team-a", "x")),
        ("/slow", None),
        ("/mntx", None),
        ("/mnt/../etc", None),
        ("/", None),
    ],
)
def test_a_path_is_a_folder_in_the_namespaces_own_directory(path: str, found: Directory | None) -> None:
    settings = builders.some_settings(allowed_path_prefixes=("/mnt", "team-a=/fast/", "team-b=/slow"))
    assert locate(path, "team-a", settings) == found


@given(one=NAMES, other=NAMES, parts=st.tuples(PARTS, PARTS), prefixes=PREFIXES)
def test_no_two_namespaces_share_a_directory_whatever_they_ask_for(
    one: str, other: str, parts: tuple[list[str], list[str]], prefixes: list[str]
) -> None:
    settings = builders.some_settings(allowed_path_prefixes=tuple(prefixes))
    requested = [f"{prefixes[0].rpartition('=')[2]}/{'/'.join(rest)}" if prefixes else "/mnt" for rest in parts]
    mine, theirs = locate(requested[0], one, settings), locate(requested[1], other, settings)
    if one == other or mine is None or theirs is None:
        return
    assert not PurePosixPath(mine.volume).is_relative_to(theirs.volume)
    assert ".." not in mine.folder.split("/")


@pytest.mark.parametrize(
    ("entries", "pairs"),
    [
        (("/mnt", "/srv"), []),
        (("/mnt", "team-a=/mnt"), []),
        (("/mnt", "/mntx"), []),
        (("/mnt", "/mnt/models"), [("/mnt", "/mnt/models")]),
        (("team-a=/mnt/models/", "/mnt"), [("/mnt", "/mnt/models")]),
    ],
)
def test_prefixes_that_lie_in_others_are_found(entries: tuple[str, ...], pairs: list[tuple[str, str]]) -> None:
    assert list(overlapping(entries)) == pairs


def with_a_directory() -> Cluster:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(path="/mnt/models")), builders.a_model()
    )
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    return cluster


def test_the_volume_of_a_version_that_stands_stays_when_its_prefix_is_no_longer_allowed() -> None:
    cluster = with_a_directory().settle()
    kinds = cluster.kinds()
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/srv",))
    cluster.settle()

    assert cluster.kinds() == kinds
    assert cluster.condition("Available") == ("True", "InService")


def test_an_instance_may_have_no_volume_but_of_its_namespaces_directory() -> None:
    settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    cluster = with_a_directory().settle()
    model = cluster.world().model_instances[cluster.instance("blue")]

    assert is_allowed(model, settings)
    assert not is_allowed(model, builders.some_settings(allowed_path_prefixes=("/srv",)))


def test_a_volume_that_went_is_not_made_again_below_a_prefix_that_is_no_longer_allowed() -> None:
    cluster = with_a_directory().settle()
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/srv",))
    instance = cluster.instance("blue")
    for kind in ("PersistentVolumeClaim", "Deployment"):
        cluster.delete(Ref(kind, builders.NAMESPACE, instance))
        cluster.settle()

    assert "PersistentVolume" not in cluster.kinds()
    assert cluster.condition("ModelsReady") == ("False", "InvalidSpec")


def of_an_earlier_release(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Its volume is the directory that its variant asked for, whoever else asked for the same."""
    with monkeypatch.context() as earlier:
        earlier.setattr(instances, "locate", lambda path, _namespace, _settings: Directory(path))
        earlier.setattr(view, "is_allowed", lambda _instance, _settings: True)
        return with_a_directory().settle()


def message(cluster: Cluster) -> str:
    message: str = next(c.message for c in cluster.status.conditions if c.type == "ModelsReady")
    return message


def path_of(cluster: Cluster, instance: str) -> str:
    volume = cluster.objects[Ref("PersistentVolume", "", volume_name(builders.NAMESPACE, instance))]
    return str(volume.manifest["spec"]["local"]["path"])


def test_pods_of_an_earlier_release_serve_on_without_their_claim_and_the_condition_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = of_an_earlier_release(monkeypatch)
    instance, routes = cluster.instance("blue"), cluster.routes()
    assert path_of(cluster, instance) == "/mnt/models"
    assert cluster.condition("Ready") == ("True", "AsAsked")

    cluster.delete(Ref("PersistentVolumeClaim", builders.NAMESPACE, instance))
    cluster.settle()

    assert {"PersistentVolume", "PersistentVolumeClaim"}.isdisjoint(cluster.kinds())
    assert cluster.condition("Available") == ("True", "InService")
    assert (cluster.instance("blue"), cluster.routes()) == (instance, routes)
    assert f"The pods of {instance} continue to serve, but no new pod can start: its claim was deleted" in message(
        cluster
    )
    assert "the node directory /mnt/models, which is not the one of the namespace, /mnt/titanic" in message(cluster)
    assert "Change path in the config, for example to /mnt/models/new" in message(cluster)


def test_without_pods_it_says_the_same_and_following_it_serves_again_from_the_namespaces_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = of_an_earlier_release(monkeypatch)
    before = cluster.instance("blue")
    for kind in ("PersistentVolumeClaim", "Deployment"):
        cluster.delete(Ref(kind, builders.NAMESPACE, before))
        cluster.settle()
    assert cluster.condition("ModelsReady") == ("False", "InvalidSpec")
    assert "Change path in the config, for example to /mnt/models/new" in message(cluster)
    assert "PersistentVolume" not in cluster.kinds()

    cluster.edit_config(builders.a_config(builders.a_variant(path="/mnt/models/new")))
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert cluster.instance("blue") != before
    assert path_of(cluster, cluster.instance("blue")) == "/mnt/titanic"


@given(path=st.sampled_from(["/mnt", "/mnt/models", "/mnt/titanic/own", "/mnt/other", "/mnt/other/x", "/srv"]))
def test_no_volume_but_the_namespaces_own_is_created_again_and_what_is_advised_is_allowed(path: str) -> None:
    settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    world = with_a_directory().settle().world()
    (model,) = world.model_instances.values()
    assert model.spec.instance is not None
    model = replace(model, spec=replace(model.spec, instance=replace(model.spec.instance, path=path)))

    assert not is_allowed(model, settings)
    advised = re.search(r"for example to (\S+):", why_not(model, settings))
    assert (advised is None) == (path == "/srv")
    if advised:
        assert locate(advised[1], builders.NAMESPACE, settings) is not None
        assert advised[1] != path
