"""The tree of an endpoint: what it shows, and that it fits the terminal."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.model import Model
from mlendpoints.cli.status import Node, Observed, make_tree, tree_lines
from mlendpoints.core.times import seconds
from mlendpoints.core.world import ContainerFacts, PodFacts
from tests.kit.builders import BORN, an_mlmodel, metadata
from tests.unit.client.objects import a_condition, an_endpoint_with, with_status

NOW = seconds(BORN) + 90
OLD, NEW = "titanic-rfc-iqarvt52", "titanic-rfc-4pziproj"


def a_variant(instance: str, *, weights: tuple[int, int], pods: tuple[int, int]) -> dict[str, Any]:
    return {
        "name": "blue",
        "model": "titanic-rfc",
        "instance": instance,
        "version": instance.rpartition("-")[2],
        "currentWeight": weights[0],
        "desiredWeight": weights[1],
        "readyInstances": pods[0],
        "desiredInstances": pods[1],
    }


def an_instance(name: str) -> Model:
    instance = {"endpoint": "titanic", "config": "titanic", "variant": "blue", "model": "titanic-rfc"}
    instance |= {"version": name.rpartition("-")[2], "cpus": "1", "memory": "1Gi", "size": "1Gi"}
    images = {"modelInit": "model-init:1", "nginx": "nginx:1"}
    spec = {"image": "registry.example.com/rfc:1", "instance": instance | {"images": images, "builder": "1"}}
    return msgspec.convert({"metadata": metadata(name), "spec": spec}, Model)


CRASHED = ContainerFacts(
    name="model", restarts=3, waiting_reason="CrashLoopBackOff", exit_code=1, termination_message="no module named x"
)


@pytest.fixture
def updating() -> Observed:
    message = "ModelsReady: Pod b, container model: exit code 1. Check its log."
    endpoint = an_endpoint_with(
        a_condition("Ready", "False", message=message),
        state="Updating",
        url="http://titanic.example.com",
    )
    variants = [a_variant(OLD, weights=(1, 0), pods=(2, 2)), a_variant(NEW, weights=(0, 1), pods=(0, 1))]
    update = {"target": "abc", "phase": "StartingInstances", "startTime": BORN}
    status = msgspec.convert({"variants": variants, "update": update}, type(endpoint.status))
    pods = (
        PodFacts(name="a", instance=OLD, ready=True),
        PodFacts(name="b", instance=NEW, containers=(CRASHED,)),
        PodFacts(name="c", instance=OLD, deleting=True),
    )
    return Observed(
        root=with_status(endpoint, variants=status.variants, update=status.update),
        instances=(an_instance(OLD), an_instance(NEW), an_instance("titanic-rfc-kept")),
        pods=pods,
    )


def test_the_tree_leads_from_the_endpoint_to_the_termination_message(updating: Observed) -> None:
    lines = tree_lines(make_tree(updating, NOW), 200)
    assert lines[0] == "✖ endpoint titanic  Updating  http://titanic.example.com"
    assert "├─◌ update to abc  StartingInstances for 90s" in lines
    assert "├─◌ variant blue  weight 1" in lines
    assert f"│ ├─✔ version iqarvt52  instance {OLD}  2 of 2 pods ready" in lines
    assert "│ │ ├─✔ pod a" in lines
    assert "│ │ └─· pod c  terminating" in lines
    assert "│   └─✖ pod b  3 restarts" in lines
    assert any("no module named x" in line for line in lines)
    assert lines[-1].startswith("└─· variant blue  version kept  instance titanic-rfc-kept  kept")


def test_weights_that_are_not_in_force_are_shown_beside_those_that_are() -> None:
    endpoint = an_endpoint_with(a_condition("Ready", "Unknown"))
    status = msgspec.convert({"variants": [a_variant(OLD, weights=(90, 50), pods=(1, 1))]}, type(endpoint.status))
    tree = make_tree(Observed(root=with_status(endpoint, variants=status.variants)), NOW)
    assert tree.below[0].text == "variant blue  weight 90, requested 50"


def test_an_mlmodel_is_shown_with_its_pods() -> None:
    model = with_status(an_mlmodel(), phase="Downloading", version="new", serving_version="old", message="3 of 5 MiB.")
    pods = (PodFacts(name="titanic-new-x", instance="titanic-new"),)
    lines = tree_lines(make_tree(Observed(root=model, pods=pods), NOW), 80)
    assert lines[0] == "◌ mlmodel titanic  Downloading  version new, old serves  0 of 1 pods ready"
    assert lines[1:3] == ["│   3 of 5 MiB.", "└─◌ pod titanic-new-x"]


@pytest.mark.parametrize("width", [80, 200])
def test_the_tree_fits_the_terminal(updating: Observed, width: int) -> None:
    assert max(map(len, tree_lines(make_tree(updating, NOW), width))) <= width


NODES = st.recursive(
    st.builds(Node, st.sampled_from(("ready", "waits", "failed", "off")), st.text(), st.text()),
    lambda below: st.builds(Node, st.just("ready"), st.text(), st.text(), st.lists(below, max_size=3).map(tuple)),
)


@given(tree=NODES, width=st.integers(80, 200))
def test_no_text_breaks_a_line_or_exceeds_the_width(tree: Node, width: int) -> None:
    for line in tree_lines(tree, width):
        assert len(line) <= width
        assert line.isprintable()
