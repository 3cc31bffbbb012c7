"""A state as the operator would observe it: the world that the real ``plan_endpoint`` is asked about.

Only what can be observed goes in: not what gateways really do, only what they
have answered. Manifests come from the plans themselves, so that an object
counts as written exactly when the product says so.
"""

import json
from functools import cache

import msgspec
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint, EndpointStatus, HistoryEntry, Outcome, UpdateStatus
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import ref_of
from mlendpoints.core.endpoint.updates import Phase
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.times import precise_timestamp
from mlendpoints.core.world import Child, ContainerFacts, Listener, PodFacts, Probe, Ref, Routes, World
from tests.kit import builders
from tests.model.asks import config_of, endpoint_spec, instances_with_bad_image, models_of, settings_of
from tests.model.state import ABSENT, ALTERED, DELETING, GONE, LISTED, LIVING, OVERDUE, Instance, State, Status, Update
from tests.simulation import fields_of

Says = Routes | tuple[Listener, ...]  # of a VirtualService, of a Gateway: they differ by what they say
NOW = 1_700_000_000.0
PODS = {False: ContainerFacts(name="model"), True: ContainerFacts(name="model", ready=True)}
BROKEN = ContainerFacts(name="model", waiting_reason="ImagePullBackOff", waiting_message="no such image")
_DEADLINE = endpoint_spec("shared").spec.update.deadline_seconds
_ENDPOINT = endpoint_spec("shared").metadata.name
_NOW = precise_timestamp(NOW)
_THEN = NOW - _DEADLINE - 1
_LONG_AGO = precise_timestamp(_THEN)
_DELETED = {DELETING: _NOW, OVERDUE: precise_timestamp(NOW - 3600)}


class Observed:
    """Makes worlds; remembers the manifests that it was shown."""

    def __init__(self) -> None:
        self._manifests: dict[Ref | Says, Child] = {}
        self._typed: dict[tuple[Ref, int], Model | EndpointConfig] = {}
        self._written: dict[Ref, Manifest] = {}

    def remember(self, manifest: Manifest, says: "Says | None") -> None:
        """Takes note of what a plan writes."""
        ref = ref_of(manifest)
        self._written.setdefault(ref, manifest)
        key = ref if says is None else says
        if key not in self._manifests:
            self._manifests[key] = _projection(ref, manifest, says)

    def world(self, state: State) -> World:
        """What the operator knows in this state."""
        assert state.life != GONE
        models = {name: self._model(name, instance) for name, instance in state.instances}
        children = {child.ref: child for child in self._children(state)}
        return World(
            now=NOW,
            settings=settings_of(state.ask),
            endpoint=_endpoint(state),
            config=config_of(state.ask),
            models=models_of(state.ask),
            config_instances={name: self._config(name) for name in state.configs},
            model_instances=models,
            children=children,
            pods=tuple(pod for name, instance in state.instances for pod in _pods(name, instance)),
            gateways=builders.GATEWAYS,
            lingering=_lingering(state),
            answers=_answers(state),
            unexpected=_unexpected(state),
        )

    def _model(self, name: str, instance: Instance) -> Model:
        ref, replicas = Ref(Model.KIND, builders.NAMESPACE, name), instance.replicas
        if (ref, replicas) not in self._typed:
            manifest = self._written[ref]
            self._typed[(ref, replicas)] = _typed(manifest | {"spec": manifest["spec"] | {"replicas": replicas}}, Model)
        found = self._typed[(ref, replicas)]
        assert isinstance(found, Model)
        return _as_before(found) if instance.earlier else found

    def _config(self, name: str) -> EndpointConfig:
        ref = Ref(EndpointConfig.KIND, builders.NAMESPACE, name)
        if (ref, 0) not in self._typed:
            self._typed[(ref, 0)] = _typed(self._written[ref], EndpointConfig)
        found = self._typed[(ref, 0)]
        assert isinstance(found, EndpointConfig)
        return found

    def _children(self, state: State) -> list[Child]:
        found = [self._manifests[Ref(EndpointConfig.KIND, builders.NAMESPACE, name)] for name in state.configs]
        found += self._part(state.listeners, state.gateway)
        found += self._part(monitor_ref(), state.monitor)
        for name, instance in state.instances:
            found += self._parts(name, instance)
        if state.routes is not None:
            routes = self._virtual_service(state.routes, altered=state.routes_altered)
            found.append(replace(routes, written=_THEN) if _is_late(state) else routes)
        return found

    def _parts(self, name: str, instance: Instance) -> list[Child]:
        model = self._manifests[Ref(Model.KIND, builders.NAMESPACE, name)]
        service = self._part(Ref("Service", builders.NAMESPACE, name), instance.service)
        deployment = self._part(Ref("Deployment", builders.NAMESPACE, name), instance.deployment)
        return [
            replace(model, replicas=instance.replicas, requested=instance.requested),
            *(replace(child, ready_addresses=instance.ready) for child in service),
            *self._part(Ref("DestinationRule", builders.NAMESPACE, name), instance.rule),
            *(_deployment(child, instance) for child in deployment),
        ]

    def _part(self, key: "Ref | Says", state: int) -> list[Child]:
        if state == ABSENT:
            return []
        child = self._manifests[key]
        return [replace(child, fields="") if state == ALTERED else child]

    def _virtual_service(self, routes: Routes, *, altered: bool) -> Child:
        if altered:
            written = next(child for key, child in self._manifests.items() if _revision(key) == routes.revision)
            return replace(written, fields="", routes=routes)
        return self._manifests[routes]


