"""Whatever fails, the old version serves on, the status says why, and all goes on when the cause has gone."""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.world import Child, ContainerFacts, JobFacts, MLModelWorld, PodFacts, Ref, Rejection, WarningEvent
from tests.kit import builders
from tests.simulation_mlmodel import Namespace

BAD_IMAGE = "registry.example.com/bad:1"
BAD_ARTIFACT = "http://artifacts.example.com/missing.tar.gz"
NOT_MOUNTED = WarningEvent(message='MountVolume.SetUp failed for volume "credentials" : secret "reader" not found')
GOOD = builders.an_mlmodel().spec


def a_namespace(**spec: Any) -> Namespace:  # noqa: ANN401 - any field
    namespace = Namespace(builders.an_mlmodel(**spec))
    namespace.bad_images.add(BAD_IMAGE)
    namespace.bad_artifacts.add(BAD_ARTIFACT)
    return namespace


def failed_update(**edit: str) -> Namespace:
    namespace = a_namespace().settle()
    namespace.edit(**edit)
    return namespace.settle()


def test_a_download_that_fails_is_told_with_the_fetchers_words() -> None:
    namespace = a_namespace(artifact=BAD_ARTIFACT).settle()

    assert namespace.status.phase == "Failed"
    assert "http://artifacts.example.com answered 404" in namespace.status.message
    assert "Next retry at 2023-11-14T22:18:20Z" in namespace.status.message
    assert namespace.names("Deployment") == []


def test_a_pod_that_fails_is_told_with_its_termination_message() -> None:
    namespace = a_namespace(image=BAD_IMAGE).settle()

    assert namespace.status.phase == "Failed"
    assert "exit code 3 (Error); restart count 2. Termination message: no such file: model" in namespace.status.message


@pytest.mark.parametrize("edit", [{"image": BAD_IMAGE}, {"artifact": BAD_ARTIFACT}])
def test_a_failed_update_leaves_the_old_version_serving(edit: dict[str, str]) -> None:
    namespace = failed_update(**edit)
    first = View(replace(namespace.world(), model=builders.an_mlmodel())).version

    assert namespace.status.phase == "Failed"
    assert namespace.answering() == {first}
    assert namespace.lost_claims() == set()
    assert namespace.status.message.endswith(f"Version {first} continues to serve.")
    assert {c.type: c.status for c in namespace.status.conditions} == {
        "Available": "True",
        "Ready": "False",
        "Reconciling": "False",
        "MonitoringReady": "True",
    }


@pytest.mark.parametrize("edit", [{"image": BAD_IMAGE}, {"artifact": BAD_ARTIFACT}])
def test_a_failed_update_comes_to_rest(edit: dict[str, str]) -> None:
    assert not failed_update(**edit).reconcile()


@pytest.mark.parametrize(
    ("edit", "back"),
    [({"image": BAD_IMAGE}, {"image": GOOD.image}), ({"artifact": BAD_ARTIFACT}, {"artifact": GOOD.artifact})],
)
def test_a_failed_update_can_be_taken_back(edit: dict[str, str], back: dict[str, str]) -> None:
    namespace = failed_update(**edit)
    namespace.edit(**back)
    namespace.settle()

    assert namespace.status.phase == "Ready"
    assert namespace.names("PersistentVolumeClaim") == [f"titanic-{namespace.status.version}"]


def test_a_download_is_tried_again_and_recovers_when_the_cause_goes_away() -> None:
    namespace = failed_update(artifact=BAD_ARTIFACT)
    namespace.bad_artifacts.clear()

    namespace.wait_until_recheck()

    assert namespace.status.phase == "Ready"


def test_a_download_that_fails_again_waits_again() -> None:
    namespace = failed_update(artifact=BAD_ARTIFACT)
    jobs = len(namespace.jobs)

    namespace.wait_until_recheck()

    assert (len(namespace.jobs), namespace.status.phase) == (jobs + 1, "Failed")
    assert namespace.plan.recheck == namespace.now + 300


def a_download(job: JobFacts, *, pending_mounts: tuple[str, ...] = (), bound: bool = True, **spec: Any) -> MLModelWorld:  # noqa: ANN401 - any field
    """A world in which the Job of the asked version is there."""
    namespace = Namespace(builders.an_mlmodel(**spec))
    namespace.reconcile()
    world = namespace.world()
    claim, made = (View(world).claim, View(world).job)
    assert claim is not None
    assert made is not None
    children = {claim.ref: replace(claim, bound=bound), made.ref: replace(made, job=job)}
    pods = (PodFacts(name="p", instance=made.ref.name, pending_mounts=pending_mounts),) if pending_mounts else ()
    return replace(world, children={**world.children, **children}, pods=pods)


def message(world: MLModelWorld) -> str:
    status = plan_mlmodel(world).status
    assert status is not None
    return status.message


