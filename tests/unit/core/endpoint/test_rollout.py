"""Whole lives of an endpoint, played on a cluster in memory."""

import itertools

import pytest
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import UpdatePolicy
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import Release, Scale
from mlendpoints.core.world import ContainerFacts, GatewayPod, Ref, Rejection
from tests.kit import builders
from tests.simulation import Cluster

BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")


def two_variants(**weights: int) -> Cluster:
    shares = weights or {"blue": 90, "green": 10}
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc", weight=shares["blue"]),
        builders.a_variant("green", "titanic-lr", weight=shares["green"]),
    )
    return Cluster(builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr"))


def one_variant() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model(), builders.a_model("titanic-lr"))


def weights(cluster: Cluster) -> dict[str, int]:
    routes = cluster.routes()
    return {d.variant: d.weight for d in routes.destinations} if routes else {}


def test_a_new_endpoint_comes_into_service_with_the_asked_weights() -> None:
    cluster = two_variants().settle()

    assert weights(cluster) == {"blue": 90, "green": 10}
    assert cluster.status.state == "InService"
    assert cluster.status.traffic == "blue=90,green=10"
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded"]
    assert cluster.kinds() == sorted(
        ["Gateway", "Service", "VirtualService", "MachineLearningEndpointConfig"]
        + 2 * ["MachineLearningModel", "Deployment", "Service", "DestinationRule"]
    )


def test_a_converged_world_sends_nothing() -> None:
    cluster = two_variants().settle()

    assert not cluster.reconcile()
    assert cluster.plan.writes == ()
    assert cluster.plan.prune == ()
    assert cluster.plan.status is None
    assert cluster.plan.events == ()
    assert cluster.plan.probes == ()
    assert cluster.plan.recheck is None


def test_a_restart_asks_no_gateway_again() -> None:
    cluster = two_variants().settle()
    cluster.answers = {}

    assert not cluster.reconcile()
    assert cluster.plan.probes == ()


def test_no_caller_is_sent_anywhere_before_every_gateway_knows_the_way() -> None:
    cluster = one_variant()
    cluster.deaf = {"gw-b"}
    cluster.settle()

    assert weights(cluster) == {}
    assert cluster.status.update.phase == "ProvingDestinations"

    cluster.deaf = set()
    cluster.settle()

    assert weights(cluster) == {"blue": 1}


def test_a_missing_config_makes_nothing_and_goes_on_by_itself() -> None:
    cluster = one_variant()
    config = cluster.configs.pop("titanic")
    cluster.settle()

    assert cluster.objects == {}
    assert cluster.condition("ConfigResolved") == ("False", "ReferenceNotFound")

    cluster.edit_config(config)
    cluster.settle()

    assert cluster.status.state == "InService"


def test_all_missing_models_are_named_at_once() -> None:
    variants = [builders.a_variant(f"v{n}", f"m{n}") for n in range(6)]
    cluster = Cluster(builders.an_endpoint(), builders.a_config(*variants), builders.a_model("m0")).settle()

    message = next(c.message for c in cluster.status.conditions if c.type == "ConfigResolved")
    assert message == (
        "MachineLearningModels titanic/m1 of variant v1, titanic/m2 of variant v2, titanic/m3 of variant v3,"
        " titanic/m4 of variant v4 and 1 more do not exist."
        " Create them, or correct the names; the endpoint continues automatically."
    )


def test_a_missing_model_makes_nothing_and_says_which() -> None:
    cluster = one_variant()
    model = cluster.models.pop("titanic-rfc")
    cluster.settle()

    message = next(c.message for c in cluster.status.conditions if c.type == "ConfigResolved")
    assert (
        "MachineLearningModel titanic/titanic-rfc of variant blue does not exist. Create it, or correct the name"
        in message
    )
    assert cluster.objects == {}

    cluster.models["titanic-rfc"] = model
    assert cluster.settle().status.state == "InService"


