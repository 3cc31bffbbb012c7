"""An MLModel's world as its decisions see it: what is requested, what exists, what is ready. Queries only."""

from functools import cached_property

from msgspec import Struct

from mlendpoints.api.model import Model
from mlendpoints.core.findings import Finding, no_recorder_finding, own_sink_finding
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.mlmodel import freeze
from mlendpoints.core.manifests.storage import source_claim
from mlendpoints.core.world import Child, MLModelWorld, PodFacts, Ref

CLAIM, JOB, DEPLOYMENT, SERVICE = "PersistentVolumeClaim", "Job", "Deployment", "Service"


class View(Struct, frozen=True, dict=True):
    """A world, and the version that its spec requests."""

    world: MLModelWorld

    @cached_property
    def requested(self) -> Model:
        """The requested version, in the form of a model instance."""
        return freeze(self.world.model, self.world.settings)

    @property
    def version(self) -> str:
        """The name of the requested version, 8 characters."""
        return instance_of(self.requested).version

    @property
    def name(self) -> str:
        """Name of the MLModel, its Deployment and its Service."""
        return self.world.model.metadata.name

    @property
    def desired(self) -> int:
        """The requested replicas."""
        return self.world.model.spec.replicas

    @property
    def deployment(self) -> Child | None:
        """The Deployment, also while it is being deleted."""
        return self._child(DEPLOYMENT, self.name)

    @property
    def service(self) -> Child | None:
        """The Service, unless it is absent or being deleted."""
        service = self._child(SERVICE, self.name)
        return None if service is None or service.deleting else service

    @property
    def claim(self) -> Child | None:
        """The claim of the requested version."""
        return self._child(CLAIM, self.requested.metadata.name)

    @property
    def job(self) -> Child | None:
        """The download Job of the requested version."""
        return self._child(JOB, self.requested.metadata.name)

    def _child(self, kind: str, name: str) -> Child | None:
        return self.world.children.get(Ref(kind, self.world.model.metadata.namespace, name))

    @property
    def own_source_claim(self) -> str:
        """The claim that the artifact is on, if the operator created it; empty once the version is fetched."""
        source = source_claim(self.requested.spec.artifact)
        return source if source in self.world.own_claims and not self.is_fetched else ""

    @property
    def capture_finding(self) -> Finding | None:
        """Why traffic cannot be captured as requested: never of a version that runs."""
        frozen = instance_of(self.requested)
        if frozen.capture is None or self.is_switched:
            return None
        claim = source_claim(frozen.capture.sink)
        if claim in self.world.own_claims:
            return own_sink_finding(claim)
        return no_recorder_finding() if frozen.capture.engine == "gor" and not frozen.images.recorder else None

    @property
    def is_switched(self) -> bool:
        """The Deployment has the requested version."""
        return self.deployment is not None and self.deployment.version == self.version

    @property
    def is_fetched(self) -> bool:
        """The Deployment may run the requested version. Once it does, its pods fetch their artifact themselves."""
        if not self.requested.spec.artifact or self.is_switched:
            return True
        stored = self.claim is not None and not self.claim.deleting
        return stored and self.job is not None and self.job.job is not None and self.job.job.succeeded

    @property
    def serving_pods(self) -> tuple[PodFacts, ...]:
        """Pods of the Deployment, of any version, terminating ones included."""
        return tuple(pod for pod in self.world.pods if pod.instance == self.name)

    @property
    def new_pods(self) -> tuple[PodFacts, ...]:
        """Pods of the Deployment that are of the requested version."""
        return tuple(pod for pod in self.serving_pods if pod.version == self.version)

    @property
    def monitored(self) -> tuple[tuple[Model, tuple[PodFacts, ...]], ...]:
        """The requested version, with its pods."""
        return ((self.requested, self.new_pods),)

    @property
    def download_pods(self) -> tuple[PodFacts, ...]:
        """Pods of the requested version's Job."""
        return tuple(pod for pod in self.world.pods if pod.instance == self.requested.metadata.name)

    @property
    def answering(self) -> int:
        """Ready pods in the Service's EndpointSlices, of any version."""
        return self.service.ready_addresses if self.service else 0

    @property
    def is_ready(self) -> bool:
        """All requested pods exist, are of the requested version, and are ready in the Service."""
        deployment = self.deployment
        if deployment is None or deployment.deleting or self.service is None or not self.is_switched:
            return False
        rolled_out = deployment.current and deployment.replicas == self.desired
        return rolled_out and min(deployment.newest_ready, self.answering) >= self.desired

    @property
    def fallback(self) -> str:
        """The earlier version that serves until the requested one does; empty if there is none."""
        if not self.answering:
            return ""
        if self.deployment is not None and not self.is_switched:
            return self.deployment.version
        return next((pod.version for pod in self.serving_pods if pod.ready and pod.version != self.version), "")