def test_a_download_whose_secret_does_not_exist_has_failed_and_its_events_are_read() -> None:
    world = a_download(JobFacts(), pending_mounts=("Secret reader",), artifactSecret="reader")
    (pod,) = world.pods
    plan = plan_mlmodel(replace(world, pods=(replace(pod, warnings=(NOT_MOUNTED,)),)))

    assert [lookup.ref.name for lookup in plan.lookups] == ["p"]
    assert plan.status is not None
    assert plan.status.message.startswith("Pod p cannot start: Secret reader does not exist. Create it, or correct")
    assert [(event.type, event.reason) for event in plan.events] == [("Warning", "ReferenceNotFound")]


def test_a_download_that_waits_for_its_secret_says_so() -> None:
    world = a_download(JobFacts(), pending_mounts=("Secret reader",), artifactSecret="reader")

    assert message(world) == (
        "Pod p is waiting for Secret reader to be mounted."
        " If this persists, check that it exists and can be mounted on its node."
    )


HOPELESS = JobFacts(failure="Exit code 11", failure_reason="PodFailurePolicy", failed_at=1_700_000_000.0)


def test_a_download_has_not_failed_before_its_pod_has_said_why() -> None:
    world = a_download(HOPELESS, pending_mounts=("Secret reader",))
    status = plan_mlmodel(world).status

    assert status is not None
    assert status.phase == "Downloading"
    assert "Job titanic" in message(replace(world, pods=()))


LATE = JobFacts(failure="Job was too slow", failure_reason="DeadlineExceeded", failed_at=1_700_000_000.0)


@pytest.mark.parametrize(
    ("spec", "bound", "words"),
    [
        ({}, True, "Job was too slow (spec.downloadTimeoutSeconds). Next retry at"),
        ({"artifactSecret": "reader"}, True, "If its pod never started, check that Secret reader exists"),
        ({"artifact": "pvc://models/a"}, True, "If its pod never started, check that claim models exists"),
        ({"artifactSecret": "reader"}, False, "never got a volume: check storageClass, accessMode,"),
    ],
)
def test_a_download_that_ran_out_of_time_names_what_may_have_kept_it(
    spec: dict[str, Any], *, bound: bool, words: str
) -> None:
    assert words in message(a_download(LATE, bound=bound, **spec))


def test_pods_recover_when_the_cause_goes_away() -> None:
    namespace = failed_update(image=BAD_IMAGE)
    namespace.bad_images.clear()

    assert namespace.settle().status.phase == "Ready"
    assert namespace.answering() == {namespace.status.version}


def test_scaling_works_while_an_update_has_failed() -> None:
    namespace = failed_update(artifact=BAD_ARTIFACT)
    namespace.edit(replicas=3)
    namespace.settle()

    assert namespace.status.ready_replicas == 3


def test_a_failure_is_one_warning_however_long_it_lasts() -> None:
    namespace = failed_update(image=BAD_IMAGE)
    namespace.settle()

    assert [event.reason for event in namespace.events if event.type == "Warning"] == ["CrashLooping"]


def test_a_version_that_the_api_server_refuses_leaves_the_old_one_serving() -> None:
    namespace = a_namespace().settle()
    old = namespace.status.version
    namespace.edit(image="registry.example.com/titanic:2")
    namespace.rejections = {
        Ref("Deployment", builders.NAMESPACE, "titanic"): Rejection("InvalidSpec", "No such thing.")
    }
    namespace.reconcile()

    assert namespace.status.phase == "Failed"
    assert namespace.status.message == f"No such thing. Version {old} continues to serve."


def test_a_rollout_that_stalls_without_a_word_is_told_too() -> None:
    namespace = Namespace(builders.an_mlmodel(artifact=""))
    namespace.reconcile()
    namespace.stalled = True
    namespace.step()
    world = namespace.world()
    silence = ContainerFacts(name="model", probe="/ping on port 8080")
    silent = tuple(replace(pod, ready=False, containers=(silence,)) for pod in world.pods)
    children = {
        ref: replace(child, ready_replicas=0, ready_addresses=0) if ref.kind in ("Deployment", "Service") else child
        for ref, child in world.children.items()
    }

    status = plan_mlmodel(replace(world, pods=silent, children=children)).status

    assert status is not None
    assert [c.reason for c in status.conditions if c.type == "Ready"] == ["ProbeFailed"]


def while_downloading(*pods: PodFacts, bound: bool = True, job: JobFacts | None = None) -> tuple[str, str, str]:
    """Phase, reason and message with the download Job in this state."""
    namespace = Namespace(builders.an_mlmodel())
    namespace.reconcile()
    world = namespace.world()
    name = View(world).requested.metadata.name

    def observed(child: Child) -> Child:
        return replace(child, bound=bound) if child.ref.kind != "Job" else replace(child, job=job or JobFacts())

    children = {ref: observed(child) for ref, child in world.children.items()}
    theirs = tuple(replace(pod, instance=name) for pod in pods)
    status = plan_mlmodel(replace(world, children=children, pods=theirs)).status
    assert status is not None
    (ready,) = [condition for condition in status.conditions if condition.type == "Ready"]
    return str(status.phase), ready.reason, ready.message


