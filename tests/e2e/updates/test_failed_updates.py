"""An update that cannot succeed: what serves goes on, and the endpoint says why, for good, until somebody acts."""

from typing import Any

import pytest
from msgspec import Struct

from mlendpoints.edge.kube.kinds import ENDPOINT, VIRTUAL_SERVICE
from tests.e2e.conftest import GATEWAY
from tests.e2e.namespace import QUOTA, condition_of
from tests.e2e.objects import a_config, a_variant, an_echo
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import OVER, Trial, a_trial
from tests.kit.images import image
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

RATE = 5.0  # requests a second
NOWHERE = "http://{1}.{0}.svc/absent.tar.gz".format(*GATEWAY.split("/"))  # a gateway has no artifacts


class Failure(Struct, frozen=True, kw_only=True):
    """What is wrong with the new version, and what the endpoint says of it."""

    name: str
    reason: str
    says: tuple[str, ...]  # beside the pod's name
    first: str = ""  # of the model server's program
    model: dict[str, Any] = {}
    variant: dict[str, Any] = {}


FAILURES = (
    Failure(
        name="crashing",
        first="sys.exit('the weights are gone')",
        reason="CrashLooping",
        says=("container model", "exit code 1", "the weights are gone"),
    ),
    Failure(
        name="greedy",
        first="x = b'x' * 2**30",
        reason="OOMKilled",
        says=("container model", "exit code 137", "more memory"),
    ),
    Failure(
        name="unhealthy",
        model={"env": [{"name": "PING", "value": "500"}]},
        reason="ProbeFailed",
        says=("container model", "HTTP 500"),
    ),
    Failure(name="huge", variant={"cpus": "1000"}, reason="Unschedulable", says=("Insufficient cpu",)),
    Failure(
        name="absent-image",
        model={"image": image("absent")},
        reason="ImagePullFailed",
        says=("container model", "imagePullSecrets"),
    ),
    Failure(
        name="absent-artifact",
        model={"artifact": NOWHERE},
        reason="ArtifactDownloadFailed",
        says=("404",),
    ),
)


@pytest.mark.side_by_side
@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
def test_what_serves_goes_on_when_its_successor_fails_and_the_reason_is_told(rig: Rig, failure: Failure) -> None:
    with a_trial(rig.namespace, failure.name) as trial:
        serving = trial.make({"blue": (1, 1)})
        routes, instances = routes_of(trial), trial.instances()
        with rig.load(trial.host, rate=RATE) as load:
            ruin(trial, failure)
            failed = trial.until_failed(failure.reason)
            wait_until(lambda: trial.instances() == instances, "what was made for the failed version is removed")
        assert load.lost == []
        assert routes_of(trial) == routes
        assert condition_of(failed, "Available")["status"] == "True"
        assert failed["status"]["configVersion"] == serving["status"]["configVersion"]
        tells(failed, failure)


def ruin(trial: Trial, failure: Failure) -> None:
    """Asks for a version with the failure; one edit."""
    name = trial.model("blue")
    if failure.variant:
        trial.namespace.apply(a_config(trial.name, a_variant("blue", name) | failure.variant))
    else:
        trial.namespace.apply(an_echo(name, first=failure.first, **failure.model))


def tells(failed: Object, failure: Failure) -> None:
    """Whether condition and history say the same: why, in which pod, with its last words."""
    message, entry = condition_of(failed, "UpdateSucceeded")["message"], failed["status"]["history"][0]
    assert (entry["outcome"], entry["reason"], entry["message"]) == ("Failed", failure.reason, message)
    assert f"Not ready within {OVER} s" in message
    new = f"{failed['metadata']['name']}-blue-"
    assert new in message, "it does not name the pod"
    assert all(words in message for words in failure.says), message


def routes_of(trial: Trial) -> Object:
    spec: Object = trial.namespace.get(VIRTUAL_SERVICE, trial.name)["spec"]
    return spec


@pytest.mark.side_by_side
def test_an_update_beyond_the_quota_fails_and_another_attempt_succeeds_when_there_is_room(rig: Rig) -> None:
    with a_trial(rig.limited, "limited") as trial:
        trial.make({"blue": (1, 1)})
        rig.limited.apply(a_quota(pods=1))
        trial.set_model("blue", answer="new")
        failed = trial.until_failed("QuotaExceeded")
        assert "exceeded quota: few" in condition_of(failed, "UpdateSucceeded")["message"]
        assert answers(rig, trial) == {"blue"}
        rig.limited.delete(QUOTA, "few")
        still = rig.limited.get(ENDPOINT, trial.name)
        assert condition_of(still, "UpdateSucceeded")["reason"] == "QuotaExceeded"
        rig.limited.edit(ENDPOINT, trial.name, {"update": {"attempt": "2", "deadlineSeconds": 600}})
        trial.until_ready()
        assert answers(rig, trial) == {"new"}
        outcomes = [entry["outcome"] for entry in rig.limited.get(ENDPOINT, trial.name)["status"]["history"]]
        assert outcomes == ["Succeeded", "Failed", "Succeeded"]


def a_quota(*, pods: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"count/pods": str(pods)}},
    }


def answers(rig: Rig, trial: Trial) -> set[str]:
    return {gateway.invoke(trial.host).text for gateway in rig.gateways}


@pytest.mark.side_by_side
def test_editing_a_failed_update_back_makes_nothing_anew(rig: Rig) -> None:
    with a_trial(rig.namespace, "edited-back") as trial:
        trial.make({"blue": (1, 1)})
        served = uids(trial)
        trial.set_model("blue", first="sys.exit('broken')")
        trial.until_failed("CrashLooping")
        trial.set_deadline(600)
        trial.set_model("blue")
        trial.until_ready()
        wait_until(lambda: uids(trial) == served, "what served is all there is", last=trial.instances)


def uids(trial: Trial) -> set[str]:
    """Of its model instances."""
    return {instance["metadata"]["uid"] for instance in trial.namespace.instances(trial.name)}
