"""What one thing the operator does makes of a state: the API server's part, and the garbage collector's.

A write that requires what is no longer so is refused, and with it the rest of
its plan: the operator then looks again.
"""

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.world import Probe, Routes
from tests.model.observed import monitor_ref
from tests.model.operator import endpoint_version
from tests.model.state import ABSENT, GONE, WRITTEN, Instance, Op, State, Status, Verb

_PARTS = {"Service": "service", "DestinationRule": "rule", "Deployment": "deployment"}
_MONITOR = monitor_ref().name


def perform(state: State) -> State:
    """The state after the first pending thing is done."""
    op, rest = state.pending[0], state.pending[1:]
    if state.life == GONE or not _goes_through(state, op):
        return state._replace(pending=())
    return _done(state._replace(pending=rest), op)


def _goes_through(state: State, op: Op) -> bool:
    match op.verb:
        case Verb.CHECK:
            return op.seen == (None if state.routes is None else (state.routes, state.routes_altered))
        case Verb.HOLD | Verb.LEAVE | Verb.TELL | Verb.TELL_LATER:
            return op.seen == endpoint_version(state)
        case Verb.SCALE | Verb.APPLY:
            return stands(state, op.kind, op.name) and op.seen in {None, _count(state, op)}
        case Verb.REFREEZE:
            instance = state.instance(op.name)
            return instance is not None and instance.deployment == ABSENT and instance.replicas == op.seen
        case Verb.DELETE:
            return not stands(state, op.kind, op.name) or op.seen in {None, _count(state, op)}
        case _:
            return True


def _count(state: State, op: Op) -> int | None:
    instance = state.instance(op.name)
    if instance is None:
        return None
    return {Model.KIND: instance.replicas, "Deployment": instance.pods}.get(op.kind)


def stands(state: State, kind: str, name: str) -> bool:
    """Whether an object is there."""
    instance = state.instance(name)
    match kind:
        case EndpointConfig.KIND:
            return name in state.configs
        case Model.KIND:
            return instance is not None
        case "Gateway":
            return state.gateway != ABSENT
        case "VirtualService":
            return state.routes is not None
        case "Service" if name == _MONITOR:
            return state.monitor != ABSENT
        case _:
            return instance is not None and getattr(instance, _PARTS[kind]) != ABSENT


def _done(state: State, op: Op) -> State:  # noqa: PLR0911 - one for each verb
    match op.verb:
        case Verb.CREATE | Verb.APPLY:
            return _written(state, op)
        case Verb.SCALE:
            return _scaled(state, op)
        case Verb.REFREEZE:
            instance = state.instance(op.name)
            return state.with_instance(op.name, instance and instance._replace(earlier=False))
        case Verb.DELETE:
            return without(state, op.kind, op.name)
        case Verb.HOLD:
            return state._replace(finalizer=True)
        case Verb.LEAVE:
            return gone(state)
        case Verb.TELL | Verb.TELL_LATER:
            assert isinstance(op.value, Status)
            return state._replace(status=op.value)
        case Verb.ASK:
            return _asking(state, op.value)  # type: ignore[arg-type]
        case Verb.CHECK:
            return state


def _written(state: State, op: Op) -> State:  # noqa: PLR0911 - one for each kind
    if op.verb is Verb.CREATE and stands(state, op.kind, op.name):
        return state  # adopted as it is
    match op.kind:
        case "VirtualService":
            assert isinstance(op.value, Routes)
            return state._replace(routes=op.value, routes_altered=False)
        case "Gateway":
            assert isinstance(op.value, tuple)
            return state._replace(gateway=WRITTEN, listeners=op.value)
        case EndpointConfig.KIND:
            return state._replace(configs=state.configs | {op.name})
        case Model.KIND:
            replicas, requested = _counts(op)
            return state.with_instance(op.name, Instance(replicas=replicas, requested=requested or ""))
        case "Service" if op.name == _MONITOR:
            return state._replace(monitor=WRITTEN)
        case _:
            return _part_written(state, op)


def _part_written(state: State, op: Op) -> State:
    """A part of a model instance that is gone goes at once to the garbage collector."""
    instance = state.instance(op.name)
    if instance is None:
        return state
    if op.kind != "Deployment":
        return state.with_instance(op.name, _with_part(instance, op.kind, WRITTEN))
    built = instance._replace(deployment=WRITTEN, built_earlier=False)
    return state.with_instance(op.name, _with_pods(built, _counts(op)[0]))


def _with_part(instance: Instance, kind: str, state: int) -> Instance:
    return instance._replace(service=state) if kind == "Service" else instance._replace(rule=state)


def _with_pods(instance: Instance, pods: int) -> Instance:
    return instance._replace(pods=pods, ready=min(pods, instance.ready))


def _scaled(state: State, op: Op) -> State:
    instance = state.instance(op.name)
    assert instance is not None
    replicas, requested = _counts(op)
    if op.kind != Model.KIND:
        return state.with_instance(op.name, _with_pods(instance, replicas))
    return state.with_instance(op.name, instance._replace(replicas=replicas, requested=requested or instance.requested))


def _counts(op: Op) -> tuple[int, str | None]:
    """Pods, and the count that is noted as asked."""
    assert isinstance(op.value, tuple)
    replicas, requested = op.value
    return int(replicas or 0), requested


def without(state: State, kind: str, name: str) -> State:  # noqa: PLR0911 - one for each kind
    """The state without an object and all that it controls."""
    instance = state.instance(name)
    match kind:
        case "VirtualService":
            return state._replace(routes=None, routes_altered=False)
        case EndpointConfig.KIND:
            return state._replace(configs=state.configs - {name})
        case Model.KIND:
            return state.with_instance(name, None)
        case "Gateway":
            return state._replace(gateway=ABSENT, listeners=())
        case "Service" if name == _MONITOR:
            return state._replace(monitor=ABSENT)
        case "Deployment" if instance is not None and instance.deployment != ABSENT:
            left = instance._replace(deployment=ABSENT, pods=0, ready=0, leaving=instance.pods > 0)
            return state.with_instance(name, left)
        case _ if instance is not None:
            return state.with_instance(name, _with_part(instance, kind, ABSENT))
        case _:
            return state


def gone(state: State) -> State:
    """The endpoint and all that it controls are gone."""
    return State(ask=state.ask, life=GONE, budget=state.budget, gateways=state.gateways)


def _asking(state: State, probes: tuple[Probe, ...]) -> State:
    """Answers count as long as their question is asked."""
    requested = frozenset(probes)
    gateways = tuple(gateway._replace(answered=gateway.answered & requested) for gateway in state.gateways)
    return state._replace(requested=probes, gateways=gateways)
