"""Bugs on purpose, to show that the sweep sees them. Each wraps the operator's decision; the product knows nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from mlendpoints.api.labels import PING_PATH, ROUTE_PATH
from mlendpoints.core.endpoint import plan_endpoint
from mlendpoints.core.manifests import Manifest
from mlendpoints.core.plan import Apply, Create, Plan, Write
from mlendpoints.core.world import Probe, World
from mlendpoints.edge import kinds
from mlendpoints.edge.reconciler import Plans
from tests.sweep.life import PLANS

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
