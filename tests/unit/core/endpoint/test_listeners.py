"""Where callers come in: a change of listener is proven at the new one before the old one closes."""

from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.core.endpoint.listeners import hash_listener
from mlendpoints.core.endpoint.view import LINGER
from mlendpoints.core.routes import make_routes
from mlendpoints.core.world import Destination, Listener, Ref, Routes
from tests.kit import builders
from tests.simulation import Cluster

CREDENTIALS = {"example.com": "wildcard"}
HTTP, HTTPS = Listener(80), Listener(443, "wildcard")


def serving(*, tls: bool = False, **settings: Any) -> Cluster:  # noqa: ANN401 - any setting
    cluster = Cluster(builders.an_endpoint(tls=tls), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(**{"tls_credentials": CREDENTIALS} | settings)
    return cluster.settle()


def listeners(cluster: Cluster) -> tuple[Listener, ...]:
    return cluster.world().children[Ref("Gateway", builders.NAMESPACE, "titanic")].listeners


def routes(cluster: Cluster) -> Routes:
    found = cluster.routes()
    assert found is not None
    return found


@pytest.mark.parametrize(("tls", "old", "new"), [(True, HTTP, HTTPS), (False, HTTPS, HTTP)])
def test_both_listeners_are_open_until_every_gateway_pod_serves_at_the_new_one(
    tls: bool,  # noqa: FBT001 - a parameter of the test
    old: Listener,
    new: Listener,
) -> None:
    cluster = serving(tls=not tls)
    before = cluster.status.url
    cluster.deaf = {"gw-b"}
    cluster.edit_endpoint(tls=tls)
    cluster.settle()

    assert set(listeners(cluster)) == {old, new}
    assert {probe.tls for probe in cluster.plan.probes} == {tls}
    assert cluster.condition("Ready")[0] != "True"
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.status.url == before

    cluster.deaf = set()
    cluster.settle()

    assert listeners(cluster) == (new,)
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert cluster.status.url == ("https" if tls else "http") + "://titanic.example.com"


def test_a_door_that_never_opens_is_told_and_leaves_the_old_one_open() -> None:
    cluster = serving()
    cluster.instead = dict.fromkeys(("gw-a", "gw-b"), "TLS handshake failed")
    cluster.edit_endpoint(tls=True)
    cluster.settle().wait_until_recheck()

    assert set(listeners(cluster)) == {HTTP, HTTPS}
    assert cluster.condition("RoutesProgrammed") == ("False", "RouteNotProgrammed")
    assert "TLS handshake failed" in next(c.message for c in cluster.status.conditions if c.type == "RoutesProgrammed")
    assert cluster.condition("Available") == ("True", "InService")


def test_a_change_that_is_taken_back_closes_the_new_door() -> None:
    cluster = serving()
    cluster.deaf = {"gw-b"}
    cluster.edit_endpoint(tls=True)
    cluster.settle()
    cluster.edit_endpoint(tls=False)
    cluster.deaf = set()
    cluster.settle()

    assert listeners(cluster) == (HTTP,)
    assert cluster.condition("Ready") == ("True", "AsAsked")


@pytest.mark.parametrize(
    "changed",
    [
        {"gateway_selector": {"istio": "inner"}},
        {"gateway_service": "inner/gateway"},
        {"http_port": 8080},
        {"tls_credentials": {"example.com": "renewed"}, "tls": True},
    ],
)
def test_every_setting_of_the_gateway_is_proven(changed: dict[str, Any]) -> None:
    tls = changed.pop("tls", False)
    cluster = serving(tls=tls)
    before = routes(cluster).revision
    cluster.settings = builders.some_settings(**{"tls_credentials": CREDENTIALS} | changed)
    cluster.deaf = {"gw-a"}
    cluster.settle()

    assert routes(cluster).revision != before
    assert cluster.condition("Ready")[0] != "True"

    cluster.deaf = set()
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert len(listeners(cluster)) == 1


@pytest.mark.parametrize(
    ("tls", "changed"),
    [(False, {"gateway_selector": {"istio": "inner"}}), (True, {"tls_credentials": {"example.com": "renewed"}})],
)
def test_what_replaces_its_door_at_once_takes_nothing_else_along_before_it_is_proven(
    tls: bool,  # noqa: FBT001
    changed: dict[str, Any],
) -> None:
    """One Gateway has one selector, and one port one certificate for a host: the how-tos say how to change them."""
    cluster = serving(tls=tls)
    url, kinds, destinations = cluster.status.url, cluster.kinds(), routes(cluster).destinations
    gateway = cluster.objects[Ref("Gateway", builders.NAMESPACE, "titanic")]
    before = gateway.manifest["spec"]
    cluster.settings = builders.some_settings(**{"tls_credentials": CREDENTIALS} | changed)
    cluster.deaf = {"gw-a"}
    cluster.settle()

    assert gateway.manifest["spec"] != before
    assert (cluster.kinds(), routes(cluster).destinations, cluster.status.url) == (kinds, destinations, url)
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.condition("RoutesProgrammed")[0] != "True"

    cluster.edit_config(builders.a_config(builders.a_variant(weight=7)))
    cluster.settle()
    assert cluster.condition("Ready")[0] != "True"

    cluster.deaf = set()
    cluster.settle()
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_default_host_is_part_of_the_entrance_and_a_given_one_need_not_be() -> None:
    given, settings = builders.an_endpoint(), builders.some_settings(gateway_domain="example.com")
    endpoint = replace(given, spec=replace(given.spec, host=""))
    assert hash_listener(builders.an_endpoint(), builders.some_settings()) == ""
    assert hash_listener(endpoint, settings) != hash_listener(
        endpoint, builders.some_settings(gateway_domain="other.org")
    )


def test_weights_changed_by_hand_are_known_as_such_during_a_change_of_the_listener() -> None:
    cluster = serving()
    before = routes(cluster).destinations
    cluster.deaf = {"gw-b"}
    cluster.edit_endpoint(tls=True)
    cluster.settle()
    cluster.settings = builders.some_settings(tls_credentials={})
    cluster.settle()

    assert routes(cluster).destinations == before
    assert routes(cluster).revision == make_routes(before, routes(cluster).pings, _hash_of_tls()).revision
    assert set(listeners(cluster)) == {HTTP, HTTPS}


def _hash_of_tls() -> str:
    requested = hash_listener(builders.an_endpoint(tls=True), builders.some_settings(tls_credentials=CREDENTIALS))
    assert requested
    return requested


def test_an_upgrade_rewrites_no_routes_of_an_endpoint_as_it_is_by_default() -> None:
    """The revision is what earlier versions of the operator wrote."""
    destinations = (Destination(variant="blue", instance="titanic-rfc-aaaaaaaa", weight=90),)
    assert make_routes(destinations, ["titanic-rfc-aaaaaaaa"], "").revision == "2e5swpadpdrd"


def test_a_later_field_of_a_destination_that_is_unset_changes_no_revision() -> None:
    class Later(Destination, frozen=True, kw_only=True, order=True):
        mirrored: bool = False

    today = Destination(variant="blue", instance="a", weight=1)
    later = Later(variant="blue", instance="a", weight=1)
    said = Later(variant="blue", instance="a", weight=1, mirrored=True)

    assert make_routes([later], []).revision == make_routes([today], []).revision
    assert make_routes([said], []).revision != make_routes([today], []).revision


def test_an_endpoint_deleted_during_a_change_of_its_door_waits_as_long_as_callers_may_come_in() -> None:
    cluster = serving()
    instance = Ref("Deployment", builders.NAMESPACE, cluster.instance("blue"))
    cluster.edit_endpoint(tls=True)
    cluster.now = 1_700_000_000.0
    cluster.delete_endpoint()
    cluster.settle()

    assert instance in cluster.objects

    cluster.wait_until_recheck()

    assert cluster.endpoint is None


def test_a_pod_that_drains_and_never_opens_the_new_door_keeps_the_old_one_open() -> None:
    cluster = serving()
    cluster.instead, cluster.lingering = {"gw-b": "connection refused"}, {"gw-b": cluster.now}
    cluster.edit_endpoint(tls=True)
    cluster.settle()

    assert set(listeners(cluster)) == {HTTP, HTTPS}

    cluster.now += LINGER
    cluster.settle()

    assert listeners(cluster) == (HTTPS,)
