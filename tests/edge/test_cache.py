import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api import labels
from mlendpoints.core.world import GatewayPod, MLModelWorld, Ref, World
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.owners import keys_for
from tests.edge.objects import (
    NAMESPACE,
    Object,
    a_config,
    a_model,
    a_model_instance,
    a_pod,
    a_slice,
    an_endpoint,
    an_entry,
    an_mlmodel,
    an_object,
    filled,
)
from tests.kit.builders import some_settings

ENDPOINT, CONFIG, MODEL = "MachineLearningEndpoint", "MachineLearningEndpointConfig", "MachineLearningModel"
MLMODEL = "MLModel"
EP = Ref(ENDPOINT, NAMESPACE, "ep")
OTHER = Ref(ENDPOINT, NAMESPACE, "other")


def config_instance(owner: str = "uid-ep") -> Object:
    instance = {"endpoint": "ep", "config": "cfg", "version": "1"}
    return an_object("cfg-1", owner=owner, spec={"models": [{"name": "v0", "model": "rfc"}], "instance": instance})


def volume(name: str = "pv") -> Object:
    spec = {"claimRef": {"namespace": NAMESPACE}}
    return an_object(name, label={labels.INSTANCE: "rfc-1"}, metadata={"namespace": ""}, spec=spec)


def foreign(name: str, *hosts: str) -> Object:
    return an_object(name, metadata={"labels": {}}, spec={"hosts": hosts, "gateways": ["ep"]})


FULL: tuple[tuple[str, Object], ...] = (
    (ENDPOINT, an_endpoint()),
    (ENDPOINT, an_endpoint("other", config="shared", host="other.example.com")),
    (CONFIG, a_config("cfg", "rfc", "missing")),
    (CONFIG, a_config("shared", "rfc")),
    (MODEL, a_model("rfc")),
    (CONFIG, config_instance()),
    (MODEL, a_model_instance()),
    ("VirtualService", an_object("ep", owner="uid-ep", spec={})),
    ("Gateway", an_object("ep", owner="uid-ep", spec={})),
    ("DestinationRule", an_object("rfc-1", owner="uid-rfc-1")),
    ("NetworkPolicy", an_object("ep-models", owner="uid-ep")),
    ("Service", an_object("rfc-1", owner="uid-rfc-1")),
    ("Deployment", an_object("rfc-1", owner="uid-rfc-1", spec={"replicas": 2})),
    ("PersistentVolume", volume()),
    ("Pod", a_pod("rfc-1-a")),
    ("Pod", a_pod("rfc-1-b")),
    ("EndpointSlice", a_slice("s4", pods={"rfc-1-a": True, "rfc-1-b": False})),
    ("EndpointSlice", a_slice("s6", pods={"rfc-1-a": True})),
    ("VirtualService", foreign("theirs", "ep.example.com", "x.example.com")),
    ("Deployment", an_object("stray", owner="uid-nobody", spec={})),
    ("Pod", a_pod("stray", instance="nothing")),
    (MLMODEL, an_mlmodel()),
    ("Deployment", an_object("mlm", owner="uid-mlm", spec={"replicas": 1})),
    ("Service", an_object("mlm", owner="uid-mlm")),
    ("Job", an_object("mlm-1", owner="uid-mlm")),
    ("PersistentVolumeClaim", an_object("mlm-1", owner="uid-mlm")),
    ("Pod", a_pod("mlm-a", instance="mlm")),
    ("Pod", a_pod("mlm-1-fetch", instance="mlm-1")),
    ("EndpointSlice", a_slice("s-mlm", service="mlm", pods={"mlm-a": True})),
)


def world(cache: Cache, key: Ref = EP) -> World:
    found = cache.world(key, now=1.0, settings=some_settings())
    assert found is not None
    return found


def test_a_world_holds_what_is_the_endpoints_and_nothing_else() -> None:
    found = world(filled(*FULL))
    assert {(ref.kind, ref.name) for ref in found.children} == {
        (CONFIG, "cfg-1"),
        (MODEL, "rfc-1"),
        ("VirtualService", "ep"),
        ("Gateway", "ep"),
        ("DestinationRule", "rfc-1"),
        ("NetworkPolicy", "ep-models"),
        ("Service", "rfc-1"),
        ("Deployment", "rfc-1"),
        ("PersistentVolume", "pv"),
    }
    assert (set(found.config_instances), set(found.model_instances)) == ({"cfg-1"}, {"rfc-1"})
    assert [pod.name for pod in found.pods] == ["rfc-1-a", "rfc-1-b"]
    assert found.foreign_routes == (Ref("VirtualService", NAMESPACE, "theirs"),)


