"""The life of an MLModel, from nothing to its end."""

from dataclasses import dataclass
from typing import Any

import pytest

from mlendpoints.core.plan import Create, MLModelPlan, Replace, Scale
from mlendpoints.core.world import Ref, Rejection
from tests.kit import builders
from tests.simulation_mlmodel import Namespace

NEXT = "registry.example.com/titanic:2"
OTHER_ARTIFACT = "http://artifacts.example.com/titanic-2.tar.gz"
DEPLOYMENT = Ref("Deployment", builders.NAMESPACE, "titanic")


def serving(**spec: Any) -> Namespace:  # noqa: ANN401 - any field
    return Namespace(builders.an_mlmodel(**spec)).settle()


def kinds_written(namespace: Namespace, since: int = 0) -> list[str]:
    refs = (write.child.ref if hasattr(write, "child") else write.ref for write in namespace.writes[since:])
    return [ref.kind for ref in refs]


def test_a_new_one_goes_through_every_phase_to_ready() -> None:
    namespace = serving(replicas=2)

    assert namespace.phases == ["Pending", "Downloading", "Serving", "Ready"]
    assert kinds_written(namespace) == ["PersistentVolumeClaim", "Job", "Service", "Service", "Deployment"]
    assert namespace.status.service_endpoint == "http://titanic.titanic.svc"
    assert (namespace.status.replicas, namespace.status.ready_replicas) == (2, 2)
    assert namespace.status.version == namespace.status.serving_version != ""


def test_without_an_artifact_nothing_is_stored_and_nothing_fetched() -> None:
    namespace = serving(artifact="")

    assert namespace.phases == ["Pending", "Serving", "Ready"]
    assert kinds_written(namespace) == ["Service", "Deployment", "Service"]
    assert namespace.lost_claims() == set()


def test_what_is_as_asked_is_not_written_again() -> None:
    namespace = serving()

    assert not namespace.reconcile()
    assert namespace.plan == MLModelPlan()


def test_the_deployment_waits_for_the_download() -> None:
    namespace = Namespace(builders.an_mlmodel())
    namespace.reconcile()
    namespace.reconcile()

    assert "Deployment" not in kinds_written(namespace)
    assert namespace.status.phase == "Downloading"


def test_scaling_writes_the_count_of_pods_and_nothing_else() -> None:
    namespace = serving()
    writes, version = len(namespace.writes), namespace.status.version

    namespace.edit(replicas=3)
    namespace.settle()

    (scale,) = namespace.writes[writes:]
    assert isinstance(scale, Scale)
    assert (scale.child.ref, scale.replicas) == (DEPLOYMENT, 3)
    assert (namespace.status.version, namespace.status.phase, namespace.status.ready_replicas) == (version, "Ready", 3)


def test_scaled_to_nothing_it_is_as_asked_and_answers_nobody() -> None:
    namespace = serving()

    namespace.edit(replicas=0)
    namespace.settle()

    assert namespace.status.phase == "Ready"
    assert {c.type: c.status for c in namespace.status.conditions} == {
        "Available": "False",
        "Ready": "True",
        "Reconciling": "False",
        "MonitoringReady": "True",
    }


@dataclass
class Watched:
    """Whether a pod has answered all the time, and which versions."""

    versions: set[str]
    silent: bool = False

    def __call__(self, namespace: Namespace) -> None:
        self.versions |= namespace.answering()
        self.silent = self.silent or not namespace.answering()
        assert namespace.lost_claims() == set()


@pytest.mark.parametrize("edit", [{"image": NEXT}, {"artifact": OTHER_ARTIFACT}, {"memory": "2Gi"}, {"artifact": ""}])
def test_an_edit_brings_a_new_version_while_the_old_one_serves(edit: dict[str, str]) -> None:
    namespace, watched = serving(replicas=2), Watched(set())
    old = namespace.status.version

    namespace.edit(**edit)
    namespace.settle(watched)

    assert not watched.silent
    assert watched.versions == {old, namespace.status.version}
    assert namespace.status.phase == "Ready"
    assert namespace.answering() == {namespace.status.serving_version} == {namespace.status.version}


def test_after_an_update_nothing_of_the_old_version_is_left() -> None:
    namespace = serving()
    namespace.edit(image=NEXT)
    namespace.settle()

    name = f"titanic-{namespace.status.version}"
    assert namespace.names("PersistentVolumeClaim") == namespace.names("Job") == [name]
    assert [ref.kind for ref in namespace.pruned] == ["Job", "PersistentVolumeClaim"]


def test_a_new_version_replaces_the_whole_deployment() -> None:
    namespace = serving()
    namespace.edit(image=NEXT)
    namespace.settle()

    (replacement,) = [write for write in namespace.writes if isinstance(write, Replace)]
    assert replacement.child.ref == DEPLOYMENT


