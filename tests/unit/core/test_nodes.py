"""What nodes have free, and for which pods."""

from fractions import Fraction
from typing import Any

import pytest

from mlendpoints.core.capacity import Need, needs
from mlendpoints.core.course import Course, Stage
from mlendpoints.core.nodes import Node, Taint, admits, allocatable, free_for, has_room, occupied

GPU = "nvidia.com/gpu"
TAINTED = Node(
    name="gpu",
    labels={"pool": "gpu"},
    taints=(Taint(GPU, "NoSchedule", "present"),),
    free=allocatable({"cpu": "8", GPU: "2", "pods": "10"}),
)
PLAIN = Node(name="plain", free=allocatable({"cpu": "2", "memory": "1Gi", "pods": "10"}))


def pod(cpu: str = "500m", **spec: object) -> dict[str, Any]:
    return {"containers": [{"resources": {"requests": {"cpu": cpu}}}], **spec}


def test_what_pods_request_is_not_free() -> None:
    (node,) = occupied([PLAIN], [("plain", pod()), ("plain", pod()), ("elsewhere", pod())])
    assert node.free == {"requests.cpu": 1, "requests.memory": 2**30, "pods": 8}


def test_a_node_that_has_less_than_its_pods_request_has_nothing_free() -> None:
    (node,) = occupied([PLAIN], [("plain", pod("9"))])
    assert node.free["requests.cpu"] == 0


def test_only_nodes_that_admit_the_pods_count() -> None:
    assert free_for([TAINTED, PLAIN], [pod()])["requests.cpu"] == 2
    tolerant = pod(tolerations=[{"key": GPU, "operator": "Exists"}])
    assert free_for([TAINTED, PLAIN], [tolerant])["requests.cpu"] == 10
    assert free_for([TAINTED, PLAIN], [tolerant | {"nodeSelector": {"pool": "gpu"}}])["requests.cpu"] == 8
    assert free_for([TAINTED, PLAIN], []) == {}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": GPU, "value": "present", "effect": "NoSchedule"}, True),
        ({"key": GPU, "value": "other"}, False),
        ({"key": GPU, "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tolerations_are_those_of_kubernetes(toleration: dict[str, str], *, tolerated: bool) -> None:
    assert admits(TAINTED, pod(tolerations=[toleration])) is tolerated


def test_a_preference_keeps_no_pod_away() -> None:
    assert admits(Node(name="x", taints=(Taint("spot", "PreferNoSchedule"),)), pod())


def test_a_pod_has_room_on_one_node_not_on_two() -> None:
    halves = [Node(name=name, free=allocatable({"cpu": "1", "pods": "1"})) for name in ("a", "b")]
    assert has_room(halves, pod("1"))
    assert not has_room(halves, pod("1500m"))
    full = [Node(name="a", free=allocatable({"cpu": "1", "pods": "0"}))]
    assert not has_room(full, pod("1"))


def test_needs_beyond_what_nodes_have_are_marked_and_limits_are_not_of_nodes() -> None:
    peak = {"pods": Fraction(3), "requests.cpu": Fraction(5), "limits.cpu": Fraction(5)}
    course: Course[Any] = Course(start=Stage(None, {}), end=None, peak=peak)
    found = needs({"requests.cpu": Fraction(1)}, [course], (), free=PLAIN.free)
    assert found == (
        Need(resource="pods", now="0", peak="3", free="10"),
        Need(resource="limits.cpu", now="0", peak="5"),
        Need(resource="requests.cpu", now="1", peak="5", free="2", has_nodes=False),
    )
