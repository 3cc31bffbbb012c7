"""Captured requests are replayed by the documented Job, through the gateway and to one version."""

import itertools
import json
import subprocess
from typing import Any

import pytest
import yaml

from mlendpoints.edge.kube.kinds import JOB
from tests.e2e.conftest import GATEWAY
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import ROOT, Namespace, kubectl
from tests.kit.images import image
from tests.kit.waiting import wait_until
from tests.unit.replay.records import captured

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


def a_job(name: str, image: str, *arguments: str) -> dict[str, Any]:
    """The template, with records from the ConfigMap."""
    job: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "replay" / "job.yaml").read_text())
    job["metadata"] = {"name": name}
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container |= {"image": image, "args": ["/captured/blue.jsonl", "--json", "--speed=20", *arguments]}
    container["volumeMounts"].append({"name": "captured", "mountPath": "/captured"})
    container["resources"]["requests"] = {"cpu": "20m", "memory": "128Mi"}
    pod["volumes"].append({"name": "captured", "configMap": {"name": "captured"}})
    return job


def replayed(namespace: Namespace, job: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
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
    service, namespace = reversed(GATEWAY.split("/"))
    gateway = (f"--target=http://{service}.{namespace}", f"--host={records.host('titanic')}")

    job = a_job("to-green", replay_image, *gateway, "--variant=green", "--ignore=$.probability")
    code, report, log = replayed(records, job)
    assert (code, report["records"]["responses"], report["variants"]) == (1, len(PASSENGERS), {"green": 16}), log
    assert [json.loads(each["body"]) for each in report["differences"]] == [
        {"class": "2nd", "sex": "male", "age": "child"},
        {"class": "3rd", "sex": "female", "age": "child"},
    ]

    code, report, log = replayed(records, a_job("to-blue", replay_image, *gateway, "--variant=blue"))
    assert (code, report, "own_source" in log) == (2, {}, True), log

    _, green = records.instances("titanic")
    one_version = f"--target=http://{green['metadata']['name']}"
    code, report, log = replayed(records, a_job("to-version", replay_image, one_version, "--min-match=0"))
    assert (code, report["comparison"]["places"]) == (0, {"$.probability": 16, "$.survived": 2}), log

    own = f"--target=http://{records.instances('titanic')[0]['metadata']['name']}"
    code, report, log = replayed(records, a_job("to-own", replay_image, own, "--allow-same-target"))
    assert (code, report["comparison"]["match_rate"]) == (0, 1.0), log
