"""Observe, plan, write, prune, report: one endpoint, MLModel or template at a time.

Level-triggered: knows no event and no difference, only a key. Decides nothing;
what fails leaves as an ``ApiError`` to the worker, which tries again later.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigStatus
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model, ModelStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.template_status import TemplateWorld, Use, may_wait
from mlendpoints.core.lookups import with_events
from mlendpoints.core.plan import Event, MLModelPlan, Plan, SetStatus, Write
from mlendpoints.core.world import Child, MLModelWorld, Ref, Refusal, Settings, World
from mlendpoints.edge.ask.obstacles import Obstacles
from mlendpoints.edge.ask.pod_events import Inquiries
from mlendpoints.edge.ask.probes import Prober
from mlendpoints.edge.events import Recorder
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Written, WrittenMeta
from mlendpoints.edge.kube.errors import RefusedError
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Template
from mlendpoints.edge.reconcile.debounce import Holds
from mlendpoints.edge.reconcile.expectations import Expectations
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.reconcile.rejections import Refusals
from mlendpoints.edge.reconcile.uses import uses_of
from mlendpoints.edge.reconcile.worker import NotYetError
from mlendpoints.edge.reconcile.writes import Writer

UNSEEN = 0.5  # seconds after which unseen writes are looked for again, should no event wake the key
RESTS, LONGEST_REST = 10.0, 5.0  # between two looks at a template: so many times what the first took, so many seconds

log = structlog.get_logger()

P = TypeVar("P", Plan, MLModelPlan)
W = TypeVar("W", World, MLModelWorld)


class Plans(Struct, frozen=True, kw_only=True):
    """The decisions, as functions."""

    endpoint: Callable[[World], Plan]
    config: Callable[[TemplateWorld[EndpointConfig]], EndpointConfigStatus | None]
    model: Callable[[TemplateWorld[Model]], ModelStatus | None]
    mlmodel: Callable[[MLModelWorld], MLModelPlan]


class Parts(Struct, frozen=True, kw_only=True):
    """What a reconciler works with."""

    cache: Cache
    queue: Queue
    writer: Writer
    recorder: Recorder
    prober: Prober
    inquiries: Inquiries
    expectations: Expectations
    refusals: Refusals
    obstacles: Obstacles
    holds: Holds
    metrics: Metrics
    settings: Settings
    plans: Plans
    clock: Callable[[], float]  # seconds since the epoch


class Reconciler:
    """Makes one key as its plan says."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rests_until: dict[Ref, float] = {}  # templates, by the event loop's clock

    async def reconcile(self, key: Ref) -> None:
        """One round; raises ``ApiError`` for what a later round may fix, ``NotYetError`` before its writes are seen."""
        if not self._parts.expectations.are_met(key):
            raise NotYetError(UNSEEN)
        if key.kind == kinds.ENDPOINT.name:
            await self._reconcile_endpoint(key)
        elif key.kind == kinds.MLMODEL.name:
            await self._reconcile_mlmodel(key)
        else:
            await self._reconcile_template(key)

    def _observe(self, key: Ref) -> World | None:
        parts = self._parts
        answers, refusals = parts.prober.answers(key), parts.refusals.of(key)
        world = parts.cache.world(key, now=parts.clock(), settings=parts.settings, answers=answers, refusals=refusals)
        return with_events(key.namespace, world, parts.inquiries.answers(key)) if world else None

    async def _reconcile_endpoint(self, key: Ref) -> None:
        world = self._observe(key)
        self._parts.metrics.endpoint(key, world.endpoint if world else None)
        if world is None:
            self._forget(key)
            return
        plan = self._hold(key, decide(self._parts.cache, key, world, self._parts.plans.endpoint))
        if await self._apply(key, plan):
            await self._prune(key, plan, world.endpoint)
            await self._report(key, plan, world.endpoint)
            log_conflict(key, plan, world)
        else:
            self._parts.queue.add(key)
        self._look_again(key, plan, world)

    async def _reconcile_mlmodel(self, key: Ref) -> None:
        parts = self._parts
        refusals = parts.refusals.of(key)
        world = parts.cache.mlmodel_world(key, now=parts.clock(), settings=parts.settings, refusals=refusals)
        parts.metrics.mlmodel(key, world.model if world else None)
        if world is None:
            self._forget(key)
            return
        world = with_events(key.namespace, world, parts.inquiries.answers(key))
        plan = self._hold(key, parts.plans.mlmodel(world))
        if await self._apply(key, plan):
            await self._delete(key, plan.prune)
            if plan.status is not None:
                observed = _version(world.model.metadata)
                self._expect(key, key, await parts.writer.set_status(key, observed, plan.status))
            self._tell(world.model, plan.events)
        else:
            parts.queue.add(key)
        parts.inquiries.want(key, plan.lookups)
        self._return_at(key, plan.recheck)
        self._try_again(key)

    def _hold(self, key: Ref, plan: P) -> P:
        """The plan without the statuses that may wait a moment; looked at again when they are due."""
        own = {key} if plan.status is not None and plan.patient else set()
        held = self._parts.holds.held(key, own | {_target(write) for write in plan.writes if _is_patient(write)})
        if not held:
            return plan
        self._parts.queue.add_after(key, min(held.values()))
        writes = tuple(write for write in plan.writes if not (_is_patient(write) and _target(write) in held))
        return replace(plan, writes=writes, status=None, events=()) if key in held else replace(plan, writes=writes)

    def _forget(self, key: Ref) -> None:
        parts = self._parts
        parts.holds.held(key, frozenset())
        parts.prober.forget(key)
        parts.inquiries.forget(key)
        parts.expectations.forget(key)
        parts.refusals.keep_only(key, set())
        parts.obstacles.forget(key)
        parts.queue.forget(key)
        self._rests_until.pop(key, None)

    async def _apply(self, key: Ref, plan: Plan | MLModelPlan) -> bool:
        """Does the writes in order; False when there is a new refusal, by which the plan would be another."""
        refusals = self._parts.refusals
        before = refusals.of(key)
        for write in plan.writes:
            await self._write(key, write)
        refusals.keep_only(key, {_target(write) for write in plan.writes})
        return refusals.of(key) == before

    async def _write(self, key: Ref, write: Write) -> None:
        refusals, ref = self._parts.refusals, _target(write)
        if refusals.holds_back(key, ref, write):
            return
        try:
            written = await self._parts.writer.write(write)
        except RefusedError as error:
            refusal = Refusal(error.reason, str(error))
            if refusals.of(key).get(ref) != refusal:
                log.warning("Write was refused", **_named(ref), reason=error.reason, error=str(error))
            refusals.refuse(key, ref, write, refusal)
            return
        refusals.clear(key, ref, write)
        self._expect(key, ref, written)
        log.info("Object was written", **_named(ref), write=type(write).__name__)

    async def _prune(self, key: Ref, plan: Plan, endpoint: Endpoint) -> None:
        if not plan.prune:
            return
        if plan.finalizer is not False:  # else the garbage collector could take it at this moment as well
            route = Ref(kinds.VIRTUAL_SERVICE.name, key.namespace, key.name)
            await self._parts.writer.check_guard(route, plan.guard, owner=endpoint.metadata.uid)
        await self._delete(key, plan.prune)

    async def _delete(self, key: Ref, children: Iterable[Child]) -> None:
        for child in children:
            await self._parts.writer.delete(child)
            self._parts.expectations.expect(key, child.ref, uid=child.uid)
            log.info("Object was deleted", **_named(child.ref))

    async def _report(self, key: Ref, plan: Plan, endpoint: Endpoint) -> None:
        observed = await self._finalize(key, plan, endpoint)
        if plan.status is not None and plan.finalizer is not False:
            self._expect(key, key, await self._parts.writer.set_status(key, observed, plan.status))
        self._tell(endpoint, plan.events)

    def _tell(self, root: Endpoint | MLModel, events: Iterable[Event]) -> None:
        for event in events:
            self._parts.recorder.record(root, event)

    async def _finalize(self, key: Ref, plan: Plan, endpoint: Endpoint) -> WrittenMeta:
        observed = _version(endpoint.metadata)
        if plan.finalizer is None:
            return observed
        others = tuple(name for name in endpoint.metadata.finalizers if name != labels.ROUTES_FINALIZER)
        wanted = (*others, labels.ROUTES_FINALIZER) if plan.finalizer else others
        written = await self._parts.writer.set_finalizers(key, observed, wanted)
        self._expect(key, key, written)
        log.info("Finalizer was set" if plan.finalizer else "Finalizer was removed", **_named(key))
        return written.metadata

    def _look_again(self, key: Ref, plan: Plan, world: World) -> None:
        self._parts.prober.want(key, plan.probes, world.gateways)
        self._parts.inquiries.want(key, plan.lookups)
        self._return_at(key, plan.recheck)
        self._try_again(key)

    def _try_again(self, key: Ref) -> None:
        self._parts.obstacles.want(key, self._parts.refusals.standing(key))
        due = self._parts.refusals.due(key)
        if due is not None:
            self._parts.queue.add_after(key, due)

    def _return_at(self, key: Ref, time: float | None) -> None:
        if time is not None:
            self._parts.queue.add_after(key, time - self._parts.clock())

    async def _reconcile_template(self, key: Ref) -> None:
        parts, began = self._parts, asyncio.get_running_loop().time()
        if began < self._rests_until.get(key, 0.0) and parts.cache.template(key) is not None:
            parts.queue.add_after(key, self._rests_until[key] - began)
            return
        uses = await uses_of(parts.cache, key, now=parts.clock(), settings=parts.settings)
        ended = asyncio.get_running_loop().time()
        self._rests_until[key] = ended + min(LONGEST_REST, RESTS * (ended - began))
        template = parts.cache.template(key)
        if template is None:
            self._forget(key)
            return
        status = self._template_status(template, uses)
        patient = status is not None and may_wait(template.status, status)
        held = parts.holds.held(key, {key} if patient else frozenset())
        if held:
            parts.queue.add_after(key, held[key])
        elif status is not None:
            self._expect(key, key, await parts.writer.set_status(key, _version(template.metadata), status))

    def _template_status(self, template: Template, uses: tuple[Use, ...]) -> EndpointConfigStatus | ModelStatus | None:
        plans, now = self._parts.plans, self._parts.clock()
        if isinstance(template, Model):
            return plans.model(TemplateWorld(template=template, uses=uses, now=now))
        return plans.config(TemplateWorld(template=template, uses=uses, now=now))

    def _expect(self, key: Ref, ref: Ref, written: Written) -> None:
        left = written.metadata
        self._parts.expectations.expect(key, ref, uid=left.uid, resource_version=left.resource_version)


def decide(cache: Cache, key: Ref, world: World, plan_of: Callable[[World], Plan]) -> Plan:
    """The plan of an endpoint as it is observed right now; the host that it records is kept for it from now on."""
    plan = plan_of(world)
    if (plan.status or world.endpoint.status).host:
        cache.keep_host(key)
    return plan


def _version(metadata: ObjectMeta) -> WrittenMeta:
    return WrittenMeta(metadata.uid, metadata.resource_version)


def _is_patient(write: Write) -> bool:
    return isinstance(write, SetStatus)


def _target(write: Write) -> Ref:
    return write.child.ref if hasattr(write, "child") else write.ref


def _named(ref: Ref) -> dict[str, str]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def log_conflict(key: Ref, plan: Plan, world: World) -> None:
    """Names who has the host: a status tells no tenant about other namespaces."""
    if any(event.reason == Reason.HOST_CONFLICT for event in plan.events):
        others = world.foreign_routes if world.host_owner is None else (world.host_owner,)
        log.warning("Host was taken", **_named(key), by=[f"{o.kind} {o.namespace}/{o.name}" for o in others])
