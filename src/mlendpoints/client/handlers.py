"""The dependants of one object: what the operator would do to them, or having it done.

The plan is made by the operator's own decisions on the same world; only that
comes from lists that are made when asked. Where an operator leads, it acts and
this waits; where none does, ``applying`` acts in its place.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from mlendpoints.client.applying import Job, Objects, apply
from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import (
    ClientError,
    FailedError,
    ForbiddenError,
    NotFoundError,
    NotInstalledError,
    WaitTimeoutError,
)
from mlendpoints.client.goals import Goal
from mlendpoints.client.installed import Installed, find_operator
from mlendpoints.client.leases import read_lease
from mlendpoints.client.objects import AnyObject, describe
from mlendpoints.client.plans import Plan, deleted, make_plan
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.course import Course, Stage
from mlendpoints.core.endpoint import preview as endpoints
from mlendpoints.core.mlmodel import preview as mlmodels
from mlendpoints.core.times import timestamp
from mlendpoints.core.world import MLModelWorld, Ref, World
from mlendpoints.edge.kube.kinds import MLMODEL, ROOTS
from mlendpoints.edge.observe.snapshot import ForbiddenListsError, MissingKindError, Snapshot, take_snapshot

_PAUSE = 0.5  # seconds between two looks at what a leader has left to do

Worlds = Mapping[Ref, World | MLModelWorld]


class Request(Struct, frozen=True, kw_only=True):
    """What a caller wants done: the object, whether it is being deleted, how long to wait, and for what."""

    ref: Ref
    is_deletion: bool
    goal: Goal
    wait: bool
    timeout: float
    await_led: Callable[[], Awaitable[None]]  # waits for what a leading operator does, to the end


class Handlers:
    """Plans, and has carried out, what follows from objects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def plan(self, ref: Ref, *, is_deletion: bool) -> Plan:
        """The dry run: reads only, by lists."""
        installed = await find_operator(self._connection, ref.namespace)
        snapshot = await self.snapshot(installed, ref)
        return _plan(snapshot, installed, ref, is_deletion=is_deletion)

    async def run(self, request: Request) -> Plan:
        """Has it done, and returns what was done."""
        installed = await find_operator(self._connection, request.ref.namespace)
        before = await self.snapshot(installed, request.ref)
        _check(before, request)
        try:
            async with asyncio.timeout(request.timeout):
                await self._have_done(before, installed, request)
        except TimeoutError as error:
            if isinstance(error, WaitTimeoutError):
                raise
            raise await self._timed_out(installed, request) from None
        except asyncio.CancelledError:
            raise asyncio.CancelledError(
                f"Stopped waiting for the dependants of {describe(request.ref)}. A leading operator continues in the"
                " cluster; without one, call the handler again."
            ) from None
        return _result(before, await self.snapshot(installed, request.ref), installed, request.ref)

    async def _have_done(self, before: Snapshot, installed: Installed, request: Request) -> None:
        if not await self._has_been_led(installed, request):
            keys = (*_roots(before, request.ref), *(() if request.ref.kind in ROOTS else (request.ref,)))
            ended = (lambda objects: _has_ended(objects, request)) if request.wait else None
            await apply(self._connection, installed, Job(keys=keys, ended=ended))
        elif request.wait and (not request.is_deletion or request.ref.kind in ROOTS):
            await request.await_led()

    async def _has_been_led(self, installed: Installed, request: Request) -> bool:
        """Waits while an operator leads and has something to do; False once none leads."""
        while await self._is_led(installed):
            if self._is_done(await self.snapshot(installed, request.ref), installed, request):
                return True
            await asyncio.sleep(_PAUSE)
        return False

    def _is_done(self, snapshot: Snapshot, installed: Installed, request: Request) -> bool:
        is_root = request.ref.kind in ROOTS
        if snapshot.cache.entry(request.ref) is None and is_root:
            return True
        plan = _plan(snapshot, installed, request.ref, is_deletion=request.is_deletion and not is_root, strict=False)
        return plan.is_empty and _is_observed(snapshot, request.ref)

    async def _timed_out(self, installed: Installed, request: Request) -> WaitTimeoutError:
        plan = _plan(
            await self.snapshot(installed, request.ref), installed, request.ref, is_deletion=False, strict=False
        )
        waits = " ".join(plan.waits_for) or "It is not known what is missing."
        return WaitTimeoutError(f"Timed out after {request.timeout:g} s: {waits}", goal=str(request.goal))

    async def _is_led(self, installed: Installed) -> bool:
        """Whether the Lease is held and current. If clocks differ, ``Lease.acquire`` still takes it from nobody."""
        lease = await read_lease(self._connection, installed)
        if not lease.holder or not lease.renewed:
            return False
        age = datetime.now(UTC) - datetime.fromisoformat(lease.renewed)
        return age.total_seconds() < lease.seconds

    async def snapshot(self, installed: Installed, ref: Ref) -> Snapshot:
        """What the operator sees of the namespace; raises a ``ClientError``."""
        try:
            with self._connection.translating(Ref(ref.kind, ref.namespace, "")):
                return await take_snapshot(self._connection.api, installed.settings, ref.namespace)
        except MissingKindError as error:
            raise NotInstalledError(f"The API server does not know the kind {error}. Install it there.") from None
        except ForbiddenListsError as error:
            raise ForbiddenError(
                f"The plan needs all that the operator sees. You may not: {error}."
                " Ask an administrator for these rights."
            ) from None


