"""The world as the rollout sees it: what exists, what serves, what is ready, what is proven.

Queries only, each answered from observations; ``rollout`` decides.
"""

from functools import cached_property

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.directories import is_allowed, why_not
from mlendpoints.core.endpoint.listeners import hash_listener
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.waypoints import Course, Waypoint, instances_of
from mlendpoints.core.findings import Finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.deployment import FORWARDS_PINGS
from mlendpoints.core.manifests.storage import needs_volume, volume_name
from mlendpoints.core.routes import listener_hash_in, make_routes
from mlendpoints.core.world import (
    CONNECTION_REFUSED,
    Child,
    Destination,
    GatewayPod,
    Listener,
    PodFacts,
    Probe,
    Ref,
    Rejection,
    Routes,
    Settings,
    World,
)

LINGER = 60.0  # seconds for which a gateway pod that terminates and does not serve counts: the usual drain


class View(Struct, frozen=True, dict=True):
    """A world with its references resolved; ``target`` is None if that failed."""

    world: World
    resolved: Finding
    target: Target | None

    @property
    def namespace(self) -> str:
        """The endpoint's namespace."""
        return self.world.endpoint.metadata.namespace

    @property
    def virtual_service(self) -> Child | None:
        """The endpoint's VirtualService, unless it is absent or being deleted."""
        return self.existing(Ref("VirtualService", self.namespace, self.world.endpoint.metadata.name))

    @property
    def live(self) -> Routes | None:
        """The routes in the VirtualService."""
        return self.virtual_service.routes if self.virtual_service else None

    @property
    def recorded_config(self) -> EndpointConfig | None:
        """The config instance that status.configVersion names."""
        version = self.world.endpoint.status.config_version
        return self.config_instance_of(version) if version else None

    def config_instance_of(self, version: str) -> EndpointConfig | None:
        """The config instance of a version."""
        records = self.world.config_instances.values()
        return next((c for c in records if c.spec.instance and c.spec.instance.version == version), None)

    @cached_property
    def origin(self) -> Waypoint:
        """What the status records as serving before the update; empty if some of it was deleted."""
        recorded = recorded_destinations(self.recorded_config)
        exists = all(destination.vacant or self.model_instance(destination.instance) for destination in recorded)
        return recorded if exists else ()

    @cached_property
    def course(self) -> Course:
        """The waypoints of the update to the target: today, one."""
        return Course(origin=self.origin, waypoints=(self.target.destinations,) if self.target else ())

    @cached_property
    def serving(self) -> Waypoint:
        """What receives traffic: the VirtualService's destinations as written, else the recorded that still exist."""
        if self.live is not None and self.live.destinations:
            return self._as_written(self.live)
        return tuple(d for d in recorded_destinations(self.recorded_config) if d.instance in self.world.model_instances)

    def _as_written(self, live: Routes) -> Waypoint:
        """By their revision: weights changed by hand were never requested, whatever the VirtualService has now."""
        records = (recorded_destinations(record) for record in self.world.config_instances.values())
        known = (live.destinations, *records, *self.course.waypoints)
        listener_hash = listener_hash_in(live.revision)
        found = (d for d in known if make_routes(d, live.pings, listener_hash).revision == live.revision)
        return next(found, live.destinations)

    @property
    def listener_hash(self) -> str:
        """The hash of the requested listener, which routes carry; the live one while the requested cannot be opened."""
        requested = hash_listener(self.world.endpoint, self.world.settings)
        return requested if requested is not None else listener_hash_in(self.live.revision if self.live else "")

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The listeners of the Gateway."""
        gateway = self.existing(Ref("Gateway", self.namespace, self.world.endpoint.metadata.name))
        return gateway.listeners if gateway else ()

    @cached_property
    def serving_instances(self) -> frozenset[str]:
        """The model instances that receive traffic."""
        return instances_of([self.serving])

    def existing(self, ref: Ref) -> Child | None:
        """The child, unless it is absent or being deleted."""
        child = self.world.children.get(ref)
        return None if child is None or child.deleting else child

    def model_instance(self, name: str) -> Model | None:
        """The model instance, unless it is absent or being deleted."""
        instance = self.world.model_instances.get(name)
        return None if instance is None or instance.metadata.deletion_timestamp else instance

    def deployment(self, instance: str) -> Child | None:
        """The Deployment of a model instance, also while it is being deleted."""
        return self.world.children.get(Ref("Deployment", self.namespace, instance))

    def pods(self, instance: str) -> tuple[PodFacts, ...]:
        """The pods of a model instance, terminating ones included."""
        return tuple(pod for pod in self.world.pods if pod.instance == instance)

    @property
    def monitored(self) -> tuple[tuple[Model, tuple[PodFacts, ...]], ...]:
        """The versions that serve or are requested, with their pods."""
        names = sorted(self.serving_instances | (self.target.instances if self.target else frozenset()))
        models = (model for name in names if (model := self.model_instance(name)) is not None)
        return tuple((model, self.pods(model.metadata.name)) for model in models)

    def rejections(self, instance: str) -> tuple[Rejection, ...]:
        """The rejected writes of a model instance's objects."""
        names = (instance, volume_name(self.namespace, instance))
        found = tuple(rejection for ref, rejection in sorted(self.world.rejections.items()) if ref.name in names)
        model = self.world.model_instances.get(instance)
        return (
            found if model is None or self.may_have_volume(model) else (_forbidden(model, self.world.settings), *found)
        )

    def may_have_volume(self, model: Model) -> bool:
        """Whether a model instance needs no volume, or its volume exists or may be created."""
        volume = self.existing(Ref("PersistentVolume", "", volume_name(self.namespace, model.metadata.name)))
        exists = volume is not None and not volume.released
        return not needs_volume(model.spec) or exists or is_allowed(model, self.world.settings)

    def desired_replicas(self, instance: str) -> int:
        """The replicas of a model instance; before it is written, those of the config."""
        if model := self.world.model_instances.get(instance):
            return model.spec.replicas or 0
        variants = self.target.variants if self.target else ()
        return next((variant.spec.instances for variant in variants if variant.instance == instance), 0)

    def ready_count(self, instance: str) -> int:
        """Pods that are ready and in the Service's EndpointSlices, of any pod template."""
        deployment = self.existing(Ref("Deployment", self.namespace, instance))
        service = self.existing(Ref("Service", self.namespace, instance))
        return min(deployment.ready_replicas, service.ready_addresses) if deployment and service else 0

    def is_ready(self, instance: str) -> bool:
        """All pods are of the newest template and ready; an instance scaled to zero is ready once it exists."""
        deployment = self.existing(Ref("Deployment", self.namespace, instance))
        if self.model_instance(instance) is None or deployment is None:
            return False
        rolled_out = deployment.current and deployment.replicas == self.desired_replicas(instance)
        return rolled_out and self.ready_count(instance) >= self.desired_replicas(instance)

    def target_is_ready(self) -> bool:
        """All model instances of the target are ready, with the pods that it requests."""
        variants = self.target.variants if self.target else ()
        ready = (self.is_ready(v.instance) and not self.is_scaling_up(v.instance) for v in variants)
        return bool(variants) and all(ready)

    def unapplied_scale(self, instance: str) -> int:
        """The replicas that the target requests of a model instance, if its scale was not set to them yet; else 0."""
        variants = self.target.variants if self.target else ()
        count = next((variant.spec.instances for variant in variants if variant.instance == instance), 0)
        child = self.existing(Ref(Model.KIND, self.namespace, instance))
        return count if child is not None and child.requested != str(count) else 0

    def is_scaling_up(self, instance: str) -> bool:
        """Whether the target requests more replicas than its scale says."""
        return self.unapplied_scale(instance) > self.desired_replicas(instance)

    def ping(self, instance: str) -> Probe:
        """The probe whether a new destination can be reached through a gateway pod."""
        body = "" if self._forwards_pings(instance) else instance
        return self._probe(labels.PING_PATH + instance, body=body, revision=instance)

    def ping_path(self, instance: Model) -> str:
        """Where a model instance's pods answer a ping: at their proxy, unless an older operator created them."""
        return instance.spec.health_path if self._forwards_pings(instance.metadata.name) else labels.PROXY_PING_PATH

    def _forwards_pings(self, instance: str) -> bool:
        deployment = self.deployment(instance)
        return deployment is not None and deployment.builder in FORWARDS_PINGS

    def route(self, revision: str) -> Probe:
        """The probe whether a gateway pod serves this route revision."""
        return self._probe(labels.ROUTE_PATH, body=revision, revision=revision)

    def _probe(self, path: str, *, body: str, revision: str) -> Probe:
        endpoint, host = self.world.endpoint, host_of(self.world.endpoint, self.world.settings)
        return Probe(host=host, path=path, status=200, body=body, tls=endpoint.spec.tls, revision=revision)

    def proven(self, probe: Probe) -> bool:
        """Every gateway pod has answered as expected; ``timed``: istiod's longest debounce has passed."""
        if self.world.settings.proof == "timed":
            return self.virtual_service is not None and self.world.now >= self.timed_proof_at
        return any(not self._is_gone(pod, probe) for pod in self.world.gateways) and not self.pending_gateways(probe)

    @property
    def proof_is_recorded(self) -> bool:
        """The status names the revision of the VirtualService: every gateway pod served it, none is probed again."""
        return self.live is not None and self.live.revision == self.world.endpoint.status.route_revision

    @property
    def timed_proof_at(self) -> float:
        """When a route counts as programmed without probes, by one clock, the operator's."""
        return self.world.routes_since + self.world.settings.proof_seconds

    def pending_gateways(self, probe: Probe) -> tuple[str, ...]:
        """Gateway pods that have not answered the probe as expected yet."""
        answered = self.world.answers.get(probe, ())
        waiting = (pod for pod in self.world.gateways if pod.name not in answered)
        return tuple(pod.name for pod in waiting if not self._is_gone(pod, probe))

    def _is_gone(self, pod: GatewayPod, probe: Probe) -> bool:
        """Still listed, as pods on a dead node are, but serving nobody.

        A draining pod answers, but never opens a new listener: that it refuses connections there proves nothing.
        """
        since = self.world.lingering.get(pod.name)
        if since is None:
            return False
        answer = self.world.unexpected.get(probe, {}).get(pod.name, "")
        return (answer == CONNECTION_REFUSED and len(self.listeners) <= 1) or self.world.now >= since + LINGER


def recorded_destinations(record: EndpointConfig | None) -> Waypoint:
    """The destinations that a config instance records, by variant."""
    if record is None or record.spec.instance is None:
        return ()
    versions = record.spec.instance.model_versions
    return tuple(
        sorted(
            Destination(
                variant=v.name, instance=f"{v.model}-{versions[v.name]}", weight=v.weight, vacant=v.instances == 0
            )
            for v in record.spec.models
            if v.name in versions
        )
    )


def _forbidden(model: Model, settings: Settings) -> Rejection:
    return Rejection(Reason.INVALID_SPEC, f"its volume cannot be created: {why_not(model, settings)}")
