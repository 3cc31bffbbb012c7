"""An optional sidecar costs no request as long as its container runs: its process may do what it likes.

What cannot be hidden is shown as well: a container that is killed as a whole, and an image that cannot be pulled.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlendpoints.edge.kube.kinds import MODEL, POD
from tests.e2e.conftest import GATEWAY, MakeNamespace, until_empty
from tests.e2e.load import Load, load_on
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import an_operator, environment_of
from tests.kit.agents import NAME
from tests.kit.images import image
from tests.kit.load.generator import Record
from tests.kit.operator_process import variables
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

PROGRAM = ("-m", "tests.e2e.operator_with_agent")
RESTS = "import time; time.sleep(1e6)"
CRASHES = "raise SystemExit('agent crashes')"
# Once in the life of its pod: its volume outlives the container.
GREEDY = f"""
import os, time
if not os.path.exists("/tmp/once"):
    open("/tmp/once", "w").close()
    time.sleep(5)
    hoard = bytearray(256 << 20)
{RESTS}
"""
LoadOn = Callable[[str], AbstractContextManager[Load]]


@pytest.fixture(scope="module")
def place(
    server: SyncClient,
    make_namespace: MakeNamespace,
    kubeconfig: Path,
    is_local: bool,  # noqa: FBT001 (a fixture)
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Namespace]:
    if not is_local:
        pytest.skip("the load needs the gateway's pods within reach")
    place = make_namespace()
    environment = environment_of(kubeconfig, GATEWAY, reachable=True) | variables(retry_attempts=0)
    logs = tmp_path_factory.mktemp("operator")
    with an_operator(server, [place], environment=environment, logs=logs, program=PROGRAM) as operator:
        operator.start()
        yield place
        until_empty([place])


@pytest.fixture
def load(kubeconfig: Path, tmp_path: Path) -> LoadOn:
    return partial(load_on, kubeconfig=kubeconfig, service=GATEWAY, record=tmp_path / "requests.jsonl", rate=50)


def a_model(name: str, agent: str, *, agent_image: str = "") -> Object:
    values = {"ANSWER": name, "AGENT": agent, "AGENT_IMAGE": agent_image}
    return an_echo(name, env=[{"name": key, "value": value} for key, value in values.items()])


def serve(place: Namespace, name: str, agent: str) -> str:
    """Its host, once an endpoint of one pod with this agent is ready."""
    host = place.host(name)
    place.apply(
        a_model(name, agent), a_config(name, a_variant("blue", name)), an_endpoint(name, config=name, host=host)
    )
    place.until_ready(name)
    return host


def containers(place: Namespace, endpoint: str) -> dict[str, Any]:
    """The statuses of the only pod's containers, by name."""
    label = "mlendpoints.dev/endpoint"
    (pod,) = [pod for pod in place.all(POD) if pod["metadata"]["labels"].get(label) == endpoint]
    return {status["name"]: status for status in pod["status"]["containerStatuses"]}


def test_an_agent_that_crashes_again_and_again_takes_no_pod_out_of_its_service(place: Namespace, load: LoadOn) -> None:
    host = serve(place, "crashing", CRASHES)
    with load(host) as sent:
        sent.until_more(1000)
    assert sent.lost == []
    agent = containers(place, "crashing")[NAME]
    assert (agent["ready"], agent["restartCount"]) == (True, 0)
    assert condition_of(place.until_ready("crashing"), "MonitoringReady")["status"] == "True"


def test_an_update_of_a_model_whose_agent_crashes_loses_nothing(place: Namespace, load: LoadOn) -> None:
    host = serve(place, "updated", CRASHES)
    with load(host) as sent:
        place.edit(MODEL, "updated", {"startupTimeoutSeconds": 200})
        place.until_condition("updated", "RolledOut", "True", kind=MODEL)
        sent.until_more(100)
    assert sent.lost == []


def test_an_agent_that_takes_too_much_memory_ends_alone_and_the_pod_recovers(place: Namespace, load: LoadOn) -> None:
    """Whether its container goes as a whole depends on the kubelet: then requests are lost meanwhile."""
    host = serve(place, "greedy", GREEDY)
    with load(host) as sent:
        wait_until(lambda: _was_killed(place, "greedy"), "the agent has been killed")
        wait_until(lambda: _all_answered(sent.records[-100:]), "requests are answered again")
        place.until_condition("greedy", "MonitoringReady", "True")
    print(f"{len(sent.lost)} of {len(sent.records)} requests were lost")  # noqa: T201 (what it costs)
    assert containers(place, "greedy")["model"]["restartCount"] == 0


def _all_answered(records: list[Record]) -> bool:
    return {record.status for record in records} == {200}


def _was_killed(place: Namespace, endpoint: str) -> bool:
    status = containers(place, endpoint)[NAME]
    ended = status["lastState"].get("terminated") or status["state"].get("terminated") or {}
    return ended.get("reason") == "OOMKilled" or "killed by signal 9" in _log(place, endpoint)


def _log(place: Namespace, endpoint: str) -> str:
    (pod,) = [p for p in place.all(POD) if p["metadata"]["labels"].get("mlendpoints.dev/endpoint") == endpoint]
    path = f"{POD.path(place.name, pod['metadata']['name'])}/log?container={NAME}"
    response = place.server.ask("GET", path)
    return response.text if response.is_success else ""


def test_an_agent_s_image_that_cannot_be_pulled_fails_the_update_with_the_reason_and_loses_nothing(
    place: Namespace, load: LoadOn
) -> None:
    host = serve(place, "unpullable", RESTS)
    place.apply(an_endpoint("unpullable", config="unpullable", host=host, deadline=20))
    with load(host) as sent:
        place.apply(a_model("unpullable", RESTS, agent_image=image("absent")))
        failed = place.until_condition("unpullable", "UpdateSucceeded", "False", reason="ImagePullFailed")
        sent.until_more(100)
    assert f"container {NAME}" in condition_of(failed, "UpdateSucceeded")["message"]
    assert condition_of(failed, "Available")["status"] == "True"
    assert sent.lost == []