def test_the_endpoint_that_came_first_has_the_host() -> None:
    cluster = one_variant()
    older = Ref("MachineLearningEndpoint", builders.NAMESPACE, "first")
    world = cluster.world()
    plan = plan_endpoint(replace(world, host_owner=older))

    assert plan.writes == ()
    assert plan.status is not None
    assert plan.status.conditions[0].reason == "HostConflict"
    assert plan.status.waits_for_host
    assert plan_endpoint(world).finalizer is True


def test_weights_alone_touch_no_pod() -> None:
    cluster = two_variants().settle()
    cluster.writes.clear()
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc", weight=50), builders.a_variant("green", "titanic-lr", weight=50)
        )
    )
    cluster.settle()

    assert weights(cluster) == {"blue": 50, "green": 50}
    assert sorted({type(w).__name__ + " " + _kind(w) for w in cluster.writes}) == [
        "Apply VirtualService",
        "Create MachineLearningEndpointConfig",
        "SetStatus MachineLearningEndpointConfig",
    ]


def _kind(write: object) -> str:
    ref = getattr(write, "ref", None) or write.child.ref  # type: ignore[attr-defined]
    return str(ref.kind)


def test_instances_alone_write_no_route() -> None:
    cluster = one_variant().settle()
    before = cluster.routes()
    cluster.writes.clear()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=3)))
    cluster.settle(watch=told_only_when_all_are_ready)

    assert cluster.routes() == before
    assert "VirtualService" not in {_kind(write) for write in cluster.writes}
    assert cluster.status.variants[0].ready_instances == 3
    assert cluster.status.history[0].outcome == "Succeeded"


def told_only_when_all_are_ready(cluster: Cluster) -> None:
    if len(cluster.status.history) > 1:
        assert cluster.status.variants[0].ready_instances == 3


def test_fewer_instances_are_told_done_only_when_the_pods_are_fewer() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(instances=5)), builders.a_model()
    ).settle()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=3)))
    cluster.settle(watch=told_only_when_all_are_ready)

    assert cluster.status.history[0].outcome == "Succeeded"


def test_instances_edited_back_while_scaling_are_set_back() -> None:
    cluster = one_variant().settle()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=3)))
    cluster.reconcile()
    cluster.reconcile()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=1)))
    cluster.settle()

    assert cluster.status.variants[0].desired_instances == 1


def scale(cluster: Cluster, instance: str, replicas: int) -> None:
    child = cluster.world().children[Ref(Model.KIND, builders.NAMESPACE, instance)]
    cluster.write(Scale(child, replicas))


def test_a_scale_set_by_hand_stays_and_survives_a_swap() -> None:
    cluster = one_variant().settle()
    scale(cluster, cluster.instance("blue"), 4)
    cluster.settle()

    assert cluster.status.variants[0].ready_instances == 4

    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle()

    assert [variant.ready_instances for variant in cluster.status.variants] == [4]


def test_a_swap_keeps_the_old_until_the_new_is_proven_and_then_removes_it() -> None:
    cluster = one_variant().settle()
    old = cluster.instance("blue")
    cluster.leaving_pods[old] = 2
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle()

    new = cluster.instance("blue")
    assert new != old
    assert not [ref for ref in cluster.objects if ref.name == old]
    assert [ref.kind for ref in cluster.pruned if ref.name == old][:2] == ["Deployment", "MachineLearningModel"]
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Succeeded"]


def test_an_update_that_never_gets_ready_fails_at_its_deadline_and_leaves_the_routes_alone() -> None:
    cluster = one_variant().settle()
    routes, old = cluster.routes(), cluster.instance("blue")
    cluster.broken_images["registry.example.com/titanic-rfc:2"] = BROKEN
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle()

    assert cluster.condition("ModelsReady") == ("False", "ImagePullFailed")
    assert cluster.status.state == "Updating"

    cluster.wait_until_recheck()

    assert cluster.routes() == routes
    assert cluster.condition("UpdateSucceeded") == ("False", "ImagePullFailed")
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.status.history[0].outcome == "Failed"
    assert cluster.instance("blue") == old
    assert not cluster.reconcile()


