"""The cache (client-go's informer store): all observed objects, indexed, so that a world costs only its own objects.

Written by the reflectors, read by the reconciler. Contains values only; sends no
request and makes no decision.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.capture import sink_of, sinks
from mlendpoints.core.manifests.storage import source_claim
from mlendpoints.core.world import Child, GatewayPod, MLModelWorld, PodFacts, Ref, Rejection, Settings, World
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.answers import Answers
from mlendpoints.edge.observe.hosts import Hosts
from mlendpoints.edge.observe.index import Index
from mlendpoints.edge.observe.indexers import (
    IndexKey,
    by_config,
    by_controller,
    by_instance,
    by_model,
    by_orphan,
    by_service,
    by_uid,
    index_keys,
)
from mlendpoints.edge.observe.lingering import Lingering
from mlendpoints.edge.observe.projections import Entry, Facts, Instance, Route, Template, Volume
from mlendpoints.edge.observe.route_times import RouteTimes
from mlendpoints.edge.observe.slices import Backends, GatewayBackends, GatewayPorts


class Cache:
    """Entries by name and by index key."""

    def __init__(
        self, settings: Settings, namespaces: tuple[str, ...] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.installed: frozenset[str] = frozenset()  # optional kinds that the API server serves
        self._lingering = Lingering(clock)
        self._route_times = RouteTimes(clock)
        self._entries: dict[Ref, Entry] = {}
        self._index: Index[IndexKey] = Index()
        self._hosts = Hosts(self._entries, settings, namespaces)

    def __len__(self) -> int:
        return len(self._entries)

    def refs(self, watch: kinds.Watch) -> list[Ref]:
        """All objects of one watch."""
        return [ref for ref in self._entries if ref.kind == watch.kind.name and watch.namespace in ("", ref.namespace)]

    def entry(self, ref: Ref) -> Entry | None:
        """The entry of one object, if it is in the cache."""
        return self._entries.get(ref)

    def put(self, entry: Entry) -> set[Ref]:
        """Adds or replaces an entry; returns the endpoints whose hosts are affected."""
        before = self._replace(entry.ref, entry)
        self._note(entry)
        self._route_times.note(entry.ref, before, entry)
        return self._hosts.update(before, entry)

    def drop(self, ref: Ref) -> set[Ref]:
        """Removes an object; returns the endpoints whose hosts are affected."""
        before = self._replace(ref, None)
        self._note(before)
        self._route_times.note(ref, before, None)
        self._forget_route_time(ref)
        return self._hosts.update(before, None)

    def _forget_route_time(self, ref: Ref) -> None:
        named = {kind.name: Ref(kind.name, ref.namespace, ref.name) for kind in (kinds.ENDPOINT, kinds.VIRTUAL_SERVICE)}
        if ref.kind in named and named[kinds.ENDPOINT.name] not in self._entries:
            self._route_times.forget(ref)

    def _note(self, changed: Entry | None) -> None:
        if changed is not None and isinstance(changed.facts, GatewayBackends):
            slices = (entry.facts for entry in self._of_kind(kinds.GATEWAY_SLICE))
            self._lingering.note(facts for facts in slices if isinstance(facts, GatewayBackends))

    def _replace(self, ref: Ref, entry: Entry | None) -> Entry | None:
        before = self._entries.pop(ref, None)
        for key in index_keys(before) if before else ():
            self._index.discard(key, ref)
        if entry is not None:
            self._entries[ref] = entry
            for key in index_keys(entry):
                self._index.add(key, ref)
        return before

    def indexed(self, key: IndexKey) -> Iterator[Entry]:
        """The entries of an index key, ordered by name."""
        return (self._entries[ref] for ref in sorted(self._index.of(key)))

    def endpoints(self) -> list[Ref]:
        """All endpoints."""
        return [ref for ref in self._entries if ref.kind == kinds.ENDPOINT.name]

    def roots(self) -> list[Ref]:
        """All endpoints and MLModels."""
        return [ref for ref in self._entries if ref.kind in kinds.ROOTS]

    def endpoint(self, ref: Ref) -> Endpoint | None:
        """One endpoint."""
        facts = self._facts(ref)
        return facts if isinstance(facts, Endpoint) else None

    def keep_host(self, ref: Ref) -> None:
        """Reserves its host for an endpoint that was granted it, before a watch shows the status that records this."""
        if (endpoint := self.endpoint(ref)) is not None:
            self._hosts.keep(ref, endpoint)

    def template(self, ref: Ref) -> Template | None:
        """One config or model that a user wrote."""
        facts = self._facts(ref)
        return facts if isinstance(facts, EndpointConfig | Model) else None

    def users(self, ref: Ref) -> tuple[Ref, ...]:
        """The endpoints that use a template, directly or by a config."""
        if ref.kind == kinds.CONFIG.name:
            return tuple(entry.ref for entry in self.indexed(by_config(ref.namespace, ref.name)))
        configs = self.indexed(by_model(ref.namespace, ref.name))
        return tuple(sorted({user for config in configs for user in self.users(config.ref)}))

    def requested(self, ref: Ref, *, now: float, settings: Settings) -> World | None:
        """The requested state of one endpoint, without its children; None if the endpoint does not exist."""
        endpoint = self.endpoint(ref)
        if endpoint is None:
            return None
        config = self._config(endpoint)
        models = self._models(config)
        return World(
            now=now,
            settings=settings,
            endpoint=endpoint,
            config=config,
            models=models,
            own_claims=self._own_claims(
                ref.namespace,
                (*(model.spec.artifact for model in models.values()), *(sinks(config.spec) if config else ())),
            ),
            host_owner=self._hosts.owner(ref, endpoint),
            foreign_routes=self._hosts.foreign(endpoint),
            installed=self.installed,
        )

    def world(
        self,
        ref: Ref,
        *,
        now: float,
        settings: Settings,
        answers: Answers | None = None,
        rejections: Mapping[Ref, Rejection] | None = None,
    ) -> World | None:
        """All that is observed of one endpoint; None if it does not exist."""
        requested = self.requested(ref, now=now, settings=settings)
        if requested is None:
            return None
        owned = list(self.indexed(by_controller(ref.namespace, requested.endpoint.metadata.uid)))
        instances = [entry for entry in owned if isinstance(entry.facts, Instance)]
        models = {i.name: o for i, o in _objects(instances) if isinstance(o, Model)}
        gateways = self.gateways(settings.https_port if requested.endpoint.spec.tls else settings.http_port)
        answers = answers or Answers()
        return msgspec.structs.replace(
            requested,
            config_instances={i.name: o for i, o in _objects(instances) if isinstance(o, EndpointConfig)},
            model_instances=models,
            children={child.ref: child for child in self._children(ref.namespace, owned, models)},
            pods=tuple(self._pods(ref.namespace, models)),
            gateways=gateways,
            lingering=self._lingering.since(now),
            answers=answers.expected_of(gateways),
            unexpected=answers.unexpected_of(gateways),
            rejections=rejections or {},
            orphans=self._orphans(ref),
            routes_since=now - self._route_times.age(ref),
        )

    def mlmodel_world(
        self, ref: Ref, *, now: float, settings: Settings, rejections: Mapping[Ref, Rejection]
    ) -> MLModelWorld | None:
        """All that is observed of one MLModel; None if it does not exist."""
        model = self._facts(ref)
        if not isinstance(model, MLModel):
            return None
        owned = [
            child for e in self.indexed(by_controller(ref.namespace, model.metadata.uid)) for child in self._as_child(e)
        ]
        downloads = {child.ref.name for child in owned if child.ref.kind == kinds.JOB.name}
        return MLModelWorld(
            now=now,
            settings=settings,
            model=model,
            children={child.ref: child for child in owned},
            pods=tuple(self._pods(ref.namespace, {ref.name, *downloads})),
            rejections=rejections,
            orphans=self._orphans(ref),
            own_claims=self._own_claims(ref.namespace, (model.spec.artifact, sink_of(model.spec))),
            installed=self.installed,
        )

    def _own_claims(self, namespace: str, urls: Iterable[str]) -> frozenset[str]:
        """Those of the claims in artifacts and sinks that the operator created: others are not watched."""
        named = {source_claim(url) for url in urls} - {""}
        return frozenset(name for name in named if self._facts(Ref(kinds.CLAIM.name, namespace, name)))

    def _orphans(self, root: Ref) -> tuple[Child, ...]:
        return tuple(child for entry in self.indexed(by_orphan(root)) for child in self._as_child(entry))

    def gateways(self, port: int) -> tuple[GatewayPod, ...]:
        """The gateway's serving pods, at the target port of its Service's ``port``."""
        ports = (e.facts.names for e in self._of_kind(kinds.GATEWAY_SERVICE) if isinstance(e.facts, GatewayPorts))
        name = next((names[port] for names in ports if port in names), None)
        slices = (e.facts for e in self._of_kind(kinds.GATEWAY_SLICE))
        named = (s for s in slices if isinstance(s, GatewayBackends) and name in s.ports)
        pods = {pod: GatewayPod(pod, address, s.ports[name or ""]) for s in named for pod, address in s.pods}
        return tuple(sorted(pods.values()))

    def _of_kind(self, kind: kinds.Kind) -> Iterator[Entry]:
        return self.indexed((kind.name,))

    def _facts(self, ref: Ref) -> Facts | None:
        entry = self._entries.get(ref)
        return entry.facts if entry else None

    def _config(self, endpoint: Endpoint) -> EndpointConfig | None:
        facts = self._facts(Ref(kinds.CONFIG.name, endpoint.metadata.namespace, endpoint.spec.config))
        return facts if isinstance(facts, EndpointConfig) else None

    def _models(self, config: EndpointConfig | None) -> dict[str, Model]:
        if config is None:
            return {}
        names = sorted({variant.model for variant in config.spec.models})
        found = ((name, self._facts(Ref(kinds.MODEL.name, config.metadata.namespace, name))) for name in names)
        return {name: facts for name, facts in found if isinstance(facts, Model)}

    def _children(self, namespace: str, owned: Iterable[Entry], models: Mapping[str, Model]) -> Iterator[Child]:
        for entry in owned:
            yield from self._as_child(entry)
        for name, model in models.items():
            for entry in self.indexed(by_controller(namespace, model.metadata.uid)):
                yield from self._as_child(entry) if isinstance(entry.facts, Child) else ()
            for entry in self.indexed(by_instance(namespace, name)):
                yield from (entry.facts.child,) if isinstance(entry.facts, Volume) else ()

    def _as_child(self, entry: Entry) -> Iterator[Child]:
        match entry.facts:
            case Instance(child=child) | Route(child=Child() as child):
                yield child
            case Child() as child if child.ref.kind == kinds.SERVICE.name:
                yield msgspec.structs.replace(child, ready_addresses=self._ready_addresses(child.ref))
            case Child() as child:
                yield child
            case _:
                return

    def _ready_addresses(self, service: Ref) -> int:
        slices = (entry.facts for entry in self.indexed(by_service(service.namespace, service.name)))
        return len({pod for facts in slices if isinstance(facts, Backends) for pod in facts.ready})

    def _pods(self, namespace: str, models: Iterable[str]) -> Iterator[PodFacts]:
        for name in sorted(models):
            found = (entry.facts for entry in self.indexed(by_instance(namespace, name)))
            yield from (facts for facts in found if isinstance(facts, PodFacts))

    def root(self, namespace: str, controller: str) -> Ref | None:
        """The endpoint or MLModel with this uid in a namespace, or the endpoint whose model instance has it.

        Follows one owner reference at most, between known kinds: users may edit them, and create cycles.
        """
        owner = self._only(by_uid(namespace, controller))
        if owner is not None and isinstance(owner.facts, Instance):
            owner = self._only(by_uid(namespace, owner.facts.child.controller))
            return owner.ref if owner and isinstance(owner.facts, Endpoint) else None
        return owner.ref if owner else None

    def _only(self, key: IndexKey) -> Entry | None:
        return next(self.indexed(key), None)


def _objects(instances: Iterable[Entry]) -> Iterator[tuple[Ref, Template]]:
    return ((entry.ref, entry.facts.object) for entry in instances if isinstance(entry.facts, Instance))
