"""What must be true: rollout's invariants, told of states, of single writes, and of what a plan claims.

A mishap (pods that fail, an object deleted by hand) may break what callers
get; the operator must not. So a model instance that a mishap made unreachable
is *excused* until it answers on every gateway again, and routes that somebody
changed by hand are not held against the operator until it has written its own.
"""

from collections.abc import Iterator
from functools import lru_cache

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.waypoints import Waypoint
from mlendpoints.core.world import Routes
from tests.model.asks import ASKS, config_of, listener_of, models_of, target_of
from tests.model.operator import Decision
from tests.model.state import (
    ABSENT,
    FORGOTTEN,
    GATEWAY,
    GONE,
    LIVING,
    OVERDUE,
    ROUTES,
    Gateway,
    Instance,
    Op,
    State,
    Status,
    Verb,
)
from tests.model.steps import course_through, wrong_step

Broken = Iterator[str]


def broken_in(state: State) -> Broken:
    """Of a state: what takes traffic stands, has ready pods, and is known to every gateway that sends there."""
    if state.routes is not None and not state.routes_altered:
        for instance in _weighted(state.routes):
            if not _is_reachable(state, instance):
                yield f"the VirtualService gives a weight to {instance}, which is not reachable"
    if not state.finalizer and (state.routes is not None or state.gateway != ABSENT):
        yield "routes stand that a deletion of the endpoint could leave behind"
    if state.life in {OVERDUE, GONE}:
        return  # after a minute routes count as gone, since somebody else may answer for the host
    for n, gateway in alive(state):
        for instance in _weighted(gateway.routes) if gateway.listeners else ():
            if not _is_reachable(state, instance):
                yield f"gateway {n} sends requests to {instance}, which is not reachable"
            elif instance not in gateway.known and instance not in state.excused:
                yield f"gateway {n} sends requests to {instance}, which it does not know"


def alive(state: State) -> Iterator[tuple[int, Gateway]]:
    """Gateway pods that have callers, by their numbers."""
    return ((n, gateway) for n, gateway in enumerate(state.gateways) if not gateway.dead)


def _weighted(routes: Routes | None) -> tuple[str, ...]:
    return tuple(d.instance for d in routes.destinations if d.weight > 0) if routes else ()


def _is_reachable(state: State, name: str) -> bool:
    instance = state.instance(name)
    stands = instance is not None and instance.service != ABSENT and instance.ready > 0
    return stands or name in state.excused


def broken_by(state: State, after: State) -> Broken:
    """Of the first pending thing of a state, and what it makes of it."""
    op = state.pending[0]
    if (op.kind, op.name) in _templates():
        yield f"the template {op.kind} {op.name} is written or deleted"
    if after.routes != state.routes and after.routes is not None:
        yield from _broken_by_routes(state, after.routes)
        yield from _broken_by_step(state, after.routes)
    if op.kind == "Gateway" and state.listeners and after.listeners:
        yield from _broken_by_closing(state, after)
    if op.verb is Verb.CHECK and after.pending and state.life == LIVING and state.routes is None:
        yield "deletions are due although there is no VirtualService"
    if op.verb is Verb.DELETE:
        yield from _broken_by_deletion(state, op)
    if op.verb is Verb.SCALE or op.verb is Verb.APPLY:
        yield from _broken_by_scaling(state, after, op)
    if op.kind == "Deployment" and op.verb in {Verb.CREATE, Verb.APPLY}:
        yield from _broken_by_building(state, after, op)
    if op.verb is Verb.LEAVE and after.life == GONE:
        yield from _broken_by_leaving(state)


def _broken_by_closing(state: State, after: State) -> Broken:
    """A listener closes when callers get the same at another, at every gateway pod."""
    for listener in set(state.listeners) - set(after.listeners):
        for n, gateway in alive(state):
            served = set(gateway.listeners) & set(after.listeners) and gateway.routes == state.routes
            if not served and ROUTES not in state.excused and gateway.routes is not None:
                yield f"the listener {listener.port} closes before gateway {n} serves at another"


