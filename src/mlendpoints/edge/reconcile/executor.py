"""Executes a plan: writes, deletions, finalizer, status, events, in this order. Makes no decision."""

from collections.abc import Iterable

import structlog
from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.plan import Event, MLModelPlan, Plan, Write
from mlendpoints.core.world import Child, Ref, Rejection
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.errors import RejectedError
from mlendpoints.edge.kube.responses import Written, WrittenMeta
from mlendpoints.edge.reconcile.parts import Parts
from mlendpoints.edge.reconcile.writes import ref_of

log = structlog.get_logger()


class Executor:
    """Executes plans; the cache has to observe its writes before the next plan (expectations)."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def write(self, key: Ref, plan: Plan | MLModelPlan) -> bool:
        """Executes the writes in order; False if there is a new rejection, which changes the plan."""
        rejections = self._parts.rejections
        before = rejections.of(key)
        for write in plan.writes:
            await self._write(key, write)
        rejections.keep_only(key, {ref_of(write) for write in plan.writes})
        return rejections.of(key) == before

    async def _write(self, key: Ref, write: Write) -> None:
        rejections, ref = self._parts.rejections, ref_of(write)
        if rejections.is_backing_off(key, ref, write):
            return
        try:
            written = await self._parts.writer.write(write)
        except RejectedError as error:
            rejection = Rejection(error.reason, str(error))
            if rejections.of(key).get(ref) != rejection:
                log.warning("Write rejected; retrying", **named(ref), reason=error.reason, error=str(error))
            rejections.add(key, ref, write, rejection)
            return
        rejections.clear(key, ref, write)
        self._expect(key, ref, written)
        log.info("Object written", **named(ref), write=type(write).__name__)

    async def prune(self, key: Ref, plan: Plan, endpoint: Endpoint) -> None:
        """Prunes what a plan removes, with the precondition that the routes are still those that were observed."""
        if not plan.prune:
            return
        if plan.finalizer is not False:  # else garbage collection could delete them at any moment, too
            route = Ref(kinds.VIRTUAL_SERVICE.name, key.namespace, key.name)
            await self._parts.writer.check_precondition(route, plan.precondition, owner=endpoint.metadata.uid)
        await self.delete(key, plan.prune)

    async def delete(self, key: Ref, children: Iterable[Child]) -> None:
        """Deletes exactly the observed versions."""
        for child in children:
            await self._parts.writer.delete(child)
            self._parts.expectations.expect(key, child.ref, uid=child.uid)
            log.info("Object deleted", **named(child.ref))

    async def report(self, key: Ref, plan: Plan, endpoint: Endpoint) -> None:
        """Writes the finalizer, the status and the events of an endpoint's plan."""
        observed = await self._finalize(key, plan, endpoint)
        if plan.status is not None and plan.finalizer is not False:
            self._expect(key, key, await self._parts.writer.set_status(key, observed, plan.status))
            self._parts.metrics.updated(endpoint.status, plan.status)
        self.record(endpoint, plan.events)

    async def set_status(self, key: Ref, metadata: ObjectMeta, status: Struct | None) -> None:
        """Replaces the status of an object, unless it is None."""
        if status is not None:
            self._expect(key, key, await self._parts.writer.set_status(key, _version(metadata), status))

    def record(self, root: Endpoint | MLModel, events: Iterable[Event]) -> None:
        """Passes events to the recorder."""
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
        log.info("Finalizer added" if plan.finalizer else "Finalizer removed", **named(key))
        return written.metadata

    def _expect(self, key: Ref, ref: Ref, written: Written) -> None:
        left = written.metadata
        if left.is_gone:
            self._parts.expectations.expect_gone(key, ref, uid=left.uid)
        else:
            self._parts.expectations.expect(key, ref, uid=left.uid, resource_version=left.resource_version)


def named(ref: Ref) -> dict[str, str]:
    """An object's kind and name, for log lines."""
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def _version(metadata: ObjectMeta) -> WrittenMeta:
    return WrittenMeta(metadata.uid, metadata.resource_version)