def test_back_to_an_earlier_version_is_a_version_like_any_other() -> None:
    namespace = serving()
    first = namespace.status.version
    namespace.edit(artifact=OTHER_ARTIFACT)
    namespace.settle()
    namespace.edit(artifact=builders.an_mlmodel().spec.artifact)
    namespace.settle()

    assert (namespace.status.phase, namespace.status.version) == ("Ready", first)


def test_a_version_that_is_superseded_while_it_is_fetched_leaves_nothing() -> None:
    namespace = serving()
    first = f"titanic-{namespace.status.version}"
    namespace.edit(artifact=OTHER_ARTIFACT)
    namespace.reconcile()
    namespace.edit(artifact="http://artifacts.example.com/titanic-3.tar.gz")
    for _ in range(3):
        namespace.reconcile()

    assert namespace.names("PersistentVolumeClaim") == sorted([first, f"titanic-{namespace.status.version}"])


def test_what_is_deleted_by_hand_is_made_again() -> None:
    for kind in ("Deployment", "Service", "PersistentVolumeClaim"):
        namespace = serving()
        ref = next(ref for ref in namespace.objects if ref.kind == kind)
        namespace.remove(ref)
        namespace.settle()

        assert (ref in namespace.objects, namespace.status.phase) == (True, "Ready")


def test_the_job_of_a_version_that_serves_is_not_needed_any_more() -> None:
    namespace = serving()
    (job,) = namespace.names("Job")
    namespace.remove(Ref("Job", builders.NAMESPACE, job))

    assert namespace.settle().names("Job") == []
    assert namespace.status.phase == "Ready"


def test_a_claim_on_its_way_out_is_waited_for() -> None:
    namespace = Namespace(builders.an_mlmodel())
    namespace.reconcile()
    for ref, stored in namespace.objects.items():
        stored.deleting = ref.kind == "PersistentVolumeClaim"
    del namespace.objects[next(ref for ref in namespace.objects if ref.kind == "Job")]
    writes = len(namespace.writes)
    namespace.reconcile()

    assert (namespace.status.phase, namespace.writes[writes:]) == ("Pending", [])
    assert "is being deleted and will be re-created once it is gone" in namespace.status.message


def test_a_claim_that_somebody_deleted_under_what_serves_is_told() -> None:
    namespace = serving()
    (claim,) = (stored for ref, stored in namespace.objects.items() if ref.kind == "PersistentVolumeClaim")
    claim.deleting = True
    namespace.settle()

    assert namespace.status.phase == "Ready"
    assert "is being deleted, and no new pod can mount it" in namespace.status.message


def test_storage_whose_labels_were_taken_off_is_known_by_its_name() -> None:
    namespace = serving()
    for ref, stored in namespace.objects.items():
        if ref.kind in ("Job", "PersistentVolumeClaim"):
            stored.manifest["metadata"]["labels"] = {}
    namespace.settle()

    assert (namespace.status.phase, namespace.pruned) == ("Ready", [])


def test_an_upgrade_of_the_operator_restarts_no_pod() -> None:
    namespace = serving()
    writes = len(namespace.writes)
    namespace.settings = builders.some_settings(drain_seconds=0, image_pull_policy="Always", fetch_no_proxy=".svc")
    namespace.settle()
    namespace.edit(replicas=2)
    namespace.settle()

    assert [type(write) for write in namespace.writes[writes:]] == [Scale]


def test_one_that_is_being_deleted_is_left_to_the_garbage_collector() -> None:
    namespace = serving()
    namespace.delete()
    namespace.edit(image=NEXT)
    writes = len(namespace.writes)
    namespace.settle()

    assert (namespace.status.phase, namespace.writes[writes:], namespace.pruned) == ("Terminating", [], [])


def test_somebody_elses_object_is_told_and_asked_for_again_now_and_then() -> None:
    namespace = Namespace(builders.an_mlmodel())
    message = "Service titanic exists and belongs to somebody else; it is left alone. Rename or remove it."
    namespace.rejections = {Ref("Service", builders.NAMESPACE, "titanic"): Rejection("NotOwned", message)}
    namespace.reconcile()

    assert (namespace.status.phase, namespace.status.message) == ("Failed", message)
    assert namespace.plan.recheck is not None
    assert all(isinstance(write, Create) for write in namespace.plan.writes)


def test_each_phase_is_told_by_one_event() -> None:
    namespace = serving()

    assert [(event.type, event.reason) for event in namespace.events] == [
        ("Normal", "Downloading"),
        ("Normal", "InstancesStarting"),
        ("Normal", "AsAsked"),
    ]
