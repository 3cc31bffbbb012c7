"""Plans of keys at rest: whose world is the one that was planned last is not planned again.

A plan is a function of its world, and ``recheck`` is when it may differ although
nothing has changed. So a plan without anything to do holds until then, as long as
the world has the same digest. Most wake-ups of a settled endpoint are of this kind.
"""

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from mlendpoints.core.plan import MLModelPlan, Plan
from mlendpoints.core.world import MLModelWorld, Ref, World

_encode = msgspec.msgpack.Encoder().encode

W = TypeVar("W", World, MLModelWorld)
P = TypeVar("P", Plan, MLModelPlan)


class Settled(Generic[W, P]):
    """The last plan of each key that had nothing to do: about 0.3 KiB each."""

    def __init__(self, plan_of: Callable[[W], P]) -> None:
        self._plan_of: Callable[[W], P] = plan_of
        self._plans: dict[Ref, tuple[bytes, P]] = {}  # with the digest of its world

    def plan(self, key: Ref, world: W) -> P:
        """The plan of a world, which is not computed again if it is known."""
        digest, known = _digest(world), self._plans.pop(key, None)
        if known is None or known[0] != digest or _is_over(known[1], world.now):
            known = digest, self._plan_of(world)
        if known[1].is_empty:
            self._plans[key] = known
        return known[1]

    def forget(self, key: Ref) -> None:
        """Forgets a key whose object is deleted."""
        self._plans.pop(key, None)


def _is_over(plan: Plan | MLModelPlan, now: float) -> bool:
    return plan.recheck is not None and now >= plan.recheck


def _digest(world: World | MLModelWorld) -> bytes:
    """All but the time; that of the routes is a difference of two clocks, which is never the same to the last digit."""
    timeless: World | MLModelWorld = (
        replace(world, now=0.0, routes_since=round(world.routes_since))
        if isinstance(world, World)
        else replace(world, now=0.0)
    )
    return hashlib.blake2b(_encode(timeless), digest_size=16).digest()
