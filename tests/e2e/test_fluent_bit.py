"""Metrics of a pod's processes, by Fluent Bit as the kubelet runs it: whom it sees, and what of whom.

A stand-in takes its place on machines that cannot get it. ``make images e2e FLUENT_BIT=path`` runs them with itself.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from images.catalogue import ROOT, host_platform
from images.compiled import compiled
from mlendpoints.edge.kube.kinds import POD
from tests.e2e.conftest import GATEWAY, MakeNamespace, until_empty
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import an_operator, environment_of
from tests.kit.images import REGISTRY
from tests.kit.operator_process import variables
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

PROGRAM = os.environ.get("FLUENT_BIT")
UP = "mlendpoints_process_metrics_up"
OWN_PORT_FIRST = """
import socket, threading
liar = socket.create_server(("127.0.0.1", 2021))
def lie():
    while True:
        caller, _ = liar.accept()
        caller.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 20\\r\\n\\r\\n' + b'process_states{} NaN')
threading.Thread(target=lie, daemon=True).start()
""".strip()


@pytest.fixture(
    scope="module",
    params=[
        "a stand-in",
        pytest.param(
            "Fluent Bit itself",
            marks=pytest.mark.skipif(not PROGRAM, reason="FLUENT_BIT is not the path of Fluent Bit's program"),
        ),
    ],
)
def image(request: pytest.FixtureRequest, is_local: bool) -> str:  # noqa: FBT001 (a fixture)
    """Of the program, in the cluster."""
    if not is_local:
        pytest.skip("the image is brought to the local cluster")
    if request.param == "a stand-in":
        program = str(compiled(ROOT / "tests" / "e2e" / "stand_in", host_platform()))
        tag = "stand-in"
    else:
        program, tag = str(PROGRAM), "itself"
    command = [sys.executable, "-m", "images", "build", "fluent-bit", "--load"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"FLUENT_BIT": program, "TAG": tag}, check=True)
    return f"{REGISTRY}/fluent-bit:{tag}"


@pytest.fixture(scope="module")
def place(
    image: str,
    server: SyncClient,
    make_namespace: MakeNamespace,
    kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Namespace]:
    place = make_namespace()
    environment = environment_of(kubeconfig, GATEWAY, reachable=True) | variables(fluent_bit_image=image)
    with an_operator(server, [place], environment=environment, logs=tmp_path_factory.mktemp("operator")) as operator:
        operator.start()
        yield place
        until_empty([place])


def serve(place: Namespace, model: Object) -> Object:
    """The only pod of an endpoint with this model."""
    name = model["metadata"]["name"]
    place.apply(model, a_config(name, a_variant("blue", name)), an_endpoint(name, config=name, host=place.host(name)))
    place.until_ready(name)
    (pod,) = [p for p in place.all(POD) if p["metadata"]["labels"].get("mlendpoints.dev/endpoint") == name]
    return pod


def samples(place: Namespace, pod: Object, name: str) -> Mapping[tuple[str, ...], float]:
    """By process, and mode where there is one."""
    path = f"{POD.path(place.name, pod['metadata']['name'])}:9090/proxy/metrics"
    families = text_string_to_metric_families(place.server.ask("GET", path).text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(s.labels[key] for key in ("process", "mode") if key in s.labels): s.value for s in found}


def names(pod: Object) -> list[str]:
    return [container["name"] for container in pod["spec"]["containers"]]


@pytest.fixture(scope="module")
def watched(place: Namespace) -> tuple[Namespace, Object]:
    """A pod that writes 8 MiB to its disk, and whose processes have been seen."""
    pod = serve(place, an_echo("watched", first="f = open('/tmp/file', 'wb'); f.write(bytes(8 << 20)); os.fsync(f)"))
    wait_until(lambda: samples(place, pod, UP) == {(): 1}, "Fluent Bit has said something")
    return place, pod


def seen(watched: tuple[Namespace, Object]) -> Callable[[str], Any]:
    return lambda name: samples(*watched, f"mlendpoints_process_{name}")


def test_pods_have_it_and_say_so(watched: tuple[Namespace, Object]) -> None:
    place, pod = watched
    assert names(pod) == ["model", "nginx", "fluent-bit"]
    assert pod["spec"]["shareProcessNamespace"] is True
    condition = condition_of(place.until_ready("watched"), "MonitoringReady")
    assert (condition["status"], condition["reason"]) == ("True", "SidecarsRunning")


def test_cpu_memory_and_threads_are_those_of_all_containers_by_part(watched: tuple[Namespace, Object]) -> None:
    cpu, memory, threads = (seen(watched)(name) for name in ("cpu_seconds_total", "memory_bytes", "threads"))
    assert set(memory) == set(threads) == {("model",), ("nginx",), ("other",)}
    assert {part for part, _ in cpu} == {"model", "nginx", "other"}
    assert all(value > 1 << 18 for value in memory.values())
    assert threads["nginx",] == 2  # master and worker
    assert threads["model",] >= 1


def test_io_and_open_files_are_those_of_the_model_and_of_nobody_with_another_user(
    watched: tuple[Namespace, Object],
) -> None:
    written, read, files = (seen(watched)(name) for name in ("written_bytes_total", "read_bytes_total", "open_files"))
    assert "nginx" not in {part for each in (written, read, files) for (part,) in each}
    assert written["model",] >= 8 << 20
    assert ("model",) in read
    assert files["model",] >= 3


def test_a_model_with_its_own_process_namespace_has_process_1_and_no_fluent_bit(place: Namespace) -> None:
    model = an_echo("alone", first="assert os.getpid() == 1, os.getpid()", ownProcessNamespace=True)
    pod = serve(place, model)
    assert names(pod) == ["model", "nginx"]
    assert samples(place, pod, UP) == {}
    condition = condition_of(place.until_ready("alone"), "MonitoringReady")
    assert (condition["status"], condition["reason"]) == ("True", "NoProcessMetrics")


def test_a_model_that_takes_its_port_loses_nothing_but_its_metrics(place: Namespace) -> None:
    pod = serve(place, an_echo("liar", first=f"exec({OWN_PORT_FIRST!r})"))
    wait_until(lambda: samples(place, pod, UP) == {(): 0}, "nothing is believed")
    assert samples(place, pod, "mlendpoints_requests_in_flight") == {(): 0}
