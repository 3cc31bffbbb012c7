"""Reasons come from the pods themselves, in words that their owner can act on."""

import pytest

from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding, deadline_finding, instance_findings
from mlendpoints.core.world import Child, ContainerFacts, PodFacts, Ref, Refusal

DEPLOYMENT = Child(ref=Ref("Deployment", "titanic", "rfc-1"), uid="u", resource_version="1", replicas=2)


def a_pod(*containers: ContainerFacts, unschedulable: str = "", deleting: bool = False) -> PodFacts:
    return PodFacts(name="p", instance="rfc-1", containers=containers, unschedulable=unschedulable, deleting=deleting)


def judged(*pods: PodFacts, failure: str = "", refusals: tuple[Refusal, ...] = ()) -> Finding:
    deployment = Child(ref=DEPLOYMENT.ref, uid="u", resource_version="1", replicas=2, failure=failure)
    return instance_findings("rfc-1", deployment=deployment, pods=pods, refusals=refusals, wanted=2)


CRASHED = ContainerFacts(
    name="model", exit_code=3, exit_reason="Error", restarts=2, last_words="no such file: model.onnx"
)
KILLED = ContainerFacts(name="model", exit_code=137, exit_reason="OOMKilled", restarts=1)
WRONG_DIGEST = ContainerFacts(
    name="model-init",
    exit_code=11,
    last_words='{"reason": "ArtifactDigestMismatch", "message": "sha256 is another one"}',
)
SPEECHLESS_FETCHER = ContainerFacts(name="model-init", exit_code=1, exit_reason="Error")
UNPULLABLE = ContainerFacts(name="model", waiting_reason="ErrImagePull", waiting_message="not found.")
UNMAKEABLE = ContainerFacts(name="model", waiting_reason="CreateContainerConfigError", waiting_message="no such secret")


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        (
            a_pod(CRASHED),
            Reason.CRASH_LOOPING,
            "exit code 3 (Error), 2 restarts. Its last words: no such file: model.onnx",
        ),
        (a_pod(KILLED), Reason.OOM_KILLED, "Give it more memory"),
        (a_pod(WRONG_DIGEST), Reason.ARTIFACT_DIGEST_MISMATCH, "sha256 is another one"),
        (a_pod(SPEECHLESS_FETCHER), Reason.ARTIFACT_DOWNLOAD_FAILED, "exit code 1"),
        (a_pod(UNPULLABLE), Reason.IMAGE_PULL_FAILED, "Check the image's name and imagePullSecrets"),
        (a_pod(UNMAKEABLE), Reason.INVALID_SPEC, "no such secret"),
        (
            a_pod(unschedulable="0/1 nodes are available"),
            Reason.UNSCHEDULABLE,
            "finds no node: 0/1 nodes are available",
        ),
    ],
)
def test_a_pod_that_cannot_get_ready_says_why(pod: PodFacts, reason: Reason, words: str) -> None:
    finding = judged(pod)

    assert (finding.ok, finding.reason) == (False, reason)
    assert words in finding.message


def test_a_quota_is_told_by_the_deployment() -> None:
    finding = judged(failure='pods "p" is forbidden: exceeded quota: compute')

    assert (finding.ok, finding.reason) == (False, Reason.QUOTA_EXCEEDED)


def test_a_refused_write_comes_before_what_pods_say() -> None:
    finding = judged(a_pod(CRASHED), refusals=(Refusal("NotOwned", "Service rfc-1 is not ours."),))

    assert (finding.ok, finding.reason) == (False, Reason.NOT_OWNED)


def test_pods_that_start_or_leave_are_no_failure() -> None:
    finding = judged(a_pod(), a_pod(CRASHED, deleting=True))

    assert (finding.ok, finding.reason) == (None, Reason.INSTANCES_STARTING)
    assert finding.message == "rfc-1: 0 of 2 pods are ready."


HELD = PodFacts(name="p", instance="rfc-1", awaited=("Secret reader", "PersistentVolumeClaim models"))
HELD_BACK = (
    "rfc-1: 0 of 2 pods are ready. Pod p waits on its node for Secret reader and PersistentVolumeClaim models."
    " If this lasts, check that each exists and can be mounted there."
)


def test_a_pod_that_its_node_cannot_start_tells_what_it_waits_for_until_the_deadline_and_then() -> None:
    finding = judged(HELD)

    assert finding == Finding.wait(Reason.INSTANCES_STARTING, HELD_BACK)
    late = deadline_finding(60, finding, [HELD])
    assert late == Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within 60 s. {HELD_BACK}")


def test_a_pod_that_failed_comes_before_one_that_waits() -> None:
    assert judged(HELD, a_pod(CRASHED)).reason == Reason.CRASH_LOOPING


BEHIND_IT = ContainerFacts(name="nginx", waiting_reason="PodInitializing")
WAITING = Finding.wait(Reason.INSTANCES_STARTING, "rfc-1: 0 of 2 pods are ready.")


@pytest.mark.parametrize(
    ("why", "pods", "reason"),
    [
        (WAITING, (), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(ContainerFacts(name="model")),), Reason.PROBE_FAILED),
        (WAITING, (a_pod(ContainerFacts(name="model"), BEHIND_IT),), Reason.PROBE_FAILED),
        (
            WAITING,
            (a_pod(ContainerFacts(name="model", ready=True), ContainerFacts(name="nginx")),),
            Reason.PROBE_FAILED,
        ),
        (WAITING, (a_pod(ContainerFacts(name="model-init"), BEHIND_IT),), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(BEHIND_IT),), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(ContainerFacts(name="model"), deleting=True),), Reason.DEADLINE_EXCEEDED),
        (Finding.no(Reason.OOM_KILLED, "killed"), (), Reason.OOM_KILLED),
    ],
)
def test_a_deadline_tells_the_pods_reason_else_its_own(
    why: Finding, pods: tuple[PodFacts, ...], reason: Reason
) -> None:
    finding = deadline_finding(60, why, pods)

    assert finding.reason == reason
    assert finding.message.startswith("Not ready within 60 s")


def test_a_health_path_that_never_answers_is_told_with_pod_and_container() -> None:
    pod = a_pod(ContainerFacts(name="model"), BEHIND_IT)

    message = deadline_finding(60, WAITING, [pod]).message

    assert f"Pod {pod.name}: container model runs, but the health path does not answer 200." in message
