"""Bugs on purpose, to show that the sweep sees them: around the operator's decision, or in a part's place."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.labels import PING_PATH, ROUTE_PATH
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint import rollout
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.plan import Apply, Create, Plan, Write
from mlendpoints.core.reasons.pods import deadline_finding
from mlendpoints.core.world import Probe, Ref, World
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe import projections
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import Feed
from mlendpoints.edge.observe.foreign_routes import ForeignRoutes
from mlendpoints.edge.observe.hosts import Hosts
from mlendpoints.edge.observe.indexers import by_uid
from mlendpoints.edge.observe.projections import Entry
from mlendpoints.edge.observe.reflector import Reflector
from mlendpoints.edge.reconcile.parts import Plans
from tests.kit.running_operator import PLANS

Decide = Callable[[World], Plan]


class _Believed(Mapping[Probe, tuple[str, ...]]):
    """The answers, but to questions below one path every gateway pod has answered unasked."""

    def __init__(self, world: World, path: str) -> None:
        self._answers, self._path = world.answers, path
        self._everybody = tuple(pod.name for pod in world.gateways)

    def __getitem__(self, probe: Probe) -> tuple[str, ...]:
        return self._everybody if probe.path.startswith(self._path) else self._answers[probe]

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)


def _believing(path: str) -> Decide:
    return lambda world: plan_endpoint(replace(world, answers=_Believed(world, path)))


def _halving(world: World) -> Plan:
    """Writes half of the first weight."""
    plan = plan_endpoint(world)
    return replace(plan, writes=tuple(_halved_write(write) for write in plan.writes))


def _halved_write(write: Write) -> Write:
    match write:
        case (Create() | Apply()) as routes if routes.ref.kind == kinds.VIRTUAL_SERVICE.name:
            return replace(routes, manifest=_halved(routes.manifest))
        case _:
            return write


def _halved(manifest: Manifest) -> Manifest:
    copy: Manifest = msgspec.json.decode(msgspec.json.encode(manifest))
    for rule in copy["spec"]["http"]:
        if rule["name"] == "weighted":
            rule["route"][0]["weight"] //= 2
    return copy


def _forgetting(world: World) -> Plan:
    """Never removes the record of an older target."""
    plan = plan_endpoint(world)
    return replace(plan, prune=tuple(child for child in plan.prune if child.ref.kind != kinds.CONFIG.name))


def _with(decide: Decide) -> Plans:
    return replace(PLANS, endpoint=decide)


PRUNES_WITHOUT_PROOF = _with(_believing(ROUTE_PATH))
SHIFTS_WITHOUT_PING = _with(_believing(PING_PATH))
HALVES_WEIGHTS = _with(_halving)
LEAVES_RECORDS = _with(_forgetting)


def _fails_by_the_clock(view: View, models: Finding) -> Finding | None:
    """Whatever is ready: when the deadline has passed, the update has failed."""
    due = rollout.deadline(view)
    if view.target is None or due is None or view.world.now < due:
        return None
    return deadline_finding(view.world.endpoint.spec.update.deadline_seconds, models, [])


def _keeps_or_ends(feed: Feed, ref: Ref, entry: Entry | None, *, deleted: bool = False) -> None:
    """Takes in a change; what cannot be taken in ends the watch."""
    if deleted:
        feed._forget(ref)  # noqa: SLF001 - it stands in a method's place
    elif entry is not None:
        feed._keep(entry)  # noqa: SLF001 - the same


def _reads_or_ends(reflector: Reflector, raw: bytes) -> Iterator[tuple[Ref, Entry | None]]:
    """Reads an object; what cannot be read ends the watch."""
    entry = projections.decode(reflector._watch.kind.name, raw)  # noqa: SLF001 - the same
    yield entry.ref, entry


def _as_deep_as_python_goes(decode: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is decoded
    return decode()


def _root(cache: Cache, namespace: str, controller: str) -> Ref | None:
    """Follows owners, in circles too."""
    owner = cache._only(by_uid(namespace, controller))  # noqa: SLF001 - the same
    if owner is not None and isinstance(owner.facts, projections.Instance):
        return _root(cache, namespace, owner.facts.child.controller)
    return owner.ref if owner else None


def _as_often_as_named(hosts: Iterable[str]) -> tuple[str, ...]:
    """Hosts of a route, twice if they are named twice."""
    return tuple(sorted(host.lower() for host in hosts if host != "*"))


def _forgets_each_once(routes: ForeignRoutes, ref: Ref, hosts: tuple[str, ...]) -> None:
    """Takes the routes out of the index, at a host named twice for the second time, too."""
    routes._taken.pop(ref, None)  # noqa: SLF001 - it stands in a method's place
    for host in hosts:
        takers = routes._takers  # noqa: SLF001 - the same
        takers[host].remove(ref)
        if set(takers[host]) <= {ref}:
            del takers[host]


def _first_of_all(_hosts: Hosts, _ref: Ref, _endpoint: Endpoint) -> None:
    """Nobody comes before anybody."""


def _nobodys(_hosts: Hosts, _endpoint: Endpoint) -> tuple[Ref, ...]:
    """No route takes a host: another endpoint's routes would, too."""
    return ()


@contextmanager
def _seeded(*mistakes: tuple[object, str, object]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, mistake in mistakes:
            stack.enter_context(patch.object(place, name, mistake))
        yield


def fails_by_the_clock() -> AbstractContextManager[None]:
    """A deadline that passed while the operator was away fails an update whose pods are ready."""
    return _seeded((rollout, "failure_of", _fails_by_the_clock))


def ends_at_deep_objects() -> AbstractContextManager[None]:
    """One object that is nested too deeply ends the operator."""
    return _seeded((projections, "deeply", _as_deep_as_python_goes), (Reflector, "_decode", _reads_or_ends))


def ends_at_circles() -> AbstractContextManager[None]:
    """Two instances that own each other end the operator."""
    return _seeded((Cache, "root", _root), (Feed, "change", _keeps_or_ends))


def ends_at_hosts_named_twice() -> AbstractContextManager[None]:
    """Routes that name a host twice end the operator when they name it no more."""
    return _seeded(
        (projections, "_named", _as_often_as_named),
        (ForeignRoutes, "_forget", _forgets_each_once),
        (Feed, "change", _keeps_or_ends),
    )


def shares_hosts() -> AbstractContextManager[None]:
    """Each endpoint of a host believes that the host is its own."""
    return _seeded((Hosts, "owner", _first_of_all), (Hosts, "foreign", _nobodys))
