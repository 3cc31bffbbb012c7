"""A timed proof waits by one clock, from when the watch has shown the routes."""

import pytest

from mlendpoints.core.world import World
from mlendpoints.edge.observe.cache import Cache
from tests.edge.objects import Object, an_endpoint, an_entry, an_object
from tests.edge.test_cache import ENDPOINT, EP
from tests.kit.builders import some_settings


class Rig:
    """An endpoint's cache, whose monotonic clock a test moves, and the wall's clock, which goes as it likes."""

    def __init__(self) -> None:
        self.monotonic, self.wall = 0.0, 1_700_000_000.0
        self.cache = Cache(some_settings(), clock=lambda: self.monotonic)
        self.cache.put(an_entry(ENDPOINT, an_endpoint()))

    def show(self, kind: str, obj: Object) -> None:
        self.cache.put(an_entry(kind, obj))

    def age(self) -> float:
        found = self.cache.world(EP, now=self.wall, settings=some_settings())
        assert isinstance(found, World)
        return found.now - found.routes_since


def a_route(*, uid: str = "vs", written: str = "2023-11-14T22:13:20Z", **metadata: object) -> Object:
    managed = [{"manager": "mlendpoints", "time": written, "fieldsV1": {}}]
    meta = {"uid": uid, "managedFields": managed, **metadata}
    return an_object("ep", owner="uid-ep", metadata=meta, spec={})


def test_routes_count_from_when_they_were_shown_whatever_the_servers_clock_says() -> None:
    rig = Rig()
    rig.monotonic = 100
    rig.show("VirtualService", a_route(written="1999-01-01T00:00:00Z"))
    rig.monotonic = 105
    assert rig.age() == pytest.approx(5)


def test_a_wall_clock_that_is_set_forward_proves_nothing() -> None:
    rig = Rig()
    rig.show("VirtualService", a_route())
    rig.monotonic, rig.wall = 3, rig.wall + 86_400
    assert rig.age() == pytest.approx(3)


def test_what_says_nothing_new_to_a_gateway_leaves_the_time_as_it_is() -> None:
    rig = Rig()
    rig.show("VirtualService", a_route())
    rig.monotonic = 7
    rig.show("VirtualService", a_route(resourceVersion="2", annotations={"a": "b"}))
    assert rig.age() == pytest.approx(7)


@pytest.mark.parametrize("change", [a_route(written="2023-11-14T22:13:21Z"), a_route(uid="another")])
def test_each_new_write_counts_anew(change: Object) -> None:
    rig = Rig()
    rig.show("VirtualService", a_route())
    rig.monotonic = 7
    rig.show("VirtualService", change)
    assert rig.age() == pytest.approx(0)


def test_routes_that_have_gone_count_from_then() -> None:
    rig = Rig()
    route = an_entry("VirtualService", a_route())
    rig.cache.put(route)
    rig.monotonic = 50
    rig.cache.drop(route.ref)
    rig.monotonic = 51
    assert rig.age() == pytest.approx(1)


def test_what_was_never_shown_has_been_away_since_the_operator_looks() -> None:
    rig = Rig()
    rig.monotonic = 20
    assert rig.age() == pytest.approx(20)


@pytest.mark.parametrize("order", [("route", "endpoint"), ("endpoint", "route")])
def test_an_endpoint_that_has_gone_leaves_no_time_behind(order: tuple[str, str]) -> None:
    rig = Rig()
    rig.show("VirtualService", a_route())
    refs = {"route": an_entry("VirtualService", a_route()).ref, "endpoint": EP}
    for name in order:
        rig.cache.drop(refs[name])
    assert rig.cache._route_times._since == {}  # noqa: SLF001 - a leak shows nowhere else
