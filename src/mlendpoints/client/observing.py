"""Lists and watches for a caller: the objects as they are, and each change, across broken connections."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Generic, Literal

import msgspec
from msgspec import Struct

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import UnreachableError
from mlendpoints.client.failures import make_error
from mlendpoints.client.objects import T
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.errors import ApiError, GoneError, UnavailableError
from mlendpoints.edge.kube.kinds import Watch

_SECONDS = 300  # for which one watch lasts
_SILENCE = 100.0  # seconds without a byte; bookmarks come about once a minute
_PATIENCE = 60.0  # seconds for which an API server that has responded before may be away
_PAUSE = 5.0  # seconds between two attempts, at most
_SHORTEST = 1.0  # seconds: a watch that ends sooner is not resumed at once

Key = tuple[str, str]  # namespace, name


class Change(Struct, Generic[T], frozen=True):
    """One change of an object, as a watch reports it; a deleted object as it was last."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: T


class Observation(Struct, Generic[T], frozen=True):
    """All objects now, and what has changed since the last observation; the first one follows a list."""

    objects: Mapping[Key, T]
    changes: tuple[Change[T], ...]


async def list_objects(connection: Connection, type_: type[T], watch: Watch) -> tuple[list[T], str]:
    """All objects, without those that cannot be decoded, and the list's resourceVersion."""
    found: list[T] = []
    version = ""
    async for page in connection.pages(watch, Ref(watch.kind.name, watch.namespace, "")):
        found += [obj for item in page.items if (obj := decode(item, type_)) is not None]
        version = page.metadata.resource_version
    return found, version


def decode(item: msgspec.Raw | bytes, type_: type[T]) -> T | None:
    """The object; None if another release has written what this one cannot read."""
    try:
        return read(item, type_)
    except UNREADABLE:
        return None


async def observe(connection: Connection, type_: type[T], watch: Watch) -> AsyncGenerator[Observation[T]]:
    """What exists, then every change, until the caller stops; raises a ``ClientError``."""
    known: dict[Key, T] = {}
    connected = False
    heard = time.monotonic()
    while True:
        try:
            listed, version = await list_objects(connection, type_, watch)
        except UnreachableError:
            if not connected or time.monotonic() > heard + _PATIENCE:
                raise
            await _pause()
            continue
        now = {_key(obj): obj for obj in listed}
        changes, known = _differences(known, now), now
        if changes or not connected:
            yield Observation(known, changes)
        connected, began = True, time.monotonic()
        async with aclosing(_follow(connection, type_, watch, since=version)) as followed:
            async for change in followed:
                _apply(known, change)
                yield Observation(known, (change,))
        heard = time.monotonic()
        if heard < began + _SHORTEST:
            await _pause()


async def _pause() -> None:
    await asyncio.sleep(random.uniform(0.5, 1) * _PAUSE)  # noqa: S311 - no secret: clients take turns


async def _follow(connection: Connection, type_: type[T], watch: Watch, *, since: str) -> AsyncGenerator[Change[T]]:
    """One watch, until it ends or breaks."""
    api, ref = connection.api, Ref(watch.kind.name, watch.namespace, "")
    try:
        async with aclosing(api.watch(watch, since=since, seconds=_SECONDS, silence=_SILENCE)) as events:
            async for event in events:
                if event.type in ("ADDED", "MODIFIED", "DELETED") and (obj := decode(event.object, type_)) is not None:
                    yield Change(event.type, obj)
    except (GoneError, UnavailableError):
        return
    except ApiError as error:
        raise make_error(error, ref, server=connection.config.cluster.server) from None


def _apply(known: dict[Key, T], change: Change[T]) -> None:
    if change.type == "DELETED":
        known.pop(_key(change.object), None)
    else:
        known[_key(change.object)] = change.object


def _differences(before: Mapping[Key, T], after: Mapping[Key, T]) -> tuple[Change[T], ...]:
    gone = [Change("DELETED", obj) for key, obj in before.items() if key not in after or _is_other(obj, after[key])]
    new = [Change("ADDED", obj) for key, obj in after.items() if key not in before or _is_other(before[key], obj)]
    both = [(before[key], obj) for key, obj in after.items() if key in before and not _is_other(before[key], obj)]
    edited = [Change("MODIFIED", obj) for old, obj in both if _version(old) != _version(obj)]
    return (*gone, *new, *edited)


def _is_other(one: T, other: T) -> bool:
    return one.metadata.uid != other.metadata.uid


def _version(obj: T) -> str:
    return obj.metadata.resource_version


def _key(obj: T) -> Key:
    return obj.metadata.namespace, obj.metadata.name
