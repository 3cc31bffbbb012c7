"""Reasons come from the pods themselves, in words that their owner can act on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.reasons.pods import added_by_others, deadline_finding, instance_findings
from mlendpoints.core.world import Child, ContainerFacts, PodFacts, Ref, Rejection, WarningEvent

DEPLOYMENT = Child(ref=Ref("Deployment", "titanic", "rfc-1"), uid="u", resource_version="1", replicas=2)


def a_pod(*containers: ContainerFacts, unschedulable: str = "", deleting: bool = False) -> PodFacts:
    return PodFacts(name="p", instance="rfc-1", containers=containers, unschedulable=unschedulable, deleting=deleting)


def judged(*pods: PodFacts, failure: str = "", rejections: tuple[Rejection, ...] = (), ready: int = 0) -> Finding:
    deployment = Child(ref=DEPLOYMENT.ref, uid="u", resource_version="1", replicas=2, failure=failure)
    return instance_findings("rfc-1", deployment=deployment, pods=pods, rejections=rejections, desired=2, ready=ready)


PROBE = "/ping on port 9999"
CRASHED = ContainerFacts(
    name="model", exit_code=3, exit_reason="Error", restarts=2, termination_message="no such file: model.onnx"
)
KILLED = ContainerFacts(name="model", exit_code=137, exit_reason="OOMKilled", restarts=1)
WRONG_DIGEST = ContainerFacts(
    name="model-init",
    exit_code=11,
    termination_message='{"reason": "ArtifactDigestMismatch", "message": "sha256 is another one"}',
)
SPEECHLESS_FETCHER = ContainerFacts(name="model-init", exit_code=1, exit_reason="Error")
UNPULLABLE = ContainerFacts(name="model", waiting_reason="ErrImagePull", waiting_message="not found.")
NO_SECRET = ContainerFacts(
    name="model", waiting_reason="CreateContainerConfigError", waiting_message='secret "feature-store" not found'
)
NO_KEY = ContainerFacts(
    name="model",
    waiting_reason="CreateContainerConfigError",
    waiting_message="couldn't find key token in Secret titanic/feature-store",
)
UNMAKEABLE = ContainerFacts(name="model", waiting_reason="CreateContainerConfigError", waiting_message="no such secret")


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        (
            a_pod(CRASHED),
            Reason.CRASH_LOOPING,
            "exit code 3 (Error); restart count 2. Termination message: no such file: model.onnx",
        ),
        (a_pod(KILLED), Reason.OOM_KILLED, "Give it more memory"),
        (a_pod(WRONG_DIGEST), Reason.ARTIFACT_DIGEST_MISMATCH, "sha256 is another one"),
        (a_pod(SPEECHLESS_FETCHER), Reason.ARTIFACT_DOWNLOAD_FAILED, "exit code 1"),
        (a_pod(UNPULLABLE), Reason.IMAGE_PULL_FAILED, "Check the image's name and imagePullSecrets"),
        (a_pod(UNMAKEABLE), Reason.INVALID_SPEC, "no such secret"),
        (a_pod(NO_SECRET), Reason.REFERENCE_NOT_FOUND, '"feature-store" not found. Create it, correct env[].valueFrom'),
        (a_pod(NO_KEY), Reason.REFERENCE_NOT_FOUND, "key token in Secret titanic/feature-store. Create it"),
        (
            a_pod(unschedulable="0/1 nodes are available"),
            Reason.UNSCHEDULABLE,
            "cannot be scheduled: 0/1 nodes are available",
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
    finding = judged(a_pod(CRASHED), rejections=(Rejection("NotOwned", "Service rfc-1 is not ours."),))

    assert (finding.ok, finding.reason) == (False, Reason.NOT_OWNED)


def test_pods_that_start_or_leave_are_no_failure() -> None:
    finding = judged(a_pod(), a_pod(CRASHED, deleting=True))

    assert (finding.ok, finding.reason) == (None, Reason.INSTANCES_STARTING)
    assert finding.message == "rfc-1: 0 of 2 pods are ready."


HELD = PodFacts(name="p", instance="rfc-1", pending_mounts=("Secret reader", "PersistentVolumeClaim models"))
LONGEST_WAIT = (
    "rfc-1: 0 of 2 pods are ready. Pod p is waiting for Secret reader and PersistentVolumeClaim models to be mounted."
    " If this persists, check that each exists and can be mounted on its node."
)


def test_a_pod_that_its_node_cannot_start_tells_what_it_waits_for_until_the_deadline_and_then() -> None:
    finding = judged(HELD)

    assert finding == Finding.wait(Reason.INSTANCES_STARTING, LONGEST_WAIT)
    late = deadline_finding(60, finding, [HELD])
    assert late == Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within 60 s. {LONGEST_WAIT}")


def said_of_volumes(message: str) -> PodFacts:
    return replace(HELD, warnings=(WarningEvent(message=f'MountVolume.SetUp failed for volume "v" : {message}'),))


def test_a_secret_that_does_not_exist_is_told_when_its_node_says_so() -> None:
    finding = judged(said_of_volumes('secret "reader" not found'))

    assert (finding.ok, finding.reason) == (False, Reason.REFERENCE_NOT_FOUND)
    assert finding.message.startswith("Pod p cannot start: Secret reader does not exist. Create it, or correct")


@pytest.mark.parametrize("message", ['secret "another" not found', 'path "/mnt/models" does not exist'])
def test_what_else_a_node_says_of_volumes_is_quoted_while_the_pod_waits(message: str) -> None:
    finding = judged(said_of_volumes(message))

    assert (finding.ok, finding.reason) == (None, Reason.INSTANCES_STARTING)
    assert finding.message.endswith(f'The node reports: MountVolume.SetUp failed for volume "v" : {message}.')


def test_what_a_node_said_of_volumes_is_forgotten_once_the_pod_has_started() -> None:
    started = replace(said_of_volumes('secret "reader" not found'), pending_mounts=())

    assert judged(started).message == "rfc-1: 0 of 2 pods are ready."


def test_a_pod_without_a_node_tells_what_to_do() -> None:
    message = judged(a_pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")).message

    assert message == (
        "Pod p cannot be scheduled: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
        " Request less (cpus, memory, resources), correct nodeSelector or tolerations, or add nodes."
    )


def test_a_pod_that_failed_comes_before_one_that_waits() -> None:
    assert judged(HELD, a_pod(CRASHED)).reason == Reason.CRASH_LOOPING


PROXY = ContainerFacts(name="nginx", probe="/healthz on port 9090")
RUNNING = ContainerFacts(name="model", probe=PROBE)
BEHIND_IT = ContainerFacts(name="nginx", waiting_reason="PodInitializing")
WAITING = Finding.wait(Reason.INSTANCES_STARTING, "rfc-1: 0 of 2 pods are ready.")


@pytest.mark.parametrize(
    ("why", "pods", "reason"),
    [
        (WAITING, (), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(RUNNING),), Reason.PROBE_FAILED),
        (WAITING, (a_pod(RUNNING, BEHIND_IT),), Reason.PROBE_FAILED),
        (
            WAITING,
            (
                a_pod(
                    ContainerFacts(name="model", ready=True),
                    PROXY,
                ),
            ),
            Reason.PROBE_FAILED,
        ),
        (WAITING, (a_pod(ContainerFacts(name="model-init"), BEHIND_IT),), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(BEHIND_IT),), Reason.DEADLINE_EXCEEDED),
        (WAITING, (a_pod(RUNNING, deleting=True),), Reason.DEADLINE_EXCEEDED),
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
    pod = a_pod(RUNNING, BEHIND_IT)

    message = deadline_finding(60, WAITING, [pod]).message

    assert f"Pod {pod.name}: container model is running, but the probe (/ping on port 9999) does not succeed" in message


# ---- What a kubelet says of a probe.

GET = 'Get "http://10.244.0.7:9999/ping": '
NO_ONE = f"Startup probe failed: {GET}dial tcp 10.244.0.7:9999: connect: connection refused"
TOO_SLOW = f"Startup probe failed: {GET}context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
CUT = f"Liveness probe failed: {GET}EOF"
ABSENT = "Startup probe failed: HTTP probe failed with statuscode: 404"
BROKEN = "Liveness probe failed: HTTP probe failed with statuscode: 500"
ODD = "(combined from similar events): Startup probe failed: no\x00thing\nof   this \x1b[31mkind"


def warned(message: str, container: ContainerFacts = RUNNING) -> PodFacts:
    said = WarningEvent(container=container.name, message=message)
    return replace(a_pod(container, BEHIND_IT), warnings=(said,))


PROBES = (
    (NO_ONE, "startup probe (/ping on port 9999) {}: connection refused. Check port, and that the server listens on"),
    (TOO_SLOW, "startup probe (/ping on port 9999) {}: timed out. Check that the server answers it within"),
    (CUT, "liveness probe (/ping on port 9999) {}: the connection was closed without an answer. Check that port"),
    (ABSENT, "startup probe (/ping on port 9999) {}: it returns HTTP 404. Check healthPath."),
    (BROKEN, "liveness probe (/ping on port 9999) {}: it returns HTTP 500. Check healthPath, and the"),
    (ODD, "startup probe (/ping on port 9999) {}: (combined from similar events): Startup probe failed: no thing of"),
)


@pytest.mark.parametrize(("message", "words"), PROBES)
def test_a_probe_that_fails_is_told_before_its_container_is_stopped(message: str, words: str) -> None:
    finding = judged(warned(message))

    assert (finding.ok, finding.reason) == (None, Reason.PROBE_FAILED)
    assert finding.message.startswith("rfc-1: 0 of 2 pods are ready. Pod p, container model: its ")
    assert words.format("fails") in finding.message


@pytest.mark.parametrize("code", [137, 143, 0])
@pytest.mark.parametrize(("message", "words"), PROBES)
def test_a_container_stopped_for_its_probe_is_not_called_a_crash(message: str, words: str, code: int) -> None:
    stopped = ContainerFacts(
        name="model", probe=PROBE, exit_code=code, exit_reason="Error", restarts=2, waiting_reason="CrashLoopBackOff"
    )
    finding = judged(warned(message, replace(stopped, termination_message="serving")))

    assert (finding.ok, finding.reason) == (False, Reason.PROBE_FAILED)
    assert f"was stopped by the kubelet (exit code {code}, restart count 2): its " in finding.message
    assert words.format("failed") in finding.message
    assert finding.message.endswith("Termination message: serving")


@pytest.mark.parametrize("code", [137, 143])
def test_a_signal_is_not_called_a_crash_while_no_event_is_known(code: int) -> None:
    finding = judged(a_pod(ContainerFacts(name="model", probe=PROBE, exit_code=code, exit_reason="Error")))

    assert (finding.ok, finding.reason) == (False, Reason.PROBE_FAILED)
    assert "as the kubelet does when the probe (/ping on port 9999) fails" in finding.message


def test_a_container_that_ends_by_itself_is_a_crash_and_its_probe_is_no_clue() -> None:
    finding = judged(warned(NO_ONE, replace(CRASHED, probe=PROBE)))

    assert finding.reason == Reason.CRASH_LOOPING
    assert finding.message == (
        "Pod p: container model terminated with exit code 3 (Error); restart count 2."
        " Termination message: no such file: model.onnx"
    )


def test_only_the_latest_word_on_the_container_counts() -> None:
    said = (
        WarningEvent(container="model", message=ABSENT, at=2.0),
        WarningEvent(container="model", message=NO_ONE, at=1.0),
        WarningEvent(container="nginx", message=BROKEN, at=3.0),
    )
    assert "HTTP 404" in judged(replace(a_pod(RUNNING, BEHIND_IT), warnings=said)).message


def test_a_deadline_tells_the_probes_answer() -> None:
    pod = warned(NO_ONE)

    message = deadline_finding(60, judged(pod), [pod]).message

    assert message.startswith("Not ready within 60 s. Pod p: container model is running, but its startup probe (/ping")
    assert "fails: connection refused." in message


@given(st.text(), st.sampled_from([RUNNING, CRASHED, KILLED]))
def test_whatever_an_event_says_makes_one_short_line(message: str, container: ContainerFacts) -> None:
    said = judged(warned(message, container)).message

    assert said.isprintable()
    assert len(said) < 1024


# ---- Pods that have ended for good.

EVICTED = replace(
    a_pod(ContainerFacts(name="model", probe=PROBE, exit_code=137, exit_reason="Error")),
    has_ended=True,
    end="Evicted: The node was low on resource: memory. ",
)


def test_an_evicted_pod_is_told_but_does_not_fail_what_takes_its_place() -> None:
    finding = judged(EVICTED, replace(a_pod(), name="q"))

    assert finding == Finding.wait(
        Reason.INSTANCES_STARTING,
        "rfc-1: 0 of 2 pods are ready. Pod p was terminated: Evicted: The node was low on resource: memory."
        " It is replaced automatically.",
    )


def test_a_pod_that_ended_without_a_reason_does_not_fail_what_takes_its_place() -> None:
    assert judged(replace(EVICTED, end="")).reason == Reason.INSTANCES_STARTING


def test_what_really_fails_comes_before_what_was_evicted() -> None:
    assert judged(EVICTED, replace(a_pod(CRASHED), name="q")).reason == Reason.CRASH_LOOPING


def test_an_artifact_that_overflows_its_volume_is_too_large() -> None:
    full = 'Evicted: Usage of EmptyDir volume "artifact" exceeds the limit "50Mi". '

    finding = judged(replace(EVICTED, end=full))

    assert (finding.ok, finding.reason) == (False, Reason.ARTIFACT_TOO_LARGE)
    assert finding.message.endswith('exceeds the limit "50Mi". Give the variant or MLModel a larger size.')


def test_no_count_of_ready_pods_contradicts_that_they_are_not_all_ready() -> None:
    assert judged(ready=2).message == "rfc-1: its Deployment is being updated."


def test_a_probe_that_fails_while_a_deployment_is_updated_is_told() -> None:
    pod = warned(NO_ONE)

    message = judged(pod, ready=2).message

    assert message.startswith("rfc-1: its Deployment is being updated. Pod p, container model: its startup probe")


def test_what_others_added_to_the_pods_is_told_with_the_way_to_have_it() -> None:
    changed = replace(DEPLOYMENT, additions="kubectl-set: spec.containers[nginx].env[DEBUG]")

    assert added_by_others([None, DEPLOYMENT]) == ""
    assert added_by_others([changed]) == (
        " Its pods have fields that are not part of this version (Deployment rfc-1: kubectl-set:"
        " spec.containers[nginx].env[DEBUG]). Set it in the model's spec, and remove it from the Deployment."
    )