def test_a_failed_update_is_tried_again_when_asked() -> None:
    cluster = one_variant().settle()
    cluster.broken_images["registry.example.com/titanic-rfc:2"] = BROKEN
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle().wait_until_recheck()
    cluster.broken_images.clear()
    cluster.settle()

    assert cluster.status.history[0].outcome == "Failed"

    cluster.edit_endpoint(update=UpdatePolicy(attempt="2"))
    cluster.settle()

    assert cluster.status.history[0].outcome == "Succeeded"
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_first_creation_that_failed_recovers_by_itself() -> None:
    cluster = one_variant()
    cluster.broken_images["registry.example.com/titanic-rfc:1"] = BROKEN
    cluster.settle().wait_until_recheck()

    assert cluster.status.state == "Failed"
    assert cluster.condition("UpdateSucceeded") == ("False", "ImagePullFailed")

    cluster.broken_images.clear()
    cluster.settle()

    assert cluster.status.state == "InService"
    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Failed"]


def test_a_newer_edit_supersedes_a_running_update() -> None:
    cluster = one_variant().settle()
    cluster.starting.add("registry.example.com/titanic-rfc:2")
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:3")
    cluster.settle()

    assert [entry.outcome for entry in cluster.status.history] == ["Succeeded", "Superseded", "Succeeded"]
    assert [event.type for event in cluster.events if event.reason == "Superseded"] == ["Normal"]
    assert len([ref for ref in cluster.objects if ref.kind == Model.KIND]) == 1


def test_editing_back_to_what_serves_ends_the_update_and_makes_nothing() -> None:
    cluster = one_variant().settle()
    old = cluster.instance("blue")
    cluster.starting.add("registry.example.com/titanic-rfc:2")
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    cluster.settle()
    cluster.models["titanic-rfc"] = builders.a_model()
    cluster.settle()

    assert cluster.status.history[0].outcome == "RolledBack"
    assert [event.type for event in cluster.events if event.reason == "RolledBack"] == ["Normal"]
    assert cluster.instance("blue") == old
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_variant_with_no_instances_keeps_no_pods() -> None:
    config = builders.a_config(
        builders.a_variant("blue", "titanic-rfc"), builders.a_variant("green", "titanic-lr", weight=0, instances=0)
    )
    cluster = Cluster(
        builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr")
    ).settle()

    assert weights(cluster) == {"blue": 1, "green": 0}
    assert {v.name: v.desired_instances for v in cluster.status.variants} == {"blue": 1, "green": 0}


def test_the_same_model_twice_gives_two_versions() -> None:
    config = builders.a_config(builders.a_variant("blue"), builders.a_variant("green"))
    cluster = Cluster(builders.an_endpoint(), config, builders.a_model()).settle()

    assert cluster.instance("blue") != cluster.instance("green")


def test_a_deleted_virtual_service_is_made_again_and_nothing_is_pruned_without_it() -> None:
    cluster = two_variants().settle()
    before = cluster.routes()
    cluster.pruned.clear()
    cluster.delete(Ref("VirtualService", builders.NAMESPACE, "titanic"))
    cluster.pruned.clear()
    cluster.settle()

    assert cluster.routes() == before
    assert cluster.pruned == []
    assert cluster.condition("Ready") == ("True", "AsAsked")


@pytest.mark.parametrize("kind", ["Deployment", "Service", "DestinationRule", "Gateway", "MachineLearningModel"])
def test_any_deleted_object_is_made_again(kind: str) -> None:
    cluster = two_variants().settle()
    before = set(cluster.objects)
    cluster.delete(next(ref for ref in cluster.objects if ref.kind == kind))
    cluster.settle()

    assert set(cluster.objects) == before
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_template_that_vanishes_harms_no_running_endpoint() -> None:
    cluster = two_variants().settle()
    before = set(cluster.objects)
    cluster.models.clear()
    cluster.configs.clear()
    cluster.settle()

    assert set(cluster.objects) == before
    assert cluster.condition("ConfigResolved") == ("False", "ReferenceNotFound")
    assert cluster.condition("Available") == ("True", "InService")