UNPULLABLE = ContainerFacts(name="model-init", waiting_reason="ImagePullBackOff", waiting_message="not found")
LOST = ContainerFacts(name="model-init", exit_code=10, exit_reason="Error", termination_message="connection reset")
RUNNING = PodFacts(name="q", instance="", containers=(ContainerFacts(name="model-init"),))
HOMELESS = PodFacts(name="p", instance="", unschedulable="pod has unbound immediate PersistentVolumeClaims")
NOT_SEEN_YET = PodFacts(
    name="p",
    instance="",
    unschedulable="0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv",
)
NO_SOURCE = PodFacts(name="p", instance="", unschedulable='persistentvolumeclaim "models" not found')
MISSING = ContainerFacts(
    name="model-init",
    exit_code=10,
    exit_reason="Error",
    termination_message='{"reason": "ArtifactDownloadFailed",'
    ' "message": "status 404; check the model\'s artifact URL"}',
)
NODELESS = PodFacts(name="p", instance="", unschedulable="0/1 nodes are available: 1 Insufficient cpu")


@pytest.mark.parametrize(
    ("pods", "bound", "phase", "reason"),
    [
        ((), False, "CreatingStorage", "CreatingStorage"),
        ((HOMELESS,), False, "CreatingStorage", "CreatingStorage"),
        ((), True, "Downloading", "Downloading"),
        ((PodFacts(name="p", instance="", containers=(UNPULLABLE,)),), True, "Failed", "ImagePullFailed"),
        ((HOMELESS,), True, "Downloading", "Downloading"),  # words of before the claim was bound
        ((NOT_SEEN_YET,), True, "Downloading", "Downloading"),
        ((NODELESS,), True, "Failed", "Unschedulable"),
        ((PodFacts(name="p", instance="", containers=(LOST,)),), True, "Downloading", "Downloading"),
    ],
)
def test_a_download_under_way_says_what_it_waits_for(
    pods: tuple[PodFacts, ...], *, bound: bool, phase: str, reason: str
) -> None:
    assert while_downloading(*pods, bound=bound)[:2] == (phase, reason)


def test_a_claim_without_a_volume_is_told_with_where_the_volume_is_to_come_from() -> None:
    assert while_downloading(HOMELESS, bound=False)[2] == while_downloading(bound=False)[2]
    assert re.fullmatch(
        r"Claim (titanic-\w+) has no volume yet; it should come from the cluster's default StorageClass"
        r" \(if there is none, set storageClass\)\. If this persists, `kubectl describe pvc \1 -n titanic` says why\.",
        while_downloading(bound=False)[2],
    )


def test_a_claim_that_is_to_be_copied_from_and_does_not_exist_is_a_failure() -> None:
    namespace = Namespace(builders.an_mlmodel(artifact="pvc://models/a"))
    namespace.reconcile()
    world = namespace.world()
    pod = replace(NO_SOURCE, instance=View(world).requested.metadata.name)
    status = plan_mlmodel(replace(world, pods=(pod,))).status

    assert status is not None
    assert status.phase == "Failed"


def test_what_model_init_gives_up_on_has_failed_while_its_job_tries_again() -> None:
    phase, reason, message = while_downloading(PodFacts(name="p", instance="", containers=(MISSING,)), RUNNING)

    assert (phase, reason) == ("Failed", "ArtifactDownloadFailed")
    assert message == "Pod p: status 404; check the model's artifact URL. The download is retried automatically."


def test_the_words_of_a_failed_download_end_with_a_full_stop() -> None:
    failed = JobFacts(failure="Too often", failure_reason="BackoffLimitExceeded", failed_at=1_700_000_000.0)
    message = while_downloading(PodFacts(name="p", instance="", containers=(MISSING,)), job=failed)[2]

    assert message.startswith("Pod p: status 404; check the model's artifact URL. Next retry at 2023-11-14")


def test_an_attempt_that_failed_is_told_while_the_next_one_runs() -> None:
    message = while_downloading(PodFacts(name="p", instance="", containers=(LOST,)))[2]

    assert "connection reset" in message


def test_a_download_that_takes_too_long_names_the_field_that_says_how_long() -> None:
    late = JobFacts(
        failure="Job was active longer than specified deadline", failure_reason="DeadlineExceeded", failed_at=1
    )

    phase, reason, message = while_downloading(job=late)

    assert (phase, reason) == ("Failed", "ArtifactDownloadFailed")
    assert "longer than specified deadline (spec.downloadTimeoutSeconds)" in message


def test_a_world_of_another_mlmodel_has_another_version() -> None:
    one, other = (
        View(MLModelWorld(now=0, settings=builders.some_settings(), model=builders.an_mlmodel(name)))
        for name in ("one", "other")
    )
    assert one.version != other.version
