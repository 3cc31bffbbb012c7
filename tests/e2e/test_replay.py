"""Captured requests are replayed by the documented Job, through the gateway and to one version."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from mlendpoints.edge.kube.kinds import JOB
from tests.e2e.conftest import GATEWAY
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import ROOT, Namespace, kubectl
from tests.e2e.node import node_address
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_endpoint
from tests.fetcher.s3_server import BUCKET, S3Server, s3_server
from tests.kit.images import image
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until
from tests.unit.replay.records import captured

SECRET = "capture-reader"  # as in the template
PASSENGERS = [
    {"class": class_, "sex": sex, "age": age}
    for class_, sex, age in itertools.product(("1st", "2nd", "3rd", "crew"), ("female", "male"), ("adult", "child"))
]


@pytest.fixture(scope="session")
def replay_image() -> str:
    """Built on demand."""
    command = ["python3", "-m", "images", "build", "replay", "--load"]
    subprocess.run(command, cwd=ROOT, check=True)
    return image("replay")


@pytest.fixture
def records(titanic: Namespace, both: list[Gateway]) -> Namespace:
    """A ConfigMap with requests to the variant blue and its responses."""
    host = titanic.host("titanic")
    blue, _ = titanic.instances("titanic")
    lines = []
    for number, passenger in enumerate(PASSENGERS):
        body = json.dumps(passenger)
        reply = both[number % len(both)].invoke(host, variant="blue", body=body)
        assert reply.status_code == 200
        lines.append(
            captured(
                *(body.encode(), reply.content),
                content_type=reply.headers["content-type"],
                instance=blue["metadata"]["name"],
                startTime=f"2026-11-26T10:20:{number:02}.000Z",
            )
        )
    content = b"".join(line + b"\n" for line in lines).decode()
    metadata = {"name": "captured"}
    titanic.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"blue.jsonl": content}})
    return titanic


@pytest.fixture(scope="module")
def s3(server: SyncClient, is_local: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:  # noqa: FBT001 (a fixture)
    """On the node."""
    if not is_local:
        pytest.skip("pods may be unable to reach this machine")
    with s3_server(tmp_path_factory.mktemp("s3"), node_address(server)) as s3:
        yield s3


@pytest.fixture
def capturing(namespace: Namespace, artifacts: str, s3: S3Server) -> Namespace:
    """The Titanic example: blue serves and is captured, green is the candidate."""
    capture = {"sink": f"s3://{BUCKET}/captured", "sinkSecret": SECRET}
    namespace.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": dict(s3.secret)},
        a_titanic_model("rfc", "titanic-rfc.tar.gz", artifacts=artifacts),
        a_titanic_model("lr", "titanic-lr.tar.gz", artifacts=artifacts),
        a_config("titanic", a_variant("blue", "rfc") | {"capture": capture}, a_variant("green", "lr", weight=0)),
        an_endpoint("titanic", config="titanic", host=namespace.host("titanic")),
    )
    namespace.until_ready("titanic")
    return namespace


def a_job(name: str, image: str, *arguments: str) -> Object:
    """The template, with what it says to change."""
    job: Object = yaml.safe_load((ROOT / "examples" / "replay" / "job.yaml").read_text())
    job["metadata"] = {"name": name}
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container |= {"image": image, "args": ["--json", "--speed=20", "--credentials=/credentials", *arguments]}
    container["resources"]["requests"] = {"cpu": "20m", "memory": "128Mi"}
    return job


def from_config_map(job: Object) -> Object:
    """The same with records from the ConfigMap."""
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["args"].append("/captured/blue.jsonl")
    container["volumeMounts"].append({"name": "captured", "mountPath": "/captured"})
    pod["volumes"].append({"name": "captured", "configMap": {"name": "captured"}})
    return job


def through_the_gateway(namespace: Namespace) -> tuple[str, str]:
    """Where a Job sends requests to the endpoint."""
    in_namespace, service = GATEWAY.split("/")
    return f"--target=http://{service}.{in_namespace}", f"--host={namespace.host('titanic')}"


def replayed(namespace: Namespace, job: Object) -> tuple[int, Object, str]:
    """Exit code, report and log of a Job that has ended."""
    name = job["metadata"]["name"]
    response = namespace.server.ask("POST", JOB.path(namespace.name), body=job)
    assert response.is_success, response.text

    def ended() -> Any:  # noqa: ANN401 - JSON
        return {"succeeded", "failed"} & namespace.get(JOB, name).get("status", {}).keys()

    wait_until(ended, f"{name} has ended", last=lambda: namespace.get(JOB, name).get("status"))
    pods = namespace.server.read(f"/api/v1/namespaces/{namespace.name}/pods?labelSelector=job-name={name}")["items"]
    (state,) = [each["state"]["terminated"] for each in pods[0]["status"]["containerStatuses"]]
    log = kubectl("logs", "--namespace", namespace.name, f"job/{name}")
    start = log.find("{")
    return state["exitCode"], json.loads(log[start:]) if start >= 0 else {}, log


def test_a_candidate_is_compared_with_what_was_captured(records: Namespace, replay_image: str) -> None:
    gateway = through_the_gateway(records)

    job = a_job("to-green", replay_image, *gateway, "--variant=green", "--ignore=$.probability")
    code, report, log = replayed(records, from_config_map(job))
    assert (code, report["records"]["responses"], report["variants"]) == (1, len(PASSENGERS), {"green": 16}), log
    assert [json.loads(each["body"]) for each in report["differences"]] == [
        {"class": "2nd", "sex": "male", "age": "child"},
        {"class": "3rd", "sex": "female", "age": "child"},
    ]

    code, report, log = replayed(records, from_config_map(a_job("to-blue", replay_image, *gateway, "--variant=blue")))
    assert (code, report, "own_source" in log) == (2, {}, True), log

    _, green = records.instances("titanic")
    one_version = f"--target=http://{green['metadata']['name']}"
    code, report, log = replayed(
        records, from_config_map(a_job("to-version", replay_image, one_version, "--min-match=0"))
    )
    assert (code, report["comparison"]["places"]) == (0, {"$.probability": 16, "$.survived": 2}), log

    own = f"--target=http://{records.instances('titanic')[0]['metadata']['name']}"
    code, report, log = replayed(records, from_config_map(a_job("to-own", replay_image, own, "--allow-same-target")))
    assert (code, report["comparison"]["match_rate"]) == (0, 1.0), log


def test_what_was_captured_and_shipped_is_replayed(
    capturing: Namespace, s3: S3Server, both: list[Gateway], replay_image: str
) -> None:
    host = capturing.host("titanic")
    for number, passenger in enumerate(PASSENGERS):
        reply = both[number % len(both)].invoke(host, body=json.dumps(passenger))
        assert reply.status_code == 200
    wait_until(
        lambda: s3.lines("captured/titanic/blue/") == len(PASSENGERS),
        "all records are shipped",
        last=lambda: s3.lines("captured/"),
    )

    source, gateway = f"s3://{BUCKET}/captured/titanic/blue/", through_the_gateway(capturing)
    job = a_job("to-green", replay_image, source, *gateway, "--variant=green", "--ignore=$.probability")
    code, report, log = replayed(capturing, job)
    assert (code, report["records"]["responses"], report["variants"]) == (1, len(PASSENGERS), {"green": 16}), log
    assert [json.loads(each["body"]) for each in report["differences"]] == [
        {"class": "2nd", "sex": "male", "age": "child"},
        {"class": "3rd", "sex": "female", "age": "child"},
    ]

    code, report, log = replayed(capturing, a_job("to-blue", replay_image, source, *gateway, "--variant=blue"))
    assert (code, report, f"own_source {len(PASSENGERS)}" in log) == (2, {}, True), log
