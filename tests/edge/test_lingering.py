"""Since when gateway pods linger: from when they are first seen so, for as long as they are."""

from mlendpoints.core.world import Ref
from mlendpoints.edge.observe.cache import Cache
from tests.edge.objects import NAMESPACE, Object, an_endpoint, an_entry, an_object
from tests.edge.test_cache import EP, serving
from tests.kit.builders import some_settings

SERVING = {"ready": True, "serving": True, "terminating": False}
LEAVING = {"ready": False, "serving": False, "terminating": True}
DRAINING = {"ready": False, "serving": True, "terminating": True}
SLICE = "GatewaySlice"


class Rig:
    """A cache whose clock a test moves; the world's clock says 1,000 more."""

    def __init__(self) -> None:
        self.time = 0.0
        self.cache = Cache(some_settings(), clock=lambda: self.time)
        self.put("MachineLearningEndpoint", an_endpoint())

    def put(self, kind: str, obj: Object) -> None:
        self.cache.put(an_entry(kind, obj))

    def see(self, name: str = "gw-slice", **pods: dict[str, bool]) -> None:
        endpoints = [serving(pod, "10.1.0.1", **conditions) for pod, conditions in pods.items()]
        self.put(SLICE, an_object(name) | {"endpoints": endpoints, "ports": [{"name": "http2", "port": 8080}]})

    def lingering(self) -> dict[str, float]:
        world = self.cache.world(EP, now=1000 + self.time, settings=some_settings())
        assert world is not None
        return dict(world.lingering)


def test_a_pod_lingers_from_when_it_is_first_seen_so() -> None:
    rig = Rig()
    rig.see(a=SERVING, b=SERVING)
    assert rig.lingering() == {}
    rig.time = 5.0
    rig.see(a=SERVING, b=LEAVING)
    rig.time = 8.0
    rig.see(a=LEAVING, b=LEAVING)
    rig.time = 9.0

    assert rig.lingering() == {"a": 1008.0, "b": 1005.0}


def test_a_pod_that_drains_and_serves_does_not_linger() -> None:
    rig = Rig()
    rig.see(a=DRAINING)
    assert rig.lingering() == {}


def test_a_pod_that_is_no_longer_listed_is_forgotten() -> None:
    rig = Rig()
    rig.see(a=LEAVING)
    rig.see("another-slice", c=LEAVING)
    rig.cache.drop(Ref(SLICE, NAMESPACE, "gw-slice"))
    assert set(rig.lingering()) == {"c"}
    rig.see("another-slice")
    assert rig.lingering() == {}