def test_a_node_directory_has_its_volume_taken_along_and_its_finalizer_taken_off() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(path="/mnt/models")), builders.a_model()
    )
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    cluster.settle()

    assert "PersistentVolume" in cluster.kinds()

    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.objects == {}


def test_volumes_of_directories_that_are_no_longer_allowed_are_neither_made_again_nor_left_behind() -> None:
    """Without an allowed directory no volume is watched, so that one in use looks as if it were not there."""
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(path="/mnt/models")), builders.a_model()
    )
    cluster.settings = allowing = builders.some_settings(allowed_path_prefixes=("/mnt",))
    cluster.settle()
    (volume,) = (ref for ref in cluster.objects if ref.kind == "PersistentVolume")
    cluster.objects.pop(volume)
    cluster.settings = builders.some_settings()
    cluster.settle()

    assert volume not in cluster.objects

    instance = Ref("MachineLearningModel", builders.NAMESPACE, cluster.instance("blue"))
    leaving = replace(cluster.world().children[instance], deleting=True, finalizers=(labels.VOLUME_FINALIZER,))
    for settings, writes in ((cluster.settings, ()), (allowing, (Release(leaving, labels.VOLUME_FINALIZER),))):
        world = replace(cluster.world(), settings=settings)
        world = replace(world, children={**world.children, instance: leaving})
        assert tuple(write for write in plan_endpoint(world).writes if isinstance(write, Release)) == writes


def test_a_volume_whose_claim_somebody_deletes_is_made_anew_with_it() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(path="/mnt/models")), builders.a_model()
    )
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    cluster.settle()
    kinds = cluster.kinds()
    cluster.delete(Ref("PersistentVolumeClaim", builders.NAMESPACE, cluster.instance("blue")))
    cluster.settle()

    assert cluster.kinds() == kinds
    assert not any(stored.uid in cluster.released for stored in cluster.objects.values())


@pytest.mark.parametrize("path", ["/etc", "/mnt/../etc", "/mntx"])
def test_a_node_directory_outside_the_allowed_prefixes_is_refused(path: str) -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(builders.a_variant(path=path)), builders.a_model())
    cluster.settings = builders.some_settings(allowed_path_prefixes=("/mnt",))
    cluster.settle()

    assert cluster.condition("ConfigResolved") == ("False", "InvalidSpec")


def test_deletion_takes_the_routes_first_and_leaves_nothing() -> None:
    cluster = two_variants().settle()
    cluster.pruned.clear()
    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.pruned[0].kind == "VirtualService"
    assert cluster.objects == {}
    assert cluster.endpoint is None


def test_deletion_waits_for_every_gateway_and_for_the_last_pod() -> None:
    cluster = one_variant().settle()
    instance = cluster.instance("blue")
    cluster.leaving_pods[instance] = 1
    cluster.deaf = {"gw-b"}
    cluster.now = 1_700_000_000.0
    cluster.delete_endpoint()
    cluster.settle()

    assert cluster.endpoint is not None
    assert Ref("Deployment", builders.NAMESPACE, instance) in cluster.objects

    cluster.deaf = set()
    cluster.settle()

    assert cluster.endpoint is None


def test_gateway_pods_that_lag_are_named() -> None:
    cluster = one_variant()
    cluster.deaf = {"gw-b"}
    cluster.settle().wait_until_recheck()

    assert cluster.condition("RoutesProgrammed") == ("False", "RouteNotProgrammed")
    message = next(c.message for c in cluster.status.conditions if c.type == "RoutesProgrammed")
    assert "gw-b" in message
    assert "gw-a" not in message


def test_a_grown_gateway_is_asked_too() -> None:
    cluster = one_variant()
    cluster.gateways = (*builders.GATEWAYS, GatewayPod("gw-c", "10.0.0.3", 80))
    cluster.deaf = {"gw-c"}
    cluster.settle()

    assert weights(cluster) == {}


def test_routes_are_never_called_proven_without_a_gateway() -> None:
    cluster = one_variant()
    cluster.gateways = ()
    cluster.settle()

    assert weights(cluster) == {}
    assert cluster.condition("Ready")[0] != "True"


