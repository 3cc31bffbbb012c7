"""One state of the bounded world, canonical: no uids, no resourceVersions, no clock, no words.

Times are classes: an update is before its deadline or after it, a deletion
within its patience or beyond. Of the history, the targets whose newest outcome
is ``Failed`` are kept: nothing else of it decides anything. The two gateways
are sorted, since nothing tells them apart.
"""

from enum import StrEnum
from typing import NamedTuple

from mlendpoints.core.world import Listener, Probe, Routes

ABSENT, WRITTEN, ALTERED = 0, 1, 2  # an object: not there, as it was written, changed by hand
ALIVE, LISTED, FORGOTTEN = 0, 1, 2  # a gateway pod: well, dead and still listed, and for longer than that counts
LIVING, DELETING, OVERDUE, GONE = 0, 1, 2, 3  # the endpoint; overdue: its deletion's patience has ended

ROUTES, GATEWAY = "the routes", "the listeners"


class Update(NamedTuple):
    """The running update as the status records it."""

    target: str  # config version
    late: bool  # its deadline has passed
    paused: bool = False  # its references are not resolved


class Status(NamedTuple):
    """Of the endpoint's status, all that a decision reads, and what people wait for."""

    config_version: str = ""
    update: Update | None = None
    failed: tuple[str, ...] = ()  # targets whose newest outcome is Failed, sorted
    earlier: tuple[str, ...] = ()  # targets that have succeeded, newest first, where versions are kept
    route_revision: str = ""
    host: bool = False  # it is on record
    ready: bool = False  # the condition Ready is True


class Instance(NamedTuple):
    """A model instance, its parts and its pods."""

    replicas: int
    requested: str = ""  # the count last asked of it
    service: int = ABSENT
    rule: int = ABSENT
    deployment: int = ABSENT
    pods: int = 0  # replicas of the Deployment
    ready: int = 0
    leaving: bool = False  # pods of a deleted Deployment that finish their requests
    earlier: bool = False  # what the operator has frozen in it is an earlier release's
    built_earlier: bool = False  # and so is the template of its Deployment


class Gateway(NamedTuple):
    """What one gateway pod really does, and which of the operator's questions it has answered."""

    routes: Routes | None = None
    listeners: tuple[Listener, ...] = ()
    dead: int = ALIVE
    known: frozenset[str] = frozenset()  # model instances it can send requests to
    answered: frozenset[Probe] = frozenset()


class Verb(StrEnum):
    """What the operator does, as traces tell it."""

    CREATE = "creates"
    APPLY = "applies"
    SCALE = "scales"
    REFREEZE = "freezes again"
    CHECK = "checks"
    DELETE = "deletes"
    HOLD = "puts its finalizer on"
    LEAVE = "takes its finalizer off"
    TELL = "writes the status"
    TELL_LATER = "writes the status, which may wait,"
    ASK = "asks the gateways"


class Op(NamedTuple):
    """One thing the operator has still to do of its plan; ``seen`` is what must be unchanged for it to go through."""

    verb: Verb
    kind: str = ""
    name: str = ""
    value: object = None
    seen: object = None


class Budget(NamedTuple):
    """What people and misfortune may still do."""

    edits: int
    mishaps: int


class State(NamedTuple):
    """The whole world."""

    ask: str
    keep: int = 0  # earlier versions whose instances stay
    stepwise: bool = False  # updates pass through several waypoints
    life: int = LIVING
    budget: Budget = Budget(0, 0)
    finalizer: bool = False
    status: Status = Status()
    routes: Routes | None = None  # what the VirtualService says
    routes_altered: bool = False
    gateway: int = ABSENT  # the Gateway object
    listeners: tuple[Listener, ...] = ()  # what it opens
    monitor: int = ABSENT  # the metrics Service
    configs: frozenset[str] = frozenset()  # config instances
    instances: tuple[tuple[str, Instance], ...] = ()  # by name
    excused: frozenset[str] = frozenset()  # what a mishap, not the operator, made unreachable: model instances, ROUTES
    gateways: tuple[Gateway, ...] = (Gateway(), Gateway())
    requested: tuple[Probe, ...] = ()
    pending: tuple[Op, ...] = ()

    def instance(self, name: str) -> Instance | None:
        """A model instance, if it is there."""
        return next((instance for known, instance in self.instances if known == name), None)

    def with_instance(self, name: str, instance: Instance | None) -> "State":
        """The same with another, or without this, model instance."""
        others = [item for item in self.instances if item[0] != name]
        kept = others if instance is None else [*others, (name, instance)]
        return self._replace(instances=tuple(sorted(kept)))


def settled(state: State) -> State:
    """The same, with no excuse for what stands on every gateway again."""
    if not state.excused:
        return state
    return state._replace(excused=frozenset(name for name in state.excused if not _answers_again(state, name)))


def _answers_again(state: State, name: str) -> bool:
    if name == GATEWAY:
        return bool(state.listeners) and all(
            gateway.dead or gateway.listeners == state.listeners for gateway in state.gateways
        )
    if name == ROUTES:
        written = state.routes is not None and not state.routes_altered
        return written and all(gateway.dead or gateway.routes == state.routes for gateway in state.gateways)
    instance = state.instance(name)
    if instance is None or instance.service == ABSENT or instance.ready < max(instance.pods, 1):
        return False
    return all(gateway.dead or name in gateway.known for gateway in state.gateways)