def test_references_are_templates_that_exist() -> None:
    found = world(filled(*FULL))
    assert found.config is not None
    assert found.config.metadata.name == "cfg"
    assert set(found.models) == {"rfc"}


def test_an_instance_is_no_template() -> None:
    cache = filled((ENDPOINT, an_endpoint(config="cfg-1")), (CONFIG, config_instance()))
    assert world(cache).config is None


def test_an_instance_of_nobody_we_know_is_nobodys() -> None:
    cache = filled((ENDPOINT, an_endpoint()), (MODEL, a_model_instance(owner="uid-of-an-older-ep")))
    assert world(cache).model_instances == {}


def test_a_pod_in_both_address_families_counts_once_and_only_when_ready() -> None:
    service = world(filled(*FULL)).children[Ref("Service", NAMESPACE, "rfc-1")]
    assert service.ready_addresses == 1


def test_no_endpoint_no_world() -> None:
    assert filled().world(EP, now=1.0, settings=some_settings()) is None


def mlmodel_world(cache: Cache, name: str = "mlm") -> MLModelWorld | None:
    return cache.mlmodel_world(Ref(MLMODEL, NAMESPACE, name), now=1.0, settings=some_settings(), rejections={})


def test_the_world_of_an_mlmodel_holds_what_it_controls_and_the_pods_of_both_its_sorts() -> None:
    found = mlmodel_world(filled(*FULL))
    assert found is not None
    assert {(ref.kind, ref.name) for ref in found.children} == {
        ("Deployment", "mlm"),
        ("Service", "mlm"),
        ("Job", "mlm-1"),
        ("PersistentVolumeClaim", "mlm-1"),
    }
    assert {pod.name for pod in found.pods} == {"mlm-a", "mlm-1-fetch"}
    assert found.children[Ref("Service", NAMESPACE, "mlm")].ready_addresses == 1


def test_an_mlmodel_and_a_template_of_one_name_are_two_things() -> None:
    cache = filled(*FULL, (MODEL, a_model("mlm")))
    assert mlmodel_world(cache) == mlmodel_world(filled(*FULL))
    assert {key.kind for key in keys_for(cache, an_entry("Pod", a_pod("mlm-b", instance="mlm")))} == {MLMODEL}


def test_no_mlmodel_no_world_of_one() -> None:
    assert mlmodel_world(filled(*FULL), "rfc") is None


def gateway(*, ports: list[Object], endpoints: list[Object]) -> tuple[tuple[str, Object], ...]:
    service = {"ports": [{"name": "http2", "port": 80}, {"name": "https", "port": 443}]}
    slice_ = an_object("gw-x", ports=ports, endpoints=endpoints)
    return (("GatewayService", an_object("gw", spec=service)), ("GatewaySlice", slice_))


def serving(pod: str, address: str, **conditions: bool | None) -> Object:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"name": pod}}


def test_gateway_pods_are_asked_at_the_target_port_of_the_port_by_its_name() -> None:
    ports = [{"name": "http2", "port": 8080}, {"name": "https", "port": 8443}]
    cache = filled(*FULL, *gateway(ports=ports, endpoints=[serving("gw-a", "10.1.0.1", ready=True)]))
    assert world(cache).gateways == (GatewayPod("gw-a", "10.1.0.1", 8080),)
    assert cache.gateways(443) == (GatewayPod("gw-a", "10.1.0.1", 8443),)
    assert cache.gateways(15021) == ()


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        ({"ready": True}, True),
        ({}, True),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": False}, False),
        ({"ready": False}, False),
    ],
)
def test_gateway_pods_that_drain_are_asked_those_that_start_are_not(conditions: dict[str, bool], asked: bool) -> None:  # noqa: FBT001
    endpoints = [serving("gw-a", "10.1.0.1", **conditions)]
    cache = filled(*gateway(ports=[{"name": "http2", "port": 8080}], endpoints=endpoints))
    assert bool(cache.gateways(80)) is asked