def _deployment(child: Child, instance: Instance) -> Child:
    counted = replace(child, replicas=instance.pods, ready_replicas=instance.ready)
    return replace(counted, builder="0", manifest_hash="earlier") if instance.built_earlier else counted


def _as_before(model: Model) -> Model:
    """With another image of the proxy, and no revision of the pod template."""
    marks = instance_of(model)
    earlier = replace(marks, builder="", images=replace(marks.images, nginx="nginx:0"))
    return replace(model, spec=replace(model.spec, instance=earlier))


def monitor_ref() -> Ref:
    """The metrics Service of the endpoint."""
    return Ref("Service", builders.NAMESPACE, f"{_ENDPOINT}-metrics")


def _revision(key: "Ref | Says") -> str:
    return key.revision if isinstance(key, Routes) else ""


def _projection(ref: Ref, manifest: Manifest, says: "Says | None") -> Child:
    notes = manifest["metadata"].get("annotations", {})
    return Child(
        ref=ref,
        uid=uid_of(ref),
        resource_version="1",
        manifest_hash=notes.get(labels.MANIFEST_HASH, ""),
        fields=fields_of(manifest),
        written=NOW,
        builder=notes.get(labels.BUILDER, ""),
        routes=says if isinstance(says, Routes) else None,
        listeners=says if isinstance(says, tuple) else (),
    )


def uid_of(ref: Ref) -> str:
    """Uids are canonical: the object re-created is the same."""
    return f"uid-of-{ref.kind}-{ref.name}"


def _typed(manifest: Manifest, kind: type[Model] | type[EndpointConfig]) -> Model | EndpointConfig:
    meta = manifest["metadata"] | {"uid": uid_of(ref_of(manifest)), "generation": 1}
    return msgspec.convert(json.loads(json.dumps(manifest | {"metadata": meta})), kind)


def _endpoint(state: State) -> Endpoint:
    requested = endpoint_spec(state.ask, state.keep)
    metadata = replace(
        requested.metadata,
        finalizers=(labels.ROUTES_FINALIZER,) if state.finalizer else (),
        deletion_timestamp=None if state.life == LIVING else _DELETED[state.life],
    )
    return replace(requested, metadata=metadata, status=status_of(state.status))


@cache
def status_of(status: Status) -> EndpointStatus:
    """A status that says what is kept, and nothing else."""
    return EndpointStatus(
        config_version=status.config_version,
        update=status.update and _update_of(status.update),
        history=(
            *(_entry(target, "Failed") for target in status.failed),
            *(_entry(target, "Succeeded") for target in status.earlier),
        ),
        route_revision=status.route_revision,
        host=endpoint_spec("shared").spec.host if status.host else "",
    )


def _update_of(update: Update) -> UpdateStatus:
    phase = Phase.RESOLVING_REFERENCES.value if update.paused else ""
    return UpdateStatus(target=update.target, phase=phase, start_time=_LONG_AGO if update.late else _NOW)


def _entry(target: str, outcome: Outcome) -> HistoryEntry:
    return HistoryEntry(target=target, outcome=outcome, reason="DeadlineExceeded", start_time=_LONG_AGO, end_time=_NOW)


def abstract_status(status: EndpointStatus, keep: int) -> Status:
    """What is kept of a status."""
    succeeded = dict.fromkeys(entry.target for entry in status.history if entry.outcome == "Succeeded")
    update = None if status.update is None or status.update.phase == Phase.REMOVING_OLD else status.update
    newest = {entry.target: entry.outcome for entry in reversed(status.history)}
    return Status(
        config_version=status.config_version,
        update=None
        if update is None
        else Update(update.target, late=update.start_time < _NOW, paused=update.phase == Phase.RESOLVING_REFERENCES),
        failed=tuple(sorted(target for target, outcome in newest.items() if outcome == "Failed")),
        earlier=tuple(succeeded) if keep else (),
        route_revision=status.route_revision,
        host=bool(status.host),
        ready=any(c.type == "Ready" and c.status == "True" for c in status.conditions),
    )


def _pods(name: str, instance: Instance) -> list[PodFacts]:
    bad = name in instances_with_bad_image()
    leaving = [PodFacts(name=f"{name}-leaving", instance=name, deleting=True)] if instance.leaving else []
    return leaving + [
        PodFacts(
            name=f"{name}-{n}",
            instance=name,
            ready=n < instance.ready,
            containers=(BROKEN if bad else PODS[n < instance.ready],),
        )
        for n in range(instance.pods)
    ]


def _is_late(state: State) -> bool:
    """The gateways have had as long for the routes as the pods had, and as the deadline allows."""
    return state.status.update is not None and state.status.update.late


def _lingering(state: State) -> dict[str, float]:
    pods = zip(builders.GATEWAYS, state.gateways, strict=True)
    return {pod.name: NOW if gateway.dead == LISTED else _THEN for pod, gateway in pods if gateway.dead}


def _unexpected(state: State) -> dict[Probe, dict[str, str]]:
    names = [pod.name for pod in builders.GATEWAYS]
    return {
        probe: {
            name: "status 404"
            for name, gateway in zip(names, state.gateways, strict=True)
            if probe not in gateway.answered
        }
        for probe in state.requested
    }


def _answers(state: State) -> dict[Probe, tuple[str, ...]]:
    names = [pod.name for pod in builders.GATEWAYS]
    return {
        probe: tuple(name for name, gateway in zip(names, state.gateways, strict=True) if probe in gateway.answered)
        for probe in state.requested
    }
