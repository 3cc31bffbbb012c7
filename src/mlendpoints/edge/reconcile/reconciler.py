"""The reconcile loop's body: observe, plan, write, prune, report, for one endpoint, MLModel or template at a time.

Level-triggered: gets a key, no event and no diff. Makes no decision; failures are
raised as ``ApiError`` to the worker, which requeues the key.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.lookups import with_events
from mlendpoints.core.plan import MLModelPlan, Plan, SetStatus, Write
from mlendpoints.core.world import MLModelWorld, Ref, World
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.reconcile.executor import Executor, named
from mlendpoints.edge.reconcile.parts import Parts
from mlendpoints.edge.reconcile.settled import Settled
from mlendpoints.edge.reconcile.templates import Templates
from mlendpoints.edge.reconcile.worker import StaleCacheError
from mlendpoints.edge.reconcile.writes import ref_of

STALE_REQUEUE = 0.5  # seconds until a key with a stale cache is requeued, if no event wakes it earlier

log = structlog.get_logger()

P = TypeVar("P", Plan, MLModelPlan)


class Reconciler:
    """Reconciles keys: executes their plans."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._executor = Executor(parts)
        self._templates = Templates(parts, self._executor)
        self._endpoints, self._mlmodels = Settled(parts.plans.endpoint), Settled(parts.plans.mlmodel)

    async def reconcile(self, key: Ref) -> None:
        """One round; raises ``ApiError``, or ``StaleCacheError`` while the last writes are not observed yet."""
        if not self._parts.expectations.are_met(key):
            raise StaleCacheError(STALE_REQUEUE)
        if key.kind == kinds.ENDPOINT.name:
            exists = await self._reconcile_endpoint(key)
        elif key.kind == kinds.MLMODEL.name:
            exists = await self._reconcile_mlmodel(key)
        else:
            exists = await self._templates.reconcile(key)
        if not exists:
            self._forget(key)

    def plan(self, key: Ref) -> Plan | MLModelPlan | None:
        """Dry run: what would be done for an endpoint or MLModel now. None if it is not in the cache."""
        if key.kind == kinds.ENDPOINT.name:
            world = self._observe(key)
            return self._endpoints.plan(key, world) if world else None
        model_world = self._observe_mlmodel(key)
        return self._mlmodels.plan(key, model_world) if model_world else None

    def _observe(self, key: Ref) -> World | None:
        parts = self._parts
        answers, rejections = parts.pollers.prober.answers(key), parts.rejections.of(key)
        world = parts.cache.world(
            key, now=parts.clock(), settings=parts.settings, answers=answers, rejections=rejections
        )
        if world is None:
            return None
        world = replace(world, measurements=parts.pollers.meter.answers(key))
        return with_events(key.namespace, world, parts.pollers.pod_events.answers(key))

    def _observe_mlmodel(self, key: Ref) -> MLModelWorld | None:
        parts = self._parts
        rejections = parts.rejections.of(key)
        world = parts.cache.mlmodel_world(key, now=parts.clock(), settings=parts.settings, rejections=rejections)
        if world is None:
            return None
        world = replace(world, measurements=parts.pollers.meter.answers(key))
        return with_events(key.namespace, world, parts.pollers.pod_events.answers(key))

    async def _reconcile_endpoint(self, key: Ref) -> bool:
        world = self._observe(key)
        self._parts.metrics.endpoint(key, world.endpoint if world else None)
        if world is None:
            return False
        plan = self._debounced(key, decide(self._parts.cache, key, world, partial(self._endpoints.plan, key)))
        if await self._executor.write(key, plan):
            await self._executor.prune(key, plan, world.endpoint)
            await self._executor.report(key, plan, world.endpoint)
            log_conflict(key, plan, world)
        else:
            self._parts.queue.add(key)
        self._parts.pollers.prober.want(key, plan.probes, world.gateways)
        self._return(key, plan)
        return True

    async def _reconcile_mlmodel(self, key: Ref) -> bool:
        world = self._observe_mlmodel(key)
        self._parts.metrics.mlmodel(key, world.model if world else None)
        if world is None:
            return False
        plan = self._debounced(key, self._mlmodels.plan(key, world))
        if await self._executor.write(key, plan):
            await self._executor.delete(key, plan.prune)
            await self._executor.set_status(key, world.model.metadata, plan.status)
            self._executor.record(world.model, plan.events)
        else:
            self._parts.queue.add(key)
        self._return(key, plan)
        return True

    def _debounced(self, key: Ref, plan: P) -> P:
        """The plan without the status writes that are debounced; requeues the key for when they are due."""
        own = {key} if plan.status is not None and plan.deferrable else set()
        repeats = {key} if plan.status is not None and plan.repeats and not plan.deferrable else set()
        waiting = self._parts.debounce.waiting(
            key, own | {ref_of(write) for write in plan.writes if _is_deferrable(write)}, repeats=repeats
        )
        if not waiting:
            return plan
        self._parts.queue.add_after(key, min(waiting.values()))
        writes = tuple(write for write in plan.writes if not (_is_deferrable(write) and ref_of(write) in waiting))
        return replace(plan, writes=writes, status=None, events=()) if key in waiting else replace(plan, writes=writes)

    def _forget(self, key: Ref) -> None:
        parts = self._parts
        parts.debounce.waiting(key, frozenset())
        parts.pollers.forget(key)
        parts.expectations.forget(key)
        parts.rejections.keep_only(key, set())
        parts.queue.forget(key)
        self._endpoints.forget(key)
        self._mlmodels.forget(key)
        self._templates.forget(key)

    def _return(self, key: Ref, plan: Plan | MLModelPlan) -> None:
        """Polls what the plan wants to know, and requeues the key for the plan's recheck and for rejected writes."""
        parts = self._parts
        parts.pollers.pod_events.want(key, plan.lookups)
        parts.pollers.meter.want(key, plan.measures)
        parts.pollers.obstacles.want(key, parts.rejections.unresolved(key))
        if plan.recheck is not None:
            parts.queue.add_after(key, plan.recheck - parts.clock())
        due = parts.rejections.due(key)
        if due is not None:
            parts.queue.add_after(key, due)


def decide(cache: Cache, key: Ref, world: World, plan_of: Callable[[World], Plan]) -> Plan:
    """The plan of an endpoint as observed now; the host that it records is reserved for it from now on."""
    plan = plan_of(world)
    if (plan.status or world.endpoint.status).host:
        cache.keep_host(key)
    return plan


def _is_deferrable(write: Write) -> bool:
    return isinstance(write, SetStatus)


def log_conflict(key: Ref, plan: Plan, world: World) -> None:
    """Logs which objects have the host: a status must not reveal other namespaces to a tenant."""
    if any(event.reason == Reason.HOST_CONFLICT for event in plan.events):
        others = world.foreign_routes if world.host_owner is None else (world.host_owner,)
        log.warning("Host is taken", **named(key), by=[f"{o.kind} {o.namespace}/{o.name}" for o in others])
