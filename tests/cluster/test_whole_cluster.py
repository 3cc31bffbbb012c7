"""The life of a whole cluster, in a network namespace of its own: a cluster of this machine goes on undisturbed.

The tests run in order on one cluster, since each start takes most of a minute. They want the binaries in the cache
(`make cluster-up`).
"""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.binaries import program
from cluster.settings import settings_from_environment
from tests.cluster.sandbox import Sandbox, Traces, a_sandbox, traces

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="a node needs root"),
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with a_sandbox(tmp_path_factory.mktemp("cluster") / "state") as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def before(sandbox: Sandbox) -> Traces:
    return traces(sandbox)


@pytest.fixture(scope="module")
def kubeconfig(sandbox: Sandbox) -> Path:
    done = sandbox.run(sandbox.cluster("up"))
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_a_half_done_cluster_is_taken_down_whole(sandbox: Sandbox, before: Traces) -> None:
    _kill_up_at(sandbox, "Installing CoreDNS")
    assert traces(sandbox) != before
    assert sandbox.run(sandbox.cluster("down")).returncode == 0
    assert traces(sandbox) == before


def test_an_up_that_was_killed_is_finished_by_the_next_one(sandbox: Sandbox) -> None:
    _kill_up_at(sandbox, "Starting kubelet")
    done = sandbox.run(sandbox.cluster("up"))
    assert done.returncode == 0, done.stderr
    assert sandbox.run(sandbox.cluster("status")).returncode == 0


def test_a_new_cluster_has_a_ready_node_dns_istiod_and_two_gateway_pods(sandbox: Sandbox, kubeconfig: Path) -> None:
    pods = json.loads(_kubectl(sandbox, kubeconfig, "get", "pods", "--all-namespaces", "--output=json"))["items"]
    ready = sorted(pod["metadata"]["name"].rsplit("-", 2)[0] for pod in pods if _is_true(pod, "Ready"))
    assert ready == ["coredns", "istio-ingressgateway", "istio-ingressgateway", "istiod"]
    node = json.loads(_kubectl(sandbox, kubeconfig, "get", "node", "mlendpoints", "--output=json"))
    assert _is_true(node, "Ready")


def test_logs_and_exec_reach_a_pod(sandbox: Sandbox, kubeconfig: Path) -> None:
    gateway = ("deploy/istio-ingressgateway", "--namespace=istio-ingress")
    assert "Envoy proxy is ready" in _kubectl(sandbox, kubeconfig, "logs", *gateway)
    assert "1.31" in _kubectl(sandbox, kubeconfig, "exec", *gateway, "--", "pilot-agent", "version")


@pytest.mark.usefixtures("kubeconfig")
def test_the_audit_log_names_who_did_what(sandbox: Sandbox) -> None:
    lines = (sandbox.state / "logs" / "audit.log").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert {"level": "Metadata", "user": "admin"} in [
        {"level": event["level"], "user": event["user"]["username"]} for event in events
    ]


@pytest.mark.usefixtures("kubeconfig")
def test_up_again_starts_nothing_anew(sandbox: Sandbox) -> None:
    pids = _daemons(sandbox)
    assert sandbox.run(sandbox.cluster("up")).returncode == 0
    assert _daemons(sandbox) == pids


@pytest.mark.usefixtures("kubeconfig")
def test_a_daemon_that_died_is_started_again_by_up(sandbox: Sandbox) -> None:
    os.kill(_daemons(sandbox)["kube-proxy"], signal.SIGKILL)
    assert sandbox.run(sandbox.cluster("status")).returncode == 3
    assert sandbox.run(sandbox.cluster("up")).returncode == 0
    assert sandbox.run(sandbox.cluster("status")).returncode == 0


def test_pods_outlive_a_new_containerd(sandbox: Sandbox, kubeconfig: Path) -> None:
    names = _kubectl(sandbox, kubeconfig, "get", "pods", "--all-namespaces", "--output=name")
    os.kill(_daemons(sandbox)["containerd"], signal.SIGKILL)
    assert sandbox.run(sandbox.cluster("up")).returncode == 0
    assert _kubectl(sandbox, kubeconfig, "get", "pods", "--all-namespaces", "--output=name") == names


@pytest.mark.usefixtures("kubeconfig")
def test_down_leaves_nothing_behind(sandbox: Sandbox, before: Traces) -> None:
    during = traces(sandbox)
    assert all(
        vars(during)[what] > vars(before)[what]
        for what in ("processes", "mounts", "links", "rules", "control_groups", "files")
    )
    assert sandbox.run(sandbox.cluster("down")).returncode == 0
    assert traces(sandbox) == before


def test_down_where_nothing_is_up_does_nothing(sandbox: Sandbox, before: Traces) -> None:
    assert sandbox.run(sandbox.cluster("down")).returncode == 0
    assert traces(sandbox) == before


def _kill_up_at(sandbox: Sandbox, title: str) -> None:
    """Kill `up` as soon as it says that it begins the step `title`."""
    up = sandbox.start("up")
    assert up.stderr is not None
    said = ""
    while title not in said:
        character = up.stderr.read(1)
        assert character, said
        said += character
    up.kill()
    up.wait()
    up.stderr.close()


def _daemons(sandbox: Sandbox) -> dict[str, int]:
    said = sandbox.run(sandbox.cluster("status")).stdout
    return {name: int(pid) for name, pid in re.findall(r"^(\S+): running, pid (\d+)$", said, flags=re.MULTILINE)}


def _kubectl(sandbox: Sandbox, kubeconfig: Path, *arguments: str) -> str:
    kubectl = program("kubectl", settings_from_environment())
    return sandbox.output(kubectl, f"--kubeconfig={kubeconfig}", *arguments)


def _is_true(thing: dict[str, dict[str, list[dict[str, str]]]], condition: str) -> bool:
    return any(each["type"] == condition and each["status"] == "True" for each in thing["status"]["conditions"])
