"""Whose a host is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.endpoint.deletion import plan_deletion
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.hosts import covers, granted, host_of, precedence
from mlendpoints.core.manifests.gateway import credential_name
from mlendpoints.core.times import seconds
from mlendpoints.core.world import HostGrant, Ref
from tests.kit import builders
from tests.simulation import Cluster

DOMAIN = "ml.example.com"
ELSEWHERE = Ref("MachineLearningEndpoint", "secret-project", "first")
BESIDE = Ref("MachineLearningEndpoint", builders.NAMESPACE, "first")


def without_host(**status: Any) -> Endpoint:  # noqa: ANN401 - any field
    endpoint = builders.an_endpoint()
    return replace(endpoint, spec=replace(endpoint.spec, host=""), status=replace(endpoint.status, **status))


def a_cluster(endpoint: Endpoint | None = None, **settings: Any) -> Cluster:  # noqa: ANN401 - any setting
    cluster = Cluster(endpoint or builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(**settings)
    return cluster


def resolved(cluster: Cluster) -> tuple[str, str, str]:
    condition = next(c for c in cluster.status.conditions if c.type == "ConfigResolved")
    return condition.status, condition.reason, condition.message


def test_a_host_left_out_is_made_of_endpoint_namespace_and_domain() -> None:
    cluster = a_cluster(without_host(), gateway_domain=DOMAIN).settle()

    assert cluster.status.host == "titanic.titanic.ml.example.com"
    assert cluster.status.url == "http://titanic.titanic.ml.example.com"
    routes = cluster.objects[Ref("VirtualService", builders.NAMESPACE, "titanic")].manifest
    assert routes["spec"]["hosts"] == ["titanic.titanic.ml.example.com"]
    gateway = cluster.objects[Ref("Gateway", builders.NAMESPACE, "titanic")].manifest
    assert gateway["spec"]["servers"][0]["hosts"] == ["./titanic.titanic.ml.example.com"]


@pytest.mark.parametrize("domain", ["", "other.example.com"])
def test_a_recorded_host_does_not_move_with_the_setting(domain: str) -> None:
    cluster = a_cluster(without_host(), gateway_domain=DOMAIN).settle()
    cluster.settings = builders.some_settings(gateway_domain=domain)

    assert not cluster.reconcile()
    assert cluster.status.host == "titanic.titanic.ml.example.com"
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_a_host_that_is_recorded_for_another_endpoint_counts_for_nothing() -> None:
    endpoint = without_host(host="login.shop.example.com")
    assert host_of(endpoint, builders.some_settings(gateway_domain=DOMAIN)) == "titanic.titanic.ml.example.com"
    assert host_of(endpoint, builders.some_settings()) == ""


def test_without_a_domain_a_missing_host_says_what_to_do() -> None:
    cluster = a_cluster(without_host()).settle()

    assert cluster.objects == {}
    status, reason, message = resolved(cluster)
    assert (status, reason) == ("False", "InvalidSpec")
    assert "Re-create the endpoint with spec.host, or ask the administrator to set gateway.domain" in message

    cluster.settings = builders.some_settings(gateway_domain=DOMAIN)
    assert cluster.settle().status.state == "InService"


def test_nothing_is_written_below_an_endpoint_before_its_host_is_on_record() -> None:
    cluster = a_cluster()

    cluster.reconcile()

    assert cluster.status.host == "titanic.example.com"
    assert cluster.objects == {}


def test_an_endpoint_from_before_hosts_were_recorded_keeps_its_host() -> None:
    cluster = a_cluster().settle()
    assert cluster.endpoint is not None
    before = replace(cluster.endpoint, status=replace(cluster.status, host=""))
    cluster.endpoint = before
    cluster.writes.clear()

    assert precedence(before, cluster.settings) == precedence(cluster.endpoint, cluster.settings)
    assert cluster.settle().status.host == "titanic.example.com"
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("titanic.titanic.ml.example.com", "titanic.ml.example.com"),
        ("a.b.titanic.ml.example.com", "titanic.ml.example.com"),
        ("titanic.ml.example.com", "titanic.ml.example.com"),
        ("titanic.shop.ml.example.com", None),
        ("shop.ml.example.com", None),
        ("ml.example.com", ""),
        ("titanic.example.com", ""),
        ("xml.example.com", ""),
    ],
)
def test_each_namespace_has_its_part_of_the_domain(host: str, suffix: str | None) -> None:
    assert granted(builders.an_endpoint(host=host), builders.some_settings(gateway_domain=DOMAIN)) == suffix


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("titanic.ships.example.com", "ships.example.com"),
        ("ships.example.com", "ships.example.com"),
        ("a.deep.ships.example.com", "deep.ships.example.com"),
        ("warships.example.com", None),
        ("example.com", None),
        ("login.shop.example.com", None),
        ("any.example.org", "example.org"),
    ],
)
def test_other_hosts_need_a_grant_to_the_namespace(host: str, suffix: str | None) -> None:
    grants = (
        HostGrant(namespaces=("titanic", "olympic"), suffixes=("ships.example.com", "deep.ships.example.com")),
        HostGrant(namespaces=("shop",), suffixes=("shop.example.com",)),
        HostGrant(suffixes=("example.org",)),
    )
    assert granted(builders.an_endpoint(host=host), builders.some_settings(gateway_hosts=grants)) == suffix


def test_a_host_that_is_not_allowed_makes_nothing_and_says_what_is_allowed() -> None:
    grants = (HostGrant(namespaces=("titanic",), suffixes=("ships.example.com",)),)
    cluster = a_cluster(gateway_hosts=grants, gateway_domain=DOMAIN).settle()

    assert cluster.objects == {}
    assert cluster.status.host == ""
    status, reason, message = resolved(cluster)
    assert (status, reason) == ("False", "HostNotAllowed")
    assert message == (
        "Host titanic.example.com is not allowed in namespace titanic. Allowed there, with all hosts below:"
        " titanic.ml.example.com, ships.example.com. Re-create the endpoint with such a host, or ask the administrator"
        " to allow this one in gateway.hosts."
    )


def test_what_serves_goes_on_when_its_host_is_no_longer_allowed() -> None:
    cluster = a_cluster().settle()
    routes = cluster.routes()
    cluster.settings = builders.some_settings(gateway_hosts=())
    cluster.settle()

    assert cluster.routes() == routes
    assert cluster.condition("Available") == ("True", "InService")
    assert cluster.condition("ConfigResolved") == ("False", "HostNotAllowed")
    assert cluster.status.host == "titanic.example.com"


@pytest.mark.parametrize(("owner", "named"), [(ELSEWHERE, "an endpoint in another namespace"), (BESIDE, "first")])
def test_a_conflict_names_no_other_namespace(owner: Ref, named: str) -> None:
    cluster = a_cluster()
    plan = plan_endpoint(replace(cluster.world(), host_owner=owner))

    assert plan.writes == ()
    assert plan.status is not None
    told = " ".join([*(c.message for c in plan.status.conditions), *(e.message for e in plan.events)])
    assert named in told
    assert "secret-project" not in told
    assert plan.status.waits_for_host


@pytest.mark.parametrize(
    ("route", "named"),
    [
        (Ref("Gateway", "secret-project", "wide"), "a Gateway in another namespace"),
        (Ref("VirtualService", builders.NAMESPACE, "copy"), "the VirtualService copy"),
    ],
)
def test_a_route_of_others_is_named_in_the_same_namespace_only(route: Ref, named: str) -> None:
    cluster = a_cluster()
    plan = plan_endpoint(replace(cluster.world(), foreign_routes=(route,)))

    assert plan.status is not None
    told = " ".join(c.message for c in plan.status.conditions)
    assert named in told
    assert "secret-project" not in told
    assert not plan.status.waits_for_host


class Queue:
    """One that waits for the host of another."""

    def __init__(self) -> None:
        self.cluster = a_cluster()
        self.owner: Ref | None = ELSEWHERE

    def look(self) -> Endpoint:
        """One round, in which only the status matters."""
        endpoint = self.cluster.endpoint
        assert endpoint is not None
        self.plan = plan_endpoint(replace(self.cluster.world(), host_owner=self.owner))
        if self.plan.status is not None:
            self.cluster.endpoint = replace(endpoint, status=self.plan.status)
        assert self.cluster.endpoint is not None
        return self.cluster.endpoint


def test_who_waited_takes_a_free_host_only_after_the_grace_period() -> None:
    queue = Queue()
    queue.look()
    queue.owner = None
    freed = queue.cluster.now
    waiting = queue.look()

    assert waiting.status.waits_for_host
    assert seconds(waiting.status.host_free_since or "") == freed
    assert queue.plan.recheck == freed + 60
    queue.cluster.now += 59
    assert queue.look().status.host == ""
    assert queue.plan.writes == ()

    queue.cluster.now += 1
    served = queue.cluster.settle()
    assert (served.status.host, served.status.waits_for_host) == ("titanic.example.com", False)
    assert served.status.host_free_since is None
    assert served.status.state == "InService"


def test_the_grace_period_begins_again_when_the_host_is_taken_meanwhile() -> None:
    queue = Queue()
    queue.look()
    queue.owner = None
    queue.look()
    queue.cluster.now += 30
    queue.owner = BESIDE
    assert queue.look().status.host_free_since is None
    queue.owner = None
    queue.cluster.now += 40
    assert seconds(queue.look().status.host_free_since or "") == queue.cluster.now


def test_an_endpoint_created_while_the_host_is_free_takes_it_at_once() -> None:
    settings = builders.some_settings()
    waits = builders.an_endpoint("old", meta={"creationTimestamp": "2025-01-01T00:00:00Z"})
    waits = replace(waits, status=replace(waits.status, waits_for_host=True, host_free_since="2026-01-01T00:00:00Z"))
    created = precedence(builders.an_endpoint(), settings)
    deferrable = precedence(waits, settings)

    assert created is not None
    assert deferrable is not None
    assert created < deferrable
    assert a_cluster().settle().status.host == "titanic.example.com"


def test_who_has_the_host_comes_first_however_young() -> None:
    settings = builders.some_settings()
    has = builders.an_endpoint("young", meta={"creationTimestamp": "2027-01-01T00:00:00Z"})
    has = replace(has, status=replace(has.status, host="titanic.example.com"))
    new = precedence(builders.an_endpoint(), settings)
    assert new is not None
    assert (precedence(has, settings) or new) < new


def test_no_finalizer_that_people_write_makes_them_first() -> None:
    settings = builders.some_settings()
    forged = builders.an_endpoint(meta={"finalizers": ["mlendpoints.dev/routes"]})
    assert precedence(forged, settings) == precedence(builders.an_endpoint(), settings)


def test_who_is_not_allowed_or_leaves_without_the_host_keeps_nobody_waiting() -> None:
    leaving = builders.an_endpoint(meta={"deletionTimestamp": builders.BORN})
    assert precedence(leaving, builders.some_settings()) is None
    assert precedence(builders.an_endpoint(), builders.some_settings(gateway_hosts=())) is None


def test_who_leaves_with_the_host_has_it_until_it_is_gone() -> None:
    cluster = a_cluster().settle()
    cluster.delete_endpoint()
    assert cluster.endpoint is not None
    order = precedence(cluster.endpoint, cluster.settings)
    assert order is not None
    assert order[0] == 0
    assert plan_deletion(cluster.world()).prune != ()


LABELS = st.text("ab", min_size=1, max_size=2)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(NAMES, NAMES)
def test_a_suffix_covers_itself_and_what_is_below_it_only(suffix: str, host: str) -> None:
    below = host.split(".")
    parents = {".".join(below[n:]) for n in range(len(below))}
    assert covers(suffix, host) == (suffix in parents)


@pytest.mark.parametrize("suffix", ["example.com", ".example.com"])
def test_a_credential_covers_whole_labels(suffix: str) -> None:
    settings = builders.some_settings(tls_credentials={suffix: "wildcard"})
    hosts = ["example.com", "a.example.com", "notexample.com"]
    assert [credential_name(host, settings) for host in hosts] == ["wildcard", "wildcard", None]


def test_of_two_that_have_a_host_on_record_the_second_gives_it_back_unless_it_is_routed() -> None:
    cluster = a_cluster()
    endpoint = replace(
        builders.an_endpoint(), status=replace(builders.an_endpoint().status, host="titanic.example.com")
    )
    recorded = replace(cluster.world(), endpoint=endpoint, host_owner=ELSEWHERE)
    status = plan_endpoint(recorded).status
    assert status is not None
    assert (status.host, status.waits_for_host) == ("", True)

    cluster.settle()
    served = plan_endpoint(replace(cluster.world(), host_owner=ELSEWHERE))
    assert served.status is not None
    assert served.status.host == "titanic.example.com"
    assert served.prune == ()