@lru_cache
def _templates() -> frozenset[tuple[str, str]]:
    models = {(Model.KIND, model) for name in ASKS for model in models_of(name)}
    return frozenset(models | {(EndpointConfig.KIND, config_of(name).metadata.name) for name in ASKS})


def _broken_by_routes(state: State, routes: Routes) -> Broken:
    if routes.destinations and routes.destinations not in _legitimate(stepwise=state.stepwise):
        yield f"the routes say what nobody ever asked: {_told(routes.destinations)}"
    known = set(_weighted(state.routes)) if state.routes else {i for i in _weighted(routes) if _was_routed(state, i)}
    for instance in set(_weighted(routes)) - known:
        for n, gateway in alive(state):
            if instance not in gateway.known and instance not in state.excused:
                yield f"{instance} gets a weight before gateway {n} knows it"


def _was_routed(state: State, instance: str) -> bool:
    """While the VirtualService is away: what the record in the status says has served."""
    record = recorded_target(state)
    return record is not None and instance in record.instances


def recorded_target(state: State) -> Target | None:
    """What the status says has served: waypoint 0 of an update."""
    targets = (target_of(name) for name in ASKS)
    return next((t for t in targets if t is not None and t.version == state.status.config_version), None)


def can_return(state: State) -> bool:
    """Whether all that the status says has served is still there."""
    record = recorded_target(state)
    if record is None or record.config_instance not in state.configs:
        return False
    return all(d.vacant or state.instance(d.instance) is not None for d in record.destinations)


@lru_cache
def _legitimate(*, stepwise: bool) -> frozenset[Waypoint]:
    requested = {target.destinations for name in ASKS if (target := target_of(name)) is not None}
    courses = [course_through(old, new) for old in requested for new in requested] if stepwise else []
    return frozenset(requested.union(*(course.waypoints for course in courses)))


def _broken_by_step(state: State, routes: Routes) -> Broken:
    """Waypoint by waypoint towards what is requested, each on every gateway before the next."""
    record = recorded_target(state)
    if not state.stepwise or record is None or not can_return(state) or state.routes is None or state.routes_altered:
        return
    before, after = state.routes.destinations, routes.destinations
    if before == after:
        return
    courses = [course_through(record.destinations, requested) for requested in _legitimate(stepwise=False)]
    possible = [course for course in courses if not any(wrong_step(course, before, after))]
    if not possible:
        yield f"a waypoint is skipped: {_told(before)} becomes {_told(after)}"
    elif all(course.position(before) for course in possible) and after != record.destinations:
        for n, gateway in alive(state):
            served = gateway.routes is not None and gateway.routes.destinations == before
            if not served and ROUTES not in state.excused:
                yield f"the next waypoint is written before gateway {n} serves the one before"


def _told(destinations: Waypoint) -> str:
    return ", ".join(f"{d.variant}={d.weight} -> {d.instance}" for d in destinations)


def _broken_by_deletion(state: State, op: Op) -> Broken:
    instance = state.instance(op.name)
    if op.kind == EndpointConfig.KIND or instance is None:
        return
    yield from _broken_by_loss(state, op.name, f"{op.kind} {op.name} is deleted")
    yield from _broken_by_no_return(state, op.name, f"{op.kind} {op.name} is deleted")
    if op.kind in {Model.KIND, "Service"} and (instance.leaving or instance.pods):
        yield f"{op.kind} {op.name} is deleted before its pods are gone"


def _broken_by_scaling(state: State, after: State, op: Op) -> Broken:
    before, now = state.instance(op.name), after.instance(op.name)
    if before is not None and now is not None and before.ready > 0 and now.ready == 0:
        yield from _broken_by_loss(state, op.name, f"{op.name} is scaled to nothing")
        yield from _broken_by_no_return(state, op.name, f"{op.name} is scaled to nothing")


def _broken_by_no_return(state: State, instance: str, what: str) -> Broken:
    """What the status says has served stays, since an update that fails leads back to it."""
    record = recorded_target(state)
    if record is None or state.life != LIVING or not can_return(state):
        return
    if any(d.instance == instance and not d.vacant for d in record.destinations):
        yield f"{what} although the status names its version"


