"""Everything that can happen next in a state, one small thing at a time.

*Helpful* moves are those that need nobody's leave: the operator goes on, pods
get ready or leave, gateways catch up and answer, time passes where nothing
else can end an update. The others are people's and misfortune's: edits, the
operator killed, pods failing, a gateway pod restarted, objects deleted or
changed by hand, a deadline passing early.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.world import Probe, Routes
from tests.model.asks import ASKS, can_get_ready, instances_with_bad_image, listener_of
from tests.model.effects import gone, perform, stands, without
from tests.model.observed import monitor_ref
from tests.model.operator import Decision
from tests.model.state import (
    ABSENT,
    ALTERED,
    DELETING,
    FORGOTTEN,
    GATEWAY,
    LISTED,
    LIVING,
    OVERDUE,
    ROUTES,
    WRITTEN,
    Gateway,
    State,
    Verb,
)

# kind -> what fails without it
_NEEDED = {Model.KIND: "", "Service": "", "Deployment": "", "VirtualService": ROUTES, "Gateway": GATEWAY}


class Move(Struct, frozen=True):
    """One thing that happens, in words, and what comes of it."""

    what: str
    after: State
    helpful: bool = True
    by_plan: bool = False  # the first pending thing of the operator's plan


def moves(state: State, decision: Decision | None) -> Iterator[Move]:
    """All that can happen; ``decision`` is the operator's, where it could look now."""
    yield from _operator(state, decision)
    yield from _gateways(state)
    yield from _pods(state)
    yield from _time(state, decision)
    if state.budget.mishaps:
        yield from _mishaps(state._replace(budget=state.budget._replace(mishaps=state.budget.mishaps - 1)))
    if state.budget.edits and state.life == LIVING:
        yield from _edits(state._replace(budget=state.budget._replace(edits=state.budget.edits - 1)))


def _operator(state: State, decision: Decision | None) -> Iterator[Move]:
    if decision is not None and decision.ops:
        yield Move("the operator looks, and makes a plan", state._replace(pending=decision.ops))
    if state.pending:
        op = state.pending[0]
        yield Move(f"the operator {op.verb} {op.kind} {op.name}".rstrip(), perform(state), by_plan=True)
        if op.verb is Verb.TELL_LATER:
            yield Move("the operator puts off the status", state._replace(pending=state.pending[1:]), helpful=False)
    if state.pending or state.requested:
        yield Move("the operator is killed, and started again", _without_memory(state), helpful=False)


def _without_memory(state: State) -> State:
    gateways = tuple(gateway._replace(answered=frozenset()) for gateway in state.gateways)
    return state._replace(pending=(), requested=(), gateways=gateways)


def _gateways(state: State) -> Iterator[Move]:
    for n, gateway in enumerate(state.gateways):
        if n and gateway == state.gateways[n - 1]:
            continue
        for what, after in _gateway(state, gateway):
            yield Move(f"gateway {n} {what}", _with_gateway(state, n, after))


def _with_gateway(state: State, n: int, gateway: Gateway) -> State:
    return state._replace(gateways=(*state.gateways[:n], gateway, *state.gateways[n + 1 :]))


def _gateway(state: State, gateway: Gateway) -> Iterator[tuple[str, Gateway]]:
    if gateway.dead:
        if gateway.dead == LISTED:
            yield "has been listed for a minute, though dead", gateway._replace(dead=FORGOTTEN)
        return
    if (gateway.listeners, gateway.routes) != (state.listeners, state.routes):
        yield "takes listeners and routes", gateway._replace(listeners=state.listeners, routes=state.routes)
    if gateway.known != (known := _services(state, gateway)):
        yield "hears of the Services", gateway._replace(known=known)
    for probe in state.requested:
        if probe not in gateway.answered and answers(state, gateway, probe):
            yield f"answers {probe.path}", gateway._replace(answered=gateway.answered | {probe})


def _services(state: State, gateway: Gateway) -> frozenset[str]:
    """A Service counts as known once its pods are; pods that fail leave it known."""
    standing = {name: instance for name, instance in state.instances if instance.service != ABSENT}
    return frozenset(name for name, instance in standing.items() if instance.ready or name in gateway.known)


def answers(state: State, gateway: Gateway, probe: Probe) -> bool:
    """Whether a gateway pod would answer a question as expected."""
    if gateway.routes is None or not any(bool(listener.credential) == probe.tls for listener in gateway.listeners):
        return probe.status == 404
    if probe.path == labels.ROUTE_PATH:
        return (probe.status, probe.body) == (200, gateway.routes.revision)
    name = probe.path.removeprefix(labels.PING_PATH)
    instance = state.instance(name)
    reachable = instance is not None and instance.ready > 0 and name in gateway.known
    return probe.status == 200 and name in gateway.routes.pings and reachable