CONCERNS: list[tuple[str, Object, set[str]]] = [
    (ENDPOINT, an_endpoint(), {"ep", "cfg", "rfc", "missing"}),
    (CONFIG, a_config("shared", "rfc"), {"shared", "other", "rfc"}),
    (MODEL, a_model("rfc"), {"rfc", "ep", "other"}),
    (CONFIG, config_instance(), {"ep"}),
    (MODEL, a_model_instance(), {"ep"}),
    ("VirtualService", an_object("ep", owner="uid-ep", spec={}), {"ep"}),
    ("Deployment", an_object("rfc-1", owner="uid-rfc-1", spec={}), {"ep"}),
    ("PersistentVolume", volume(), {"ep"}),
    ("Pod", a_pod("rfc-1-c"), {"ep"}),
    ("EndpointSlice", a_slice("s9"), {"ep"}),
    ("VirtualService", foreign("theirs", "other.example.com"), set()),
    ("GatewaySlice", an_object("gw-x"), set()),
    ("Deployment", an_object("stray", owner="uid-nobody", spec={}), set()),
    ("Pod", a_pod("stray", instance="nothing"), set()),
    (MLMODEL, an_mlmodel(), {"mlm"}),
    ("Job", an_object("mlm-1", owner="uid-mlm"), {"mlm"}),
    ("PersistentVolumeClaim", an_object("mlm-2", owner="uid-mlm"), {"mlm"}),
    ("Pod", a_pod("mlm-b", instance="mlm"), {"mlm"}),
    ("Pod", a_pod("mlm-1-again", instance="mlm-1"), {"mlm"}),
    ("EndpointSlice", a_slice("s-mlm-2", service="mlm"), {"mlm"}),
]


@pytest.mark.parametrize(("kind", "obj", "concerned"), CONCERNS)
def test_every_object_concerns_its_roots_and_templates(kind: str, obj: Object, concerned: set[str]) -> None:
    cache = filled(*FULL)
    assert {key.name for key in keys_for(cache, an_entry(kind, obj))} == concerned


@given(order=st.permutations(FULL))
def test_the_order_of_arrival_does_not_matter(order: list[tuple[str, Object]]) -> None:
    assert world(filled(*order)) == world(filled(*FULL))


@given(again=st.lists(st.sampled_from(FULL), max_size=40))
def test_what_is_put_many_times_is_there_once_and_leaves_no_trace(again: list[tuple[str, Object]]) -> None:
    cache = filled(*FULL, *again)
    assert len(cache) == len(FULL)
    for kind, obj in FULL:
        cache.drop(an_entry(kind, obj).ref)
    assert len(cache) == 0
    assert len(cache._index) == 0  # noqa: SLF001 - a leak shows nowhere else


def test_an_edit_moves_an_endpoint_to_its_new_config() -> None:
    cache = filled(*FULL)
    cache.put(an_entry(ENDPOINT, an_endpoint(config="shared")))
    assert cache.users(Ref(CONFIG, NAMESPACE, "cfg")) == ()
    assert cache.users(Ref(CONFIG, NAMESPACE, "shared")) == (EP, OTHER)
    assert cache.users(Ref(MODEL, NAMESPACE, "rfc")) == (EP, OTHER)


def test_claims_that_artifacts_lie_on_are_known_where_the_operator_made_them() -> None:
    def made(claim: str) -> frozenset[str]:
        artifact = {"image": "model:1", "artifact": f"pvc://{claim}/model"}
        cache = filled(*FULL, (MODEL, a_model("rfc") | {"spec": artifact}))
        cache.put(an_entry(MLMODEL, an_mlmodel() | {"spec": artifact}))
        of_mlmodel = cache.mlmodel_world(
            Ref(MLMODEL, NAMESPACE, "mlm"), now=1.0, settings=some_settings(), rejections={}
        )
        assert of_mlmodel is not None
        assert of_mlmodel.own_claims == world(cache).own_claims
        return of_mlmodel.own_claims

    assert (made("mlm-1"), made("mine")) == (frozenset({"mlm-1"}), frozenset())
