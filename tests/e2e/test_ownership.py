"""What is somebody else's stays as it is, and a host has one owner."""

from mlendpoints.edge.kube.kinds import DEPLOYMENT, ENDPOINT, GATEWAY, SERVICE, VIRTUAL_SERVICE
from tests.e2e.conftest import MakeNamespace
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import (
    a_config,
    a_foreign_gateway,
    a_foreign_service,
    a_foreign_virtual_service,
    a_variant,
    an_echo,
    an_endpoint,
)
from tests.kit.sync_client import Object

CHILDREN = (DEPLOYMENT, SERVICE, VIRTUAL_SERVICE, GATEWAY)


def an_endpoint_with_all_it_needs(name: str, host: str) -> tuple[Object, ...]:
    return (an_echo("echo"), a_config("cfg", a_variant("blue", "echo")), an_endpoint(name, config="cfg", host=host))


def test_foreign_objects_of_the_names_that_endpoints_need_stay_untouched(
    namespace: Namespace, both: list[Gateway]
) -> None:
    namespace.apply(
        a_foreign_virtual_service("routed", "somebody-else.example.com"), a_foreign_service("watched-metrics")
    )
    before = [namespace.get(VIRTUAL_SERVICE, "routed"), namespace.get(SERVICE, "watched-metrics")]
    for name in ("routed", "watched"):
        namespace.apply(*an_endpoint_with_all_it_needs(name, namespace.host(name)))
    told = namespace.until_condition("routed", "RoutesProgrammed", "False", reason="NotOwned")
    assert "VirtualService routed" in condition_of(told, "RoutesProgrammed")["message"]
    assert condition_of(told, "Ready")["status"] == "False"
    told = namespace.until_ready("watched")
    assert "Service watched-metrics" in condition_of(told, "Ready")["message"]
    assert all(gateway.variant(namespace.host("watched")) == "blue" for gateway in both)
    assert [namespace.get(VIRTUAL_SERVICE, "routed"), namespace.get(SERVICE, "watched-metrics")] == before
    namespace.delete(VIRTUAL_SERVICE, "routed")
    namespace.delete(SERVICE, "watched-metrics")
    for name in ("routed", "watched"):
        namespace.until_ready(name)
        assert all(gateway.variant(namespace.host(name)) == "blue" for gateway in both)


def test_an_endpoint_called_mesh_is_served_by_its_own_gateway(namespace: Namespace, both: list[Gateway]) -> None:
    namespace.apply(*an_endpoint_with_all_it_needs("mesh", namespace.host("mesh")))
    namespace.until_ready("mesh")
    assert all(gateway.variant(namespace.host("mesh")) == "blue" for gateway in both)


def test_the_first_endpoint_has_its_host_also_re_created_and_the_next_takes_it_when_it_stays_away(
    make_namespace: MakeNamespace, both: list[Gateway]
) -> None:
    old, new = make_namespace(), make_namespace()
    host = old.host("contested")
    first = an_endpoint_with_all_it_needs("first", host)
    old.apply(*first)
    assert old.until_ready("first")["status"]["host"] == host
    new.apply(*an_endpoint_with_all_it_needs("second", host))
    told = new.until_condition("second", "ConfigResolved", "False", reason="HostConflict")
    message = condition_of(told, "ConfigResolved")["message"]
    assert "belongs to an endpoint in another namespace" in message
    assert old.name not in message.replace(host, "")
    assert not any(new.all(kind) for kind in CHILDREN)
    assert all(gateway.variant(host) == "blue" for gateway in both)

    old.delete(ENDPOINT, "first")
    new.until_condition("second", "ConfigResolved", "Unknown", reason="HostConflict")
    old.apply(*first)
    old.until_ready("first")
    new.until_condition("second", "ConfigResolved", "False", reason="HostConflict")
    assert not any(new.all(kind) for kind in CHILDREN)

    old.delete(ENDPOINT, "first")
    new.until_ready("second")
    assert all(gateway.variant(host) == "blue" for gateway in both)


def test_only_routes_on_the_same_gateway_pods_keep_an_endpoint_from_its_host(
    make_namespace: MakeNamespace, both: list[Gateway]
) -> None:
    shop, tenant = make_namespace(), make_namespace()
    host = shop.host("login")
    shop.apply(
        a_foreign_gateway("wide", f"*.{host.partition('.')[2]}", {"istio": "ingressgateway"}),
        a_foreign_gateway("elsewhere", host, {"istio": "internal-gateway"}),
        a_foreign_virtual_service("in-the-mesh", host),
    )
    tenant.apply(*an_endpoint_with_all_it_needs("login", host))
    told = tenant.until_condition("login", "ConfigResolved", "False", reason="HostConflict")
    assert "by a Gateway in another namespace" in condition_of(told, "ConfigResolved")["message"]
    shop.delete(GATEWAY, "wide")
    tenant.until_ready("login")
    assert all(gateway.variant(host) == "blue" for gateway in both)