def test_timed_proof_waits_and_says_so() -> None:
    cluster = one_variant()
    cluster.settings = builders.some_settings(proof="timed")
    cluster.settle()

    assert weights(cluster) == {}

    cluster.wait_until_recheck().wait_until_recheck()

    assert weights(cluster) == {"blue": 1}
    message = next(c.message for c in cluster.status.conditions if c.type == "RoutesProgrammed")
    assert "assumed after the propagation delay" in message


def test_a_refused_write_is_told_and_tried_again_later() -> None:
    cluster = one_variant().settle()
    ref = Ref("VirtualService", builders.NAMESPACE, "titanic")
    cluster.rejections = {ref: Rejection("NotOwned", "VirtualService titanic/titanic exists and is not ours.")}
    cluster.settle()

    assert cluster.condition("RoutesProgrammed") == ("False", "NotOwned")
    assert cluster.plan.recheck is not None


def test_events_tell_the_story() -> None:
    cluster = one_variant().settle()

    assert [f"{event.type} {event.reason}" for event in cluster.events] == ["Normal Updating", "Normal Succeeded"]


def test_switching_to_another_config_is_blue_green_over_the_whole_set() -> None:
    cluster = one_variant().settle()
    cluster.edit_config(builders.a_config(builders.a_variant("green", "titanic-lr"), name="next"))
    cluster.edit_endpoint(config="next")
    seen: list[dict[str, int]] = []
    cluster.settle(watch=lambda c: seen.append(weights(c)))

    assert [shares for shares, _ in itertools.groupby(seen)] == [{"blue": 1}, {"green": 1}]
    assert cluster.status.history[0].outcome == "Succeeded"


def test_an_update_has_its_whole_deadline_also_when_it_begins_late_in_a_second() -> None:
    cluster = one_variant().settle()
    cluster.now += 0.9
    cluster.broken_images["bad:1"] = BROKEN
    cluster.models["titanic-rfc"] = builders.a_model(image="bad:1")
    cluster.settle()
    cluster.now += builders.an_endpoint().spec.update.deadline_seconds - 0.5
    cluster.settle()

    assert cluster.status.history[0].outcome == "Succeeded"

    cluster.now += 0.6
    cluster.settle()

    assert cluster.status.history[0].outcome == "Failed"


@pytest.mark.parametrize("credentials", [{}, {"example.org": "other"}])
def test_tls_without_a_credential_leaves_what_serves_alone_and_is_told(credentials: dict[str, str]) -> None:
    cluster = one_variant().settle()
    before = {ref: stored.manifest["spec"] for ref, stored in cluster.objects.items()}
    cluster.settings = builders.some_settings(tls_credentials=credentials)
    cluster.edit_endpoint(tls=True)
    cluster.settle()

    assert {ref: stored.manifest["spec"] for ref, stored in cluster.objects.items()} == before
    assert cluster.condition("ConfigResolved") == ("False", "InvalidSpec")
    assert cluster.condition("Available") == ("True", "InService")


def test_a_credential_taken_from_the_settings_leaves_what_serves_alone() -> None:
    cluster = Cluster(builders.an_endpoint(tls=True), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(tls_credentials={"example.com": "wildcard"})
    cluster.settle()
    cluster.settings = builders.some_settings()
    cluster.writes.clear()
    cluster.settle()

    assert cluster.writes == []
    assert cluster.condition("Available") == ("True", "InService")


def test_an_endpoint_by_the_name_of_all_sidecars_is_bound_to_its_own_gateway() -> None:
    """Istio takes a VirtualService bound to ``mesh`` for the routes of every sidecar in the cluster."""
    cluster = Cluster(
        builders.an_endpoint("mesh", host="payments.prod.svc.cluster.local"), builders.a_config(), builders.a_model()
    )
    cluster.settle()

    (routes,) = (stored.manifest for ref, stored in cluster.objects.items() if ref.kind == "VirtualService")
    assert routes["spec"]["gateways"] == [f"{routes['metadata']['namespace']}/mesh"]
