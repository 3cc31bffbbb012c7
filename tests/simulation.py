"""A cluster in memory, as far as the pure core can tell one: it keeps what plans write and answers with worlds.

It plays the API server (uids, resourceVersions, 409, cascading deletion), the
Deployment controller, the gateways and the clock, one small step at a time and
only when told to, so that a test can look at every state in between. Its
likeness to the real parts is what tests/apiserver and tests/e2e check.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.manifests.deployment import FORWARDS_PINGS
from mlendpoints.core.manifests.storage import volume_name
from mlendpoints.core.plan import Adopt, Apply, Create, Event, Plan, Refreeze, Release, Replace, Scale, SetStatus, Write
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Child, ContainerFacts, GatewayPod, PodFacts, Probe, Ref, Rejection, Routes, World
from tests.kit import builders

# Steps after which a world that has not come to rest counts as one that never will.
MANY_STEPS = 200


class CrashError(Exception):
    """The operator was killed."""


class Stored(msgspec.Struct):
    """One object as the API server keeps it."""

    manifest: Manifest
    uid: str
    resource_version: int
    generation: int = 1
    deleting: bool = False
    written: float = 0.0


class Cluster:
    """One endpoint's surroundings."""

    def __init__(self, endpoint: Endpoint, config: EndpointConfig | None, *models: Model) -> None:
        self.now = 1_700_000_000.0
        self.settings = builders.some_settings()
        self.installed: frozenset[str] = frozenset()  # optional kinds
        self.endpoint: Endpoint | None = endpoint
        self.configs = {config.metadata.name: config} if config else {}
        self.models = {model.metadata.name: model for model in models}
        self.objects: dict[Ref, Stored] = {}
        self.gateways: tuple[GatewayPod, ...] = builders.GATEWAYS
        self.answers: dict[Probe, tuple[str, ...]] = {}
        self.rejections: dict[Ref, Rejection] = {}  # what the last writes were refused for
        self.rejecting: dict[Ref, Rejection] = {}  # objects of which the API server takes no write
        self.routes_gone = 0.0
        self.broken_images: dict[str, ContainerFacts] = {}  # image -> what its container says
        self.unbound: set[str] = set()  # claims for which there is no volume
        self.released: set[str] = set()  # uids of volumes whose claim is gone
        self.starting: set[str] = set()  # images whose pods do not get ready
        self.leaving_pods: dict[str, int] = {}  # instance -> pods that still finish requests
        self.lingering: dict[str, float] = {}  # gateway pods that leave and do not serve, and since when
        self.deaf: set[str] = set()  # gateway pods that do not take new routes
        self.instead: dict[str, str] = {}  # gateway pod -> what it answers that does not answer as expected
        self.writes: list[Write] = []
        self.pruned: list[Ref] = []
        self.events: list[Event] = []
        self.plan: Plan = Plan()
        self.calls = 0  # API calls that change something, over the whole life
        self.crash_at: int | None = None  # the call before which the operator is killed
        self.serial = 0
        self._seen_routes: dict[str, Routes | None] = {}
        self.told_to_all: set[str] = set()  # instances that every gateway pod has heard of

    def world(self) -> World:
        assert self.endpoint is not None
        owned = [r for r, stored in self.objects.items() if _controller(stored.manifest) or not r.namespace]
        instances = {ref.name: self._typed(ref, Model) for ref in owned if ref.kind == Model.KIND}
        configs = {ref.name: self._typed(ref, EndpointConfig) for ref in owned if ref.kind == EndpointConfig.KIND}
        config = self.configs.get(self.endpoint.spec.config)
        named = {variant.model for variant in config.spec.models} if config else set()
        return World(
            now=self.now,
            settings=self.settings,
            endpoint=self.endpoint,
            config=config,
            models={name: model for name, model in self.models.items() if name in named},
            config_instances=configs,
            model_instances=instances,
            children={ref: self._child(ref) for ref in owned},
            orphans=tuple(self._child(ref) for ref in sorted(self.objects) if ref not in owned),
            pods=tuple(pod for name in instances for pod in self._pods(name)),
            gateways=self.gateways,
            lingering=self.lingering,
            answers=self.answers,
            unexpected={probe: self._unexpected(names) for probe, names in self.answers.items()},
            rejections=self.rejections,
            routes_since=self._routes_since(),
            installed=self.installed,
        )

    def _routes_since(self) -> float:
        routes = self.objects.get(Ref("VirtualService", builders.NAMESPACE, "titanic"))
        return routes.written if routes else self.routes_gone

    def reconcile(self) -> bool:
        """One look and all that follows; whether anything was done."""
        if self.endpoint is None:
            return False
        self.plan = plan_endpoint(self.world())
        before, refused = len(self.writes), dict(self.rejections)
        for write in self.plan.writes:
            self._call()
            self.write(write)
        for child in self.plan.prune:
            self._call()
            if child.ref in self.objects:  # else it went with its owner, which is well, too
                self.delete(child.ref)
        self._report(self.plan)
        requested = set(self.plan.probes)
        self.answers = {probe: names for probe, names in self.answers.items() if probe in requested}
        wrote = len(self.writes) > before or self.rejections != refused
        did = wrote or self.plan.prune or self.plan.status is not None or self.plan.finalizer is not None
        return bool(did) or self._ask(self.plan.probes)

    def settle(self, watch: Callable[["Cluster"], None] | None = None) -> "Cluster":
        """Reconciles until nothing is left to do."""
        for _ in range(MANY_STEPS):
            busy = self.reconcile()
            if watch is not None:
                watch(self)
            if not self._pods_leave() and not busy:
                return self
        raise AssertionError(f"The world never comes to rest; its last plan was {self.plan}")

    def wait_until_recheck(self) -> "Cluster":
        """Lets the time come that the last plan named."""
        assert self.plan.recheck is not None
        assert self.plan.recheck > self.now
        self.now = self.plan.recheck
        return self.settle()

    def edit_config(self, config: EndpointConfig) -> None:
        self.configs[config.metadata.name] = config

    def edit_endpoint(self, **spec: Any) -> None:  # noqa: ANN401 - any field
        assert self.endpoint is not None
        meta = replace(self.endpoint.metadata, generation=self.endpoint.metadata.generation + 1)
        self.endpoint = replace(self.endpoint, metadata=meta, spec=replace(self.endpoint.spec, **spec))

    def delete_endpoint(self) -> None:
        assert self.endpoint is not None
        self.endpoint = replace(
            self.endpoint, metadata=replace(self.endpoint.metadata, deletion_timestamp="2023-11-14T22:13:20Z")
        )

    def delete(self, ref: Ref) -> None:
        """Deletes an object and what it controls, as the garbage collector would."""
        self.pruned.append(ref)
        uid = self.objects.pop(ref).uid
        if ref.kind == "VirtualService":
            self.routes_gone = self.now
        if ref.kind == "PersistentVolumeClaim":
            volume = self.objects.get(Ref("PersistentVolume", "", volume_name(ref.namespace, ref.name)))
            self.released |= {volume.uid} if volume else set()
        if ref.kind == "Deployment" and ref.name in self.leaving_pods:
            self.leaving_pods[ref.name] += 1
        for other in [o for o, stored in self.objects.items() if _controller(stored.manifest) == uid]:
            self.delete(other)

    def instance(self, variant: str) -> str:
        """Name of the newest model instance of a variant."""
        found = [
            ref.name
            for ref, stored in self.objects.items()
            if ref.kind == Model.KIND and stored.manifest["spec"]["instance"]["variant"] == variant
        ]
        return found[-1]

    def kinds(self) -> list[str]:
        return sorted(ref.kind for ref in self.objects)

    @property
    def status(self) -> Any:  # noqa: ANN401 - any field
        assert self.endpoint is not None
        return self.endpoint.status

    def condition(self, kind: str) -> tuple[str, str]:
        return next((c.status, c.reason) for c in self.status.conditions if c.type == kind)

    def routes(self) -> Routes | None:
        ref = Ref("VirtualService", builders.NAMESPACE, "titanic")
        return parse_routes(self.objects[ref].manifest) if ref in self.objects else None

    def write(self, write: Write) -> None:  # noqa: C901 - one case for each kind of write
        if (rejected := _target(write)) in self.rejecting:
            self.rejections[rejected] = self.rejecting[rejected]
            return
        self.rejections.pop(rejected, None)
        self.writes.append(write)
        self.serial += 1
        match write:
            case Create(ref, manifest) if ref in self.objects:
                self._adopt(ref, manifest["metadata"]["ownerReferences"])
            case Create(ref, manifest):
                self.objects[ref] = Stored(_copy(manifest), f"uid-{self.serial}", self.serial, written=self.now)
            case Apply(ref, manifest, uid):
                stored = self.objects[ref]
                assert stored.uid == uid
                self._store(stored, _copy(manifest))
            case Scale(child, replicas, requested):
                stored = self.objects[child.ref]
                scaled = _copy(stored.manifest | {"spec": stored.manifest["spec"] | {"replicas": replicas}})
                if requested is not None:
                    scaled["metadata"]["annotations"][labels.REQUESTED] = requested
                self._store(stored, scaled)
            case Refreeze():
                self._refreeze(write)
            case SetStatus(child, status):
                stored = self.objects[child.ref]
                said = {name: value for name, value in _copy(status).items() if value is not None}
                stored.manifest = stored.manifest | {"status": said}
                stored.resource_version = self.serial

            case Adopt(child, owner):
                self._adopt(child.ref, [owner])
            case Release(child):
                self.delete(child.ref)

    def _refreeze(self, write: Refreeze) -> None:
        assert write.deployment not in self.objects
        stored = self.objects[write.child.ref]
        spec = _merged(stored.manifest["spec"], {"instance": write.frozen})
        self._store(stored, _copy(stored.manifest | {"spec": spec}))

    def _adopt(self, ref: Ref, owners: list[Manifest]) -> None:
        stored = self.objects[ref]
        assert not _controller(stored.manifest)
        stored.manifest = stored.manifest | {"metadata": stored.manifest["metadata"] | {"ownerReferences": owners}}
        stored.resource_version = self.serial

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.crash_at:
            self.answers, self.rejections = {}, {}
            raise CrashError

    def _store(self, stored: Stored, manifest: Manifest) -> None:
        stored.manifest, stored.resource_version = manifest, self.serial
        stored.generation, stored.written = stored.generation + 1, self.now

    def _report(self, plan: Plan) -> None:
        assert self.endpoint is not None
        if plan.finalizer is True:
            self._call()
            finalizers = (*self.endpoint.metadata.finalizers, labels.ROUTES_FINALIZER)
            self.endpoint = replace(self.endpoint, metadata=replace(self.endpoint.metadata, finalizers=finalizers))
        if plan.status is not None:
            self._call()
            self.endpoint = replace(self.endpoint, status=plan.status)
        self.events.extend(plan.events)
        if plan.finalizer is False:
            self._call()
            self._vanish()

    def _vanish(self) -> None:
        assert self.endpoint is not None
        uid, self.endpoint = self.endpoint.metadata.uid, None
        for ref in [r for r, stored in self.objects.items() if _controller(stored.manifest) == uid]:
            self.delete(ref)

    def _ask(self, probes: tuple[Probe, ...]) -> bool:
        before = dict(self.answers)
        for pod in self.gateways:
            if pod.name not in self.deaf:
                self._seen_routes[pod.name] = self.routes()
        heard = [set(routes.pings) if (routes := self._seen_routes.get(pod.name)) else set() for pod in self.gateways]
        self.told_to_all = set.intersection(*heard) if heard else set()
        for probe in probes:
            self.answers[probe] = tuple(pod.name for pod in self.gateways if self._answers(pod.name, probe))
        return self.answers != before

    def _unexpected(self, answered: tuple[str, ...]) -> dict[str, str]:
        pending_gateways = (pod.name for pod in self.gateways if pod.name not in answered)
        return {name: self.instead.get(name, "status 404") for name in pending_gateways}

    def _answers(self, pod: str, probe: Probe) -> bool:
        routes = self._seen_routes.get(pod)
        if pod in self.instead:
            return False
        if routes is None:
            return probe.status == 404
        if probe.path == labels.ROUTE_PATH:
            return (probe.status, probe.body) == (200, routes.revision)
        name = probe.path.removeprefix(labels.PING_PATH)
        requested = probe.status == 200 and name in routes.pings and self.ready(name) > 0
        return requested and probe.body in ("", self._ping_answer(name))

    def _ping_answer(self, instance: str) -> str:
        """The name of the instance, where its route leads to the proxy and its pods' proxy knows the path."""
        rules = self.objects[Ref("VirtualService", builders.NAMESPACE, "titanic")].manifest["spec"]["http"]
        path = next(rule["rewrite"]["uri"] for rule in rules if rule["name"] == f"ping/{instance}")
        deployment = self.objects[Ref("Deployment", builders.NAMESPACE, instance)].manifest
        known = deployment["metadata"]["annotations"].get(labels.BUILDER) not in FORWARDS_PINGS
        return instance if known and path == labels.PROXY_PING_PATH else "pong of the model"

    def _pods_leave(self) -> bool:
        leaving = [name for name, count in self.leaving_pods.items() if count > 0]
        for name in leaving:
            self.leaving_pods[name] -= 1
        return bool(leaving)

    def _typed(self, ref: Ref, kind: type[Any]) -> Any:  # noqa: ANN401 - any field
        stored = self.objects[ref]
        meta = stored.manifest["metadata"] | {"uid": stored.uid, "generation": stored.generation}
        return msgspec.convert(stored.manifest | {"metadata": meta}, kind)

    def _child(self, ref: Ref) -> Child:
        stored = self.objects[ref]
        ready = self.ready(ref.name)
        return Child(
            ref=ref,
            uid=stored.uid,
            resource_version=str(stored.resource_version),
            controller=_controller(stored.manifest),
            is_ours=stored.manifest["metadata"]["labels"].get(labels.MANAGED_BY) == labels.MANAGER,
            deleting=stored.deleting,
            manifest_hash=stored.manifest["metadata"]["annotations"].get(labels.MANIFEST_HASH, ""),
            fields=fields_of(stored.manifest),
            written=stored.written,
            builder=stored.manifest["metadata"]["annotations"].get(labels.BUILDER, ""),
            replicas=stored.manifest["spec"].get("replicas"),
            requested=stored.manifest["metadata"]["annotations"].get(labels.REQUESTED, ""),
            ready_replicas=ready if ref.kind == "Deployment" else 0,
            ready_addresses=ready if ref.kind == "Service" else 0,
            bound=ref.kind == "PersistentVolumeClaim" and ref.name not in self.unbound,
            released=stored.uid in self.released,
            routes=parse_routes(stored.manifest) if ref.kind == "VirtualService" else None,
            listeners=parse_listeners(stored.manifest) if ref.kind == "Gateway" else (),
        )

    def _image(self, instance: str) -> str:
        stored = self.objects.get(Ref(Model.KIND, builders.NAMESPACE, instance))
        return str(stored.manifest["spec"]["image"]) if stored else ""

    def ready(self, instance: str) -> int:
        deployment = self.objects.get(Ref("Deployment", builders.NAMESPACE, instance))
        image = self._image(instance)
        if deployment is None or image in self.broken_images or image in self.starting:
            return 0
        return int(deployment.manifest["spec"].get("replicas", 1))

    def _pods(self, instance: str) -> list[PodFacts]:
        image = self._image(instance)
        deployment = self.objects.get(Ref("Deployment", builders.NAMESPACE, instance))
        if deployment is None:
            count = self.leaving_pods.get(instance, 0)
            return [PodFacts(name=f"{instance}-{n}", instance=instance, deleting=True) for n in range(count)]
        container = self.broken_images.get(image, ContainerFacts(name="model", ready=self.ready(instance) > 0))
        replicas = int(deployment.manifest["spec"].get("replicas", 1))
        return [
            PodFacts(name=f"{instance}-{n}", instance=instance, ready=container.ready, containers=(container,))
            for n in range(replicas)
        ]


