"""The operator in the bounded world: the real ``plan_endpoint``, taken apart into single things to do.

As in the edge: writes in order, deletions behind a guard, finalizer, status,
and last the questions. What a plan read and its write requires to be unchanged
(uid, resourceVersion) stands beside each, so that a plan may be out of date.
"""

from collections.abc import Iterator

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint import plan
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.plan import Apply, Create, Plan, Refreeze, Scale, SetStatus, Write
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Child
from tests.model.asks import ASKS
from tests.model.observed import Observed, abstract_status
from tests.model.state import Op, State, Verb

GATEWAY, VIRTUAL_SERVICE = "Gateway", "VirtualService"


class Decision(Struct, frozen=True):
    """What one look comes to."""

    ops: tuple[Op, ...]
    ready: bool  # it says Ready
    wakes: bool  # it names a time to look again
    broken: str = ""  # the exception that it ends with


class Operator:
    """Looks at states; the same observation is planned once."""

    def __init__(self) -> None:
        self._observed = Observed()
        self._decisions: dict[tuple[object, ...], Decision] = {}

    @property
    def plans(self) -> int:
        """Different observations so far."""
        return len(self._decisions)

    def decide(self, state: State) -> Decision:
        """The plan for a state, taken apart."""
        seen = _observation(state)
        if seen not in self._decisions:
            self._decisions[seen] = self._plan(state)
        return self._decisions[seen]

    def _plan(self, state: State) -> Decision:
        try:
            decided = plan.plan_endpoint(self._observed.world(state))
        except Exception as error:  # noqa: BLE001 - no state may break the decision
            return Decision(ops=(), ready=False, wakes=False, broken=repr(error))
        told = abstract_status(decided.status, state.keep) if decided.status is not None else state.status
        ops = (
            *self._writes(decided),
            *_deletions(state, decided),
            *_reports(state, decided),
            *_questions(state, decided),
        )
        return Decision(ops=ops, ready=told.ready, wakes=decided.recheck is not None)

    def _writes(self, plan: Plan) -> Iterator[Op]:
        for write in plan.writes:
            if not isinstance(write, SetStatus):  # statuses of instances are derived, and decide nothing
                yield self._write(write)

    def _write(self, write: Write) -> Op:
        match write:
            case Create(ref=ref, manifest=manifest) | Apply(ref=ref, manifest=manifest):
                routes = parse_routes(manifest) if ref.kind == VIRTUAL_SERVICE else None
                listeners = parse_listeners(manifest) if ref.kind == GATEWAY else None
                self._observed.remember(manifest, listeners if routes is None else routes)
                requested = manifest["metadata"].get("annotations", {}).get(labels.REQUESTED)
                value = routes or listeners or (manifest["spec"].get("replicas"), requested)
                return Op(Verb.CREATE if isinstance(write, Create) else Verb.APPLY, ref.kind, ref.name, value)
            case Scale(child=child, replicas=replicas, requested=requested):
                return Op(Verb.SCALE, child.ref.kind, child.ref.name, (replicas, requested), child.replicas)
            case Refreeze(child=child):
                return Op(Verb.REFREEZE, child.ref.kind, child.ref.name, seen=child.replicas)
            case _:
                raise AssertionError(f"No plan of this world writes {write}")


def _observation(state: State) -> tuple[object, ...]:
    """All of a state that can be observed."""
    answers = tuple(sorted(((gateway.dead, gateway.answered) for gateway in state.gateways), key=hash))
    hidden = state._replace(budget=None, excused=None, gateways=answers, pending=())  # type: ignore[arg-type]
    return tuple(hidden)


def _deletions(state: State, plan: Plan) -> Iterator[Op]:
    if plan.prune and plan.finalizer is not False:
        checked = None if plan.precondition is None else (state.routes, state.routes_altered)
        yield Op(Verb.CHECK, VIRTUAL_SERVICE, seen=checked)
    for child in plan.prune:
        yield Op(Verb.DELETE, child.ref.kind, child.ref.name, seen=_seen(child))


def _seen(child: Child) -> object:
    return child.replicas if child.ref.kind in {"Deployment", Model.KIND} else None


def _reports(state: State, plan: Plan) -> Iterator[Op]:
    seen = endpoint_version(state)
    if plan.finalizer is not None:
        yield Op(Verb.HOLD if plan.finalizer else Verb.LEAVE, seen=seen)
    told = None if plan.status is None else abstract_status(plan.status, state.keep)
    if told is not None and told != state.status and plan.finalizer is not False:
        yield Op(Verb.TELL_LATER if plan.deferrable else Verb.TELL, value=told, seen=seen)


def endpoint_version(state: State) -> object:
    """What writes to the endpoint require to be unchanged: edits of templates change nothing of it."""
    return ASKS[state.ask].attempt, ASKS[state.ask].tls, state.life, state.status


def _questions(state: State, plan: Plan) -> Iterator[Op]:
    if plan.probes != state.requested:
        yield Op(Verb.ASK, value=plan.probes)