def _broken_by_building(state: State, after: State, op: Op) -> Broken:
    """Template and images are of one release, and an upgrade builds no pods that run already."""
    before, now = state.instance(op.name), after.instance(op.name)
    if before is None or now is None or (op.verb is Verb.CREATE and before.deployment != ABSENT):
        return
    if before.earlier:
        yield f"{op.name} gets today's pod template with the images of an earlier release"
    if before.deployment != ABSENT and before.built_earlier:
        yield f"the pods of {op.name}, which an earlier release has made, are started again"


def _broken_by_loss(state: State, instance: str, what: str) -> Broken:
    if state.life == OVERDUE:
        return
    for n, gateway in alive(state):
        if gateway.listeners and instance in _reached(gateway.routes):
            yield f"{what} while gateway {n} sends requests there"


def _reached(routes: Routes | None) -> frozenset[str]:
    """Also by the header that names a variant: a weight of 0 keeps its pods."""
    return frozenset(d.instance for d in routes.destinations if not d.vacant) if routes else frozenset()


def _broken_by_leaving(state: State) -> Broken:
    if state.instances:
        yield "the finalizer goes before the model instances are gone"
    if state.routes is not None:
        yield "the finalizer goes before the routes"
    if state.gateway != ABSENT:
        yield "the finalizer goes before the Gateway"
    for n, gateway in alive(state):
        if gateway.listeners and _reached(gateway.routes) and state.life != OVERDUE:
            yield f"the finalizer goes while gateway {n} still sends requests"


def broken_after(state: State, decision: Decision) -> Broken:
    """Of what a look claims: nothing is called done before it is on every gateway, or failed with all pods ready."""
    if decision.broken:
        yield f"the decision ends with {decision.broken}"
    if state.life == LIVING and not _is_waited_for(state):
        yield from _broken_by_failing(state, decision)
    if not decision.ready or state.life != LIVING:
        return
    target = target_of(state.ask)
    if target is None:
        yield "Ready is said of an endpoint whose references are not resolved"
        return
    yield from _not_as_asked(state, target)


def _broken_by_failing(state: State, decision: Decision) -> Broken:
    """However long the operator was away: a deadline is for pods, and for gateways that have been asked."""
    target = target_of(state.ask)
    told = next((op.value for op in decision.ops if isinstance(op.value, Status)), state.status)
    if target is None or target.version not in set(told.failed) - set(state.status.failed):
        return
    if all(_is_complete(state.instance(variant.instance), variant.spec.instances) for variant in target.variants):
        yield "an update fails by its deadline although all its pods are ready"


def _is_waited_for(state: State) -> bool:
    """Whether a gateway pod that counts has not answered what it was asked."""
    waited = (gateway for gateway in state.gateways if gateway.dead != FORGOTTEN)
    return any(set(state.requested) - gateway.answered for gateway in waited)


def _is_complete(instance: Instance | None, wanted: int) -> bool:
    if instance is None or ABSENT in {instance.service, instance.deployment}:
        return False
    return instance.replicas >= wanted and instance.ready == instance.pods == instance.replicas


def _not_as_asked(state: State, target: Target) -> Broken:
    if state.routes is None or state.routes.destinations != target.destinations:
        yield "Ready is said before the VirtualService is as asked"
        return
    for n, gateway in alive(state):
        if gateway.routes != state.routes and ROUTES not in state.excused:
            yield f"Ready is said before gateway {n} serves what is asked"
    listener = listener_of(state.ask)
    for n, gateway in alive(state):
        if listener not in gateway.listeners and GATEWAY not in state.excused:
            yield f"Ready is said before gateway {n} has opened the requested listener"
    if not target.instances <= {name for name, _ in state.instances}:
        yield "Ready is said before all model instances stand"
    for name, instance in state.instances:
        if name in target.instances and instance.ready < instance.replicas:
            yield f"Ready is said before the pods of {name} are ready"
