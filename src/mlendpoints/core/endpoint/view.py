"""The world as a rollout sees it: what serves, what is ready, what is proven.

Questions only, each answered from observations; ``rollout`` decides.
"""

from functools import cached_property

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.directories import is_allowed, why_not
from mlendpoints.core.endpoint.listeners import make_entrance
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.findings import Finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.deployment import FORWARDS_PINGS
from mlendpoints.core.manifests.storage import needs_volume, volume_name
from mlendpoints.core.routes import entrance_in, make_routes
from mlendpoints.core.world import (
    CONNECTION_REFUSED,
    Child,
    Destination,
    Door,
    GatewayPod,
    PodFacts,
    Probe,
    Ref,
    Refusal,
    Routes,
    Settings,
    World,
)

LINGER = 60.0  # seconds for which a gateway pod that leaves and does not serve counts: as long as most may drain


class View(Struct, frozen=True, dict=True):
    """A world and what resolving its references came to; ``target`` is None where that failed."""

    world: World
    resolved: Finding
    target: Target | None

    @property
    def namespace(self) -> str:
        """The endpoint's namespace."""
        return self.world.endpoint.metadata.namespace

    @property
    def virtual_service(self) -> Child | None:
        """The endpoint's VirtualService, unless it is on its way out."""
        return self.standing(Ref("VirtualService", self.namespace, self.world.endpoint.metadata.name))

    @property
    def live(self) -> Routes | None:
        """What the VirtualService says."""
        return self.virtual_service.routes if self.virtual_service else None

    @property
    def record(self) -> EndpointConfig | None:
        """The config instance that status.configVersion names."""
        version = self.world.endpoint.status.config_version
        return self.record_of(version) if version else None

    def record_of(self, version: str) -> EndpointConfig | None:
        """The config instance of a version."""
        records = self.world.config_instances.values()
        return next((c for c in records if c.spec.instance and c.spec.instance.version == version), None)

    @cached_property
    def serving(self) -> tuple[Destination, ...]:
        """What takes traffic: the VirtualService's destinations as written, else the record's that still exist."""
        if self.live is not None and self.live.destinations:
            return self._as_written(self.live)
        return tuple(d for d in recorded_destinations(self.record) if d.instance in self.world.model_instances)

    def _as_written(self, live: Routes) -> tuple[Destination, ...]:
        """By their revision: weights that somebody changed by hand are not what was asked, whoever holds them now."""
        records = self.world.config_instances.values()
        known = (live.destinations, *(recorded_destinations(record) for record in records))
        entrance = entrance_in(live.revision)
        found = (d for d in known if make_routes(d, live.pings, entrance).revision == live.revision)
        return next(found, live.destinations)

    @property
    def entrance(self) -> str:
        """How callers come in, as the routes name it; as it stands, where what is asked for cannot be opened."""
        asked = make_entrance(self.world.endpoint, self.world.settings)
        return asked if asked is not None else entrance_in(self.live.revision if self.live else "")

    @property
    def doors(self) -> tuple[Door, ...]:
        """What the Gateway opens."""
        gateway = self.standing(Ref("Gateway", self.namespace, self.world.endpoint.metadata.name))
        return gateway.doors if gateway else ()

    @cached_property
    def serving_instances(self) -> frozenset[str]:
        """Model instances of what takes traffic."""
        return frozenset(destination.instance for destination in self.serving)

    def standing(self, ref: Ref) -> Child | None:
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
        """The pods of a model instance, leaving ones included."""
        return tuple(pod for pod in self.world.pods if pod.instance == instance)

    def refusals(self, instance: str) -> tuple[Refusal, ...]:
        """What was rejected of a model instance's objects."""
        names = (instance, volume_name(self.namespace, instance))
        told = tuple(refusal for ref, refusal in sorted(self.world.refusals.items()) if ref.name in names)
        model = self.world.model_instances.get(instance)
        return told if model is None or self.may_have_volume(model) else (_forbidden(model, self.world.settings), *told)

    def may_have_volume(self, model: Model) -> bool:
        """Whether the volume of a model instance stands, or may be made; one that needs none has all that it needs."""
        volume = self.standing(Ref("PersistentVolume", "", volume_name(self.namespace, model.metadata.name)))
        stands = volume is not None and not volume.released
        return not needs_volume(model.spec) or stands or is_allowed(model, self.world.settings)

    def wanted(self, instance: str) -> int:
        """Pods asked of a model instance; before it is written, what the config asks."""
        if model := self.world.model_instances.get(instance):
            return model.spec.replicas or 0
        variants = self.target.variants if self.target else ()
        return next((variant.spec.instances for variant in variants if variant.instance == instance), 0)

    def ready_count(self, instance: str) -> int:
        """Pods that pass readiness and stand in the Service's EndpointSlices, of whichever template."""
        deployment = self.standing(Ref("Deployment", self.namespace, instance))
        service = self.standing(Ref("Service", self.namespace, instance))
        return min(deployment.ready_replicas, service.ready_addresses) if deployment and service else 0

    def is_ready(self, instance: str) -> bool:
        """All pods of the newest template answer; an instance asked to have none is ready once it stands."""
        deployment = self.standing(Ref("Deployment", self.namespace, instance))
        if self.model_instance(instance) is None or deployment is None:
            return False
        settled = deployment.current and deployment.replicas == self.wanted(instance)
        return settled and self.ready_count(instance) >= self.wanted(instance)

    def target_is_ready(self) -> bool:
        """All model instances of the target are ready, with as many pods as it asks for."""
        variants = self.target.variants if self.target else ()
        return bool(variants) and all(self.is_ready(v.instance) and not self.is_growing(v.instance) for v in variants)

    def asked(self, instance: str) -> int:
        """Pods that the target asks of a model instance and that its scale does not say yet; else 0."""
        variants = self.target.variants if self.target else ()
        count = next((variant.spec.instances for variant in variants if variant.instance == instance), 0)
        child = self.standing(Ref(Model.KIND, self.namespace, instance))
        return count if child is not None and child.asked != str(count) else 0

    def is_growing(self, instance: str) -> bool:
        """More pods are asked for, which its scale does not say yet."""
        return self.asked(instance) > self.wanted(instance)

    def ping(self, instance: str) -> Probe:
        """The question whether a new destination can be reached through a gateway pod."""
        body = "" if self._forwards_pings(instance) else instance
        return self._probe(labels.PING_PATH + instance, body=body, revision=instance)

    def ping_path(self, instance: Model) -> str:
        """Where a model instance's pods answer a ping: their proxy does, but for those that an older operator made."""
        return instance.spec.health_path if self._forwards_pings(instance.metadata.name) else labels.PROXY_PING_PATH

    def _forwards_pings(self, instance: str) -> bool:
        deployment = self.deployment(instance)
        return deployment is not None and deployment.builder in FORWARDS_PINGS

    def route(self, revision: str) -> Probe:
        """The question whether a gateway pod serves this route revision."""
        return self._probe(labels.ROUTE_PATH, body=revision, revision=revision)

    def _probe(self, path: str, *, body: str, revision: str) -> Probe:
        endpoint, host = self.world.endpoint, host_of(self.world.endpoint, self.world.settings)
        return Probe(host=host, path=path, status=200, body=body, tls=endpoint.spec.tls, revision=revision)

    def proven(self, probe: Probe) -> bool:
        """Every gateway pod has answered as expected; ``timed``: the longest debounce has passed since the write."""
        if self.world.settings.proof == "timed":
            return self.virtual_service is not None and self.world.now >= self.timed_proof_at
        return any(not self._is_gone(pod, probe) for pod in self.world.gateways) and not self.lagging(probe)

    @property
    def proof_on_record(self) -> bool:
        """The VirtualService is one that every gateway pod was seen serving: none needs to be asked again."""
        return self.live is not None and self.live.revision == self.world.endpoint.status.route_revision

    @property
    def timed_proof_at(self) -> float:
        """When a route counts as in force without being asked, by one clock: that of whoever waits."""
        return self.world.routes_since + self.world.settings.proof_seconds

    def lagging(self, probe: Probe) -> tuple[str, ...]:
        """Gateway pods that have not answered as expected yet."""
        answered = self.world.answers.get(probe, ())
        waiting = (pod for pod in self.world.gateways if pod.name not in answered)
        return tuple(pod.name for pod in waiting if not self._is_gone(pod, probe))

    def _is_gone(self, pod: GatewayPod, probe: Probe) -> bool:
        """Still listed, as pods on a dead node are, but nobody's way any more.

        One that drains answers, though it never opens a door that is new: that it refuses there says nothing.
        """
        since = self.world.lingering.get(pod.name)
        if since is None:
            return False
        said = self.world.unexpected.get(probe, {}).get(pod.name, "")
        return (said == CONNECTION_REFUSED and len(self.doors) <= 1) or self.world.now >= since + LINGER


def recorded_destinations(record: EndpointConfig | None) -> tuple[Destination, ...]:
    """The routes that a config instance asks for, by variant."""
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


def _forbidden(model: Model, settings: Settings) -> Refusal:
    return Refusal(Reason.INVALID_SPEC, f"its volume cannot be created: {why_not(model, settings)}")
