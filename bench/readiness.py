"""Sees objects become ready, as anybody would who watches them."""

from collections.abc import Collection

import msgspec
from msgspec import Struct

from tests.kit.client import Client


class _Metadata(Struct, frozen=True):
    name: str


class _Condition(Struct, frozen=True):
    type: str
    status: str


class _Status(Struct, frozen=True):
    conditions: list[_Condition] = []


class _Object(Struct, frozen=True):
    metadata: _Metadata
    status: _Status = _Status()

    @property
    def is_ready(self) -> bool:
        return any(c.type == "Ready" and c.status == "True" for c in self.status.conditions)


async def all_ready(client: Client, collection: str, names: Collection[str]) -> None:
    """Returns once each of the named objects of a collection has been seen ready."""
    missing = set(names)
    async for event in client.follow(collection):
        found = msgspec.json.decode(event.object, type=_Object)
        if found.is_ready:
            missing.discard(found.metadata.name)
        if not missing:
            return
