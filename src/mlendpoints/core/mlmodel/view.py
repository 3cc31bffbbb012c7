"""An MLModel's world as its decisions see it: what is asked, what stands, what answers. Questions only."""

from functools import cached_property

from msgspec import Struct

from mlendpoints.api.model import Model
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.mlmodel import freeze
from mlendpoints.core.manifests.storage import source_claim
from mlendpoints.core.world import Child, MLModelWorld, PodFacts, Ref

CLAIM, JOB, DEPLOYMENT, SERVICE = "PersistentVolumeClaim", "Job", "Deployment", "Service"


class View(Struct, frozen=True, dict=True):
    """A world, and the version that it asks for."""

    world: MLModelWorld

    @cached_property
    def asked(self) -> Model:
        """The version that is asked for, as the model instance that it would be."""
        return freeze(self.world.model, self.world.settings)

    @property
    def version(self) -> str:
        """Its name, 8 characters."""
        return instance_of(self.asked).version

    @property
    def name(self) -> str:
        """Name of the MLModel, its Deployment and its Service."""
        return self.world.model.metadata.name

    @property
    def wanted(self) -> int:
        """Pods asked for."""
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
        """The claim of the asked version."""
        return self._child(CLAIM, self.asked.metadata.name)

    @property
    def job(self) -> Child | None:
        """The download Job of the asked version."""
        return self._child(JOB, self.asked.metadata.name)

    def _child(self, kind: str, name: str) -> Child | None:
        return self.world.children.get(Ref(kind, self.world.model.metadata.namespace, name))

    @property
    def made_source(self) -> str:
        """The claim that the artifact lies on, if the operator made it; a version that is fetched needs it no more."""
        source = source_claim(self.asked.spec.artifact)
        return source if source in self.world.made_claims and not self.is_fetched else ""

    @property
    def is_switched(self) -> bool:
        """The Deployment runs the asked version, or is about to."""
        return self.deployment is not None and self.deployment.version == self.version

    @property
    def is_fetched(self) -> bool:
        """The Deployment may run the asked version. Once it does, its pods see to their artifact themselves."""
        if not self.asked.spec.artifact or self.is_switched:
            return True
        stored = self.claim is not None and not self.claim.deleting
        return stored and self.job is not None and self.job.job is not None and self.job.job.succeeded

    @property
    def serving_pods(self) -> tuple[PodFacts, ...]:
        """Pods of the Deployment, of whichever version, leaving ones included."""
        return tuple(pod for pod in self.world.pods if pod.instance == self.name)

    @property
    def new_pods(self) -> tuple[PodFacts, ...]:
        """Those of the asked version."""
        return tuple(pod for pod in self.serving_pods if pod.version == self.version)

    @property
    def download_pods(self) -> tuple[PodFacts, ...]:
        """Pods of the asked version's Job."""
        return tuple(pod for pod in self.world.pods if pod.instance == self.asked.metadata.name)

    @property
    def answering(self) -> int:
        """Pods that stand ready in the Service's EndpointSlices, of whichever version."""
        return self.service.ready_addresses if self.service else 0

    @property
    def is_ready(self) -> bool:
        """As many pods as are asked for, all of the asked version, and the Service knows them."""
        deployment = self.deployment
        if deployment is None or deployment.deleting or self.service is None or not self.is_switched:
            return False
        settled = deployment.current and deployment.replicas == self.wanted
        return settled and min(deployment.newest_ready, self.answering) >= self.wanted

    @property
    def fallback(self) -> str:
        """The earlier version that answers while the asked one does not; empty if there is none."""
        if not self.answering:
            return ""
        if self.deployment is not None and not self.is_switched:
            return self.deployment.version
        return next((pod.version for pod in self.serving_pods if pod.ready and pod.version != self.version), "")
