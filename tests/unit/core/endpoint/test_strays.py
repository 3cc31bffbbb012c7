"""What an endpoint owns and does not want goes, whenever it appears; nothing else goes, and what serves is ready."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.plan import Write
from mlendpoints.core.strays import KINDS
from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation import Cluster, Stored

Edit = Callable[[Cluster], None]


def nothing(_cluster: Cluster) -> None:
    """All stays as it is."""


def change_weights(cluster: Cluster) -> None:
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc", weight=1), builders.a_variant("green", "titanic-lr", weight=3)
        )
    )


def swap(cluster: Cluster) -> None:
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")


def remove_a_variant(cluster: Cluster) -> None:
    cluster.edit_config(builders.a_config(builders.a_variant("green", "titanic-lr")))


def change_instances(cluster: Cluster) -> None:
    cluster.edit_config(builders.a_config(builders.a_variant("blue", "titanic-rfc", instances=3)))


EDITS: list[Edit] = [nothing, change_weights, swap, remove_a_variant, change_instances]


def serving() -> Cluster:
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc", weight=90), builders.a_variant("green", "titanic-lr", weight=10)
    )
    cluster = Cluster(builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr"))
    cluster.settings = builders.some_settings(network_policies="write")
    cluster.installed = frozenset({"PodMonitor"})
    return cluster.settle()


def copied(cluster: Cluster, of: Ref, name: str, change: Callable[[Manifest], None] = lambda _manifest: None) -> Ref:
    """A copy under another name, with all labels, annotations and owners."""
    manifest = json.loads(json.dumps(cluster.objects[of].manifest))
    manifest["metadata"]["name"] = name
    change(manifest["metadata"])
    copy = Ref(of.kind, of.namespace, name)
    cluster.objects[copy] = Stored(manifest, f"uid-of-{name}", 1)
    return copy


def of_kind(cluster: Cluster, kind: str) -> Ref:
    return next(ref for ref in sorted(cluster.objects) if ref.kind == kind)


def picture(cluster: Cluster) -> object:
    """The end state, but for uids, versions of objects and times."""
    objects = sorted((ref, stored.manifest["spec"]) for ref, stored in cluster.objects.items())
    return objects, cluster.status.state, cluster.status.traffic


def keep_watch(cluster: Cluster) -> None:
    """After every write and every deletion, what the routes name stands and answers."""

    def look() -> None:
        routes = cluster.routes()
        for destination in routes.destinations if routes else ():
            if destination.weight > 0:
                assert Ref("Service", builders.NAMESPACE, destination.instance) in cluster.objects
                assert cluster.ready(destination.instance) > 0

    original_write, original_delete = cluster.write, cluster.delete

    def write(write: Write) -> None:
        original_write(write)
        look()

    def delete(ref: Ref) -> None:
        original_delete(ref)
        look()

    cluster.write, cluster.delete = write, delete  # type: ignore[method-assign]


@settings(max_examples=25, deadline=None)
@given(edit=st.sampled_from(EDITS), looks=st.integers(0, 12), data=st.data())
def test_exactly_the_strays_go_at_whatever_moment_they_appear(edit: Edit, looks: int, data: st.DataObject) -> None:
    undisturbed = serving()
    edit(undisturbed)
    cluster = serving()
    keep_watch(cluster)
    edit(cluster)
    for one in (undisturbed, cluster):
        for _ in range(looks):
            one.reconcile()
    there = sorted(ref for ref in cluster.objects if ref.kind in KINDS)
    chosen = data.draw(st.lists(st.sampled_from(there), min_size=1, unique=True))
    copies = {copied(cluster, ref, f"copy-{number}") for number, ref in enumerate(chosen)}

    undisturbed.settle()
    cluster.settle()

    assert copies.isdisjoint(cluster.objects)
    assert picture(cluster) == picture(undisturbed)
    assert sorted(set(cluster.pruned) - copies) == sorted(set(undisturbed.pruned))
    assert not cluster.reconcile()


def without_our_label(metadata: Manifest) -> None:
    metadata["labels"][labels.MANAGED_BY] = "Helm"


def with_another_owner(metadata: Manifest) -> None:
    metadata["ownerReferences"][0]["uid"] = "uid-of-another"


def with_an_owner_that_does_not_control_it(metadata: Manifest) -> None:
    metadata["ownerReferences"][0]["controller"] = False


@pytest.mark.parametrize(
    "change", [without_our_label, with_another_owner, with_an_owner_that_does_not_control_it], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_not_ours_stays(kind: str, change: Callable[[Manifest], None]) -> None:
    cluster = serving()
    copy = copied(cluster, of_kind(cluster, kind), "theirs", change)
    cluster.settle()
    assert copy in cluster.objects


def test_a_copied_claim_stays_because_it_holds_data() -> None:
    cluster = serving()
    claim = Ref("PersistentVolumeClaim", builders.NAMESPACE, "data")
    manifest = {**cluster.objects[of_kind(cluster, "Service")].manifest, "kind": claim.kind, "spec": {}}
    cluster.objects[claim] = Stored(manifest, "uid-of-data", 1)
    cluster.settle()
    assert claim in cluster.objects


def test_a_copied_deployment_stays_as_long_as_its_instance_is_not_ready() -> None:
    cluster = serving()
    image = cluster.models["titanic-rfc"].spec.image
    copy = copied(cluster, Ref("Deployment", builders.NAMESPACE, cluster.instance("blue")), "copy")
    cluster.starting.add(image)
    cluster.settle()
    assert copy in cluster.objects
    cluster.starting.remove(image)
    cluster.settle()
    assert copy not in cluster.objects


def test_nothing_goes_while_the_gateways_have_not_been_seen_serving_the_routes() -> None:
    cluster = serving()
    cluster.deaf.add("gw-a")
    cluster.instead["gw-a"] = "status 503"
    copy = copied(cluster, of_kind(cluster, "Service"), "copy")
    cluster.settle()
    assert copy in cluster.objects


def test_copied_routes_wait_for_no_proof_since_gateways_may_answer_by_them() -> None:
    cluster = serving()
    cluster.instead["gw-a"] = "wrong body"
    copy = copied(cluster, Ref("VirtualService", builders.NAMESPACE, "titanic"), "copy")
    cluster.settle()
    assert copy not in cluster.objects


def test_network_policies_go_when_they_are_to_be_removed_copies_too() -> None:
    cluster = serving()
    policy = of_kind(cluster, "NetworkPolicy")
    copy = copied(cluster, policy, "copy")
    cluster.settings = replace(cluster.settings, network_policies="remove")
    cluster.settle()
    assert {policy, copy}.isdisjoint(cluster.objects)


def test_copied_routes_of_an_endpoint_that_is_deleted_go_before_its_pods() -> None:
    cluster = serving()
    copy = copied(cluster, Ref("VirtualService", builders.NAMESPACE, "titanic"), "copy")
    cluster.delete_endpoint()
    cluster.settle()
    pods = [index for index, ref in enumerate(cluster.pruned) if ref.kind == "Deployment"]
    assert cluster.pruned.index(copy) < min(pods)
