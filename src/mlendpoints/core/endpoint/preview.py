"""Preview of an endpoint: its plans are carried out in memory, by the operator's own decisions.

``dry_run`` goes as far as the operator gets now, until it has to wait for
something. ``preview`` goes on to the end, as if all went well: pods become
ready, claims are bound, gateways answer, old pods finish. Every world on the
way is one that the operator may see, and its plan is the operator's.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest, canonical
from mlendpoints.core.course import Course, Manifests, Stage, Usage, more_of, usage_of
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.manifests.storage import volume_name
from mlendpoints.core.plan import Adopt, Apply, Create, Plan, Refreeze, Release, Replace, Scale, SetStatus, Write
from mlendpoints.core.world import Child, PodFacts, Ref, World
from mlendpoints.core.written import DEPLOYMENT, VIRTUAL_SERVICE, applied, merge_patched, written_child

_STEPS = 500  # a course that has not ended then is cut off
_TIMES = 20  # that pass until it is time for the next step

Now = Stage[World]
T = TypeVar("T", Model, EndpointConfig)


def dry_run(world: World, live: Manifests) -> Course[World]:
    """What the operator does now, until it has to wait. ``live``: the children as the API server has them."""
    return _followed(Stage(world, live), all_goes_well=False)


def preview(world: World, live: Manifests) -> Course[World]:
    """The same to the end, if all goes well."""
    return _followed(Stage(world, live), all_goes_well=True)


def _followed(start: Now, *, all_goes_well: bool) -> Course[World]:
    stage, peak, times = start, usage_of(start), _TIMES
    for _ in range(_STEPS):
        plan = plan_endpoint(stage.world)
        after = carried_out(stage, plan)
        if after is None:
            return Course(start=start, end=None, peak=peak)
        peak = _peak(peak, after)
        if any(isinstance(write, Adopt) for write in plan.writes):  # what is adopted is not known in full
            return Course(start=start, end=after, peak=peak, is_complete=False)
        if _is_same(after, stage):
            after = _gone_well(after, plan) if all_goes_well else after
        if _is_same(after, stage):
            if not (all_goes_well and times and _is_timed(plan, stage.world)):
                return Course(start=start, end=after, peak=peak)
            times -= 1
            after = Stage(replace(stage.world, now=plan.recheck or stage.world.now), stage.manifests)
        stage = after
    return Course(start=start, end=stage, peak=peak, is_complete=False)


def _peak(peak: Usage, stage: Now) -> Usage:
    return more_of(peak, usage_of(stage))


def _is_same(one: Now, other: Now) -> bool:
    return one.world == other.world


def _is_timed(plan: Plan, world: World) -> bool:
    """Whether only the time is waited for that proves the routes."""
    return world.settings.proof == "timed" and plan.recheck == world.routes_since + world.settings.proof_seconds


def carried_out(stage: Now, plan: Plan) -> Now | None:
    """The world once a plan is carried out and observed; None if the endpoint is gone then."""
    if plan.finalizer is False:
        return None
    for write in plan.writes:
        stage = _written(stage, write)
    for child in plan.prune:
        stage = _deleted(stage, child.ref)
    endpoint = stage.world.endpoint
    if plan.finalizer:
        finalizers = (*endpoint.metadata.finalizers, labels.ROUTES_FINALIZER)
        endpoint = replace(endpoint, metadata=replace(endpoint.metadata, finalizers=finalizers))
    if plan.status is not None:
        endpoint = replace(endpoint, status=plan.status)
    return Stage(replace(stage.world, endpoint=endpoint), stage.manifests)


def _written(stage: Now, write: Write) -> Now:  # noqa: PLR0911 - one case for each kind of write
    match write:
        case Create(ref, manifest):
            return _put(stage, ref, manifest, manifest)
        case Apply(ref, manifest):
            child = stage.world.children[ref]
            return _put(stage, ref, manifest, applied(stage.manifests.get(ref, {}), manifest, child.fields))
        case Replace(child, manifest):
            return _put(stage, child.ref, manifest, manifest)
        case Scale(child, replicas, requested):
            return _scaled(stage, child, replicas, requested)
        case Refreeze(child, frozen):
            return _patched(stage, child.ref, {"spec": {"instance": frozen}})
        case SetStatus(child, status):
            return _patched(stage, child.ref, {"status": status})
        case Release(child):
            return _deleted(stage, child.ref)
        case Adopt(child, owner):
            adopted = replace(child, controller=str(owner["uid"]), orphan_of=None)
            orphans = tuple(orphan for orphan in stage.world.orphans if orphan.ref != child.ref)
            return _with_child(Stage(replace(stage.world, orphans=orphans), stage.manifests), adopted)


def _put(stage: Now, ref: Ref, manifest: Manifest, stored: Manifest) -> Now:
    world = stage.world
    child = written_child(ref, manifest, world.children.get(ref), now=world.now)
    if ref.kind == "Gateway":
        child = replace(child, listeners=parse_listeners(manifest))
    if ref.kind == VIRTUAL_SERVICE:
        world = replace(world, routes_since=world.now, answers={}, unexpected={})
    rejections = {known: rejection for known, rejection in world.rejections.items() if known != ref}
    stage = Stage(replace(world, rejections=rejections), {**stage.manifests, ref: stored})
    return _with_instance(_with_child(stage, child), ref, manifest, child.uid)


def _with_child(stage: Now, child: Child) -> Now:
    children = {**stage.world.children, child.ref: child}
    return Stage(replace(stage.world, children=children), stage.manifests)


def _with_instance(stage: Now, ref: Ref, manifest: Manifest, uid: str) -> Now:
    typed = manifest | {"metadata": manifest["metadata"] | {"uid": uid, "generation": 1}}
    world = stage.world
    if ref.kind == Model.KIND:
        model = msgspec.convert(typed, Model)
        world = replace(world, model_instances={**world.model_instances, ref.name: model})
    elif ref.kind == EndpointConfig.KIND:
        config = msgspec.convert(typed, EndpointConfig)
        world = replace(world, config_instances={**world.config_instances, ref.name: config})
    return Stage(world, stage.manifests)


def _scaled(stage: Now, child: Child, replicas: int, requested: str | None) -> Now:
    known = stage.world.children.get(child.ref, child)
    annotations = {} if requested is None else {labels.REQUESTED: requested}
    current = known.current and child.ref.kind != DEPLOYMENT
    scaled = replace(known, replicas=replicas, requested=requested or known.requested, current=current)
    patch = {"metadata": {"annotations": annotations}, "spec": {"replicas": replicas}}
    return _patched(_with_child(stage, scaled), child.ref, patch)


def _patched(stage: Now, ref: Ref, patch: Manifest) -> Now:
    """A merge patch, of an instance also as the typed object."""
    world, manifests = stage.world, stage.manifests
    if ref in manifests:
        manifests = {**manifests, ref: merge_patched(manifests[ref], patch)}
    if ref.kind == Model.KIND and ref.name in world.model_instances:
        models = {**world.model_instances, ref.name: _typed(world.model_instances[ref.name], patch)}
        world = replace(world, model_instances=models)
    elif ref.kind == EndpointConfig.KIND and ref.name in world.config_instances:
        configs = {**world.config_instances, ref.name: _typed(world.config_instances[ref.name], patch)}
        world = replace(world, config_instances=configs)
    return Stage(world, manifests)


def _typed(instance: T, patch: Manifest) -> T:
    patch = patch if "spec" in patch else {"status": {**dict.fromkeys(canonical(instance.status)), **patch["status"]}}
    return msgspec.convert(merge_patched(canonical(instance), patch), type(instance))


def _deleted(stage: Now, ref: Ref) -> Now:
    """Without an object and all that it controls; the pods of a Deployment finish their requests."""
    world = stage.world
    gone = world.children.get(ref)
    if gone is None:
        return stage
    children = {known: child for known, child in world.children.items() if known != ref}
    world = replace(
        world,
        children=_released(children, ref),
        model_instances=_but(world.model_instances, ref, Model.KIND),
        config_instances=_but(world.config_instances, ref, EndpointConfig.KIND),
        pods=tuple(_leaving(pod, ref) for pod in world.pods),
    )
    if ref.kind == VIRTUAL_SERVICE:
        world = replace(world, routes_since=world.now, answers={}, unexpected={})
    stage = Stage(world, stage.manifests)
    for other in [known for known, child in children.items() if child.controller == gone.uid]:
        stage = _deleted(stage, other)
    return stage


def _but(instances: Mapping[str, T], ref: Ref, kind: str) -> Mapping[str, T]:
    return {name: found for name, found in instances.items() if (ref.kind, ref.name) != (kind, name)}


def _released(children: dict[Ref, Child], claim: Ref) -> dict[Ref, Child]:
    if claim.kind != "PersistentVolumeClaim":
        return children
    volume = Ref("PersistentVolume", "", volume_name(claim.namespace, claim.name))
    released = {volume: replace(children[volume], released=True)} if volume in children else {}
    return {**children, **released}


def _leaving(pod: PodFacts, ref: Ref) -> PodFacts:
    return replace(pod, deleting=True) if (ref.kind, ref.name) == (DEPLOYMENT, pod.instance) else pod


def _gone_well(stage: Now, plan: Plan) -> Now:
    """Everyone else has done their part: Deployments, claims, gateways, garbage collection, callers."""
    world = stage.world
    kept = {ref: child for ref, child in world.children.items() if not child.deleting}
    replicas = {ref.name: child.replicas or 0 for ref, child in kept.items() if ref.kind == DEPLOYMENT}
    gateways = tuple(gateway.name for gateway in world.gateways)
    world = replace(
        world,
        children={ref: _ready(child, replicas) for ref, child in kept.items()},
        pods=tuple(pod for name in sorted(replicas) for pod in _pods(name, replicas[name], world.pods)),
        answers=dict.fromkeys(plan.probes, gateways),
        unexpected={},
        rejections={},
    )
    return Stage(world, stage.manifests)


def _ready(child: Child, replicas: Mapping[str, int]) -> Child:
    match child.ref.kind:
        case "Deployment":
            count = child.replicas or 0
            return replace(child, current=True, ready_replicas=count, newest_ready=count, failure="", stalled=False)
        case "Service":
            return replace(child, ready_addresses=replicas.get(child.ref.name, 0))
        case "PersistentVolumeClaim":
            return replace(child, bound=True)
        case _:
            return child


def _pods(instance: str, count: int, known: tuple[PodFacts, ...]) -> tuple[PodFacts, ...]:
    """Ready pods: those that are, and new ones."""
    ready = [pod for pod in known if pod.instance == instance and pod.ready and not pod.deleting][:count]
    new = (PodFacts(name=f"{instance}-new-{n}", instance=instance, ready=True) for n in range(count - len(ready)))
    return (*ready, *new)