def _roots(snapshot: Snapshot, ref: Ref) -> tuple[Ref, ...]:
    """The endpoints or MLModels whose dependants these are."""
    return (ref,) if ref.kind in ROOTS else snapshot.cache.users(ref)


def worlds_of(snapshot: Snapshot, installed: Installed, roots: Iterable[Ref]) -> Worlds:
    """The worlds of those that exist."""
    now, settings, cache = time.time(), installed.settings.core, snapshot.cache
    found = {
        root: cache.mlmodel_world(root, now=now, settings=settings, rejections={})
        if root.kind == MLMODEL.name
        else cache.world(root, now=now, settings=settings)
        for root in roots
    }
    return {root: world for root, world in found.items() if world is not None}


def _plan(snapshot: Snapshot, installed: Installed, ref: Ref, *, is_deletion: bool, strict: bool = True) -> Plan:
    if snapshot.cache.entry(ref) is None and strict and not is_deletion:
        raise NotFoundError(f"{describe(ref)} does not exist.")
    roots = _roots(snapshot, ref)
    if is_deletion and ref.kind not in ROOTS:
        snapshot.cache.drop(ref)
    worlds = worlds_of(snapshot, installed, roots)
    ends = is_deletion and ref.kind in ROOTS
    return make_plan(tuple(_course(world, snapshot, ends=ends) for world in worlds.values()))


def _course(world: World | MLModelWorld, snapshot: Snapshot, *, ends: bool) -> Course[Any]:
    """What happens now; a deletion to its end."""
    live = live_of(world, snapshot)
    if ends:
        world = deleted(world, timestamp(world.now))
    match world:
        case World():
            return endpoints.preview(world, live) if ends else endpoints.dry_run(world, live)
        case MLModelWorld():
            return mlmodels.preview(world, live) if ends else mlmodels.dry_run(world, live)


def live_of(world: World | MLModelWorld, snapshot: Snapshot) -> Mapping[Ref, Manifest]:
    """The children as they are stored."""
    return {ref: snapshot.manifests[ref] for ref in world.children if ref in snapshot.manifests}


def _result(before: Snapshot, after: Snapshot, installed: Installed, ref: Ref) -> Plan:
    """What was done between two snapshots."""
    roots = dict.fromkeys((*_roots(before, ref), *_roots(after, ref)))
    old, new = worlds_of(before, installed, roots), worlds_of(after, installed, roots)
    courses = (
        Course(
            start=Stage(world, live_of(world, before)),
            end=Stage(new[root], live_of(new[root], after)) if root in new else None,
        )
        for root, world in old.items()
    )
    return make_plan(tuple(courses))


def _check(snapshot: Snapshot, request: Request) -> None:
    obj = snapshot.cache.entry(request.ref)
    if request.is_deletion and obj is not None:
        facts = obj.facts
        if not (isinstance(facts, AnyObject) and facts.metadata.deletion_timestamp):
            raise ClientError(
                f"{describe(request.ref)} is not being deleted: its dependants would be created again. Delete it first."
            )
    elif not request.is_deletion and obj is None:
        raise NotFoundError(f"{describe(request.ref)} does not exist.")


def _is_observed(snapshot: Snapshot, ref: Ref) -> bool:
    """Whether the operator has reported on the newest generation of the object and all that depends on it."""
    facts = [entry.facts for key in (ref, *_roots(snapshot, ref)) if (entry := snapshot.cache.entry(key))]
    return all(
        each.status.observed_generation >= each.metadata.generation for each in facts if isinstance(each, AnyObject)
    )


def _has_ended(objects: Objects, request: Request) -> bool:
    """Whether the object has reached its goal, or is gone; raises ``FailedError``."""
    obj = objects(request.ref)
    if obj is None:
        return True
    if failure := request.goal.failure(obj):
        raise FailedError(f"{describe(request.ref)}: {failure}")
    return request.goal.is_reached(obj)
