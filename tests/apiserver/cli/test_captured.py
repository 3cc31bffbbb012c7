"""Captured traffic on the command line: records of pods as they come, and replays, through a real API server."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlendpoints.api import labels
from mlendpoints.api.capture import Capture
from mlendpoints.client import EndpointConfig, EndpointConfigSpec, MLOpsClient, ObjectMeta, ProductionVariant
from tests.apiserver.cli.conftest import PROGRAM, Cli
from tests.apiserver.client.conftest import create_titanic
from tests.apiserver.client.operating import collected
from tests.kit.kubelet import MERGE, Kubelet, kubelet
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

__all__ = ["collected"]  # as engines, servers that are closed amid a TLS handshake leave sockets

SPOOLED = "1764152430-00c0ffee00c0ffee.jsonl"
IMAGE = ("--image", "registry.example.com/replay:1")


@pytest.fixture
def node(server: SyncClient, kubeconfig: Path, namespace: str, tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(server, namespace, kubeconfig, tmp_path) as found:
        yield found


def capture(node: Kubelet, variant: str, folder: Path) -> None:
    """A pod of the variant that captures, with a folder as its spool."""
    names = {labels.ENDPOINT: "titanic", labels.VARIANT: variant, labels.MANAGED_BY: labels.MANAGER}
    node.run(f"{variant}-1", container="shipper", labels=names)
    node.folders[f"{variant}-1"] = folder


def started(kubeconfig: Path, namespace: str, *arguments: str) -> subprocess.Popen[str]:
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "-n", namespace, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_records_are_printed_as_pods_write_them_and_the_program_ends_with_the_connection(
    client: MLOpsClient, node: Kubelet, kubeconfig: Path, tmp_path: Path
) -> None:
    create_titanic(client)
    for variant in ("blue", "green"):
        capture(node, variant, tmp_path / variant)
        (tmp_path / variant).mkdir()
        (tmp_path / variant / SPOOLED).write_text(f'{{"variant": "{variant}", "number": 1}}\n')
    process = started(kubeconfig, client.namespace, "capture", "tail", "titanic", "--variant", "blue", "--all")
    assert process.stdout
    assert json.loads(process.stdout.readline()) == {"variant": "blue", "number": 1}
    with (tmp_path / "blue" / SPOOLED).open("a") as stream:
        stream.write('{"variant": "blue", "number": 2}\n')
    assert json.loads(process.stdout.readline()) == {"variant": "blue", "number": 2}
    process.send_signal(signal.SIGINT)
    assert process.communicate() == ("", "Interrupted.\n")
    assert process.returncode == 130
    wait_until(lambda: node.ended == [0], "the program in the pod has ended")


def test_what_waits_in_all_pods_is_printed_once(cli: Cli, client: MLOpsClient, node: Kubelet, tmp_path: Path) -> None:
    create_titanic(client)
    for variant in ("blue", "green"):
        capture(node, variant, tmp_path / variant)
        (tmp_path / variant).mkdir()
        (tmp_path / variant / SPOOLED).write_text(f"{variant}\n")
    found = cli("capture", "tail", "titanic", "--all", "--no-follow")
    assert (found.returncode, sorted(found.stdout.splitlines())) == (0, ["blue", "green"])


def test_a_program_that_fails_is_one_sentence(cli: Cli, client: MLOpsClient, node: Kubelet, tmp_path: Path) -> None:
    create_titanic(client)
    capture(node, "blue", tmp_path / "missing")
    found = cli("capture", "tail", "titanic", "--no-follow")
    assert (found.returncode, found.stdout) == (1, "")
    assert "blue-1, container shipper: " in found.stderr
    assert "No such file or directory" in found.stderr
    assert found.stderr.count("\n") == 1


def test_without_capture_it_says_so(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    found = cli("capture", "tail", "titanic")
    assert (found.returncode, found.stderr) == (
        1,
        "Error: No pod of titanic captures traffic. See docs/how-to/capture.md.\n",
    )


def create_captured(client: MLOpsClient) -> None:
    """An endpoint whose variant blue is captured."""
    blue = ProductionVariant(name="blue", model="rfc", capture=Capture(sink="s3://captured", sink_secret="writer"))  # noqa: S106
    spec = EndpointConfigSpec(models=(blue, ProductionVariant(name="green", model="lr")))
    client.V1Alpha1EndpointConfig.create(EndpointConfig(metadata=ObjectMeta(name="titanic"), spec=spec))
    create_titanic(client)


REPLAY = ("replay", "titanic", "--variant", "green", "--part", "2026/11/26", *IMAGE)


def job_of(server: SyncClient, namespace: str) -> Object:
    found = wait_until(
        lambda: server.read(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"], "the Job is created"
    )
    return dict(found[0])


def end(node: Kubelet, job: Object, code: int) -> None:
    """As kubelet and Job controller report it."""
    name = job["metadata"]["name"]
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:09Z"}
    state = {"name": "replay", "ready": False, "restartCount": 0, "image": "x", "imageID": "x"}
    state["state"] = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", **times}}
    phase = "Failed" if code else "Succeeded"
    node.report("replay-pod", {"phase": phase, "containerStatuses": [state]})
    at = {"lastTransitionTime": "2026-01-01T00:00:09Z", "lastProbeTime": "2026-01-01T00:00:09Z", "status": "True"}
    kinds = ("FailureTarget", "Failed") if code else ("SuccessCriteriaMet", "Complete")
    status = {
        "startTime": "2026-01-01T00:00:00Z",
        "conditions": [{"type": kind, **at} for kind in kinds],
        **({"failed": 1} if code else {"succeeded": 1, "completionTime": "2026-01-01T00:00:09Z"}),
        "uncountedTerminatedPods": {},
    }
    path = f"/apis/batch/v1/namespaces/{node.namespace}/jobs/{name}/status"
    answer = node.server.ask("PATCH", path, body={"status": status}, headers=MERGE)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, ""), (1, "Error: Fewer responses match than required."), (2, "Error: The replay has no result. See its log")],
)
def test_a_replay_is_followed_to_its_end(
    client: MLOpsClient, node: Kubelet, kubeconfig: Path, code: int, said: str
) -> None:
    create_captured(client)
    namespace = client.namespace
    process = started(kubeconfig, namespace, *REPLAY, "--min-match", "0.9")
    job = job_of(node.server, namespace)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "s3://captured/titanic/blue/2026/11/26/",
        "--credentials=/credentials",
        "--target=http://istio-ingressgateway.istio-ingress",
        f"--host=titanic.{namespace}.example.com",
        "--variant=green",
        "--min-match=0.9",
    ]
    node.logs["replay-pod"] = b"replay: 500 of 500 records\nmatched   452\n"
    name = job["metadata"]["name"]
    node.run("replay-pod", container="replay", labels={"job-name": name})
    end(node, job, code)
    out, err = process.communicate()
    assert out.encode() == node.logs["replay-pod"]
    assert process.returncode == min(code, 1)
    assert err.startswith(f"Job {namespace}/{name} created\n")
    assert said in err


def test_a_wait_that_times_out_says_what_continues(cli: Cli, client: MLOpsClient) -> None:
    create_captured(client)
    found = cli(*REPLAY, "--timeout", "1")
    assert found.returncode == 3
    assert "The replay continues: `kubectl --namespace" in found.stderr


def test_a_dry_run_prints_the_job_and_creates_nothing(cli: Cli, client: MLOpsClient, server: SyncClient) -> None:
    create_captured(client)
    found = cli(*REPLAY, "--dry-run")
    assert yaml.safe_load(found.stdout)["kind"] == "Job"
    assert server.read(f"/apis/batch/v1/namespaces/{client.namespace}/jobs")["items"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--of", "green"), 2, "Nothing is captured there now. Name the records: --source URL."),
        (("--option", "tolerance=1"), 2, "Write an option as --option=--NAME=VALUE"),
        (("--gateway", "gateway"), 2, "Write NAMESPACE/NAME or a URL for the gateway"),
        (("--image", ""), 2, "The image replay is not known: name it by --image"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(
    cli: Cli, client: MLOpsClient, arguments: tuple[str, ...], code: int, said: str
) -> None:
    create_captured(client)
    found = cli(*REPLAY, *arguments)
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr


EXPORT = ("capture", "export", "titanic", *IMAGE)


def test_records_are_exported_by_a_job_that_is_deleted(
    client: MLOpsClient, node: Kubelet, kubeconfig: Path, tmp_path: Path
) -> None:
    create_captured(client)
    sink, target = tmp_path / "sink", tmp_path / "records.jsonl"
    sink.mkdir()
    lines = [json.dumps({"number": number, "data": "x" * 100_000}) for number in range(20)]
    (sink / "one.jsonl").write_text("".join(f"{line}\n" for line in lines))
    process = started(kubeconfig, client.namespace, *EXPORT, "--source", str(sink), "--to", str(target))
    job = job_of(node.server, client.namespace)
    assert job["spec"]["activeDeadlineSeconds"] == 3601
    name = job["metadata"]["name"]
    assert name.startswith("export-titanic-")
    node.run("export-pod", container="replay", labels={"job-name": name})
    out, err = process.communicate()
    assert (process.returncode, out) == (0, ""), err
    assert target.read_text().splitlines() == lines
    assert err.splitlines()[-1] == f"20 records of {sink}"
    assert node.server.read(f"/apis/batch/v1/namespaces/{client.namespace}/jobs")["items"] == []


def test_an_export_that_fails_leaves_neither_a_job_nor_a_file(
    client: MLOpsClient, node: Kubelet, kubeconfig: Path, tmp_path: Path
) -> None:
    create_captured(client)
    target = tmp_path / "records.jsonl"
    process = started(kubeconfig, client.namespace, *EXPORT, "--source", "/missing", "--to", str(target))
    name = job_of(node.server, client.namespace)["metadata"]["name"]
    node.run("export-pod", container="replay", labels={"job-name": name})
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert "container replay: export: /missing does not exist" in err
    assert [path.name for path in tmp_path.glob("records*")] == []
    assert node.server.read(f"/apis/batch/v1/namespaces/{client.namespace}/jobs")["items"] == []


def test_an_interrupted_export_deletes_its_job(client: MLOpsClient, node: Kubelet, kubeconfig: Path) -> None:
    create_captured(client)
    process = started(kubeconfig, client.namespace, *EXPORT, "--of", "blue")
    job_of(node.server, client.namespace)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    process.communicate()
    assert node.server.read(f"/apis/batch/v1/namespaces/{client.namespace}/jobs")["items"] == []
