"""A namespace in memory with one MLModel in it: what plans write, and the controllers that answer to it.

It plays the API server, the volumes, the Job and Deployment controllers and the
kubelet, one small step at a time and only when told to, as ``tests.simulation``
does for endpoints. Its likeness to the real parts is what tests/apiserver and
tests/e2e check.
"""

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.mlmodel import MLModel, MLModelStatus
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import Apply, Create, Event, MLModelPlan, Replace, Scale, Write
from mlendpoints.core.world import Child, ContainerFacts, JobFacts, MLModelWorld, PodFacts, Ref, Rejection, Settings
from tests.kit import builders
from tests.simulation import MANY_STEPS, CrashError, Stored, fields_of

CRASHED = ContainerFacts(
    name="model", exit_code=3, exit_reason="Error", restarts=2, termination_message="no such file: model"
)
LOST = ContainerFacts(
    name="model-init",
    exit_code=10,
    exit_reason="Error",
    termination_message='{"reason": "ArtifactDownloadFailed", "message": "http://artifacts.example.com answered 404"}',
)


class Pod(Struct):
    """A pod of the Deployment."""

    name: str
    version: str
    image: str
    claim: str
    leaving: bool = False


class Namespace:
    """One MLModel's surroundings."""

    def __init__(self, model: MLModel, settings: Settings | None = None) -> None:
        self.now = 1_700_000_000.0
        self.settings = settings or builders.some_settings()
        self.installed: frozenset[str] = frozenset()  # optional kinds
        self.model = model
        self.objects: dict[Ref, Stored] = {}
        self.pods: list[Pod] = []
        self.jobs: dict[str, JobFacts] = {}  # by uid
        self.bad_artifacts: set[str] = set()
        self.bad_images: set[str] = set()
        self.rejections: dict[Ref, Rejection] = {}
        self.stalled = False  # the Deployment's progress deadline has passed
        self.plan = MLModelPlan()
        self.writes: list[Write] = []
        self.pruned: list[Ref] = []
        self.events: list[Event] = []
        self.phases: list[str] = []
        self.calls = 0
        self.crash_at: int | None = None
        self._serial = 0

    @property
    def status(self) -> MLModelStatus:
        return self.model.status

    def edit(self, **spec: Any) -> None:  # noqa: ANN401 - any field
        meta = replace(self.model.metadata, generation=self.model.metadata.generation + 1)
        self.model = replace(self.model, metadata=meta, spec=replace(self.model.spec, **spec))

    def delete(self) -> None:
        meta = replace(self.model.metadata, deletion_timestamp="2023-11-14T22:13:20Z")
        self.model = replace(self.model, metadata=meta)

    def world(self) -> MLModelWorld:
        facts = [self._pod_facts(pod) for pod in self.pods] + self._download_pods()
        children = {ref: self._child(ref) for ref in self.objects}
        return MLModelWorld(
            now=self.now,
            settings=self.settings,
            model=self.model,
            children=children,
            pods=tuple(facts),
            rejections=self.rejections,
            installed=self.installed,
        )

    def reconcile(self) -> bool:
        """One look and all that follows; whether anything was done."""
        plan = self.plan = plan_mlmodel(self.world())
        for write in plan.writes:
            self._call()
            self.write(write)
        for child in plan.prune:
            self._call()
            self.remove(child.ref)
        if plan.status is not None:
            self._call()
            self.model = replace(self.model, status=plan.status)
            if plan.status.phase not in (None, *self.phases[-1:]):
                self.phases.append(str(plan.status.phase))
        self.events.extend(plan.events)
        return bool(plan.writes or plan.prune or plan.status is not None)

    def settle(self, watch: Callable[["Namespace"], None] | None = None) -> "Namespace":
        """Lets the operator work, and when it is idle the controllers, until nobody has anything to do."""
        for _ in range(MANY_STEPS):
            busy = self.reconcile()
            if watch is not None:
                watch(self)
            if not busy and not self.step():
                return self
            if watch is not None:
                watch(self)
        raise AssertionError(f"The world never comes to rest; its last plan was {self.plan}")

    def wait_until_recheck(self) -> "Namespace":
        """Lets the time come that the last plan named."""
        assert self.plan.recheck is not None
        assert self.plan.recheck > self.now
        self.now = self.plan.recheck
        return self.settle()

    def names(self, kind: str) -> list[str]:
        return sorted(ref.name for ref in self.objects if ref.kind == kind)

    def answering(self) -> set[str]:
        """Versions that take requests."""
        return {pod.version for pod in self.pods if self._is_ready(pod)}

    def lost_claims(self) -> set[str]:
        """Claims that a pod wants and that are not there."""
        wanted = {pod.claim for pod in self.pods if pod.claim and not pod.leaving}
        return wanted - set(self.names("PersistentVolumeClaim"))

    def write(self, write: Write) -> None:
        self.writes.append(write)
        self._serial += 1
        match write:
            case Create(ref, manifest):
                assert ref not in self.objects
                self.objects[ref] = Stored(_copy(manifest), f"uid-{self._serial}", self._serial)
            case Apply(ref, manifest, uid):
                assert self.objects[ref].uid == uid
                self._store(ref, _copy(manifest))
            case Replace(child, manifest):
                assert self.objects[child.ref].uid == child.uid
                self._store(child.ref, _copy(manifest))
            case Scale(child, replicas):
                manifest = self.objects[child.ref].manifest
                self._store(child.ref, _copy(manifest | {"spec": manifest["spec"] | {"replicas": replicas}}))
            case other:
                raise AssertionError(f"an MLModel has no such write: {other}")

    def remove(self, ref: Ref) -> None:
        """Deletes an object; pods leave with their Deployment."""
        self.pruned.append(ref)
        del self.objects[ref]
        if ref.kind == "Deployment":
            for pod in self.pods:
                pod.leaving = True

    def step(self) -> bool:
        """Everybody but the operator does one thing."""
        before = (self.pods.copy(), [pod.leaving for pod in self.pods], dict(self.jobs))
        self.pods = [pod for pod in self.pods if not pod.leaving]
        self._run_jobs()
        self._roll_out()
        return before != (self.pods, [pod.leaving for pod in self.pods], self.jobs)

    def _run_jobs(self) -> None:
        for ref, stored in self.objects.items():
            if ref.kind == "Job" and stored.uid not in self.jobs and not self.lost_claim_of(stored.manifest):
                good = self._artifact(stored.manifest) not in self.bad_artifacts
                failed = JobFacts(failure="Job has failed", failure_reason="BackoffLimitExceeded", failed_at=self.now)
                self.jobs[stored.uid] = JobFacts(succeeded=True) if good else failed

    def lost_claim_of(self, job: Manifest) -> bool:
        return _claim(job) not in self.names("PersistentVolumeClaim")

    def _roll_out(self) -> None:
        """A new pod beside the old ones; an old one leaves when all new ones are there and ready."""
        stored = self.objects.get(Ref("Deployment", builders.NAMESPACE, self.model.metadata.name))
        if stored is None:
            return
        new = [pod for pod in self.pods if pod.version == _version(stored.manifest)]
        wanted = int(stored.manifest["spec"]["replicas"])
        old = [pod for pod in self.pods if pod not in new]
        if len(new) < wanted:
            self._serial += 1
            self.pods.append(_pod(stored.manifest, self._serial))
        elif len(new) > wanted:
            new[0].leaving = True
        elif old and all(self._is_ready(pod) for pod in new):
            old[0].leaving = True

    def _is_ready(self, pod: Pod) -> bool:
        return not pod.leaving and pod.image not in self.bad_images

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.crash_at:
            self.rejections = {}
            raise CrashError

    def _store(self, ref: Ref, manifest: Manifest) -> None:
        stored = self.objects[ref]
        stored.manifest, stored.resource_version = manifest, self._serial
        stored.generation += 1

    def _artifact(self, job: Manifest) -> str:
        arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
        return str(arguments[arguments.index("--artifact") + 1])

    def _pod_facts(self, pod: Pod) -> PodFacts:
        container = CRASHED if pod.image in self.bad_images else ContainerFacts(name="model", ready=True)
        ready = self._is_ready(pod)
        facts = PodFacts(name=pod.name, instance="titanic", version=pod.version, ready=ready, deleting=pod.leaving)
        return replace(facts, containers=(container,))

    def _download_pods(self) -> list[PodFacts]:
        failed = [r for r, stored in self.objects.items() if self.jobs.get(stored.uid, JobFacts()).failed_at]
        return [PodFacts(name=f"{ref.name}-abcde", instance=ref.name, containers=(LOST,)) for ref in failed]

    def _child(self, ref: Ref) -> Child:
        stored = self.objects[ref]
        metadata = stored.manifest["metadata"]
        child = Child(
            ref=ref,
            uid=stored.uid,
            resource_version=str(stored.resource_version),
            controller=next((o["uid"] for o in metadata.get("ownerReferences", ()) if o.get("controller")), ""),
            is_ours=metadata["labels"].get(labels.MANAGED_BY) == labels.MANAGER,
            deleting=stored.deleting,
            manifest_hash=metadata["annotations"].get(labels.MANIFEST_HASH, ""),
            version=metadata["labels"].get(labels.MODEL_VERSION, ""),
            fields=fields_of(stored.manifest),
            builder=metadata["annotations"].get(labels.BUILDER, ""),
            replicas=stored.manifest["spec"].get("replicas"),
            bound=ref.kind == "PersistentVolumeClaim",
        )
        match ref.kind:
            case "Deployment":
                return self._deployment(child)
            case "Service":
                return replace(child, ready_addresses=sum(self._is_ready(pod) for pod in self.pods))
            case "Job":
                return replace(child, job=self.jobs.get(stored.uid, JobFacts()))
            case _:
                return child

    def _deployment(self, child: Child) -> Child:
        new = [pod for pod in self.pods if pod.version == child.version and not pod.leaving]
        old = [pod for pod in self.pods if pod.version != child.version and not pod.leaving]
        ready, newest = (sum(self._is_ready(pod) for pod in pods) for pods in (new + old, new))
        return replace(child, current=not old, ready_replicas=ready, newest_ready=newest, stalled=self.stalled)


def _version(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"][labels.MODEL_VERSION])


def _claim(manifest: Manifest) -> str:
    volumes = manifest["spec"]["template"]["spec"]["volumes"]
    return next((str(v["persistentVolumeClaim"]["claimName"]) for v in volumes if "persistentVolumeClaim" in v), "")


def _pod(deployment: Manifest, number: int) -> Pod:
    spec = deployment["spec"]["template"]["spec"]
    image = next(container["image"] for container in spec["containers"] if container["name"] == "model")
    return Pod(f"titanic-{number:05}", _version(deployment), image, _claim(deployment))


def _copy(manifest: Manifest) -> Manifest:
    return dict(json.loads(json.dumps(manifest)))
