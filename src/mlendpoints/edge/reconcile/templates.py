"""Reconciles templates (configs and models that users wrote): they have no children, only a status.

A template with many users takes long to evaluate, so its reconciles are
rate-limited.
"""

import asyncio

from mlendpoints.api.endpointconfig import EndpointConfigStatus
from mlendpoints.api.model import Model, ModelStatus
from mlendpoints.core.endpoint.template_status import TemplateWorld, Use, is_deferrable
from mlendpoints.core.world import Ref
from mlendpoints.edge.observe.projections import Template
from mlendpoints.edge.reconcile.executor import Executor
from mlendpoints.edge.reconcile.parts import Parts
from mlendpoints.edge.reconcile.uses import uses_of

RESTS, LONGEST_REST = 10.0, 5.0  # pause after a reconcile: this multiple of its duration, at most so many seconds


class Templates:
    """Writes the statuses of templates."""

    def __init__(self, parts: Parts, executor: Executor) -> None:
        self._parts = parts
        self._executor = executor
        self._rests_until: dict[Ref, float] = {}  # by the event loop's clock

    def forget(self, key: Ref) -> None:
        """Forgets a template that is deleted."""
        self._rests_until.pop(key, None)

    async def reconcile(self, key: Ref) -> bool:
        """One reconcile; False if there is no such template."""
        parts, began = self._parts, asyncio.get_running_loop().time()
        if parts.cache.template(key) is None:  # thousands of endpoints may name one that does not exist
            return False
        if began < self._rests_until.get(key, 0.0):
            parts.queue.add_after(key, self._rests_until[key] - began)
            return True
        uses = await uses_of(parts.cache, key, now=parts.clock(), settings=parts.settings)
        ended = asyncio.get_running_loop().time()
        self._rests_until[key] = ended + min(LONGEST_REST, RESTS * (ended - began))
        template = parts.cache.template(key)
        if template is not None:
            await self._report(key, template, uses)
        return template is not None

    async def _report(self, key: Ref, template: Template, uses: tuple[Use, ...]) -> None:
        status = self._status(template, uses)
        deferrable = status is not None and is_deferrable(template.status, status)
        waiting = self._parts.debounce.waiting(key, {key} if deferrable else frozenset())
        if waiting:
            self._parts.queue.add_after(key, waiting[key])
        else:
            await self._executor.set_status(key, template.metadata, status)

    def _status(self, template: Template, uses: tuple[Use, ...]) -> EndpointConfigStatus | ModelStatus | None:
        plans, now = self._parts.plans, self._parts.clock()
        if isinstance(template, Model):
            return plans.model(TemplateWorld(template=template, uses=uses, now=now))
        return plans.config(TemplateWorld(template=template, uses=uses, now=now))