def _pods(state: State) -> Iterator[Move]:
    for name, instance in state.instances:
        if instance.leaving:
            yield Move(f"the last old pod of {name} ends", state.with_instance(name, instance._replace(leaving=False)))
        if instance.ready < instance.pods and name not in instances_with_bad_image():
            more = instance._replace(ready=instance.ready + 1)
            yield Move(f"a pod of {name} gets ready", state.with_instance(name, more))


def _time(state: State, decision: Decision | None) -> Iterator[Move]:
    update = state.status.update
    if state.life == LIVING and update is not None and not update.late:
        late = state.status._replace(update=update._replace(late=True))
        wakes = decision is not None and decision.wakes and not can_get_ready(state.ask)
        yield Move("the update's deadline passes", state._replace(status=late), helpful=wakes)
    if state.life == DELETING:
        requested = listener_of(state.ask)
        beside = any(
            requested is None or listener.port != requested.port for listener in state.listeners
        )  # of which nobody asks
        wakes = decision is not None and decision.wakes and beside
        yield Move("a minute passes since the deletion", state._replace(life=OVERDUE), helpful=wakes)


def _mishaps(state: State) -> Iterator[Move]:
    for name, instance in state.instances:
        if instance.ready:
            failed = excused(state, name).with_instance(name, instance._replace(ready=0))
            yield Move(f"the pods of {name} fail", failed, helpful=False)
    for n, gateway in enumerate(state.gateways):
        fresh = Gateway(routes=state.routes, listeners=state.listeners, known=_services(state, gateway))
        if fresh != gateway:
            yield Move(f"gateway {n} is replaced by a new pod", _with_gateway(state, n, fresh), helpful=False)
    if not any(gateway.dead for gateway in state.gateways):
        for n, gateway in enumerate(state.gateways):
            dead = gateway._replace(dead=LISTED, answered=frozenset())
            yield Move(f"the node of gateway {n} dies", _with_gateway(state, n, dead), helpful=False)
    for kind, name in _objects(state):
        lost = without(excused(state, _NEEDED[kind] or name) if kind in _NEEDED else state, kind, name)
        yield Move(f"somebody deletes {kind} {name}", lost, helpful=False)
    yield from _alterations(state)


def excused(state: State, name: str) -> State:
    """The same after a mishap to a model instance, or to the routes."""
    return state._replace(excused=state.excused | {name})


def _objects(state: State) -> Iterator[tuple[str, str]]:
    endpoint = monitor_ref().name.removesuffix("-metrics")
    shared = [("VirtualService", endpoint), ("Gateway", endpoint), ("Service", monitor_ref().name)]
    records = [(EndpointConfig.KIND, name) for name in sorted(state.configs)]
    kinds = (Model.KIND, "Service", "DestinationRule", "Deployment")
    parts = [(kind, name) for name, _ in state.instances for kind in kinds]
    return ((kind, name) for kind, name in (*shared, *records, *parts) if stands(state, kind, name))


def _alterations(state: State) -> Iterator[Move]:
    if state.routes is not None and state.routes.destinations and not state.routes_altered:
        altered = excused(state, ROUTES)._replace(routes=_with_even_weights(state.routes), routes_altered=True)
        yield Move("somebody changes the weights in the VirtualService", altered, helpful=False)
    for name, instance in state.instances:
        if instance.service == WRITTEN:
            changed = state.with_instance(name, instance._replace(service=ALTERED))
            yield Move(f"somebody changes Service {name}", changed, helpful=False)
        if instance.deployment == WRITTEN:
            changed = state.with_instance(name, instance._replace(deployment=ALTERED, ready=0))
            yield Move(f"somebody changes Deployment {name}", excused(changed, name), helpful=False)


def _with_even_weights(routes: Routes) -> Routes:
    even = tuple(replace(d, weight=d.weight if d.vacant else 50) for d in routes.destinations)
    return replace(routes, destinations=even)


def _edits(state: State) -> Iterator[Move]:
    for name in ASKS:
        if name != state.ask:
            yield Move(f"somebody asks for: {name}", state._replace(ask=name), helpful=False)
    deleted = state._replace(life=DELETING) if state.finalizer else gone(state)
    yield Move("somebody deletes the endpoint", deleted, helpful=False)