def _target(write: Write) -> Ref:
    return write.child.ref if isinstance(write, Scale | Refreeze | SetStatus | Release | Replace | Adopt) else write.ref


def _controller(manifest: Manifest) -> str:
    owners = manifest["metadata"].get("ownerReferences", [])
    return str(next((owner["uid"] for owner in owners if owner.get("controller")), ""))


def fields_of(manifest: Manifest) -> str:
    """The field set of all that a manifest says, every list of objects keyed by all that its items say."""
    return json.dumps({f"f:{name}": _field_set(value) for name, value in manifest.items() if name != "status"})


def _field_set(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    if isinstance(value, dict):
        return {f"f:{name}": _field_set(part) for name, part in value.items()}
    return dict(_member(item) for item in value) if isinstance(value, list) else {}


def _member(item: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - any field
    if not isinstance(item, dict):
        return f"v:{json.dumps(item)}", {}
    key = {name: value for name, value in item.items() if not isinstance(value, dict | list)}
    return f"k:{json.dumps(key)}", _field_set(item)


def _merged(before: Any, patch: Any) -> Any:  # noqa: ANN401 - any field
    """As the API server merges a patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    kept = {key: value for key, value in (before or {}).items() if patch.get(key, "") is not None}
    return kept | {key: _merged(kept.get(key), value) for key, value in patch.items() if value is not None}


def _copy(manifest: Manifest) -> Manifest:
    return dict(json.loads(json.dumps(manifest)))
